// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "group.h"

/* What sockets must have in common to be of one group, beside the holders. */
struct ownership {
	u32 remains;
	u32 net;
	u32 listener;
	u32 class;
	u32 via;
};

static void ownership_read(const struct skbal_snapshot *snap,
			   const struct skbal_socket *socket,
			   struct ownership *ret)
{
	const struct skbal_detail *detail = skbal_snapshot_detail(snap, socket);

	memset(ret, 0, sizeof(*ret));
	ret->remains = detail->remains;
	ret->net = socket->net;
	ret->listener = detail->listener;
	ret->class = socket->class;
	ret->via = socket->flags & (SKBAL_PASSED | SKBAL_REGISTERED);
}

u32 skbal_group_holders(const struct skbal_snapshot *snap,
			const struct skbal_socket *socket)
{
	u32 listener = skbal_snapshot_detail(snap, socket)->listener;

	if (listener)
		socket = skbal_snapshot_socket(snap, listener - 1);
	/* a subflow has no descriptor, but its msk has */
	if (socket->parent)
		socket = skbal_snapshot_socket(snap, socket->parent - 1);
	return socket->holders;
}

static u32 mix(u32 hash, u64 value)
{
	return hash_64(hash + value, 32);
}

static u32 hash_of(const struct skbal_snapshot *snap,
		   const struct skbal_socket *socket, const struct ownership *own)
{
	u32 holders = skbal_group_holders(snap, socket);
	u32 i = holders;
	u32 hash = 0;

	hash = mix(hash, own->remains);
	hash = mix(hash, own->net);
	hash = mix(hash, own->listener);
	hash = mix(hash, own->class | (u64)own->via << 32);
	if (holders) {
		do {
			const struct skbal_holder *holder =
				skbal_snapshot_holder(snap, i - 1);

			hash = mix(hash, holder->process);
			i = holder->next;
		} while (i != holders);
	}
	return hash;
}

/* Two rings of holders, both in the order of the task list. */
static bool same_holders(const struct skbal_snapshot *snap, u32 a, u32 b)
{
	const struct skbal_holder *x, *y;
	u32 i = a, j = b;

	if (a == b || !a || !b)
		return a == b;
	do {
		x = skbal_snapshot_holder(snap, i - 1);
		y = skbal_snapshot_holder(snap, j - 1);
		if (x->process != y->process)
			return false;
		i = x->next;
		j = y->next;
	} while (i != a && j != b);
	return i == a && j == b;
}

static bool same_owner(const struct skbal_snapshot *snap,
		       const struct skbal_socket *a, const struct ownership *own_a,
		       const struct skbal_socket *b)
{
	struct ownership own_b;

	ownership_read(snap, b, &own_b);
	return !memcmp(own_a, &own_b, sizeof(own_b)) &&
	       same_holders(snap, skbal_group_holders(snap, a),
			    skbal_group_holders(snap, b));
}

/* The slot of the group that @socket belongs to; 0 in it if there is none. */
static u32 *group_slot(const struct skbal_groups *groups,
		       const struct skbal_snapshot *snap,
		       const struct skbal_socket *socket,
		       const struct ownership *own, u32 hash)
{
	u32 mask = BIT(groups->index_bits) - 1;
	u32 i;

	for (i = hash & mask; groups->index[i]; i = (i + 1) & mask) {
		const struct skbal_group *group =
			&groups->groups[groups->index[i] - 1];

		if (group->hash == hash &&
		    same_owner(snap, socket, own,
			       skbal_snapshot_socket(snap, group->example)))
			break;
	}
	return &groups->index[i];
}

/* Half of the index is used at most, so there are half as many groups. */
static u32 room(const struct skbal_groups *groups)
{
	return BIT(groups->index_bits) / 2;
}

static void index_fill(struct skbal_groups *groups)
{
	u32 mask = BIT(groups->index_bits) - 1;
	u32 group, i;

	for (group = 0; group < groups->count; group++) {
		i = groups->groups[group].hash & mask;
		while (groups->index[i])
			i = (i + 1) & mask;
		groups->index[i] = group + 1;
	}
}

static int groups_grow(struct skbal_groups *groups)
{
	struct skbal_groups larger = {
		.count = groups->count,
		.index_bits = max(groups->index_bits + 1, 7U),
	};

	larger.index = kvcalloc(BIT(larger.index_bits), sizeof(*larger.index),
				GFP_KERNEL);
	larger.groups = kvmalloc_array(room(&larger), sizeof(*larger.groups),
				       GFP_KERNEL);
	if (!larger.index || !larger.groups) {
		skbal_groups_free(&larger);
		return -ENOMEM;
	}
	memcpy(larger.groups, groups->groups,
	       groups->count * sizeof(*groups->groups));
	index_fill(&larger);
	skbal_groups_free(groups);
	*groups = larger;
	return 0;
}

static void group_add(const struct skbal_snapshot *snap,
		      struct skbal_group *group,
		      const struct skbal_socket *socket)
{
	skbal_sum_add(&group->sum, socket);
	if (socket->state < TCP_MAX_STATES)
		group->states[socket->state]++;
	group->longest_wait_ms =
		max(group->longest_wait_ms,
		    skbal_snapshot_detail(snap, socket)->wait_ms);
}

static int socket_add(const struct skbal_snapshot *snap, u32 i,
		      struct skbal_groups *groups)
{
	const struct skbal_socket *socket = skbal_snapshot_socket(snap, i);
	struct skbal_group *group;
	struct ownership own;
	u32 *slot;
	u32 hash;

	if (!groups->index || groups->count == room(groups)) {
		int err = groups_grow(groups);

		if (err)
			return err;
	}
	ownership_read(snap, socket, &own);
	hash = hash_of(snap, socket, &own);
	slot = group_slot(groups, snap, socket, &own, hash);
	if (!*slot) {
		group = &groups->groups[groups->count++];
		memset(group, 0, sizeof(*group));
		group->example = i;
		group->hash = hash;
		*slot = groups->count;
	}
	group_add(snap, &groups->groups[*slot - 1], socket);
	return 0;
}

static int compare_groups(const void *a, const void *b)
{
	const struct skbal_group *x = a, *y = b;
	s64 bytes_x = skbal_sum_bytes(&x->sum), bytes_y = skbal_sum_bytes(&y->sum);

	if (bytes_x != bytes_y)
		return bytes_x < bytes_y ? 1 : -1;
	if (x->sum.sockets != y->sum.sockets)
		return x->sum.sockets < y->sum.sockets ? 1 : -1;
	return x->example < y->example ? -1 : 1;
}

int skbal_groups_make(const struct skbal_snapshot *snap,
		      enum skbal_pool_id pool, struct skbal_groups *ret)
{
	u32 i;

	for (i = 0; i < snap->sockets.used; i++) {
		int err;

		if (skbal_snapshot_pool(snap, skbal_snapshot_socket(snap, i)) !=
		    pool)
			continue;
		err = socket_add(snap, i, ret);
		if (err)
			return err;
	}
	sort(ret->groups, ret->count, sizeof(*ret->groups), compare_groups,
	     NULL);
	return 0;
}

void skbal_groups_free(struct skbal_groups *groups)
{
	kvfree(groups->groups);
	kvfree(groups->index);
}
