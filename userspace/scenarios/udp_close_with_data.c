// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets are closed while their receive queues are full; of every other one a
 * datagram is read, but not yet given back. They leave the tables at once, but
 * what they are charged is given back an RCU grace period later: whoever reads
 * in between must not cry that it is lost.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "datagrams.h"

#define ROUNDS 5
#define RCVBUF (64 * 1024)

struct cast {
	const struct play *play;
	unsigned int sockets;
};

static void round_of(struct stage *stage, const struct cast *cast,
		     struct datagrams *all)
{
	int from = datagrams_sender(stage, cast->play);
	long long bytes = 0;

	for (unsigned int i = 0; i < cast->sockets; i++) {
		datagrams_open(stage, &all[i], cast->play, 1000, RCVBUF);
		datagrams_fill(stage, from, &all[i]);
		bytes += datagrams_bytes(&all[i]);
		if (i % 2)
			datagrams_receive(stage, &all[i], 1);
	}
	close(from);
	stage_report(stage, bytes);
	for (unsigned int i = 0; i < cast->sockets; i++)
		close(all[i].fd);
	stage_report(stage, 0);
}

static void closer(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct datagrams *all = calloc(cast->sockets, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the sockets");
	for (int i = 0; i < ROUNDS; i++)
		round_of(stage, cast, all);
}

static bool full(struct play *play, struct actor *actor)
{
	struct whose all = whose(BOOKS_CLASS_OPEN, actor);
	struct books_charge charge;
	long long bytes;

	return play_await(play, actor, &bytes) &&
	       play_expect_sockets(play, "peak", all, play->connections) &&
	       play_charge(play, all, &charge) &&
	       play_expect(play, "peak", "bytes queued, from the datagrams",
			   bytes, charge.receive_queue_bytes) &&
	       play_expect_balanced(play, "peak");
}

/* The books are read from the cue on, while the actor closes. */
static bool round_play(struct play *play, struct actor *actor, long long pages)
{
	long long value;

	if (!full(play, actor))
		return false;
	play_peak(play);
	return play_cue(play, actor) &&
	       play_expect_return(play, "after", pages) &&
	       play_await(play, actor, &value) && play_cue(play, actor);
}

static void play(struct play *play)
{
	struct cast cast = { .play = play, .sockets = play->connections };
	struct actor actor = { 0 };
	long long pages;
	bool ok = play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) &&
		  play_start(play, &actor, "closer", closer, &cast);

	for (int i = 0; ok && i < ROUNDS; i++)
		ok = round_play(play, &actor, pages);
	actor_kill(&actor);
}

const struct scenario udp_close_with_data = {
	.name = "udp-close-with-data",
	.summary = "closed with full queues: given back a grace period later",
	.protocol = IPPROTO_UDP,
	.connections = 200,
	.pages = 40,
	.play = play,
};

const struct scenario udplite_close_with_data = {
	.name = "udplite-close-with-data",
	.summary = "the same with UDP-Lite",
	.protocol = IPPROTO_UDPLITE,
	.connections = 200,
	.pages = 40,
	.play = play,
};
