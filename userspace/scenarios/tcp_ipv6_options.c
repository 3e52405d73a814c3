// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ----> itself
 *
 * A socket that wants to be told of IPv6 options keeps the last packet that it
 * has received, for IPV6_2292PKTOPTIONS: charged, in no queue, and still there
 * when everything is read, when the connection is reset, or disconnected.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "keeper.h"

/* Of <linux/in6.h>, which cannot be included beside <netinet/in.h>. */
#define IPV6_FLOWINFO 11
/* Any but 0. */
#define TRAFFIC_CLASS 4

static void want_options(struct stage *stage, int fd, int peer)
{
	int on = 1, class = TRAFFIC_CLASS;

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_FLOWINFO, &on, sizeof(on)) ||
	    setsockopt(peer, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class)))
		stage_fail(stage, "IPV6_FLOWINFO, IPV6_TCLASS");
}

static void pass_byte(struct stage *stage, int from, int to)
{
	char byte = 0;

	if (send(from, &byte, 1, MSG_NOSIGNAL) != 1)
		stage_fail(stage, "send");
	if (recv(to, &byte, 1, 0) != 1)
		stage_fail(stage, "recv");
}

/* One third each; the last ends with the process. */
static void end(struct stage *stage, unsigned int i, int fd, int peer)
{
	if (i % 3 == 0)
		connection_disconnect(stage, fd);
	else if (i % 3 == 1)
		connection_reset(stage, peer);
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const struct keeper_ends *all = keeper_connect(stage, cast);

	for (unsigned int i = 0; i < cast->connections; i++) {
		int fd = all[i].accepted, peer = all[i].connected;

		want_options(stage, fd, peer);
		/* the second takes the place of the first */
		pass_byte(stage, peer, fd);
		pass_byte(stage, peer, fd);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		end(stage, i, all[i].accepted, all[i].connected);
	stage_report(stage, 0);
}

/* There is nothing to be read, but all are charged as if there were. */
static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long n = play->connections, value;
	long long disconnected = play_share(play, 3, 0);
	long long were_reset = play_share(play, 3, 1);

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "peak") &&
	       keeper_expect_queues(play, "peak", keeper, n) &&
	       play_expect_meminfo(play, "peak", open) &&
	       play_step(play, keeper, &value) &&
	       play_expect_state(play, "over", closed, "CLOSE",
				 2 * disconnected + were_reset) &&
	       keeper_expect_queues(play, "over", keeper, n) &&
	       play_expect_settled(play, "over");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (play->family == AF_INET6)
		keeper_play(play, &how, &cast);
	else
		play_skip(play, "IPv4 has no such options");
}

const struct scenario tcp_ipv6_options = {
	.name = "tcp-ipv6-options",
	.summary = "the last packet is kept for its options: charged, in no queue",
	.connections = 30,
	.pages = 1,
	.play = play,
};
