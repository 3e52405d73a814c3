// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two containers, each with a network and a pid namespace of its own, hold
 * connections that were reset. A reader outside knows their processes by the
 * numbers that they have outside; a reader inside knows its own only.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../netns.h"
#include "scenarios.h"

#define PAYLOAD 1000
#define CONTAINERS 2

struct cast {
	sa_family_t family;
	unsigned int connections;
};

/* What a reader inside sees of the closed-held sockets. */
struct sight {
	long long own;		/* of pid 1 */
	long long foreign;	/* of a process that has no number there */
	long long others;
};

/* Both ends are here; one is closed with a RST. */
static void make_closed_held(struct stage *stage, struct cast *cast)
{
	static const char data[PAYLOAD];
	struct loopback server;
	int listener, *fds;

	loopback_set(&server, cast->family, 0);
	listener = loopback_listen(&server, (int)cast->connections);
	if (listener < 0)
		stage_fail(stage, "listen");
	connections_connect(stage, &server, cast->connections);
	fds = connections_accept(stage, listener, cast->connections, 0);
	for (unsigned int i = 0; i < cast->connections; i++) {
		if (send(fds[i], data, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
			stage_fail(stage, "send");
		connection_reset(stage, fds[i]);
	}
	close(listener);
}

static void look(struct stage *stage, struct sight *sight)
{
	struct books books;
	char *error = NULL;

	*sight = (struct sight){ 0 };
	errno = -books_read(&books, "tcp", "owners", false, &error);
	if (errno)
		stage_fail(stage, "the books, inside");
	for (size_t i = 0; i < books.n_owners; i++) {
		const struct books_owner *owner = &books.owners[i];

		if (owner->class != BOOKS_CLASS_CLOSED_HELD)
			continue;
		if (owner->pid == 1)
			sight->own += owner->charge.sockets;
		else if (owner->pid == 0)
			sight->foreign += owner->charge.sockets;
		else
			sight->others += owner->charge.sockets;
	}
	books_free(&books);
}

/* The first process of the container. It is told its number outside. */
static void inmate(struct stage *stage, struct cast *cast, int told)
{
	struct sight sight;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(told, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	make_closed_held(stage, cast);
	stage_report(stage, pid);
	look(stage, &sight);
	stage_report(stage, sight.own);
	stage_report(stage, sight.foreign);
	stage_report(stage, sight.others);
}

/* Stays outside its pid namespace, and leaves the stage to the inmate. */
static void container(struct stage *stage, void *arg)
{
	int tell[2];
	pid_t pid;

	if (!loopback_unshare(CLONE_NEWNET | CLONE_NEWPID))
		stage_fail(stage, "unshare");
	if (pipe(tell))
		stage_fail(stage, "pipe");
	pid = fork();
	if (pid < 0)
		stage_fail(stage, "fork");
	if (!pid) {
		inmate(stage, arg, tell[0]);
		_exit(0);
	}
	if (write(tell[1], &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	for (;;)
		pause();
}

struct round {
	struct cast cast;
	struct actor containers[CONTAINERS];
	struct actor inmates[CONTAINERS]; /* their numbers, outside */
};

static bool start(struct play *play, struct round *round, int i)
{
	struct actor *inmate = &round->inmates[i];
	long long pid;

	if (!play_start(play, &round->containers[i], "container", container,
			&round->cast) ||
	    !play_await(play, &round->containers[i], &pid))
		return false;
	*inmate = (struct actor){ .name = "inmate", .pid = (pid_t)pid };
	return true;
}

static bool expect_outside(struct play *play, const struct actor *inmate)
{
	struct whose held = whose(BOOKS_CLASS_CLOSED_HELD, inmate);
	long long netns = netns_of_process(inmate->pid), there = 0;
	struct books books;

	if (!play_expect_state(play, "peak", held, "CLOSE", play->connections) ||
	    !play_expect_meminfo(play, "peak", held) ||
	    !play_books(play, "owners", &books))
		return false;
	for (size_t i = 0; i < books.n_owners; i++)
		if (books.owners[i].class == BOOKS_CLASS_CLOSED_HELD &&
		    books.owners[i].pid == inmate->pid &&
		    books.owners[i].netns == netns)
			there += books.owners[i].charge.sockets;
	books_free(&books);
	return play_expect(play, "peak", "sockets in its network namespace",
			   play->connections, there);
}

static bool expect_inside(struct play *play, struct actor *container)
{
	long long own, foreign, others;

	return play_step(play, container, &own) &&
	       play_step(play, container, &foreign) &&
	       play_step(play, container, &others) &&
	       play_expect(play, "peak, inside", "sockets of pid 1",
			   play->connections, own) &&
	       play_expect(play, "peak, inside", "sockets of processes outside",
			   (CONTAINERS - 1) * (long long)play->connections,
			   foreign) &&
	       play_expect(play, "peak, inside", "sockets of other processes",
			   0, others);
}

static bool peak(struct play *play, struct round *round)
{
	for (int i = 0; i < CONTAINERS; i++)
		if (!expect_outside(play, &round->inmates[i]) ||
		    !expect_inside(play, &round->containers[i]))
			return false;
	return play_expect_balanced(play, "peak");
}

static bool after(struct play *play, struct round *round)
{
	for (int i = 0; i < CONTAINERS; i++)
		if (!play_expect_sockets(play, "after",
					 whose(BOOKS_CLASS_CLOSED_HELD,
					       &round->inmates[i]), 0))
			return false;
	return play_expect_settled(play, "after");
}

static void play(struct play *play)
{
	struct round round = {
		.cast = { .family = play->family,
			  .connections = play->connections },
	};
	bool ok = play_expect_balanced(play, "before");

	for (int i = 0; i < CONTAINERS; i++)
		ok = ok && start(play, &round, i);
	ok = ok && peak(play, &round);
	if (ok)
		play_peak(play);
	for (int i = 0; i < CONTAINERS; i++)
		actor_kill(&round.containers[i]);
	if (ok)
		after(play, &round);
}

const struct scenario namespaces = {
	.name = "namespaces",
	.summary = "containers hold closed sockets: each reader sees the numbers that it knows",
	.connections = 50,
	.pages = 4,
	.play = play,
};
