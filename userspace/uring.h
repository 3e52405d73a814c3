/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_URING_H
#define SKBALANCE_URING_H

#include <linux/io_uring.h>
#include <stdbool.h>

/*
 * An io_uring(7) for one request at a time, with system calls alone: Debian
 * 12's liburing is older than what is to be asked for.
 */
struct uring {
	int fd;			/* of the ring */
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	/* in the memory that is shared with the kernel */
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
};

/* False: errno says why. The ring is closed when the process ends. */
bool uring_open(struct uring *ring);

/* io_uring_register(2); false: errno says why. */
bool uring_register(struct uring *ring, unsigned int what, const void *arg,
		    unsigned int count);

/* Whether the kernel knows that operation. */
bool uring_knows(struct uring *ring, unsigned int operation);

/*
 * Submits one request and waits for its completion: its result, or -1 with
 * errno set. Notifications of earlier requests are dropped.
 */
int uring_do(struct uring *ring, const struct io_uring_sqe *request);

#endif
