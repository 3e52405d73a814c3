// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * A thread owns an accepted socket while more comes for it than may wait until
 * it is let go of, in its backlog. The rest is lost, and sent again. On every
 * other connection that end is lost which has sent it, and its reset, too: the
 * accepted socket learns of it when it sends.
 */
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../connections.h"
#include "../link.h"
#include "../nstat.h"
#include "../owned.h"
#include "../segment.h"
#include "keeper.h"

/*
 * Segments of a byte. With the smallest buffers a backlog takes 70 kB, each of
 * them some hundred bytes of overhead.
 */
#define BURST 200
#define DROPS "TCPBacklogDrop"

/* All at once, and nothing again before all have come. */
#define METRICS "initcwnd 300 rto_min 30s"
#define ROUTE "local 127.0.0.1 dev lo table local src 127.0.0.1"
#define ROUTE6 "local ::1 dev lo table local"

/* The kernel's own route of ::1 has a metric that no other can have. */
static bool set_metrics(const struct keeper_cast *cast, const char *metrics)
{
	return cast->server.address.ss_family == AF_INET ?
		       link_run("ip route replace " ROUTE " %s", metrics) :
		       link_run("ip -6 route del " ROUTE6
				" && ip -6 route add " ROUTE6 " %s", metrics);
}

static bool is_reset(unsigned int i)
{
	return i % 2;
}

/* None has more than its byte, also where they wait to be sent. */
static void send_burst(struct stage *stage, int fd)
{
	for (unsigned int i = 0; i < BURST; i++)
		if (send(fd, "x", 1, MSG_EOR | MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
}

static void overfill(struct stage *stage, const struct keeper_ends *ends,
		     struct owned *owned)
{
	long long drops = nstat_tcp(stage, DROPS);

	connection_send_at_once(stage, ends->connected);
	connection_set_buffers(stage, ends->accepted, 1);
	owned_begin(stage, owned, ends->accepted);
	send_burst(stage, ends->connected);
	nstat_await_tcp(stage, DROPS, drops + 1);
}

static void let_go(struct stage *stage, const struct keeper_ends *ends,
		   struct owned *owned, bool reset)
{
	owned_end(stage, owned);
	connection_set_buffers(stage, ends->accepted, 1 << 18);
	if (reset) {
		segment_await_state(stage, ends->accepted, TCP_CLOSE);
		return;
	}
	/* what comes after it shows that it is lost */
	send_burst(stage, ends->connected);
	connection_receive(stage, ends->accepted, 2 * BURST);
}

static void part(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	struct owned *all = calloc(cast->connections, sizeof(*all));
	struct keeper_ends *ends;

	if (!all)
		stage_fail(stage, "memory for the threads");
	keeper_enter_namespace(stage, cast, 4096);
	stage_report(stage, set_metrics(cast, METRICS));
	ends = keeper_connect(stage, cast);
	for (unsigned int i = 0; i < cast->connections; i++) {
		overfill(stage, &ends[i], &all[i]);
		if (is_reset(i))
			connection_reset(stage, ends[i].connected);
	}
	stage_report(stage, 0);
	if (!set_metrics(cast, ""))
		stage_fail(stage, "ip route");
	for (unsigned int i = 0; i < cast->connections; i++)
		let_go(stage, &ends[i], &all[i], is_reset(i));
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = { "owned", "let go of", NULL };
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	long long resets = play_share(play, 2, 1), able;

	if (!play_await(play, keeper, &able))
		return false;
	if (!able)
		return play_skip(play, "there is no ip(8)");
	return keeper_settle(play, keeper, phases) &&
	       play_expect_state(play, "let go of", closed, "CLOSE", resets) &&
	       play_expect_sockets(play, "let go of",
				   whose(BOOKS_CLASS_OPEN, keeper),
				   2 * (play->connections - resets));
}

static void play(struct play *play)
{
	static const struct keeper how = { part, go_through };
	struct keeper_cast cast = { 0 };

	if (!owned_works())
		play_skip(play, "the kernel has no userfaultfd");
	else
		keeper_play(play, &how, &cast);
}

const struct scenario tcp_full_backlog = {
	.name = "tcp-full-backlog",
	.summary = "more comes for a socket than may wait while it is owned",
	.connections = 20,
	.pages = 4,
	.play = play,
};
