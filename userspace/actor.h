/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_ACTOR_H
#define SKBALANCE_ACTOR_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * An actor is a process that plays one part of a scenario: the server, the
 * client. It runs from one report to the next, and then waits for its cue, so
 * that at every reading of the books all actors stand still.
 */
struct actor {
	const char *name;	/* also the process's comm */
	pid_t pid;		/* 0 when it has ended */
	int fd;
	int patience_s;		/* how long it may sleep before a report */
	char error[160];	/* why the last step failed */
};

/* What the actor's side talks to. */
struct stage {
	int fd;
};

/*
 * Starts a process that plays part(stage, arg) and then exits. It dies with
 * its parent. False: *actor.error says why.
 */
bool actor_start(struct actor *actor, const char *name,
		 void (*part)(struct stage *stage, void *arg), void *arg);

/*
 * Waits for the next report and sets *value to it, for as long as the actor
 * works: on a kernel that has lost count a connection may stand still. False
 * if it slept for patience_s, failed or died: actor->error says how.
 */
bool actor_await(struct actor *actor, long long *value);

/* Gives the cue to go on after a report. */
bool actor_cue(struct actor *actor);

/* Stops the process with SIGSTOP and waits until it is stopped. */
bool actor_freeze(struct actor *actor);

/* Lets a frozen process go on. */
void actor_thaw(struct actor *actor);

/* Kills the process and waits until it is gone; none: does nothing. */
void actor_kill(struct actor *actor);

/* In the actor: reports a value and waits for the cue. */
void stage_report(struct stage *stage, long long value);

/* In the actor: reports what failed, with errno, and exits. */
void stage_fail(struct stage *stage, const char *what)
	__attribute__((noreturn));

#endif
