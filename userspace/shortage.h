/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_SHORTAGE_H
#define SKBALANCE_SHORTAGE_H

#include <stdbool.h>

/*
 * Allocations of the kernel that fail now and then, small ones (CONFIG_FAILSLAB) and
 * pages (CONFIG_FAIL_PAGE_ALLOC), but none for the memory of processes.
 */
struct shortage {
	unsigned int percent;	/* how many fail */
	int slab, pages;	/* descriptors of that */
};

/* Whether this kernel has both. */
bool shortage_is_possible(void);

/* Gets ready, until shortage_finish() unless it fails. errno says why it does. */
bool shortage_prepare(struct shortage *shortage, unsigned int percent);

/*
 * From now on so many fail of those that this process asks for in its system calls,
 * or of those that cannot wait for memory, anybody's (interrupts').
 */
bool shortage_begin_own(const struct shortage *shortage);
bool shortage_begin_atomic(const struct shortage *shortage);
bool shortage_end(const struct shortage *shortage);

/* As it was before its end. */
bool shortage_resume(const struct shortage *shortage);

/* Also where the process that had begun is gone. */
bool shortage_finish(const struct shortage *shortage);

#endif
