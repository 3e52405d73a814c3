/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_KMSG_H
#define SKBALANCE_KMSG_H

#include <stdbool.h>

/* The kernel log, from a mark on. */
struct kmsg {
	int fd;
};

/* Opens the log and sets the mark at its end. False: errno says why. */
bool kmsg_open(struct kmsg *kmsg);

/*
 * Reads what was logged since the mark or the last call, and passes every
 * line that tells of a bug (WARNING, BUG, Oops, stall, ...) to report().
 * Returns how many there were; lines that were lost count as one.
 */
unsigned int kmsg_bugs(struct kmsg *kmsg,
		       void (*report)(void *arg, const char *line), void *arg);

void kmsg_close(struct kmsg *kmsg);

/* Whether a line of the kernel log tells of a bug. */
bool kmsg_is_bug(const char *line);

#endif
