// SPDX-License-Identifier: GPL-2.0-only
/*
 *	server (does not accept) <---- connection 1..N ---- client
 *
 * A listener with children in its accept queue is not closed, but stops to
 * listen: it is disconnected, or shut down. The children are reset, and what
 * they were charged is given back; the listener stays.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "scenarios.h"

#define BACKLOG 4096
#define PAYLOAD 1000

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
};

static void shut_down(struct stage *stage, int fd)
{
	if (shutdown(fd, SHUT_RD))
		stage_fail(stage, "shutdown");
}

static const struct way {
	const char *name;
	void (*stop)(struct stage *stage, int fd);
} ways[] = {
	{ "disconnected", connection_disconnect },
	{ "shut down", shut_down },
};

static void server(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		stage_report(stage, 0);
		ways[i].stop(stage, cast->listener);
		stage_report(stage, 0);
		/* it may have lost its port */
		close(cast->listener);
		cast->listener = loopback_listen(&cast->server, BACKLOG);
		if (cast->listener < 0)
			stage_fail(stage, "listen");
	}
}

static void client(struct stage *stage, void *arg)
{
	static const char data[PAYLOAD];
	const struct cast *cast = arg;
	int *fds;

	close(cast->listener);
	for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
		fds = connections_connect(stage, &cast->server,
					  cast->connections);
		for (unsigned int i = 0; i < cast->connections; i++)
			if (send(fds[i], data, PAYLOAD, MSG_NOSIGNAL) !=
			    PAYLOAD)
				stage_fail(stage, "send");
		stage_report(stage, 0);
		for (unsigned int i = 0; i < cast->connections; i++)
			close(fds[i]);
		stage_report(stage, 0);
	}
}

struct round {
	struct actor server, client;
};

/* Each child has received what its client has sent. */
static bool expect_children(struct play *play, const char *phase,
			    struct round *round)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, &round->server);
	struct books_charge charge;

	if (!play_expect_state(play, phase, children, "ESTABLISHED",
			       play->connections) ||
	    !play_expect_settled(play, phase) ||
	    !play_charge(play, children, &charge))
		return false;
	return play_expect_at_least(play, phase, "receive queue bytes",
				    (long long)PAYLOAD * play->connections + 1,
				    charge.receive_queue_bytes);
}

/* The listener is a socket like any other, of nothing. */
static bool expect_stopped(struct play *play, const char *phase,
			   struct round *round)
{
	return play_expect_sockets(play, phase,
				   whose(BOOKS_CLASS_ACCEPT_QUEUE, NULL), 0) &&
	       play_expect_sockets(play, phase,
				   whose(BOOKS_CLASS_LISTEN, &round->server),
				   0) &&
	       play_expect_state(play, phase,
				 whose(BOOKS_CLASS_CLOSED_HELD, &round->client),
				 "CLOSE", play->connections) &&
	       play_expect_settled(play, phase);
}

static bool go_through(struct play *play, struct round *round,
		       const struct way *way)
{
	long long value;

	if (!play_await(play, &round->server, &value) ||
	    /* it has connected as soon as it was started, and has closed since */
	    (way != ways && !play_cue(play, &round->client)) ||
	    !play_await(play, &round->client, &value) ||
	    !expect_children(play, "peak", round))
		return false;
	play_peak(play);
	return play_step(play, &round->server, &value) &&
	       expect_stopped(play, way->name, round) &&
	       play_step(play, &round->client, &value) &&
	       play_cue(play, &round->server);
}

static void play(struct play *play)
{
	struct cast cast = { .connections = play->connections };
	struct round round = { 0 };
	long long pages;
	bool ok;

	if (!play_expect_balanced(play, "before") ||
	    !play_pages(play, &pages) ||
	    !play_listen(play, &cast.server, BACKLOG, &cast.listener))
		return;
	ok = play_start(play, &round.server, "server", server, &cast) &&
	     play_start(play, &round.client, "client", client, &cast);
	close(cast.listener);
	for (size_t i = 0; ok && i < ARRAY_SIZE(ways); i++)
		ok = go_through(play, &round, &ways[i]);
	actor_kill(&round.client);
	actor_kill(&round.server);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario tcp_stopped_listener = {
	.name = "tcp-stopped-listener",
	.summary = "a listener is disconnected, or shut down: its children are reset",
	.connections = 100,
	.pages = 2,
	.play = play,
};
