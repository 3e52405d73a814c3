// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same sockets in several descriptor tables: the holder's, its child's,
 * and that of a thread which has unshared it, where half of them are closed.
 * Then the server resets them, so that descriptors are the only way to them.
 * Each is to be counted once, with both processes as its holders.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../connections.h"
#include "scenarios.h"

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
};

static void server(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	int *fds = connections_accept(stage, cast->listener,
				      cast->connections, 0);

	for (unsigned int i = 0; i < cast->connections; i++)
		loopback_linger(fds[i], 0);
	stage_report(stage, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		close(fds[i]);
	stage_report(stage, 0);
}

static void *keep_own_table(void *arg)
{
	pthread_barrier_t *barrier = arg;

	if (unshare(CLONE_FILES))
		_exit(1);
	pthread_barrier_wait(barrier);
	for (;;)
		pause();
}

/* Returns when the thread has a table of its own. */
static void start_thread(struct stage *stage)
{
	static pthread_barrier_t barrier;
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	errno = pthread_create(&thread, NULL, keep_own_table, &barrier);
	if (errno)
		stage_fail(stage, "pthread_create");
	pthread_barrier_wait(&barrier);
}

/* A child that keeps what it has inherited, and dies with its parent. */
static void start_heir(struct stage *stage)
{
	pid_t pid = fork();

	if (pid < 0)
		stage_fail(stage, "fork");
	if (pid)
		return;
	prctl(PR_SET_NAME, "heir");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static void holder(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	int *fds;

	close(cast->listener);
	fds = connections_connect(stage, &cast->server, cast->connections);
	start_heir(stage);
	start_thread(stage);
	/* these stay open in the tables of the child and the thread */
	for (unsigned int i = 0; i < cast->connections; i += 2)
		close(fds[i]);
	stage_report(stage, cast->connections);
}

static bool expect_two_holders(struct play *play, const char *phase,
			       enum books_class class,
			       const struct actor *actor)
{
	long long shared = 0;
	struct books books;

	if (!play_books(play, "owners", &books))
		return false;
	for (size_t i = 0; i < books.n_owners; i++)
		if (books.owners[i].class == class &&
		    books.owners[i].pid == actor->pid &&
		    books.owners[i].holders.count == 2)
			shared += books.owners[i].charge.sockets;
	books_free(&books);
	return play_expect(play, phase, "sockets with two holders",
			   play->connections, shared);
}

static bool expect_shared(struct play *play, const char *phase,
			  enum books_class class, const struct actor *actor)
{
	struct whose whose = { class, actor };

	return play_expect_sockets(play, phase, whose, play->connections) &&
	       expect_two_holders(play, phase, class, actor) &&
	       play_expect_balanced(play, phase);
}

static void play(struct play *play)
{
	struct cast cast = { .connections = play->connections };
	struct actor servers = { 0 }, holders = { 0 };
	long long value;
	bool ok;

	if (!play_listen(play, &cast.server, 4096, &cast.listener))
		return;
	ok = play_expect_balanced(play, "before") &&
	     play_start(play, &servers, "server", server, &cast) &&
	     play_start(play, &holders, "holder", holder, &cast);
	close(cast.listener);
	ok = ok && play_await(play, &servers, &value) &&
	     play_await(play, &holders, &value) &&
	     expect_shared(play, "connected", BOOKS_CLASS_OPEN, &holders) &&
	     play_step(play, &servers, &value) &&
	     expect_shared(play, "peak", BOOKS_CLASS_CLOSED_HELD, &holders);
	if (ok)
		play_peak(play);
	actor_kill(&holders);
	actor_kill(&servers);
	if (ok)
		play_expect_balanced(play, "after");
}

const struct scenario shared_descriptors = {
	.name = "shared-descriptors",
	.summary = "one socket in three descriptor tables counts once, all holders named",
	.connections = 100,
	.pages = 2,
	.play = play,
};
