// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "kept.h"

#define PAYLOAD 1000

struct cast {
	const struct kept *how;
	struct loopback server;
	int listener;
	unsigned int connections;
};

static void server(struct stage *stage, void *arg)
{
	static const char data[PAYLOAD];
	struct cast *cast = arg;
	int *fds;

	fds = connections_accept(stage, cast->listener, cast->connections, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (send(fds[i], data, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
			stage_fail(stage, "send");
	stage_report(stage, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_reset(stage, fds[i]);
	stage_report(stage, 0);
}

/* What the socket says that it is charged, when all data is there. */
static long long charge_of(struct stage *stage, int fd)
{
	struct meminfo info;
	int bytes;

	do {
		if (ioctl(fd, FIONREAD, &bytes))
			stage_fail(stage, "FIONREAD");
	} while (bytes < PAYLOAD);
	if (!meminfo_of_socket(fd, &info))
		stage_fail(stage, "SO_MEMINFO");
	return meminfo_bytes(&info);
}

static void holder(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long bytes = 0;
	int *fds;

	close(cast->listener);
	fds = connections_connect(stage, &cast->server, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		bytes += charge_of(stage, fds[i]);
	cast->how->keep(stage, fds, cast->connections);
	stage_report(stage, bytes);
}

struct round {
	const struct kept *how;
	struct actor server, holder;
	bool tracked;
	long long bytes;	/* that the holder's sockets are charged */
};

static bool is_theirs(const struct round *round,
		      const struct books_socket *socket)
{
	const char *via = round->how->via;

	return socket->class == BOOKS_CLASS_FD_IN_FLIGHT &&
	       (via ? socket->via && !strcmp(socket->via, via) &&
		      books_socket_held_by(socket, round->holder.pid) :
		      !socket->via && !socket->holders.count);
}

/* The tracker, if there is one, has seen the holder making all of them. */
static bool expect_births(struct play *play, const struct round *round,
			  const struct books *books)
{
	long long named = 0;

	if (!books->header.track)
		return true;
	for (size_t i = 0; i < books->n_sockets; i++) {
		const struct books_socket *socket = &books->sockets[i];

		named += is_theirs(round, socket) && socket->birth &&
			 socket->birth->pid == round->holder.pid &&
			 !strcmp(socket->birth->comm, "holder") &&
			 socket->birth->stack &&
			 strstr(socket->birth->stack, "sys_socket+");
	}
	return play_expect(play, "tracker", "sockets named by maker and stack",
			   play->connections, named);
}

/* All are in flight, in that state, and charged what they were before. */
static bool expect_in_flight(struct play *play, const char *phase,
			     const struct round *round, const char *state)
{
	long long sockets = 0, bytes = 0;
	struct books books;
	bool ok;

	if (!play_expect_state(play, phase,
			       whose(BOOKS_CLASS_FD_IN_FLIGHT, NULL), state,
			       play->connections) ||
	    !play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++) {
		if (!is_theirs(round, &books.sockets[i]))
			continue;
		sockets++;
		bytes += books.sockets[i].charged_bytes;
	}
	ok = expect_births(play, round, &books);
	books_free(&books);
	return ok &&
	       play_expect(play, phase, "sockets said to be held so",
			   play->connections, sockets) &&
	       play_expect(play, phase, "bytes charged, by SO_MEMINFO",
			   round->bytes, bytes) &&
	       play_expect_balanced(play, phase);
}

/* Without the tracker: that many are missing, and no more is claimed. */
static bool expect_unreachable(struct play *play, const struct round *round)
{
	const struct books_pool *pool;
	struct books books;
	bool ok;

	if (!play_books(play, "balance", &books))
		return false;
	pool = &books.pools[0];
	ok = play_expect(play, "peak", "unreachable sockets", play->connections,
			 pool->classes[BOOKS_CLASS_UNREACHABLE].sockets) &&
	     play_expect(play, "peak", "sockets allocated but not found",
			 play->connections,
			 pool->sockets_allocated - pool->sockets_found) &&
	     play_expect(play, "peak", "unaccounted bytes, by SO_MEMINFO",
			 round->bytes, pool->unaccounted_bytes);
	ktap_check(play->ktap, pool->verdict == BOOKS_INCOMPLETE,
		   "peak: verdict: expected incomplete, actual %s (%s)",
		   books_verdict_name(pool->verdict), pool->reason);
	ok = ok && pool->verdict == BOOKS_INCOMPLETE;
	books_free(&books);
	return ok;
}

/* When nothing is missing yet: later a reading takes seconds. */
static bool see_tracker(struct play *play, struct round *round)
{
	struct books books;

	if (!play_books(play, "balance", &books))
		return false;
	round->tracked = books.header.track;
	books_free(&books);
	return true;
}

static bool peak(struct play *play, struct round *round)
{
	struct whose servers = whose(BOOKS_CLASS_OPEN, &round->server);
	long long value;

	return play_await(play, &round->server, &value) &&
	       play_await(play, &round->holder, &round->bytes) &&
	       see_tracker(play, round) &&
	       expect_in_flight(play, "connected", round, "ESTABLISHED") &&
	       play_step(play, &round->server, &value) &&
	       play_expect_sockets(play, "peak", servers, 0) &&
	       (round->how->unreachable && !round->tracked ?
			expect_unreachable(play, round) :
			expect_in_flight(play, "peak", round, "CLOSE"));
}

void kept_play(struct play *play, const struct kept *how)
{
	struct cast cast = { .how = how, .connections = play->connections };
	struct round round = { .how = how };
	bool ok;

	if (!play_listen(play, &cast.server, 4096, &cast.listener))
		return;
	ok = play_expect_balanced(play, "before") &&
	     play_start(play, &round.server, "server", server, &cast) &&
	     play_start(play, &round.holder, "holder", holder, &cast);
	close(cast.listener);
	ok = ok && peak(play, &round);
	if (ok)
		play_peak(play);
	actor_kill(&round.holder);
	actor_kill(&round.server);
	if (ok)
		play_expect_settled(play, "after");
}
