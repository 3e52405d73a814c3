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

static bool peak(struct play *play, const struct uncharged *how,
		 const struct actor *senders)
{
	struct whose whose = { BOOKS_CLASS_OPEN, senders };
	struct books_charge charge;
	struct meminfo sum;

	return play_expect_sockets(play, "peak", whose, play->connections) &&
	       play_expect_balanced(play, "peak") &&
	       play_meminfo(play, "peak", senders, &sum) &&
	       play_charge(play, whose, &charge) &&
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
