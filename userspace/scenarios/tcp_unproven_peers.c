// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself (listens)
 *
 * Without cookies the last quarter of the requests is for peers that the kernel
 * knows already. The listener does not hear the last segment of the handshakes,
 * until there are so many requests that all other clients are refused, and try
 * again. They get through when the listener hears.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../link.h"
#include "../nstat.h"
#include "../segment.h"
#include "keeper.h"

#define BACKLOG 4096
/* Of that namespace. */
#define NO_COOKIES "echo 0 >/proc/sys/net/ipv4/tcp_syncookies"
#define REQUESTS "echo %u >/proc/sys/net/ipv4/tcp_max_syn_backlog"

/* What is a quarter of the requests: the other three are fewer than all. */
static unsigned int quarter(unsigned int connections)
{
	return connections / 8 ? connections / 8 : 1;
}

/* The one more is that with which there are too many. */
static unsigned int room(unsigned int connections)
{
	unsigned int requests = 3 * quarter(connections) + 1;

	return requests < connections ? requests : connections;
}

/* Here nobody is known: no connection has been. */
static bool enter_namespace(struct stage *stage, struct keeper_cast *cast)
{
	keeper_enter_namespace(stage, cast, BACKLOG);
	segment_ignore_answers(stage, cast->listener);
	return link_run(NO_COOKIES) &&
	       link_run(REQUESTS, 4 * quarter(cast->connections));
}

static int *connect_all(struct stage *stage, const struct keeper_cast *cast)
{
	int *fds = calloc(cast->connections, sizeof(*fds));

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->connections; i++) {
		fds[i] = i < room(cast->connections) ?
				 loopback_connect(&cast->server) :
				 loopback_connect_nonblocking(&cast->server);
		if (fds[i] < 0)
			stage_fail(stage, "connect");
	}
	return fds;
}

/* Those that are connected let the listener hear them. */
static void send_all(struct stage *stage, const struct keeper_cast *cast,
		     const int *fds)
{
	segment_heed(stage, cast->listener);
	for (unsigned int i = 0; i < room(cast->connections); i++)
		if (send(fds[i], "x", 1, MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	bool ready = enter_namespace(stage, cast);
	long long drops = nstat_tcp(stage, "ListenDrops");
	int *fds;

	stage_report(stage, ready);
	fds = connect_all(stage, cast);
	nstat_await_tcp(stage, "ListenDrops",
			drops + cast->connections - room(cast->connections));
	stage_report(stage, 0);
	send_all(stage, cast, fds);
	connections_accept(stage, cast->listener, cast->connections, 0);
	stage_report(stage, 0);
}

static bool begin(struct play *play, struct actor *keeper)
{
	long long ready;

	return play_await(play, keeper, &ready) &&
	       (ready ||
		play_skip(play, "no such settings in a network namespace"));
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, keeper);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long n = play->connections, value;

	return begin(play, keeper) && play_step(play, keeper, &value) &&
	       play_expect_sockets(play, "refused", open, n) &&
	       play_expect_sockets(play, "refused", children, 0) &&
	       play_expect_settled(play, "refused") &&
	       play_step(play, keeper, &value) &&
	       play_expect_state(play, "accepted", open, "ESTABLISHED", 2 * n) &&
	       play_expect_settled(play, "accepted") &&
	       play_expect_meminfo(play, "accepted", open);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario tcp_unproven_peers = {
	.name = "tcp-unproven-peers",
	.summary = "without cookies, and with many requests, unknown peers are refused at first",
	.connections = 50,
	.pages = 1,
	.play = play,
};
