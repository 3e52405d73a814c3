// SPDX-License-Identifier: GPL-2.0-only
/*
 * A server closes connections whose peer takes nothing. The orphans are given
 * up by the kernel, with all that is in their queues, while the peer is still
 * there: because TCP_USER_TIMEOUT is over, because they are killed (ss --kill),
 * and because there are too many.
 *
 *	server ---- connection 1..N ----> client (does not read, or is deaf)
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../segment.h"
#include "../sockdiag.h"
#include "scenarios.h"

#define TIMEOUT_MS 500

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
	bool timeout;
	bool killed;		/* or else too many of them */
	bool deaf;		/* what was sent is not acknowledged */
};

static void server(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	unsigned int timeout = TIMEOUT_MS;
	int *fds = connections_accept(stage, cast->listener, cast->connections,
				      SOCK_NONBLOCK | SOCK_CLOEXEC);

	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_fill(stage, fds[i], CONNECTION_CHUNK);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++) {
		/* not before: it would end sockets that are still open, too */
		if (cast->timeout &&
		    setsockopt(fds[i], IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
			       sizeof(timeout)))
			stage_fail(stage, "TCP_USER_TIMEOUT");
		if (!cast->killed)
			close(fds[i]);
		else if (!sockdiag_destroy_closed(fds[i]))
			stage_fail(stage, "SOCK_DESTROY of an orphan");
	}
	stage_report(stage, 0);
}

static void client(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	int *fds = connections_connect(stage, &cast->server, cast->connections);

	for (unsigned int i = 0; i < cast->connections; i++) {
		/* what is deaf would not hear that there is no server any more */
		if (!loopback_linger(fds[i], 0))
			stage_fail(stage, "SO_LINGER");
		if (cast->deaf)
			segment_ignore(stage, fds[i]);
	}
	stage_report(stage, 0);
}

struct round {
	struct cast cast;
	struct actor server, client;
	const char *phase;	/* when they are given up */
};

static bool filled(struct play *play, struct round *round)
{
	long long value;

	return play_start(play, &round->server, "server", server,
			  &round->cast) &&
	       play_start(play, &round->client, "client", client,
			  &round->cast) &&
	       play_await(play, &round->server, &value) &&
	       play_await(play, &round->client, &value) &&
	       play_step(play, &round->server, &value) &&
	       play_expect_sockets(play, "peak",
				   whose(BOOKS_CLASS_OPEN, &round->server),
				   play->connections) &&
	       play_expect_balanced(play, "peak");
}

/* The client's ends know nothing of it. */
static bool given_up(struct play *play, struct round *round)
{
	long long value;

	return play_step(play, &round->server, &value) &&
	       play_expect_sockets(play, round->phase,
				   whose(BOOKS_CLASS_ORPHAN, NULL), 0) &&
	       play_expect_sockets(play, round->phase,
				   whose(BOOKS_CLASS_OPEN, &round->server),
				   0) &&
	       play_expect_balanced(play, round->phase);
}

static bool round_play(struct play *play, struct round *round)
{
	long long pages;
	bool ok;

	if (!play_listen(play, &round->cast.server, 4096,
			 &round->cast.listener))
		return false;
	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) && filled(play, round);
	close(round->cast.listener);
	if (ok)
		play_peak(play);
	ok = ok && given_up(play, round);
	actor_kill(&round->server);
	actor_kill(&round->client);
	return ok && play_expect_return(play, "after", pages);
}

static void play(struct play *play)
{
	struct round late = {
		.cast = { .connections = play->connections, .timeout = true },
		.phase = "after the time-out",
	};
	struct round deaf = {
		.cast = { .connections = play->connections, .timeout = true,
			  .deaf = true },
		.phase = "after the time-out, unacknowledged",
	};
	struct round killed = {
		.cast = { .connections = play->connections, .killed = true },
		.phase = "killed",
	};
	struct round many = {
		.cast = { .connections = play->connections },
		.phase = "as there are too many",
	};

	/*
	 * Orphans that are killed stay for ever until bac76cf89816 (6.12), which
	 * 6.1.y has, too; kernels older than SO_RESERVE_MEM have it not.
	 */
	if (play_sysctl(play, "net.ipv4.tcp_max_orphans", "262144") &&
	    round_play(play, &late) && round_play(play, &deaf) &&
	    (!connection_reserves() || round_play(play, &killed)) &&
	    play_sysctl(play, "net.ipv4.tcp_max_orphans", "0"))
		round_play(play, &many);
}

const struct scenario tcp_orphan_timeout = {
	.name = "tcp-orphan-timeout",
	.summary = "orphans with full queues are given up: time-out, too many of them",
	.connections = 50,
	.pages = 1200,
	.play = play,
};
