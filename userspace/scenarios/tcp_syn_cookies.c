// SPDX-License-Identifier: GPL-2.0-only
/*
 * The listener keeps nothing of a handshake, it has sent a cookie. Its segment
 * with the last part of it gets lost; the next one, with data, makes the child,
 * if there is room in the accept queue: half of the children have to wait. These
 * are never accepted.
 *
 *	keeper ---- connection 1..N ---- itself (listens)
 */
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../nstat.h"
#include "../segment.h"
#include "keeper.h"

#define PAYLOAD 1000

/* How many children there is room for. */
static unsigned int room(unsigned int connections)
{
	return (connections + 1) / 2;
}

/* The clients do not know yet that they are not. */
static int *connect_all(struct stage *stage, const struct keeper_cast *cast)
{
	/* the real length of the queue is backlog + 1 */
	if (listen(cast->listener, (int)room(cast->connections) - 1))
		stage_fail(stage, "listen");
	segment_ignore_answers(stage, cast->listener);
	return connections_connect(stage, &cast->server, cast->connections);
}

static void send_all(struct stage *stage, const struct keeper_cast *cast,
		     const int *fds)
{
	static const char data[PAYLOAD];

	segment_heed(stage, cast->listener);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (send(fds[i], data, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
			stage_fail(stage, "send");
}

/* The other half is read when the process ends. */
static void accept_half(struct stage *stage, const struct keeper_cast *cast)
{
	unsigned int accepted = room(cast->connections);
	int *fds = connections_accept(stage, cast->listener, accepted, 0);

	for (unsigned int i = 0; i < accepted; i += 2)
		connection_receive(stage, fds[i], PAYLOAD);
}

/* Waits until all cookies have come back; returns how many did not help. */
static long long await_overflows(struct stage *stage, long long received,
				 long long overflows)
{
	nstat_await_tcp(stage, "SyncookiesRecv", received);
	return nstat_tcp(stage, "ListenOverflows") - overflows;
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	long long overflows = nstat_tcp(stage, "ListenOverflows");
	long long received = nstat_tcp(stage, "SyncookiesRecv");
	long long sent = nstat_tcp(stage, "SyncookiesSent");
	int *fds = connect_all(stage, cast);

	stage_report(stage, nstat_tcp(stage, "SyncookiesSent") - sent);
	send_all(stage, cast, fds);
	stage_report(stage, await_overflows(stage, received + cast->connections,
					    overflows));
	accept_half(stage, cast);
	stage_report(stage, 0);
	close(cast->listener);
	stage_report(stage, 0);
}

static bool sent(struct play *play, struct actor *keeper)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long cookies;

	return play_await(play, keeper, &cookies) &&
	       play_expect_at_least(play, "cookies", "cookies sent",
				    play->connections, cookies) &&
	       play_expect_state(play, "cookies", open, "ESTABLISHED",
				 play->connections) &&
	       play_expect_sockets(play, "cookies",
				   whose(BOOKS_CLASS_ACCEPT_QUEUE, keeper), 0) &&
	       play_expect_settled(play, "cookies");
}

static bool expect_children(struct play *play, const char *phase,
			    const struct actor *keeper, long long expected)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, keeper);
	struct books_charge charge;

	return play_expect_state(play, phase, children, "ESTABLISHED",
				 expected) &&
	       play_expect_settled(play, phase) &&
	       play_charge(play, children, &charge) &&
	       play_expect_at_least(play, phase, "receive queue bytes",
				    PAYLOAD * expected,
				    charge.receive_queue_bytes);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long all = play->connections;
	long long first = room(play->connections), value;

	return sent(play, keeper) && play_step(play, keeper, &value) &&
	       play_expect_at_least(play, "queue full", "children refused",
				    all - first, value) &&
	       expect_children(play, "queue full", keeper, first) &&
	       play_step(play, keeper, &value) &&
	       expect_children(play, "half accepted", keeper, all - first) &&
	       play_expect_sockets(play, "half accepted", open, all + first) &&
	       play_expect_meminfo(play, "half accepted", open) &&
	       play_step(play, keeper, &value) &&
	       expect_children(play, "listener closed", keeper, 0) &&
	       play_expect_state(play, "listener closed", closed, "CLOSE",
				 all - first);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (play_sysctl(play, "net.ipv4.tcp_syncookies", "2"))
		keeper_play(play, &how, &cast);
}

const struct scenario tcp_syn_cookies = {
	.name = "tcp-syn-cookies",
	.summary = "children made from SYN cookies, with data: accepted or not, or too many",
	.connections = 50,
	.pages = 2,
	.play = play,
};
