// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * TCP is above what it shall take, and partly above what it may: each direction
 * of each connection is filled as far as the kernel lets it, half of it is read
 * and filled again. What is collapsed, pruned or refused on the way is not
 * charged.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "scenarios.h"

/* Less than the CPUs hold back would be no pressure. */
#define ENOUGH 50
/* What each connection may take, in pages; it wants a multiple of it. */
#define PAGES 32
/* Small ones waste most of the memory that they are charged. */
#define SMALL 100
/* The kernel doubles it. */
#define BUFFER (64 * 1024)

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
};

static void fill_all(struct stage *stage, const struct cast *cast,
		     const int *fds, const int *peers)
{
	for (unsigned int i = 0; i < cast->connections; i++) {
		connection_fill(stage, fds[i],
				i % 2 ? SMALL : CONNECTION_LARGEST);
		connection_fill(stage, peers[i],
				i % 2 ? CONNECTION_LARGEST : SMALL);
	}
}

static void keeper(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	int *peers = connections_connect(stage, &cast->server,
					 cast->connections);
	int *fds = connections_accept(stage, cast->listener, cast->connections,
				      0);

	close(cast->listener);
	for (unsigned int i = 0; i < cast->connections; i++) {
		connection_set_buffers(stage, fds[i], BUFFER);
		connection_set_buffers(stage, peers[i], BUFFER);
	}
	stage_report(stage, 0);
	fill_all(stage, cast, fds, peers);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i += 2)
		connection_drain(stage, fds[i]);
	fill_all(stage, cast, fds, peers);
	stage_report(stage, 0);
}

/* Of the whole machine; the last one is what TCP may take. */
static bool set_limit(struct play *play, const struct cast *cast, int share)
{
	char limits[32];

	snprintf(limits, sizeof(limits), "1 1 %u",
		 cast->connections * PAGES * share);
	return play_sysctl(play, "net.ipv4.tcp_mem", limits);
}

static bool press(struct play *play, const struct cast *cast,
		  struct actor *keeper, int share)
{
	long long value;

	return play_await(play, keeper, &value) &&
	       set_limit(play, cast, share) &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "full") &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "full again") &&
	       play_expect_meminfo(play, "full again",
				   whose(BOOKS_CLASS_OPEN, keeper));
}

static void round_play(struct play *play, int share)
{
	struct cast cast = {
		.connections = play->connections > ENOUGH ? play->connections :
							    ENOUGH,
	};
	struct actor actor = { 0 };
	long long pages;
	bool ok;

	ktap_remark(play->ktap, "%d pages for each", PAGES * share);
	if (!play_listen(play, &cast.server, 4096, &cast.listener))
		return;
	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) &&
	     play_start(play, &actor, "keeper", keeper, &cast);
	close(cast.listener);
	ok = ok && press(play, &cast, &actor, share);
	if (ok)
		play_peak(play);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

/* The limit is reached, or never. */
static void play(struct play *play)
{
	static const int shares[] = { 1, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(shares); i++)
		round_play(play, shares[i]);
}

const struct scenario tcp_memory_pressure = {
	.name = "tcp-memory-pressure",
	.summary = "between the limits of net.ipv4.tcp_mem: what is pruned or refused is not charged",
	.connections = ENOUGH,
	.pages = 200,
	.play = play,
};
