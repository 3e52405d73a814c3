// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bpf.h"
#include "../connections.h"
#include "keeper.h"

struct keeper_ends *keeper_connect(struct stage *stage,
				   const struct keeper_cast *cast)
{
	struct keeper_ends *all = calloc(cast->connections, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_make(stage, &cast->server, cast->listener,
				&all[i].connected, &all[i].accepted);
	close(cast->listener);
	return all;
}

void keeper_join(struct stage *stage, const struct keeper_cast *cast,
		 struct keeper_ends *ends)
{
	if (connect(ends->connected,
		    (const struct sockaddr *)&cast->server.address,
		    cast->server.length))
		stage_fail(stage, "connect");
	ends->accepted = accept4(cast->listener, NULL, NULL, SOCK_CLOEXEC);
	if (ends->accepted < 0)
		stage_fail(stage, "accept");
}

void keeper_enter_namespace(struct stage *stage, struct keeper_cast *cast,
			    int backlog)
{
	close(cast->listener);
	if (!loopback_unshare(CLONE_NEWNET))
		stage_fail(stage, "a network namespace");
	cast->listener = loopback_listen(&cast->server, backlog);
	if (cast->listener < 0)
		stage_fail(stage, "listen");
}

bool keeper_expect_queues(struct play *play, const char *phase,
			  const struct actor *keeper, long long sockets)
{
	long long actual = 0;
	struct books books;

	if (!play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++)
		actual += books_socket_held_by(&books.sockets[i],
					       keeper->pid) &&
			  books.sockets[i].receive_queue_bytes;
	books_free(&books);
	return play_expect(play, phase, "sockets that keep a packet", sockets,
			   actual);
}

bool keeper_expect_kept(struct play *play)
{
	const struct books_pool *pool;
	long long counters;
	struct books books;
	bool imbalanced;

	if (!play_pools(play, false, &books))
		return false;
	pool = books_find_pool(&books, scenario_pool(play->scenario));
	if (pool)
		ktap_remark(play->ktap, "%s: %s",
			    books_verdict_name(pool->verdict), pool->reason);
	imbalanced = !pool || pool->verdict == BOOKS_IMBALANCED;
	counters = (long long)books_imbalanced_counters(&books);
	books_free(&books);
	return play_expect(play, "kept", "is it said to be imbalanced?", 0,
			   imbalanced) &&
	       play_expect(play, "kept", "other counters imbalanced", 0,
			   counters);
}

bool keeper_settle(struct play *play, struct actor *keeper,
		   const char *const *phases)
{
	long long value;

	for (; *phases; phases++)
		if (!play_step(play, keeper, &value) ||
		    !play_expect_settled(play, *phases))
			return false;
	return true;
}

/* From its start on, if it has been started. */
static void play_on(struct play *play, const struct keeper *how,
		    struct actor *actor, bool started, long long pages)
{
	bool ok = started && how->direct(play, actor);

	if (ok)
		play_peak(play);
	actor_kill(actor);
	if (ok && play_expect_no_orphans(play, "after"))
		play_expect_return(play, "after", pages);
}

void keeper_play(struct play *play, const struct keeper *how,
		 struct keeper_cast *cast)
{
	struct actor actor = { 0 };
	long long pages;
	bool started;

	cast->connections = play->connections;
	if (!play_expect_balanced(play, "before") ||
	    !play_pages(play, &pages) ||
	    !play_listen(play, &cast->server, 4096, &cast->listener))
		return;
	started = play_start(play, &actor, "keeper", how->part, cast);
	close(cast->listener);
	play_on(play, how, &actor, started, pages);
}

static void play_in(struct play *play, const struct keeper *how,
		    struct keeper_confined *cast)
{
	cast->directory = confinement_open(&cast->confinement);
	if (cast->directory < 0) {
		play_skip(play, "the cgroup's directory cannot be opened");
		return;
	}
	if (!play_lacks(play, bpf_lacks_for_cgroup(cast->directory)))
		keeper_play(play, how, &cast->keeper);
	close(cast->directory);
}

void keeper_play_confined(struct play *play, const struct keeper *how,
			  struct keeper_confined *cast)
{
	if (confinement_make(&cast->confinement, "skbalance-0"))
		play_in(play, how, cast);
	else
		play_skip(play, "there are no version-2 cgroups");
	confinement_remove(&cast->confinement);
}

void keeper_play_alone(struct play *play, const struct keeper *how, void *arg)
{
	struct actor actor = { 0 };
	long long pages;

	if (!play_expect_balanced(play, "before") || !play_pages(play, &pages))
		return;
	play_on(play, how, &actor,
		play_start(play, &actor, "keeper", how->part, arg), pages);
}
