// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections are made, reset and closed, one after the other. None of them
 * holds anything in the end, and no number is small enough to come round.
 *
 *	churner ---- connection 1, 2, ..., N ----> itself
 */
#include <unistd.h>

#include "scenarios.h"

/* As a rule. Each closes two sockets: a 16-bit number comes round. */
#define CONNECTIONS 35000

struct cast {
	struct loopback server;
	int listener;
	long long connections;
};

static void churn(struct stage *stage, const struct cast *cast)
{
	int client = loopback_connect(&cast->server);
	int server = accept(cast->listener, NULL, NULL);

	if (client < 0 || server < 0)
		stage_fail(stage, "a connection");
	/* no TIME_WAIT, which would use up the ports */
	if (!loopback_linger(server, 0))
		stage_fail(stage, "SO_LINGER");
	close(server);
	close(client);
}

static void churner(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	for (long long i = 0; i < cast->connections; i++)
		churn(stage, cast);
	stage_report(stage, cast->connections);
}

static void play(struct play *play)
{
	struct cast cast = { .connections = play_scaled(play, CONNECTIONS) };
	struct actor actor = { 0 };
	long long pages, made;
	bool ok = play_listen(play, &cast.server, 16, &cast.listener);

	if (!ok)
		return;
	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) &&
	     play_start(play, &actor, "churner", churner, &cast) &&
	     play_await(play, &actor, &made) &&
	     play_expect(play, "peak", "connections made and closed",
			 cast.connections, made);
	if (ok)
		play_peak(play);
	actor_kill(&actor);
	close(cast.listener);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario tcp_many_closes = {
	.name = "tcp-many-closes",
	.summary = "more than 65,536 sockets are closed, one after the other: nothing stays",
	.connections = 200,	/* see play_scaled(): two sockets at a time */
	.pages = 0,
	.play = play,
};
