// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * Each of TCP's timers that hold a reference to their socket runs out: of
 * keepalive, for a peer that is deaf; of FIN_WAIT2, in which an orphan stays
 * for more than a minute; of pacing, which holds data back. Others are reset
 * while the pacing timer still runs, are not kept alive any more, or need none,
 * as they are not to stay in FIN_WAIT2, whether close() finds them there or they
 * get there later. Of other orphans the time there is over when the timer runs
 * out: meanwhile it was cut.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../segment.h"
#include "keeper.h"

enum {
	KEPT_ALIVE, KEPT_NO_MORE, IN_FIN_WAIT2, NO_FIN_WAIT2, OUT_OF_FIN_WAIT2,
	PACED, RESET_WHILE_PACED, FIN_WAIT2_CUT, FIN_WAIT2_FOUND_CUT, KINDS
};

/* A full socket's part of FIN_WAIT2 is what goes beyond a minute. */
#define FIN_WAIT2_S 61
/* Of those who say nothing about it: at first, and when it was cut. */
#define FIN_TIMEOUT "net.ipv4.tcp_fin_timeout"
#define LONG_TIMEOUT "64"
#define SHORT_TIMEOUT "30"
/* Segments that are not paced. */
#define INITIAL 20
/* Bytes a second. */
#define PACE 100000
#define PARTS 3
#define PACED_BYTES (PARTS * 20000)

/* The peer would wait for an answer to its FIN, too. */
static void keep_alive(struct stage *stage, const struct keeper_ends *ends)
{
	segment_ignore(stage, ends->accepted);
	if (!loopback_linger(ends->accepted, 0))
		stage_fail(stage, "SO_LINGER");
	connection_set(stage, ends->connected, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	connection_set(stage, ends->connected, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	connection_set(stage, ends->connected, IPPROTO_TCP, TCP_KEEPCNT, 1);
	connection_set(stage, ends->connected, SOL_SOCKET, SO_KEEPALIVE, 1);
}

static void keep_no_more(struct stage *stage, const struct keeper_ends *ends)
{
	connection_set(stage, ends->connected, SOL_SOCKET, SO_KEEPALIVE, 1);
	connection_set(stage, ends->connected, SOL_SOCKET, SO_KEEPALIVE, 0);
	close(ends->connected);
}

static void leave(struct stage *stage, const struct keeper_ends *ends,
		  int seconds)
{
	connection_set(stage, ends->connected, IPPROTO_TCP, TCP_LINGER2, seconds);
	close(ends->connected);
}

/* The second part has to wait for the first; the third comes meanwhile. */
static void send_paced(struct stage *stage, const struct keeper_ends *ends)
{
	static const char data[PACED_BYTES];

	connection_send_at_once(stage, ends->connected);
	connection_set(stage, ends->connected, SOL_SOCKET, SO_MAX_PACING_RATE, PACE);
	for (unsigned int i = 0; i < INITIAL; i++) {
		if (send(ends->connected, data, 1, MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
		segment_await_acknowledged(stage, ends->connected);
	}
	for (unsigned int i = 0; i < PARTS; i++)
		if (send(ends->connected, data, PACED_BYTES / PARTS,
			 MSG_NOSIGNAL) != PACED_BYTES / PARTS)
			stage_fail(stage, "send");
}

static void go_to_fin_wait2(struct stage *stage, const struct keeper_ends *ends)
{
	if (shutdown(ends->connected, SHUT_WR))
		stage_fail(stage, "shutdown");
	segment_await_state(stage, ends->connected, TCP_FIN_WAIT2);
}

static void leave_out_of_fin_wait2(struct stage *stage,
				   const struct keeper_ends *ends)
{
	go_to_fin_wait2(stage, ends);
	leave(stage, ends, -1);
}

static bool is_cut(unsigned int kind)
{
	return kind == FIN_WAIT2_CUT || kind == FIN_WAIT2_FOUND_CUT;
}

static void begin(struct stage *stage, const struct keeper_ends *ends,
		  unsigned int kind)
{
	if (kind == KEPT_ALIVE)
		keep_alive(stage, ends);
	else if (kind == KEPT_NO_MORE)
		keep_no_more(stage, ends);
	else if (kind == IN_FIN_WAIT2)
		leave(stage, ends, FIN_WAIT2_S);
	else if (kind == NO_FIN_WAIT2)
		leave(stage, ends, -1);
	else if (kind == OUT_OF_FIN_WAIT2)
		leave_out_of_fin_wait2(stage, ends);
	else if (!is_cut(kind))
		send_paced(stage, ends);
}

/* Last of all, as the time runs from then on. */
static void begin_cut(struct stage *stage, const struct keeper_ends *ends,
		      unsigned int kind)
{
	if (kind == FIN_WAIT2_FOUND_CUT)
		go_to_fin_wait2(stage, ends);
	if (is_cut(kind))
		close(ends->connected);
}

static void end(struct stage *stage, const struct keeper_ends *ends,
		unsigned int kind)
{
	if (kind == RESET_WHILE_PACED)
		connection_reset(stage, ends->connected);
	else if (kind == KEPT_NO_MORE || kind == NO_FIN_WAIT2 ||
		 kind == OUT_OF_FIN_WAIT2)
		/* which is reset, if its FIN was acknowledged within close() */
		close(ends->accepted);
	else if (kind == PACED)
		connection_receive(stage, ends->accepted, INITIAL + PACED_BYTES);
}

/* Those that are reset come first, while nothing else is waited for. */
static void end_all(struct stage *stage, const struct keeper_ends *all,
		    unsigned int connections)
{
	for (unsigned int kind = KINDS; kind-- > 0;)
		for (unsigned int i = kind; i < connections; i += KINDS)
			end(stage, &all[i], kind);
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const struct keeper_ends *all = keeper_connect(stage, cast);

	for (unsigned int i = 0; i < cast->connections; i++)
		begin(stage, &all[i], i % KINDS);
	for (unsigned int i = 0; i < cast->connections; i++)
		begin_cut(stage, &all[i], i % KINDS);
	stage_report(stage, 0);
	end_all(stage, all, cast->connections);
	stage_report(stage, 0);
}

/* The deaf peers do not hear that it is over. */
static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	struct whose orphans = whose(BOOKS_CLASS_ORPHAN, NULL);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long given_up = play_share(play, KINDS, KEPT_ALIVE);
	long long reset = play_share(play, KINDS, RESET_WHILE_PACED);
	long long left = play_share(play, KINDS, IN_FIN_WAIT2);
	long long paced = play_share(play, KINDS, PACED);
	long long cut = play_share(play, KINDS, FIN_WAIT2_CUT) +
			play_share(play, KINDS, FIN_WAIT2_FOUND_CUT);
	long long value;

	return play_await(play, keeper, &value) &&
	       play_sysctl(play, FIN_TIMEOUT, SHORT_TIMEOUT) &&
	       play_step(play, keeper, &value) &&
	       play_expect_state(play, "timed out", closed, "CLOSE",
				 given_up + reset + cut) &&
	       play_expect_sockets(play, "timed out", orphans, 0) &&
	       play_expect_sockets(play, "timed out", open,
				   given_up + left + 2 * paced) &&
	       play_expect_settled(play, "timed out");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (play_sysctl(play, FIN_TIMEOUT, LONG_TIMEOUT))
		keeper_play(play, &how, &cast);
}

const struct scenario tcp_timers = {
	.name = "tcp-timers",
	.summary = "timers run out that hold their sockets: keepalive, FIN_WAIT2, pacing",
	.connections = 45,
	.pages = 64,
	.play = play,
};
