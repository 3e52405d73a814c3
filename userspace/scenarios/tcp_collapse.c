// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * Small segments wait, each with more memory than data; behind some of them
 * one is missing. Then the receive buffer shrinks, and at the next segment the
 * kernel copies what waits together, in both queues.
 *
 * Who is told at once that one is missing sends no more until it has come: so
 * what is told takes its time.
 */
#include <sys/socket.h>

#include "../connections.h"
#include "../link.h"
#include "../nstat.h"
#include "../segment.h"
#include "keeper.h"

#define SMALL 10
/* More of them than one of the kernel's buffers takes. */
#define SEGMENTS 40
/* Many segments of that size open the congestion window for those. */
#define MSS 536
#define MUCH 32768
/* The data of the missing one begins with this byte. */
#define MISSING 'H'
/* Of a buffer; the kernel makes it the least that it allows. */
#define LEAST 1
#define ROOM 65536

#define DELAY "tc qdisc add dev lo root netem delay 20ms"
/* What is sent while something is on the way would be one segment. */
#define AT_ONCE "echo 0 >/proc/sys/net/ipv4/tcp_autocorking"

static void send_small(struct stage *stage, int fd, char first)
{
	const char data[SMALL] = { first };

	if (send(fd, data, SMALL, MSG_NOSIGNAL) != SMALL)
		stage_fail(stage, "send");
}

static void send_segments(struct stage *stage, int fd)
{
	for (unsigned int i = 0; i < SEGMENTS; i++)
		send_small(stage, fd, 0);
}

/* One of two has a hole in what it sends. */
static bool has_hole(unsigned int i)
{
	return i % 2;
}

static void open_window(struct stage *stage, const struct keeper_ends *ends)
{
	static const char data[MUCH];

	connection_send_at_once(stage, ends->connected);
	if (send(ends->connected, data, MUCH, MSG_NOSIGNAL) != MUCH)
		stage_fail(stage, "send");
}

static void open_hole(struct stage *stage, const struct keeper_ends *ends)
{
	segment_ignore_marked(stage, ends->accepted, MISSING);
	send_small(stage, ends->connected, MISSING);
	send_segments(stage, ends->connected);
}

/* All at once, as each takes its time. */
static void fill(struct stage *stage, const struct keeper_cast *cast,
		 const struct keeper_ends *all)
{
	for (unsigned int i = 0; i < cast->connections; i++)
		open_window(stage, &all[i]);
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_receive(stage, all[i].accepted, MUCH);
	for (unsigned int i = 0; i < cast->connections; i++)
		send_segments(stage, all[i].connected);
	for (unsigned int i = 0; i < cast->connections; i++)
		segment_await_acknowledged(stage, all[i].connected);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (has_hole(i))
			open_hole(stage, &all[i]);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (has_hole(i))
			segment_await_all_but_one(stage, all[i].connected);
}

static void overrun(struct stage *stage, const struct keeper_ends *ends)
{
	connection_set_buffers(stage, ends->accepted, LEAST);
	send_small(stage, ends->connected, 0);
}

static void receive(struct stage *stage, const struct keeper_cast *cast,
		    const struct keeper_ends *all)
{
	long long run = SEGMENTS + 1;

	for (unsigned int i = 0; i < cast->connections; i++) {
		connection_set_buffers(stage, all[i].accepted, ROOM);
		if (has_hole(i))
			segment_heed(stage, all[i].accepted);
	}
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_receive(stage, all[i].accepted,
				   (1 + has_hole(i)) * run * SMALL);
}

static void enter_slow_namespace(struct stage *stage, struct keeper_cast *cast)
{
	keeper_enter_namespace(stage, cast, 4096);
	stage_report(stage, link_run(DELAY) && link_run(AT_ONCE));
	connection_set_mss(stage, cast->listener, MSS);
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	const char *counter = "TCPRcvCollapsed";
	const struct keeper_ends *all;
	long long before;

	enter_slow_namespace(stage, cast);
	all = keeper_connect(stage, cast);
	before = nstat_tcp(stage, counter);
	fill(stage, cast, all);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		overrun(stage, &all[i]);
	nstat_await_tcp(stage, counter, before + cast->connections);
	stage_report(stage, 0);
	receive(stage, cast, all);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = {
		"peak", "collapsed", "read", NULL
	};
	long long slow;

	if (!play_await(play, keeper, &slow))
		return false;
	if (!slow)
		return play_skip(play, "there is no tc(8), or no netem");
	return keeper_settle(play, keeper, phases);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario tcp_collapse = {
	.name = "tcp-collapse",
	.summary = "a receive buffer is overrun by small segments, which are copied together",
	.connections = 20,
	.pages = 32,
	.play = play,
};
