// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * TCP is above what it shall take, and partly above what it may: each direction
 * of each connection is filled as far as the kernel lets it, half of it is read
 * and filled again. What is collapsed, pruned or refused on the way is not
 * charged.
 */
#include <stdio.h>

#include "../array.h"
#include "../connections.h"
#include "keeper.h"

/* Less than the CPUs hold back would be no pressure. */
#define ENOUGH 50
/* What each connection may take, in pages; it wants a multiple of it. */
#define PAGES 32
/* Small ones waste most of the memory that they are charged. */
#define SMALL 100
/* The kernel doubles it. */
#define BUFFER (64 * 1024)

static void fill_all(struct stage *stage, const struct keeper_ends *all,
		     unsigned int connections)
{
	for (unsigned int i = 0; i < connections; i++) {
		connection_fill(stage, all[i].accepted,
				i % 2 ? SMALL : CONNECTION_LARGEST);
		connection_fill(stage, all[i].connected,
				i % 2 ? CONNECTION_LARGEST : SMALL);
	}
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const struct keeper_ends *all = keeper_connect(stage, cast);

	for (unsigned int i = 0; i < cast->connections; i++) {
		connection_set_buffers(stage, all[i].accepted, BUFFER);
		connection_set_buffers(stage, all[i].connected, BUFFER);
	}
	stage_report(stage, 0);
	fill_all(stage, all, cast->connections);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i += 2)
		connection_drain(stage, all[i].accepted);
	fill_all(stage, all, cast->connections);
	stage_report(stage, 0);
}

/* Of the whole machine; the last one is what TCP may take. */
static bool set_limit(struct play *play, unsigned int share)
{
	char limits[32];

	snprintf(limits, sizeof(limits), "1 1 %u",
		 play->connections * PAGES * share);
	return play_sysctl(play, "net.ipv4.tcp_mem", limits);
}

static bool press(struct play *play, struct actor *keeper, unsigned int share)
{
	long long value;

	ktap_remark(play->ktap, "%u pages for each", PAGES * share);
	return play_await(play, keeper, &value) &&
	       set_limit(play, share) &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "full") &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "full again") &&
	       play_expect_meminfo(play, "full again",
				   whose(BOOKS_CLASS_OPEN, keeper));
}

static bool press_to_limit(struct play *play, struct actor *keeper)
{
	return press(play, keeper, 1);
}

static bool press_below_limit(struct play *play, struct actor *keeper)
{
	return press(play, keeper, 1000);
}

static void play(struct play *play)
{
	static const struct keeper rounds[] = {
		{ keeper, press_to_limit },
		{ keeper, press_below_limit },
	};
	struct keeper_cast cast;

	if (play->connections < ENOUGH)
		play->connections = ENOUGH;
	for (size_t i = 0; i < ARRAY_SIZE(rounds); i++)
		keeper_play(play, &rounds[i], &cast);
}

const struct scenario tcp_memory_pressure = {
	.name = "tcp-memory-pressure",
	.summary = "between the limits of net.ipv4.tcp_mem: what is pruned or refused is not charged",
	.connections = ENOUGH,
	.pages = 200,
	.play = play,
};
