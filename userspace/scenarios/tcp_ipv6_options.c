// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ----> itself
 *
 * A socket that wants to be told of IPv6 options keeps the last packet that it
 * has received, for IPV6_2292PKTOPTIONS: charged, in no queue, and still there
 * when everything is read, when the connection is reset, or disconnected. One
 * that nobody keeps any more must not keep it either, nor one that has become an
 * IPv4 socket.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../segment.h"
#include "address_form.h"
#include "keeper.h"

/* Of <linux/in6.h>, which cannot be included beside <netinet/in.h>. */
#define IPV6_FLOWINFO 11
/* Any but 0. */
#define TRAFFIC_CLASS 4
/* Of a kind that who does not know it skips. */
#define UNKNOWN_OPTION 0x1e
/* Above 60 an orphan is kept in FIN_WAIT2. */
#define LONG_FIN_TIMEOUT 110

/* How a connection ends; the last with the process. */
enum kind { DISCONNECTED, RESET, LEFT, CHANGED, KEPT, KINDS };

static void want_options(struct stage *stage, int fd, int peer)
{
	int on = 1, class = TRAFFIC_CLASS;

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_FLOWINFO, &on, sizeof(on)) ||
	    setsockopt(peer, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class)))
		stage_fail(stage, "IPV6_FLOWINFO, IPV6_TCLASS");
}

/*
 * From now on each packet has more options than there was room left for when it was
 * made. Those that nobody knows are skipped.
 */
static void send_options(struct stage *stage, int fd)
{
	const unsigned char options[512] = {
		/* the next header is set by the kernel; 8 bytes, and 63 times 8 */
		0, 63,
		[2] = UNKNOWN_OPTION, 252,
		[256] = UNKNOWN_OPTION, 254,
	};

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, options, sizeof(options)))
		stage_fail(stage, "IPV6_DSTOPTS");
}

static void pass_byte(struct stage *stage, int from, int to)
{
	char byte = 0;

	if (send(from, &byte, 1, MSG_NOSIGNAL) != 1)
		stage_fail(stage, "send");
	if (recv(to, &byte, 1, 0) != 1)
		stage_fail(stage, "recv");
}

/* The peer sends what nobody is to read any more, and is reset. */
static void leave(struct stage *stage, int fd, int peer)
{
	int timeout = LONG_FIN_TIMEOUT;
	char byte = 0;

	if (setsockopt(fd, IPPROTO_TCP, TCP_LINGER2, &timeout, sizeof(timeout)))
		stage_fail(stage, "TCP_LINGER2");
	close(fd);
	/* its FIN takes room in the queue until it is read */
	if (recv(peer, &byte, 1, 0) || send(peer, &byte, 1, MSG_NOSIGNAL) != 1)
		stage_fail(stage, "the end, or send after it");
	segment_await_state(stage, peer, TCP_CLOSE);
}

/* It is connected anew, over IPv4, to a listener that is then closed. */
static void change(struct stage *stage, int fd)
{
	struct loopback other;
	int listener;

	address_form_set(&other, 0);
	listener = loopback_listen(&other, 1);
	connection_disconnect(stage, fd);
	if (listener < 0 ||
	    connect(fd, (struct sockaddr *)&other.address, other.length))
		stage_fail(stage, "connect over IPv4");
	address_form_change(stage, fd);
	connection_reset(stage, fd);
	close(listener);
}

static void end(struct stage *stage, enum kind kind, int fd, int peer)
{
	switch (kind) {
	case DISCONNECTED:
		connection_disconnect(stage, fd);
		break;
	case RESET:
		connection_reset(stage, peer);
		break;
	case LEFT:
		leave(stage, fd, peer);
		break;
	case CHANGED:
		change(stage, fd);
		break;
	default:
		break;
	}
}

/* An accepted socket keeps its address, and could not go elsewhere. */
static void choose(const struct keeper_ends *ends, enum kind kind, int *fd,
		   int *peer)
{
	*fd = kind == CHANGED ? ends->connected : ends->accepted;
	*peer = kind == CHANGED ? ends->accepted : ends->connected;
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const struct keeper_ends *all = keeper_connect(stage, cast);
	int fd, peer;

	for (unsigned int i = 0; i < cast->connections; i++) {
		choose(&all[i], i % KINDS, &fd, &peer);
		want_options(stage, fd, peer);
		if (i / KINDS % 2)
			send_options(stage, peer);
		/* the second takes the place of the first */
		pass_byte(stage, peer, fd);
		pass_byte(stage, peer, fd);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++) {
		choose(&all[i], i % KINDS, &fd, &peer);
		end(stage, i % KINDS, fd, peer);
	}
	stage_report(stage, 0);
}

/* There is nothing to be read, but all are charged as if there were. */
static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long n = play->connections, value;
	long long disconnected = play_share(play, KINDS, DISCONNECTED);
	long long were_reset = play_share(play, KINDS, RESET);
	long long left = play_share(play, KINDS, LEFT);
	long long changed = play_share(play, KINDS, CHANGED);

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "peak") &&
	       keeper_expect_queues(play, "peak", keeper, n) &&
	       play_expect_meminfo(play, "peak", open) &&
	       play_step(play, keeper, &value) &&
	       play_expect_state(play, "over", closed, "CLOSE",
				 2 * disconnected + were_reset + left +
				 changed) &&
	       keeper_expect_queues(play, "over", keeper,
				    n - left - changed) &&
	       play_expect_settled(play, "over");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (play->family != AF_INET6)
		play_skip(play, "IPv4 has no such options");
	else if (address_form_prepare(play))
		keeper_play(play, &how, &cast);
}

const struct scenario tcp_ipv6_options = {
	.name = "tcp-ipv6-options",
	.summary = "the last packet is kept for its options: charged, in no queue",
	.connections = 30,
	.pages = 1,
	.play = play,
};
