/* SPDX-License-Identifier: GPL-2.0-only */
/* How a socket came into being. */
#ifndef SKBAL_BIRTH_H
#define SKBAL_BIRTH_H

#include <linux/sched.h>
#include <linux/types.h>

struct seq_file;

#define SKBAL_STACK 8
/* of a socket that is not the kernel's */
#define SKBAL_USER_STACK 3

struct skbal_birth {
	unsigned long jiffies;
	unsigned long stack[SKBAL_STACK];
	/* the process that made it; a listener's child: that made the listener */
	pid_t pid;			/* in a snapshot, in the reader's namespace */
	char comm[TASK_COMM_LEN];
	bool child;
	bool known;			/* not a child of an unknown listener */
	u8 depth;			/* of the stack */
};

/** skbal_birth_show() - one line, as FORMAT.md describes it
 * @now: jiffies at the time of the snapshot
 */
void skbal_birth_show(struct seq_file *seq, const struct skbal_birth *birth,
		      unsigned long now);

#endif /* SKBAL_BIRTH_H */
