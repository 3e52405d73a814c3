/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups of sockets that have the same owner: same class, network namespace,
 * listener, user, cgroups and set of holders.
 */
#ifndef SKBAL_GROUP_H
#define SKBAL_GROUP_H

#include <linux/types.h>
#include <net/tcp_states.h>

#include "balance.h"
#include "snapshot.h"

struct skbal_group {
	u32 example;			/* one of its sockets: all own the same */
	u32 hash;			/* of what they have in common */
	struct skbal_sum sum;
	u32 states[TCP_MAX_STATES];
	u32 longest_wait_ms;
};

struct skbal_groups {
	struct skbal_group *groups;	/* the largest charge first */
	u32 count;
	u32 *index;			/* of groups, by hash: plus one, or 0 */
	unsigned int index_bits;
};

/**
 * skbal_groups_make() - group the sockets of a pool
 * @snap: with details, classified by skbal_balance_settle()
 * @ret: zero
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM. Either way skbal_groups_free() frees the memory.
 */
int skbal_groups_make(const struct skbal_snapshot *snap,
		      enum skbal_pool_id pool, struct skbal_groups *ret);

void skbal_groups_free(struct skbal_groups *groups);

/** skbal_group_holders() - whose holders own a socket: its listener's, its
 * msk's or its own; index plus one, as in struct skbal_socket
 */
u32 skbal_group_holders(const struct skbal_snapshot *snap,
			const struct skbal_socket *socket);

#endif /* SKBAL_GROUP_H */
