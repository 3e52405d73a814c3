// SPDX-License-Identifier: GPL-2.0-only
/*
 *	sender ---- veth, socket 1..N ----> receiver
 *
 * Connected sockets at both ends of a link: other than on loopback, what comes
 * finds its socket before it has been routed. Some of it is sent as rows of
 * segments (UDP_SEGMENT), which pass the link in one piece, some in fragments;
 * then the link damages every other packet, for which it cuts rows up. In the end
 * all are closed, some with what has come.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../link.h"
#include "ends.h"

/* Of a datagram, or of a segment. */
#define SIZE 1000
#define SEGMENTS 20
/* What is sent at a time. */
#define PAYLOAD (2 * SEGMENTS * SIZE)
/* Of the first socket; the namespaces have no others. */
#define PORT 8000

#define DAMAGE "tc qdisc add dev left root netem corrupt 50%%"

enum { ONE_BY_ONE, ROWS, ROWS_KEPT_WHOLE, IN_FRAGMENTS, KINDS };

/* What is sent at once; more than SIZE is a row, or does not fit into a packet. */
static const ssize_t sizes[] = {
	[ONE_BY_ONE] = SIZE,
	[ROWS] = SEGMENTS * SIZE,
	[ROWS_KEPT_WHOLE] = SEGMENTS * SIZE,
	[IN_FRAGMENTS] = 10 * SIZE,
};

enum { LEFT, RIGHT };

static const struct side {
	const char *device, *ipv4, *ipv6;
} sides[] = {
	[LEFT] = { "left", "192.0.2.1", "2001:db8::1" },
	[RIGHT] = { "right", "192.0.2.2", "2001:db8::2" },
};

struct cast {
	sa_family_t family;
	unsigned int sockets;
	pid_t receiver;		/* whose namespace is to be joined */
};

static const char *address_of(const struct cast *cast, int side)
{
	return cast->family == AF_INET6 ? sides[side].ipv6 : sides[side].ipv4;
}

static bool set_up(const struct cast *cast, int side)
{
	return link_set_up(sides[side].device, address_of(cast, side));
}

static struct loopback place(const struct cast *cast, int side, unsigned int i)
{
	struct loopback at;

	loopback_set(&at, cast->family, (unsigned short)(PORT + i));
	at.protocol = IPPROTO_UDP;
	loopback_place(&at, address_of(cast, side));
	return at;
}

/* Both ends of the i-th have the same port. */
static int *open_all(struct stage *stage, const struct cast *cast, int side)
{
	int *fds = calloc(cast->sockets, sizeof(*fds));

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->sockets; i++) {
		struct loopback here = place(cast, side, i);
		struct loopback there = place(cast, !side, i);

		fds[i] = loopback_bind(&here);
		if (fds[i] < 0 ||
		    connect(fds[i], (struct sockaddr *)&there.address,
			    there.length))
			stage_fail(stage, "connect");
		if (side == LEFT &&
		    (i % KINDS == ROWS || i % KINDS == ROWS_KEPT_WHOLE))
			connection_set(stage, fds[i], IPPROTO_UDP, UDP_SEGMENT, SIZE);
		else if (side == RIGHT && i % KINDS == ROWS_KEPT_WHOLE)
			connection_set(stage, fds[i], IPPROTO_UDP, UDP_GRO, 1);
	}
	return fds;
}

/*
 * Before the neighbour is known, the kernel drops what is too much. Nobody
 * listens there: TCP says so, when it has found it.
 */
static void find_neighbour(struct stage *stage, const struct cast *cast)
{
	struct loopback there = place(cast, RIGHT, 0);

	there.protocol = IPPROTO_TCP;
	if (loopback_connect(&there) >= 0 || errno != ECONNREFUSED)
		stage_fail(stage, "the other end of the link");
}

static void send_all(struct stage *stage, const struct cast *cast,
		     const int *fds)
{
	static const char data[SEGMENTS * SIZE];

	for (unsigned int i = 0; i < cast->sockets; i++) {
		ssize_t size = sizes[i % KINDS];

		for (ssize_t sent = 0; sent < PAYLOAD; sent += size)
			if (send(fds[i], data, (size_t)size, 0) != size)
				stage_fail(stage, "send");
	}
}

static void close_all(const struct cast *cast, const int *fds)
{
	for (unsigned int i = 0; i < cast->sockets; i++)
		close(fds[i]);
}

static void receiver(struct stage *stage, void *arg)
{
	static char data[PAYLOAD];
	const struct cast *cast = arg;
	int *fds;

	link_enter_namespace(stage);
	stage_report(stage, 0);
	if (!set_up(cast, RIGHT))
		stage_fail(stage, "ip addr");
	fds = open_all(stage, cast, RIGHT);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->sockets; i++)
		connection_receive(stage, fds[i], PAYLOAD / 2);
	stage_report(stage, 0);
	/* whatever has come until now */
	for (unsigned int i = 0; i < cast->sockets; i += 2)
		while (recv(fds[i], data, PAYLOAD, MSG_DONTWAIT) > 0)
			;
	stage_report(stage, 0);
	close_all(cast, fds);
	stage_report(stage, 0);
}

static void sender(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	bool joined;
	int *fds;

	link_enter_namespace(stage);
	joined = link_join("left", "right", cast->receiver) &&
		 set_up(cast, LEFT);
	stage_report(stage, joined);
	fds = open_all(stage, cast, LEFT);
	find_neighbour(stage, cast);
	send_all(stage, cast, fds);
	stage_report(stage, 0);
	stage_report(stage, link_run(DAMAGE));
	send_all(stage, cast, fds);
	stage_report(stage, 0);
	close_all(cast, fds);
	stage_report(stage, 0);
}

/* A step of an actor, after which the books are right. */
static bool settle(struct play *play, struct actor *actor, const char *phase)
{
	long long value;

	return play_step(play, actor, &value) &&
	       play_expect_settled(play, phase);
}

static bool go_through(struct play *play, struct ends *ends)
{
	struct whose received = whose(BOOKS_CLASS_OPEN, &ends->receiver);
	long long value;

	if (!play_step(play, &ends->receiver, &value) ||
	    !settle(play, &ends->sender, "sent") ||
	    !settle(play, &ends->receiver, "half read") ||
	    !play_expect_meminfo(play, "half read", received) ||
	    !play_step(play, &ends->sender, &value))
		return false;
	if (!value)
		return play_skip(play, "there is no tc(8), or no netem");
	return settle(play, &ends->sender, "damaged") &&
	       settle(play, &ends->receiver, "read") &&
	       settle(play, &ends->sender, "sender's closed") &&
	       settle(play, &ends->receiver, "all closed");
}

static void play(struct play *play)
{
	struct cast cast = {
		.family = play->family,
		.sockets = play->connections,
	};
	struct ends ends = { 0 };
	long long pages;
	bool ok;

	if (!play_expect_balanced(play, "before") || !play_pages(play, &pages))
		return;
	ok = ends_start(play, &ends, receiver, sender, &cast, &cast.receiver) &&
	     go_through(play, &ends);
	if (ok)
		play_peak(play);
	ends_kill(&ends);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario udp_over_link = {
	.name = "udp-over-link",
	.summary = "datagrams, fragments and rows of segments come over a link, some of them damaged",
	.protocol = IPPROTO_UDP,
	.connections = 32,
	.pages = 40,
	.play = play,
};
