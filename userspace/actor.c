// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actor.h"

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

bool actor_await(struct actor *actor, long long *value)
{
	struct report report;
	ssize_t length;

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
