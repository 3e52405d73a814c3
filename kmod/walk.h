/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What walks have in common. Locks are for live snapshots only. While the
 * machine is stopped no spinlock is held, and enabling bottom halves would be
 * wrong: interrupts are disabled.
 */
#ifndef SKBAL_WALK_H
#define SKBAL_WALK_H

#include <linux/spinlock.h>

#include "snapshot.h"

static inline void skbal_walk_lock(const struct skbal_snapshot *snap,
				   spinlock_t *lock)
	__acquires(lock)
{
	if (snap->live)
		spin_lock_bh(lock);
	else
		__acquire(lock);
}

static inline void skbal_walk_unlock(const struct skbal_snapshot *snap,
				     spinlock_t *lock)
	__releases(lock)
{
	if (snap->live)
		spin_unlock_bh(lock);
	else
		__release(lock);
}

#endif /* SKBAL_WALK_H */
