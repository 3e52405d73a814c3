// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actor.h"

/* Longer than TCP waits between two attempts (TCP_RTO_MAX). */
#define PATIENCE_S 150

struct report {
	long long value;
	char error[128];	/* empty unless the actor failed */
};

static void play(struct stage *stage, const char *name, pid_t parent,
		 void (*part)(struct stage *stage, void *arg), void *arg)
{
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	part(stage, arg);
	_exit(0);
}

bool actor_start(struct actor *actor, const char *name,
		 void (*part)(struct stage *stage, void *arg), void *arg)
{
	pid_t parent = getpid();
	int fds[2];

	memset(actor, 0, sizeof(*actor));
	actor->name = name;
	actor->patience_s = PATIENCE_S;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		goto fail;
	fflush(NULL);
	actor->pid = fork();
	if (actor->pid == 0) {
		close(fds[0]);
		play(&(struct stage){ .fd = fds[1] }, name, parent, part, arg);
	}
	close(fds[1]);
	actor->fd = fds[0];
	if (actor->pid > 0)
		return true;
	actor->pid = 0;
	close(fds[0]);
fail:
	snprintf(actor->error, sizeof(actor->error), "%s: cannot start: %s",
		 name, strerror(errno));
	return false;
}

/* The CPU time it has used, or -1 if it is gone. */
static long long worked_ns(const struct actor *actor)
{
	struct timespec time;
	clockid_t clock;

	if (clock_getcpuclockid(actor->pid, &clock) ||
	    clock_gettime(clock, &time))
		return -1;
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Until there is something to read: false if the actor sleeps for too long. */
static bool await_word(const struct actor *actor)
{
	struct pollfd word = { .fd = actor->fd, .events = POLLIN };
	long long before, now = -1;
	int asleep = 0;

	while (poll(&word, 1, 1000) == 0) {
		before = now;
		now = worked_ns(actor);
		asleep = now == before ? asleep + 1 : 0;
		if (asleep >= actor->patience_s)
			return false;
	}
	return true;
}

bool actor_await(struct actor *actor, long long *value)
{
	struct report report;
	ssize_t length;

	if (!await_word(actor)) {
		snprintf(actor->error, sizeof(actor->error),
			 "%s (pid %d) has done nothing for %d s", actor->name,
			 actor->pid, actor->patience_s);
		return false;
	}
	do
		length = read(actor->fd, &report, sizeof(report));
	while (length < 0 && errno == EINTR);
	if (length != sizeof(report)) {
		snprintf(actor->error, sizeof(actor->error),
			 "%s (pid %d) died before its report", actor->name,
			 actor->pid);
		return false;
	}
	if (report.error[0]) {
		snprintf(actor->error, sizeof(actor->error), "%s: %s",
			 actor->name, report.error);
		return false;
	}
	*value = report.value;
	return true;
}

bool actor_cue(struct actor *actor)
{
	if (send(actor->fd, "", 1, MSG_NOSIGNAL) == 1)
		return true;
	snprintf(actor->error, sizeof(actor->error), "%s (pid %d) is gone",
		 actor->name, actor->pid);
	return false;
}

bool actor_freeze(struct actor *actor)
{
	int status;

	if (!kill(actor->pid, SIGSTOP) &&
	    waitpid(actor->pid, &status, WUNTRACED) == actor->pid &&
	    WIFSTOPPED(status))
		return true;
	snprintf(actor->error, sizeof(actor->error),
		 "%s (pid %d) cannot be stopped", actor->name, actor->pid);
	return false;
}

void actor_thaw(struct actor *actor)
{
	kill(actor->pid, SIGCONT);
}

void actor_kill(struct actor *actor)
{
	if (!actor->pid)
		return;
	kill(actor->pid, SIGKILL);
	waitpid(actor->pid, NULL, 0);
	close(actor->fd);
	actor->pid = 0;
}

void stage_report(struct stage *stage, long long value)
{
	struct report report = { .value = value };
	char cue;

	if (write(stage->fd, &report, sizeof(report)) != sizeof(report) ||
	    read(stage->fd, &cue, 1) != 1)
		_exit(1);
}

void stage_fail(struct stage *stage, const char *what)
{
	struct report report = { .value = -1 };

	snprintf(report.error, sizeof(report.error), "%s: %s", what,
		 strerror(errno));
	if (write(stage->fd, &report, sizeof(report)) != sizeof(report))
		_exit(2);
	_exit(1);
}
