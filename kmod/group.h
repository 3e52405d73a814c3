/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups of sockets that have the same owner: same class, network namespace,
 * listener and set of holders.
 */
#ifndef SKBAL_GROUP_H
#define SKBAL_GROUP_H

#include <linux/types.h>

#include "balance.h"
#include "snapshot.h"

struct skbal_group {
	u32 first;	/* of @count entries in the order */
	u32 count;
	s64 bytes;
};

struct skbal_groups {
	u32 *order;	/* the pool's sockets, those of a group together */
	u32 sockets;
	struct skbal_group *groups;	/* the largest charge first */
	u32 count;
};

/**
 * skbal_groups_make() - group the sockets of a pool
 * @snap: with details, classified by skbal_balance_settle()
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM. Either way skbal_groups_free() frees the memory.
 */
int skbal_groups_make(struct skbal_snapshot *snap, enum skbal_pool_id pool,
		      struct skbal_groups *ret);

void skbal_groups_free(struct skbal_groups *groups);

/** skbal_group_holders() - whose holders own a socket: its listener's or its
 * own; index plus one, as in struct skbal_detail
 */
u32 skbal_group_holders(const struct skbal_snapshot *snap,
			const struct skbal_socket *socket);

#endif /* SKBAL_GROUP_H */
