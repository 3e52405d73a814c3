// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "group.h"

static int compare(s64 a, s64 b)
{
	return a < b ? -1 : a > b;
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
	return skbal_snapshot_detail(snap, socket)->holders;
}

/* Two rings of holders, both in the order of the task list. */
static int compare_holders(const struct skbal_snapshot *snap, u32 a, u32 b)
{
	const struct skbal_holder *x, *y;
	u32 i = a, j = b;

	if (!a || !b)
		return compare(!!a, !!b);
	do {
		x = skbal_snapshot_holder(snap, i - 1);
		y = skbal_snapshot_holder(snap, j - 1);
		if (x->process != y->process)
			return compare(x->process, y->process);
		i = x->next;
		j = y->next;
	} while (i != a && j != b);
	return compare(i != a, j != b);
}

static int compare_owners(const struct skbal_snapshot *snap,
			  const struct skbal_socket *a,
			  const struct skbal_socket *b)
{
	const struct skbal_detail *x = skbal_snapshot_detail(snap, a);
	const struct skbal_detail *y = skbal_snapshot_detail(snap, b);

	if (a->class != b->class)
		return compare(a->class, b->class);
	if (a->net != b->net)
		return compare(a->net, b->net);
	if (x->listener != y->listener)
		return compare(x->listener, y->listener);
	if (x->uid != y->uid)
		return compare(x->uid, y->uid);
	if (x->cgroup != y->cgroup)
		return compare(x->cgroup, y->cgroup);
	if (x->memcg != y->memcg)
		return compare(x->memcg, y->memcg);
	if ((a->flags ^ b->flags) & (SKBAL_PASSED | SKBAL_REGISTERED))
		return compare(a->flags & (SKBAL_PASSED | SKBAL_REGISTERED),
			       b->flags & (SKBAL_PASSED | SKBAL_REGISTERED));
	return compare_holders(snap, skbal_group_holders(snap, a),
			       skbal_group_holders(snap, b));
}

static int compare_sockets(const void *a, const void *b, const void *snap)
{
	return compare_owners(snap, skbal_snapshot_socket(snap, *(u32 *)a),
			      skbal_snapshot_socket(snap, *(u32 *)b));
}

static int compare_groups(const void *a, const void *b)
{
	const struct skbal_group *x = a, *y = b;

	if (x->bytes != y->bytes)
		return compare(y->bytes, x->bytes);
	return compare(y->count, x->count);
}

static bool starts_group(const struct skbal_snapshot *snap,
			 const struct skbal_groups *groups, u32 i)
{
	return !i || compare_sockets(&groups->order[i - 1], &groups->order[i],
				     snap);
}

static int order_make(struct skbal_snapshot *snap, enum skbal_pool_id pool,
		      struct skbal_groups *ret)
{
	size_t i;

	ret->order = kvmalloc_array(snap->sockets.used + 1, sizeof(*ret->order),
				    GFP_KERNEL);
	if (!ret->order)
		return -ENOMEM;
	for (i = 0; i < snap->sockets.used; i++)
		if (skbal_snapshot_pool(snap, skbal_snapshot_socket(snap, i)) ==
		    pool)
			ret->order[ret->sockets++] = i;
	sort_r(ret->order, ret->sockets, sizeof(*ret->order), compare_sockets,
	       NULL, snap);
	return 0;
}

static void groups_fill(const struct skbal_snapshot *snap,
			struct skbal_groups *ret)
{
	struct skbal_group *group = ret->groups - 1;
	u32 i;

	for (i = 0; i < ret->sockets; i++) {
		const struct skbal_socket *socket =
			skbal_snapshot_socket(snap, ret->order[i]);

		if (starts_group(snap, ret, i)) {
			group++;
			group->first = i;
		}
		group->count++;
		group->bytes += skbal_charge_total(&socket->charge);
	}
	sort(ret->groups, ret->count, sizeof(*ret->groups), compare_groups,
	     NULL);
}

int skbal_groups_make(struct skbal_snapshot *snap, enum skbal_pool_id pool,
		      struct skbal_groups *ret)
{
	int err;
	u32 i;

	memset(ret, 0, sizeof(*ret));
	err = order_make(snap, pool, ret);
	if (err)
		return err;
	for (i = 0; i < ret->sockets; i++)
		ret->count += starts_group(snap, ret, i);
	ret->groups = kvcalloc(ret->count + 1, sizeof(*ret->groups),
			       GFP_KERNEL);
	if (!ret->groups)
		return -ENOMEM;
	groups_fill(snap, ret);
	return 0;
}

void skbal_groups_free(struct skbal_groups *groups)
{
	kvfree(groups->order);
	kvfree(groups->groups);
}
