// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * Connections end while packets of theirs wait in a slow device's queue: what
 * is there are clones, which keep the data of the retransmit queue, but are not
 * charged. Then the queue is dropped.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../link.h"
#include "keeper.h"

/* Nothing gets through before the queue is deleted, which drops it. */
#define SLOW "tc qdisc add dev lo root netem delay 200s limit 100000"
#define NO_LONGER_SLOW "tc qdisc del dev lo root"

#define TIMEOUT_MS 300

enum { STAYING, TIMED_OUT, DISCONNECTED, CLOSED, RESET, KINDS };

static void fill(struct stage *stage, int fd)
{
	unsigned int timeout = TIMEOUT_MS;

	connection_fill(stage, fd, CONNECTION_CHUNK);
	if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
		       sizeof(timeout)))
		stage_fail(stage, "TCP_USER_TIMEOUT");
}

static void await_timeout(struct stage *stage, int fd)
{
	struct pollfd error = { .fd = fd };

	if (poll(&error, 1, PLAY_PATIENCE_MS) != 1)
		stage_fail(stage, "poll: expected a timeout");
}

static void end(struct stage *stage, int fd, unsigned int kind)
{
	switch (kind) {
	case TIMED_OUT:
		await_timeout(stage, fd);
		break;
	case DISCONNECTED:
		connection_disconnect(stage, fd);
		break;
	case CLOSED:
		close(fd);
		break;
	case RESET:
		connection_reset(stage, fd);
		break;
	}
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	const struct keeper_ends *all;

	keeper_enter_namespace(stage, cast, 4096);
	all = keeper_connect(stage, cast);
	stage_report(stage, link_run(SLOW));
	for (unsigned int i = 0; i < cast->connections; i++)
		fill(stage, all[i].connected);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		end(stage, all[i].connected, i % KINDS);
	stage_report(stage, 0);
	stage_report(stage, link_run(NO_LONGER_SLOW));
}

/*
 * The kernel counts the closed sockets until their packets have left, but what
 * they were charged is gone.
 */
static bool expect_ended(struct play *play)
{
	const struct books_pool *pool;
	struct books books;
	bool ok;

	if (!play_books(play, "balance", &books))
		return false;
	pool = &books.pools[0];
	ok = pool->verdict == BOOKS_BALANCED;
	ktap_check(play->ktap, ok,
		   "ended: verdict: expected balanced, actual %s (%s)",
		   books_verdict_name(pool->verdict), pool->reason);
	books_free(&books);
	return ok;
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long value, slow;

	if (!play_await(play, keeper, &slow))
		return false;
	if (!slow)
		return play_skip(play, "there is no tc(8), or no netem");
	return play_step(play, keeper, &value) &&
	       play_expect_settled(play, "peak") &&
	       play_step(play, keeper, &value) &&
	       expect_ended(play) &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "sent");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario tcp_slow_device = {
	.name = "tcp-slow-device",
	.summary = "connections end while packets of theirs wait in a device's queue",
	.connections = 20,
	.pages = 64,
	.play = play,
};
