// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ==== MPTCP connection 1..N ==== itself
 *
 * The receiver's socket of MPTCP is full, so that what comes stays in the subflow.
 * TCP gets above its limit, and the receiver reads: its socket can be charged for
 * none of that, and drops it.
 */
#include <netinet/in.h>

#include "../connections.h"
#include "keeper.h"

/* Each is counted with many times its size: MPTCP is full before the window is. */
#define MESSAGE 100
#define BUFFER 10000
#define ENOUGH "1000000 1000000 1000000"

static void part(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	struct keeper_ends *ends;

	connection_set_buffers(stage, cast->listener, BUFFER);
	ends = keeper_connect(stage, cast);
	for (unsigned int i = 0; i < cast->connections; i++) {
		connection_exchange(stage, ends[i].connected, ends[i].accepted);
		connection_fill(stage, ends[i].connected, MESSAGE);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_drain(stage, ends[i].accepted);
	stage_report(stage, 0);
	/* else what was dropped is sent again, until MPTCP gives up */
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_reset(stage, ends[i].connected);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "full") &&
	       play_sysctl(play, "net.ipv4.tcp_mem", "1 1 1") &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "above the limit") &&
	       play_sysctl(play, "net.ipv4.tcp_mem", ENOUGH) &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "reset");
}

static void play(struct play *play)
{
	static const struct keeper how = { part, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario mptcp_memory_limit = {
	.name = "mptcp-memory-limit",
	.summary = "above net.ipv4.tcp_mem: what MPTCP cannot take from a subflow",
	.protocol = IPPROTO_MPTCP,
	.connections = 20,
	.pages = 8,
	.play = play,
};
