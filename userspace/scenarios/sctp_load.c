// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel learns SCTP while the books are read: they balance without its
 * pool, and have it as soon as it is there.
 */
#include <netinet/in.h>
#include <unistd.h>

#include "../connections.h"
#include "scenarios.h"

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
};

/* Messages that nobody reads. */
static void user(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	int *fds = connections_connect(stage, &cast->server, cast->connections);

	for (unsigned int i = 0; i < cast->connections; i++)
		if (send(fds[i], "x", 1, MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
	stage_report(stage, 0);
}

/* Whether there is a pool of that protocol. */
static bool find_pool(struct play *play, bool *found)
{
	struct books books;

	if (!play_pools(play, false, &books))
		return false;
	*found = books_find_pool(&books, "sctp");
	books_free(&books);
	return true;
}

static bool expect_pool(struct play *play, const char *phase, bool there)
{
	bool found;

	return find_pool(play, &found) &&
	       play_expect(play, phase, "pools named sctp", there, found) &&
	       play_expect_balanced(play, phase);
}

/* Messages are charged on both sides, and all returned when these are gone. */
static bool use(struct play *play, struct cast *cast)
{
	struct actor users = { 0 };
	long long value;
	bool ok = play_start(play, &users, "user", user, cast);

	close(cast->listener);
	ok = ok && play_await(play, &users, &value) &&
	     expect_pool(play, "in use", true);
	if (ok)
		play_peak(play);
	actor_kill(&users);
	return ok;
}

/* To open a socket loads it. */
static bool load(struct play *play, struct cast *cast)
{
	loopback_set(&cast->server, play->family, play->port);
	cast->server.protocol = IPPROTO_SCTP;
	cast->listener = loopback_listen(&cast->server, 4096);
	return cast->listener >= 0 ||
	       play_skip(play, "the kernel has no such protocol");
}

static void play(struct play *play)
{
	struct cast cast = { .connections = play->connections };
	long long pages;
	bool loaded;

	if (!find_pool(play, &loaded))
		return;
	if (loaded) {
		play_skip(play, "sctp is loaded, and cannot be unloaded");
		return;
	}
	if (play_expect_balanced(play, "before") &&
	    play_pages(play, &pages) && load(play, &cast) &&
	    expect_pool(play, "loaded", true) && use(play, &cast))
		play_expect_return(play, "after", pages);
}

/*
 * About SCTP, but not to be asked for before it is played: that would load it.
 * The module's own control socket holds it from then on.
 */
const struct scenario sctp_load = {
	.name = "sctp-load",
	.summary = "the kernel learns SCTP: the pool is there from then on",
	.protocols = "SCTP",
	.connections = 20,
	.pages = 2,
	.play = play,
};
