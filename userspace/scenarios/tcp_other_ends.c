// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * Both directions are full, and nobody reads; of every other connection the
 * first segment is lost, so that others wait out of order. The connections then
 * come to their end otherwise than by close(), while all descriptors are open.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../segment.h"
#include "../sockdiag.h"
#include "keeper.h"

#define TIMEOUT_MS 500
/* The kernel doubles it. */
#define BUFFER (64 * 1024)
/* A segment that begins with this byte is lost. */
#define MARK '!'
#define PAYLOAD 1000

static bool disconnect(struct stage *stage, int fd, int peer)
{
	(void)peer;
	connection_disconnect(stage, fd);
	return true;
}

static bool destroy(struct stage *stage, int fd, int peer)
{
	(void)peer;
	if (sockdiag_destroy(fd))
		return true;
	if (errno != EOPNOTSUPP)
		stage_fail(stage, "SOCK_DESTROY");
	return false;
}

/* Both ends: what still asks when the other has given up is reset. */
static bool give_up(struct stage *stage, int fd, int peer)
{
	unsigned int timeout = TIMEOUT_MS;

	if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
		       sizeof(timeout)) ||
	    setsockopt(peer, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
		       sizeof(timeout)))
		stage_fail(stage, "TCP_USER_TIMEOUT");
	return true;
}

/* It has not read everything: a RST. */
static bool reset(struct stage *stage, int fd, int peer)
{
	(void)stage;
	(void)fd;
	close(peer);
	return true;
}

static bool shut_down(struct stage *stage, int fd, int peer)
{
	(void)peer;
	if (shutdown(fd, SHUT_WR))
		stage_fail(stage, "shutdown");
	return true;
}

static const struct way {
	const char *name;
	/* whether this kernel can do that */
	bool (*end)(struct stage *stage, int fd, int peer);
	unsigned int over;	/* of a connection's sockets, in TCP_CLOSE */
	unsigned int alive;	/* likewise, in another state */
} ways[] = {
	{ "disconnected", disconnect, 2, 0 },
	{ "destroyed", destroy, 2, 0 },
	{ "given up", give_up, 2, 0 },
	{ "reset", reset, 1, 0 },
	{ "shut down", shut_down, 0, 2 },
};

struct cast {
	struct keeper_cast keeper;
	const struct way *way;
};

static void lose_first(struct stage *stage, int fd, int peer)
{
	char data[PAYLOAD] = { MARK };

	segment_ignore_marked(stage, fd, MARK);
	connection_send_at_once(stage, peer);
	for (int i = 0; i < 3; i++) {
		if (send(peer, data, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
			stage_fail(stage, "send");
		data[0] = 0;
	}
	segment_await_out_of_order(stage, fd);
}

static void fill(struct stage *stage, int fd)
{
	connection_set_buffers(stage, fd, BUFFER);
	connection_fill(stage, fd, CONNECTION_CHUNK);
}

static void keeper(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	const struct keeper_ends *all = keeper_connect(stage, &cast->keeper);
	unsigned int n = cast->keeper.connections;
	long long done = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (i % 2)
			lose_first(stage, all[i].accepted, all[i].connected);
		fill(stage, all[i].accepted);
		fill(stage, all[i].connected);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < n; i++)
		done += cast->way->end(stage, all[i].accepted,
				       all[i].connected);
	stage_report(stage, done);
}

/* Each has what it could not send, and what it has not read. */
static bool peak(struct play *play, const struct actor *keeper)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	struct books_charge charge;
	long long least = (long long)play->connections * BUFFER;

	if (!play_expect_sockets(play, "peak", open, 2 * play->connections) ||
	    !play_expect_settled(play, "peak") ||
	    !play_charge(play, open, &charge))
		return false;
	ktap_check(play->ktap,
		   charge.write_queue_bytes > least &&
			   charge.receive_queue_bytes > least,
		   "peak: bytes in write and receive queues: expected more than %lld each, actual %lld and %lld",
		   least, charge.write_queue_bytes,
		   charge.receive_queue_bytes);
	return play_expect_meminfo(play, "peak", open);
}

static bool over(struct play *play, struct actor *keeper, const struct way *way)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	struct books_charge charge;
	long long done;

	if (!play_step(play, keeper, &done))
		return false;
	if (!done) {
		ktap_remark(play->ktap, "this kernel cannot do that");
		return true;
	}
	if (!play_expect_sockets(play, "over", closed,
				 way->over * play->connections) ||
	    !play_expect_sockets(play, "over", open,
				 way->alive * play->connections) ||
	    !play_expect_settled(play, "over") ||
	    !play_charge(play, closed, &charge))
		return false;
	return play_expect(play, "over", "write queue bytes of those in CLOSE",
			   0, charge.write_queue_bytes);
}

static void round_play(struct play *play, const struct way *way)
{
	struct cast cast = { .way = way,
			     .keeper.connections = play->connections };
	struct actor actor = { 0 };
	long long pages, value;
	bool ok;

	ktap_remark(play->ktap, "%s", way->name);
	if (!play_listen(play, &cast.keeper.server, (int)play->connections,
			 &cast.keeper.listener))
		return;
	ok = play_expect_balanced(play, "before") && play_pages(play, &pages) &&
	     play_start(play, &actor, "keeper", keeper, &cast);
	close(cast.keeper.listener);
	ok = ok && play_await(play, &actor, &value) && peak(play, &actor);
	if (ok)
		play_peak(play);
	ok = ok && over(play, &actor, way);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

static void play(struct play *play)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		round_play(play, &ways[i]);
}

const struct scenario tcp_other_ends = {
	.name = "tcp-other-ends",
	.summary = "full connections end without close(): disconnect, ss --kill, time-out, RST, shutdown",
	.connections = 50,
	.pages = 100,
	.play = play,
};
