// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * Each of TCP's timers that hold a reference to their socket runs out: of
 * keepalive, for a peer that is deaf; of FIN_WAIT2, in which an orphan stays
 * for more than a minute; of pacing, which holds data back. Others are reset
 * while the pacing timer still runs.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../segment.h"
#include "keeper.h"

enum { KEPT_ALIVE, IN_FIN_WAIT2, PACED, RESET_WHILE_PACED, KINDS };

/* A full socket's part of FIN_WAIT2 is what goes beyond a minute. */
#define FIN_WAIT2_S 61
/* Segments that are not paced. */
#define INITIAL 20
/* Bytes a second. */
#define PACE 100000
#define PACED_BYTES 60000

struct ends {
	int fd, peer;
};

struct cast {
	struct keeper_cast keeper;
	struct ends *ends;
};

static void set(struct stage *stage, int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		stage_fail(stage, "setsockopt");
}

/* The peer would wait for an answer to its FIN, too. */
static void keep_alive(struct stage *stage, const struct ends *ends)
{
	segment_ignore(stage, ends->peer);
	if (!loopback_linger(ends->peer, 0))
		stage_fail(stage, "SO_LINGER");
	set(stage, ends->fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set(stage, ends->fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set(stage, ends->fd, IPPROTO_TCP, TCP_KEEPCNT, 1);
	set(stage, ends->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

static void leave(struct stage *stage, const struct ends *ends)
{
	set(stage, ends->fd, IPPROTO_TCP, TCP_LINGER2, FIN_WAIT2_S);
	close(ends->fd);
}

static void receive(struct stage *stage, int fd, size_t bytes)
{
	static char data[PACED_BYTES];
	ssize_t n;

	for (; bytes; bytes -= (size_t)n) {
		n = recv(fd, data, bytes, 0);
		if (n <= 0)
			stage_fail(stage, "recv");
	}
}

/* The second half has to wait for the first. */
static void send_paced(struct stage *stage, const struct ends *ends)
{
	static const char data[PACED_BYTES];

	set(stage, ends->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(stage, ends->fd, SOL_SOCKET, SO_MAX_PACING_RATE, PACE);
	for (unsigned int i = 0; i < INITIAL; i++) {
		if (send(ends->fd, data, 1, MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
		segment_await_acknowledged(stage, ends->fd);
	}
	for (unsigned int i = 0; i < 2; i++)
		if (send(ends->fd, data, PACED_BYTES / 2, MSG_NOSIGNAL) !=
		    PACED_BYTES / 2)
			stage_fail(stage, "send");
}

static void begin(struct stage *stage, const struct ends *ends,
		  unsigned int kind)
{
	if (kind == KEPT_ALIVE)
		keep_alive(stage, ends);
	else if (kind == IN_FIN_WAIT2)
		leave(stage, ends);
	else
		send_paced(stage, ends);
}

static void end(struct stage *stage, const struct ends *ends, unsigned int kind)
{
	if (kind == RESET_WHILE_PACED)
		connection_reset(stage, ends->fd);
	else if (kind == PACED)
		receive(stage, ends->peer, INITIAL + PACED_BYTES);
}

/* Those that are reset come first, while nothing else is waited for. */
static void end_all(struct stage *stage, const struct cast *cast)
{
	for (unsigned int kind = KINDS; kind-- > 0;)
		for (unsigned int i = kind; i < cast->keeper.connections;
		     i += KINDS)
			end(stage, &cast->ends[i], kind);
}

static void keeper(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	cast->ends = calloc(cast->keeper.connections, sizeof(*cast->ends));
	if (!cast->ends)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		connection_make(stage, &cast->keeper.server,
				cast->keeper.listener, &cast->ends[i].fd,
				&cast->ends[i].peer);
	close(cast->keeper.listener);
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		begin(stage, &cast->ends[i], i % KINDS);
	end_all(stage, cast);
	stage_report(stage, 0);
}

/* How many connections there are of one kind. */
static long long count_of(const struct play *play, unsigned int kind)
{
	return (play->connections + KINDS - 1LL - kind) / KINDS;
}

/* The deaf peers do not hear that it is over. */
static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	struct whose orphans = whose(BOOKS_CLASS_ORPHAN, NULL);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long given_up = count_of(play, KEPT_ALIVE);
	long long reset = count_of(play, RESET_WHILE_PACED);
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_state(play, "timed out", closed, "CLOSE",
				 given_up + reset) &&
	       play_expect_sockets(play, "timed out", orphans, 0) &&
	       play_expect_sockets(play, "timed out", open,
				   given_up + count_of(play, IN_FIN_WAIT2) +
					   2 * count_of(play, PACED)) &&
	       play_expect_settled(play, "timed out");
}

static void play(struct play *play)
{
	struct cast cast;

	keeper_play(play, &(struct keeper){ keeper, go_through }, &cast.keeper);
}

const struct scenario tcp_timers = {
	.name = "tcp-timers",
	.summary = "timers run out that hold their sockets: keepalive, FIN_WAIT2, pacing",
	.connections = 30,
	.pages = 64,
	.play = play,
};
