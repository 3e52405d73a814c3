// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both ends of MPTCP connections send until nothing fits in, and do not read:
 * what is sent is charged to the socket of MPTCP and again to its subflow.
 * Then the client dies, and leaves the server what it has not read.
 */
#include <netinet/in.h>

#include "../connections.h"
#include "mptcp_ends.h"

/* The sockets of MPTCP, at least, are still there. */
static bool client_gone(struct play *play, struct mptcp_ends *ends)
{
	const char *phase = "after the client's death";
	struct meminfo sum;

	actor_kill(&ends->client);
	return play_meminfo(play, phase, &ends->server, &sum) &&
	       play_expect(play, phase, "sockets of the server",
			   play->connections, sum.sockets) &&
	       play_expect_settled(play, phase);
}

static void play(struct play *play)
{
	struct mptcp_ends ends = {
		.message = CONNECTION_CHUNK,
		.client_sends = true,
	};
	long long pages;
	bool ok = play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) && mptcp_ends_start(play, &ends) &&
		  mptcp_ends_fill(play, &ends);

	if (ok)
		play_peak(play);
	ok = ok && client_gone(play, &ends);
	mptcp_ends_kill(&ends);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario mptcp_frozen_peer = {
	.name = "mptcp-frozen-peer",
	.summary = "full queues of MPTCP and its subflows at both ends",
	.protocol = IPPROTO_MPTCP,
	.connections = 50,
	.pages = 200,
	.play = play,
};
