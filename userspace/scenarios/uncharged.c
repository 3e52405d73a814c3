// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "../connections.h"
#include "uncharged.h"

struct cast {
	const struct uncharged *how;
	struct loopback server;
	int listener;
	unsigned int connections;
};

static void receiver(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	connections_accept(stage, cast->listener, cast->connections, 0);
	stage_report(stage, cast->connections);
}

static void sender(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	int *fds;

	if (cast->how->mss)
		connection_set_mss(stage, cast->listener, cast->how->mss);
	close(cast->listener);
	fds = connections_connect(stage, &cast->server, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		cast->how->fill(stage, fds[i]);
	stage_report(stage, cast->connections);
}

static bool same(const struct meminfo *a, const struct meminfo *b)
{
	return a->sockets == b->sockets &&
	       meminfo_bytes(a) == meminfo_bytes(b);
}

/*
 * Both of one moment: what is acknowledged, or split to be sent again, meanwhile
 * changes them.
 */
static bool sum_up(struct play *play, struct whose whose, struct meminfo *sum,
		   struct books_charge *charge)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	struct meminfo later;

	for (;;) {
		if (!play_meminfo(play, "peak", whose.actor, sum) ||
		    !play_charge(play, whose, charge) ||
		    !play_meminfo(play, "peak", whose.actor, &later))
			return false;
		if (same(sum, &later) || play_clock_ms() > deadline)
			return true;
		play_pause();
	}
}

static bool peak(struct play *play, const struct uncharged *how,
		 const struct actor *senders)
{
	struct whose whose = { BOOKS_CLASS_OPEN, senders };
	struct books_charge charge;
	struct meminfo sum;

	return play_expect_sockets(play, "peak", whose, play->connections) &&
	       play_expect_balanced(play, "peak") &&
	       sum_up(play, whose, &sum, &charge) &&
	       how->expect(play, &sum, &charge);
}

void uncharged_play(struct play *play, const struct uncharged *how)
{
	struct cast cast = { .how = how, .connections = play->connections };
	struct actor receivers = { 0 }, senders = { 0 };
	long long value;
	bool ok;

	if (!play_listen(play, &cast.server, 4096, &cast.listener))
		return;
	ok = play_expect_balanced(play, "before") &&
	     play_start(play, &receivers, "receiver", receiver, &cast) &&
	     play_start(play, &senders, "sender", sender, &cast);
	close(cast.listener);
	ok = ok && play_await(play, &receivers, &value) &&
	     play_await(play, &senders, &value) && peak(play, how, &senders);
	if (ok)
		play_peak(play);
	actor_kill(&senders);
	actor_kill(&receivers);
	if (ok)
		play_expect_balanced(play, "after");
}
