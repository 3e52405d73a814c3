// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two network namespaces are joined by a link that loses and reorders packets.
 * Now it splits what TCP sends at once, which is acknowledged in parts; now all
 * of that comes too early, or not at all. While data is sent over it, and waits
 * in out-of-order and retransmit queues, every reading must be balanced.
 *
 *	sender ---- veth, netem, connection 1..N ----> receiver (does not read)
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../link.h"
#include "../segment.h"
#include "ends.h"

/* Fits the buffers of both ends. */
#define PAYLOAD 40000
/* The namespace has no other. */
#define PORT 8000

#define NETEM "tc qdisc add dev %s root netem delay 3ms 2ms loss 10%% " \
	      "reorder 20%% limit 10000"

struct cast {
	struct loopback server;	/* its address on the link */
	unsigned int connections;
	bool split;
	pid_t receiver;		/* whose namespace is to be joined */
};

/* Without segmentation offload the kernel does it, behind the queues of TCP. */
static bool split(const char *device)
{
	struct ethtool_value offload = { .cmd = ETHTOOL_STSO };
	struct ifreq request = { .ifr_data = (char *)&offload };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool done;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	done = fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return done;
}

/* Gives the device its address, of whichever family, and turns it on. */
static bool set_up(const struct cast *cast, const char *device,
		   const char *ipv4, const char *ipv6)
{
	bool is_ipv6 = cast->server.address.ss_family == AF_INET6;

	return link_set_up(device, is_ipv6 ? ipv6 : ipv4);
}

static void set_address(struct cast *cast, sa_family_t family)
{
	loopback_set(&cast->server, family, PORT);
	loopback_place(&cast->server,
		       family == AF_INET6 ? "2001:db8::2" : "192.0.2.2");
}

/* To be reset when their process ends: orphans would send for minutes. */
static void leave_no_orphans(struct stage *stage, const struct cast *cast,
			     const int *fds)
{
	for (unsigned int i = 0; i < cast->connections; i++)
		if (!loopback_linger(fds[i], 0))
			stage_fail(stage, "SO_LINGER");
}

static void receiver(struct stage *stage, void *arg)
{
	static char data[PAYLOAD];
	struct cast *cast = arg;
	long long bytes = 0, early = 0;
	ssize_t length;
	int listener, *fds;

	link_enter_namespace(stage);
	stage_report(stage, 0);
	if (!set_up(cast, "right", "192.0.2.2", "2001:db8::2"))
		stage_fail(stage, "ip addr");
	listener = loopback_listen(&cast->server, (int)cast->connections);
	if (listener < 0)
		stage_fail(stage, "listen");
	stage_report(stage, 0);
	fds = connections_accept(stage, listener, cast->connections, 0);
	leave_no_orphans(stage, cast, fds);
	stage_report(stage, 0);
	stage_report(stage, link_run(NETEM, "right"));
	for (unsigned int i = 0; i < cast->connections; i++)
		early += segment_out_of_order(stage, fds[i]);
	stage_report(stage, early);
	for (unsigned int i = 0; i < cast->connections; i++)
		while ((length = recv(fds[i], data, PAYLOAD, MSG_DONTWAIT)) > 0)
			bytes += length;
	stage_report(stage, bytes);
}

/* Half of it is not copied: what does not fit into a window is cut up. */
static void send_payload(struct stage *stage, int fd, bool copied)
{
	static const char data[PAYLOAD];
	int on = 1, flags = copied ? 0 : MSG_ZEROCOPY;

	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) ||
	    send(fd, data, PAYLOAD, flags | MSG_NOSIGNAL) != PAYLOAD)
		stage_fail(stage, "send");
}

static void sender(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	bool joined;
	int *fds;

	link_enter_namespace(stage);
	joined = link_join("left", "right", cast->receiver) &&
		 set_up(cast, "left", "192.0.2.1", "2001:db8::1") &&
		 (!cast->split || split("left"));
	stage_report(stage, joined);
	fds = connections_connect(stage, &cast->server, cast->connections);
	leave_no_orphans(stage, cast, fds);
	stage_report(stage, link_run(NETEM, "left"));
	for (unsigned int i = 0; i < cast->connections; i++)
		send_payload(stage, fds[i], i % 2);
	for (unsigned int i = 0; i < cast->connections; i++)
		segment_await_acknowledged(stage, fds[i]);
	stage_report(stage, 0);
}

struct round {
	struct cast cast;
	struct ends ends;
};

/*
 * Nothing is lost before the connections are there: that would take long. One
 * end after the other becomes lossy: where both load netem at once, one of them
 * may fail.
 */
static bool connect_all(struct play *play, struct round *round)
{
	long long value, lossy[2];

	if (!play_step(play, &round->ends.receiver, &value) ||
	    !play_cue(play, &round->ends.receiver) ||
	    !play_step(play, &round->ends.sender, &lossy[0]) ||
	    !play_await(play, &round->ends.receiver, &value) ||
	    !play_step(play, &round->ends.receiver, &lossy[1]))
		return false;
	return (lossy[0] && lossy[1]) ||
	       play_skip(play, "there is no tc(8), or no netem");
}

/* Whether the actor has reported, or died. */
static bool has_reported(const struct actor *actor)
{
	struct pollfd fd = { .fd = actor->fd, .events = POLLIN };

	return poll(&fd, 1, 0) != 0;
}

static bool expect_balanced_meanwhile(struct play *play, struct round *round)
{
	long long readings = 0, balanced = 0, value;

	if (!play_cue(play, &round->ends.sender))
		return false;
	do {
		readings++;
		balanced += play_is_balanced(play);
		play_pause();
	} while (!has_reported(&round->ends.sender));
	return play_expect(play, "meanwhile", "readings that were balanced",
			   readings, balanced) &&
	       play_await(play, &round->ends.sender, &value);
}

static bool peak(struct play *play, struct round *round)
{
	struct whose received = whose(BOOKS_CLASS_OPEN, &round->ends.receiver);
	long long early;

	if (!play_expect_sockets(play, "peak", received, play->connections) ||
	    !play_expect_meminfo(play, "peak", received) ||
	    !play_step(play, &round->ends.receiver, &early))
		return false;
	/* unsplit they are few */
	return (!round->cast.split ||
		play_expect_at_least(play, "peak",
				     "segments that came too early", 1,
				     early)) &&
	       play_expect_balanced(play, "peak");
}

static bool release(struct play *play, struct round *round)
{
	const char *phase = "after reading";
	long long bytes;

	return play_step(play, &round->ends.receiver, &bytes) &&
	       play_expect(play, phase, "bytes read of those sent",
			   (long long)play->connections * PAYLOAD, bytes) &&
	       play_expect_balanced(play, phase);
}

static void round_play(struct play *play, bool split)
{
	struct round round = { .cast = { .connections = play->connections,
					 .split = split } };
	long long pages;
	bool ok;

	set_address(&round.cast, play->family);
	ok = play_expect_balanced(play, "before") && play_pages(play, &pages) &&
	     ends_start(play, &round.ends, receiver, sender, &round.cast,
			&round.cast.receiver) &&
	     connect_all(play, &round) &&
	     expect_balanced_meanwhile(play, &round) && peak(play, &round);
	if (ok)
		play_peak(play);
	ok = ok && release(play, &round);
	ends_kill(&round.ends);
	if (ok)
		play_expect_return(play, "after", pages);
}

static void play(struct play *play)
{
	round_play(play, true);
	round_play(play, false);
}

const struct scenario tcp_lossy_link = {
	.name = "tcp-lossy-link",
	.summary = "a link loses and reorders packets: balanced while they are sent again",
	.connections = 50,
	.pages = 32,
	.play = play,
};
