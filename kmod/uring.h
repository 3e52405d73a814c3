/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io_uring: a file that is registered with a ring lives on when its descriptor
 * is closed.
 */
#ifndef SKBAL_URING_H
#define SKBAL_URING_H

#include <linux/types.h>

struct file;

#ifdef SKBAL_HAVE_URING

/** skbal_uring_is() - is the file a ring? */
bool skbal_uring_is(const struct file *file);

/**
 * skbal_uring_visit() - call @fn for every file that is registered
 * @live: whether the machine is not stopped
 *
 * While a process is registering files none are found.
 * Context: something keeps @ring alive; may be atomic.
 */
void skbal_uring_visit(struct file *ring, bool live,
		       void (*fn)(struct file *file, void *data), void *data);

#else

static inline bool skbal_uring_is(const struct file *file) { return false; }
static inline void
skbal_uring_visit(struct file *ring, bool live,
		  void (*fn)(struct file *file, void *data), void *data) {}

#endif

#endif /* SKBAL_URING_H */
