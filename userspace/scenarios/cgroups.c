// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processes in two cgroups hold connections with unread data, some of them
 * reset, and others to themselves, which had data when they were accepted: only
 * then could their cgroup be charged for it. Then the processes change places:
 * each socket stays booked on the cgroup that it was made in.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "../confinement.h"
#include "../connections.h"
#include "../segment.h"
#include "scenarios.h"

#define PAYLOAD 1000
/* More than a page, and than what a socket is charged in advance. */
#define LARGE 20000
#define GROUPS 2

static struct confinement confinements[GROUPS];

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections; /* of each holder */
	unsigned int group;	/* of the holder that is started */
};

/* Resets as many connections of each holder as it keeps, or one more. */
static void server(struct stage *stage, void *arg)
{
	static const char data[PAYLOAD];
	struct cast *cast = arg;
	int *fds;

	for (int group = 0; group < GROUPS; group++) {
		fds = connections_accept(stage, cast->listener,
					 cast->connections, 0);
		for (unsigned int i = 0; i < cast->connections; i++)
			if (send(fds[i], data, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
				stage_fail(stage, "send");
		for (unsigned int i = 0; i < cast->connections; i += 2)
			connection_reset(stage, fds[i]);
		stage_report(stage, 0);
	}
}

static void connect_to_itself(struct stage *stage, const struct cast *cast)
{
	static const char data[LARGE];
	struct loopback own;
	int listener, *fds;
	ssize_t size;

	loopback_set(&own, cast->server.address.ss_family, 0);
	listener = loopback_listen(&own, 4096);
	if (listener < 0)
		stage_fail(stage, "listen");
	fds = connections_connect(stage, &own, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++) {
		size = i % 2 ? LARGE : PAYLOAD;
		if (send(fds[i], data, (size_t)size, MSG_NOSIGNAL) != size)
			stage_fail(stage, "send");
		segment_await_acknowledged(stage, fds[i]);
	}
	connections_accept(stage, listener, cast->connections, 0);
	close(listener);
}

static void holder(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	unsigned int group = cast->group;

	close(cast->listener);
	confinement_enter(stage, &confinements[group]);
	connections_connect(stage, &cast->server, cast->connections);
	connect_to_itself(stage, cast);
	stage_report(stage, 0);
	confinement_enter(stage, &confinements[!group]);
	stage_report(stage, 0);
}

struct round {
	struct cast cast;
	struct actor server, holders[GROUPS];
};

/* The holder's sockets of a class, if they are booked on that cgroup. */
static bool expect_booked(struct play *play, const char *phase,
			  const struct round *round, int group,
			  enum books_class class, long long expected)
{
	const struct confinement *confinement = &confinements[group];
	long long actual = 0;
	struct books books;

	if (!play_books(play, "owners", &books))
		return false;
	for (size_t i = 0; i < books.n_owners; i++) {
		const struct books_owner *owner = &books.owners[i];

		if (owner->class == class &&
		    owner->pid == round->holders[group].pid &&
		    owner->cgroup == confinement->id &&
		    (!confinement->memory || owner->memcg == confinement->id))
			actual += owner->charge.sockets;
	}
	books_free(&books);
	return play_expect(play, phase,
			   class == BOOKS_CLASS_OPEN ?
				   "open sockets booked on their cgroup" :
				   "closed-held sockets booked on their cgroup",
			   expected, actual);
}

static bool expect_all_booked(struct play *play, const char *phase,
			      const struct round *round)
{
	long long n = play->connections, kept = n / 2 + 2 * n, reset = n - n / 2;

	for (int group = 0; group < GROUPS; group++)
		if (!play_expect_sockets(play, phase,
					 whose(BOOKS_CLASS_CLOSED_HELD,
					       &round->holders[group]),
					 reset) ||
		    !expect_booked(play, phase, round, group,
				   BOOKS_CLASS_CLOSED_HELD, reset) ||
		    !expect_booked(play, phase, round, group, BOOKS_CLASS_OPEN,
				   kept))
			return false;
	return play_expect_balanced(play, phase);
}

/* One after the other, so that the server knows whose connections it resets. */
static bool start_holder(struct play *play, struct round *round, int group)
{
	long long value;

	round->cast.group = (unsigned int)group;
	return play_start(play, &round->holders[group], "holder", holder,
			  &round->cast) &&
	       play_await(play, &round->holders[group], &value) &&
	       play_await(play, &round->server, &value) &&
	       play_cue(play, &round->server);
}

static bool change_places(struct play *play, struct round *round)
{
	long long value;

	for (int group = 0; group < GROUPS; group++)
		if (!play_step(play, &round->holders[group], &value))
			return false;
	return true;
}

static void round_play(struct play *play)
{
	struct round round = { .cast.connections = play->connections };
	bool ok;

	if (!play_listen(play, &round.cast.server, 4096, &round.cast.listener))
		return;
	ok = play_expect_balanced(play, "before") &&
	     play_start(play, &round.server, "server", server, &round.cast) &&
	     start_holder(play, &round, 0) && start_holder(play, &round, 1);
	close(round.cast.listener);
	ok = ok && expect_all_booked(play, "peak", &round) &&
	     play_expect_cgroups(play, "peak");
	if (ok)
		play_peak(play);
	ok = ok && change_places(play, &round) &&
	     expect_all_booked(play, "after the move", &round);
	for (int group = 0; group < GROUPS; group++)
		actor_kill(&round.holders[group]);
	actor_kill(&round.server);
	if (ok)
		play_expect_settled(play, "after");
}

static void play(struct play *play)
{
	if (confinement_make(&confinements[0], "skbalance-0") &&
	    confinement_make(&confinements[1], "skbalance-1"))
		round_play(play);
	else
		play_skip(play, "there are no version-2 cgroups");
	for (int group = 0; group < GROUPS; group++)
		confinement_remove(&confinements[group]);
}

const struct scenario cgroups = {
	.name = "cgroups",
	.summary = "sockets stay booked on the cgroup that they were made in",
	.connections = 50,
	.pages = 4,
	.play = play,
};
