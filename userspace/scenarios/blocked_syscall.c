// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread waits in poll() for connections, while another puts something else
 * in the place of their descriptors. The system call holds them until it
 * returns. (recv() returns when the connection is reset; poll() looks again,
 * at what is now in that place, and goes on waiting.)
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kept.h"

struct wait {
	struct pollfd *fds;
	unsigned int count;
	pid_t thread;
};

static void *wait_for_ever(void *arg)
{
	struct wait *wait = arg;

	__atomic_store_n(&wait->thread, gettid(), __ATOMIC_RELEASE);
	ppoll(wait->fds, wait->count, NULL, NULL);
	/* does not happen; the process without the thread would be no holder */
	_exit(1);
}

/*
 * Whether the thread sleeps in ppoll() (arm64 has no poll): /proc names the
 * system call.
 */
static bool is_waiting(const struct wait *wait)
{
	pid_t thread = __atomic_load_n(&wait->thread, __ATOMIC_ACQUIRE);
	char path[64];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", thread);
	file = thread ? fopen(path, "re") : NULL;
	if (!file)
		return false;
	if (fscanf(file, "%ld", &number) != 1)
		number = -1;
	fclose(file);
	return number == SYS_ppoll;
}

static void keep(struct stage *stage, int *fds, unsigned int count)
{
	static struct wait wait;
	pthread_t thread;
	int ends[2];

	wait.fds = calloc(count, sizeof(*wait.fds));
	wait.count = count;
	if (!wait.fds || pipe(ends))
		stage_fail(stage, "pipe");
	/* data is there already: only urgent data would be news */
	for (unsigned int i = 0; i < count; i++)
		wait.fds[i] = (struct pollfd){ .fd = fds[i], .events = POLLPRI };
	errno = pthread_create(&thread, NULL, wait_for_ever, &wait);
	if (errno)
		stage_fail(stage, "pthread_create");
	while (!is_waiting(&wait))
		play_pause();
	for (unsigned int i = 0; i < count; i++)
		if (dup2(ends[0], fds[i]) < 0)
			stage_fail(stage, "dup2");
}

static void play(struct play *play)
{
	kept_play(play, &(struct kept){ .keep = keep, .unreachable = true });
}

const struct scenario blocked_syscall = {
	.name = "blocked-syscall",
	.summary = "a system call waits for closed and reset connections: nothing leads there",
	.connections = 10,
	.pages = 2,
	.play = play,
};
