// SPDX-License-Identifier: GPL-2.0-only
/*
 * A listener is closed while connections to it are being made, again and again:
 * whatever has come by then, up to a child that is about to be put in the accept
 * queue, is to be forgotten with it.
 *
 *	server (listens, closes, listens, ...) <---- connections ---- clients
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "scenarios.h"

/* How often the listener is closed, as a rule. */
#define CLOSES 2000
#define BACKLOG 16

struct cast {
	struct loopback server;
	int listener;
	long long closes;
};

/* When the first connection is there, others are on their way. */
static void await_connection(struct stage *stage, const struct cast *cast)
{
	struct pollfd poll_fd = { .fd = cast->listener, .events = POLLIN };

	if (poll(&poll_fd, 1, -1) < 0)
		stage_fail(stage, "poll");
}

static void server(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	stage_report(stage, 0);
	for (long long i = 0; i < cast->closes; i++) {
		await_connection(stage, cast);
		close(cast->listener);
		cast->listener = loopback_listen(&cast->server, BACKLOG);
		if (cast->listener < 0)
			stage_fail(stage, "listen");
	}
	close(cast->listener);
	stage_report(stage, cast->closes);
}

/* By the listener's end: at whichever moment of the handshake it came. */
static bool was_reset(int error)
{
	return error == ECONNREFUSED || error == ECONNRESET ||
	       error == ECONNABORTED || error == EPIPE;
}

/* Until it is killed. What it sends is charged to whoever forgets the child. */
static void client(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	int fd;

	close(cast->listener);
	stage_report(stage, 0);
	for (;;) {
		fd = loopback_connect(&cast->server);
		if (fd < 0 && !was_reset(errno))
			stage_fail(stage, "connect");
		if (fd < 0)
			continue;
		send(fd, "x", 1, MSG_NOSIGNAL);
		/* no TIME_WAIT, which would use up the ports */
		connection_reset(stage, fd);
	}
}

struct actors {
	struct actor server, clients[4];
};

static bool start(struct play *play, struct actors *actors, struct cast *cast)
{
	long long value;

	if (!play_start(play, &actors->server, "server", server, cast) ||
	    !play_await(play, &actors->server, &value))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(actors->clients); i++)
		if (!play_start(play, &actors->clients[i], "client", client,
				cast) ||
		    !play_await(play, &actors->clients[i], &value) ||
		    !play_cue(play, &actors->clients[i]))
			return false;
	return true;
}

static void play(struct play *play)
{
	struct actors actors = { 0 };
	struct cast cast = { .closes = play_scaled(play, CLOSES) };
	long long closes, pages;
	bool ok;

	play_spread_packets(play);
	if (!play_listen(play, &cast.server, BACKLOG, &cast.listener))
		return;
	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) && start(play, &actors, &cast);
	close(cast.listener);
	ok = ok && play_step(play, &actors.server, &closes) &&
	     play_expect(play, "peak", "listeners closed", cast.closes,
			 closes);
	for (size_t i = 0; i < ARRAY_SIZE(actors.clients); i++)
		actor_kill(&actors.clients[i]);
	actor_kill(&actors.server);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario tcp_closing_listener = {
	.name = "tcp-closing-listener",
	.summary = "a listener is closed while connections to it are made",
	.connections = 200,	/* see play_scaled(): four clients */
	.pages = 1,
	.play = play,
};
