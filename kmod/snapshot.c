// SPDX-License-Identifier: GPL-2.0-only
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu_counter.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/timekeeping.h>
#include <net/sock.h>

#include "census.h"
#include "counter.h"
#include "mptcp.h"
#include "owner.h"
#include "packets.h"
#include "sctp.h"
#include "snapshot.h"
#include "tcp.h"
#include "track.h"
#include "udp.h"
#include "unix.h"

/* How often to enlarge the arrays before giving up. */
#define ATTEMPTS 8

/* How many different owners there is room for at first, and how that grows. */
#define REMAINS ((size_t)256)
#define REMAINS_GROWTH 16

static int array_reserve(struct skbal_array *array, size_t wanted, size_t item)
{
	if (!array->items || wanted > array->size) {
		kvfree(array->items);
		array->size = wanted;
		array->items = kvmalloc_array(array->size, item, GFP_KERNEL);
		if (!array->items) {
			array->size = 0;
			return -ENOMEM;
		}
	}
	array->used = 0;
	array->wanted = 0;
	return 0;
}

static int held_reserve(struct skbal_snapshot *snap)
{
	size_t longs = BITS_TO_LONGS(snap->sockets.size);
	int err = array_reserve(&snap->held, longs, sizeof(long));

	if (!err)
		memset(snap->held.items, 0, longs * sizeof(long));
	return err;
}

static int index_reserve(struct skbal_index *index, size_t items)
{
	/* at most three quarters full */
	unsigned int bits = order_base_2(items * 4 / 3 + 1);

	if (!index->slots || bits != index->bits) {
		kvfree(index->slots);
		index->bits = bits;
		index->slots = kvmalloc_array(BIT(bits), sizeof(*index->slots),
					      GFP_KERNEL);
		if (!index->slots)
			return -ENOMEM;
	}
	memset(index->slots, 0, BIT(bits) * sizeof(*index->slots));
	return 0;
}

static size_t index_bytes(const struct skbal_index *index)
{
	return index->slots ? BIT(index->bits) * sizeof(*index->slots) : 0;
}

static int nets_reserve(struct skbal_snapshot *snap, size_t nets)
{
	int err = array_reserve(&snap->nets, nets, sizeof(struct skbal_net));

	snap->last_net = NULL;
	return err ?: index_reserve(&snap->net_index, nets);
}

/*
 * What found no room was counted each time it was met. So there will be room
 * for not too many more.
 */
static int remains_reserve(struct skbal_snapshot *snap)
{
	size_t most = max(snap->remains.size * REMAINS_GROWTH, REMAINS);
	size_t remains = clamp(snap->remains.wanted, REMAINS, most);
	int err = array_reserve(&snap->remains, remains,
				sizeof(struct skbal_remains));

	return err ?: index_reserve(&snap->remains_index, remains);
}

/* A little more, for what is born before the walk. */
static size_t with_slack(size_t wanted)
{
	return wanted + wanted / 64 + 64;
}

static int detail_reserve(struct skbal_snapshot *snap)
{
	size_t sockets = snap->sockets.size;
	size_t holders = max(sockets, snap->holders.wanted);
	size_t names = snap->with_names ? sockets :
					  with_slack(snap->names.wanted);
	int err;

	err = array_reserve(&snap->details, sockets,
			    sizeof(struct skbal_detail));
	if (!err)
		err = array_reserve(&snap->names, names,
				    sizeof(struct skbal_name));
	if (!err)
		err = remains_reserve(snap);
	if (!err)
		err = array_reserve(&snap->holders, with_slack(holders),
				    sizeof(struct skbal_holder));
	if (!err)
		err = array_reserve(&snap->processes,
				    with_slack(snap->processes.wanted),
				    sizeof(struct skbal_process));
	if (!err && snap->with_births)
		err = array_reserve(&snap->births, sockets,
				    sizeof(struct skbal_birth));
	return err;
}

/* Make room, and forget what an earlier walk has found. */
static int snapshot_reserve(struct skbal_snapshot *snap)
{
	struct skbal_expected expected = skbal_counter_expect();
	size_t sockets = max(expected.sockets, snap->sockets.wanted);
	size_t nets = max(expected.nets, snap->nets.wanted);
	int err;

	err = array_reserve(&snap->sockets, with_slack(sockets),
			    sizeof(struct skbal_socket));
	if (!err)
		err = held_reserve(snap);
	if (!err)
		err = index_reserve(&snap->socket_index, snap->sockets.size);
	if (!err)
		err = nets_reserve(snap, nets + 8);
	if (!err && snap->detail)
		err = detail_reserve(snap);
	memset(snap->moved_bytes, 0, sizeof(snap->moved_bytes));
	memset(snap->moved_pages, 0, sizeof(snap->moved_pages));
	memset(snap->churn, 0, sizeof(snap->churn));
	snap->orphans_met = 0;
	snap->orphans_timed = 0;
	snap->orphans_ending = 0;
	snap->subflows = 0;
	return err;
}

static bool snapshot_fits(const struct skbal_snapshot *snap)
{
	return snap->sockets.wanted <= snap->sockets.size &&
	       snap->nets.wanted <= snap->nets.size &&
	       snap->names.wanted <= snap->names.size &&
	       snap->remains.wanted <= snap->remains.size &&
	       snap->holders.wanted <= snap->holders.size &&
	       snap->processes.wanted <= snap->processes.size &&
	       snap->births.wanted <= snap->births.size;
}

static bool counter_is_new(const struct skbal_snapshot *snap, unsigned int n,
			   const struct percpu_counter *counter)
{
	while (n--)
		if (snap->protocols[n].prot->sockets_allocated == counter)
			return false;
	return true;
}

/* Protocols of a pool may count their sockets together or apart. */
static void sockets_allocated_read(struct skbal_snapshot *snap)
{
	struct percpu_counter *counter;
	unsigned int i;

	for (i = 0; i < SKBAL_POOLS; i++)
		snap->sockets_allocated[i] = snap->protos[i] &&
			snap->protos[i]->sockets_allocated ? 0 :
							     SKBAL_NOT_COUNTED;
	for (i = 0; i < snap->nr_protocols; i++) {
		enum skbal_pool_id pool = snap->protocols[i].pool;

		if (pool == SKBAL_POOL_NONE)
			continue;
		counter = snap->protocols[i].prot->sockets_allocated;
		if (counter && counter_is_new(snap, i, counter))
			snap->sockets_allocated[pool] +=
				percpu_counter_sum(counter);
	}
}

static void pools_read(const struct skbal_snapshot *snap,
		       struct skbal_pool_reading ret[SKBAL_POOLS])
{
	unsigned int i;

	for (i = 0; i < SKBAL_POOLS; i++)
		if (snap->protos[i])
			skbal_pool_read(snap->protos[i], &ret[i]);
}

/* The walk has met those that sockets have. */
static void packets_read(struct skbal_snapshot *snap)
{
	rcu_read_lock();
	snap->packets_waiting += skbal_packets_elsewhere(snap->live);
	rcu_read_unlock();
}

static void walk(struct skbal_snapshot *snap, unsigned int number)
{
	snap->walk = number;
	rcu_read_lock();
	if (number == 1)
		skbal_census_init(snap);
	if (skbal_snapshot_wants(snap, SKBAL_POOL_TCP))
		skbal_tcp_walk(snap);
	if (skbal_snapshot_wants(snap, SKBAL_POOL_UDP))
		skbal_udp_walk(snap);
	if (skbal_snapshot_wants(snap, SKBAL_POOL_SCTP))
		skbal_sctp_walk(snap);
	skbal_unix_walk(snap);
	skbal_owner_walk(snap);
	if (skbal_snapshot_wants(snap, SKBAL_POOL_TCP))
		skbal_mptcp_walk(snap);
	skbal_track_walk(snap);
	rcu_read_unlock();
	skbal_census_finish(snap);
}

/* For stop_machine(): all other CPUs spin with interrupts disabled. */
static int take_stopped(void *data)
{
	struct skbal_snapshot *snap = data;
	u64 start = ktime_get_mono_fast_ns();

	walk(snap, 1);
	pools_read(snap, snap->pools);
	sockets_allocated_read(snap);
	skbal_counter_read(snap);
	packets_read(snap);
	snap->pause_ns = ktime_get_mono_fast_ns() - start;
	return 0;
}

/* Read the counters again; what they moved by adds to the bound of error. */
static void counters_compare(struct skbal_snapshot *snap,
			     const struct skbal_pool_reading *before)
{
	unsigned int i;

	pools_read(snap, snap->pools);
	for (i = 0; i < SKBAL_POOLS; i++)
		snap->moved_pages[i] += abs(snap->pools[i].memory_allocated +
					    snap->pools[i].percpu -
					    before[i].memory_allocated -
					    before[i].percpu);
}

static void take_live(struct skbal_snapshot *snap)
{
	struct skbal_pool_reading first[SKBAL_POOLS] = {}, second[SKBAL_POOLS];

	pools_read(snap, first);
	walk(snap, 1);
	counters_compare(snap, first);
	memcpy(second, snap->pools, sizeof(second));
	sockets_allocated_read(snap);
	packets_read(snap);
	walk(snap, 2);
	counters_compare(snap, second);
	/* the books are those between the two walks */
	memcpy(snap->pools, second, sizeof(second));
}

int skbal_snapshot_take(struct skbal_snapshot *snap)
{
	unsigned int i;
	int err;

	/* With PREEMPT_RT the tasks that are stopped may hold spinlocks. */
	if (!snap->live && IS_ENABLED(CONFIG_PREEMPT_RT))
		return -EOPNOTSUPP;
	for (i = 0; i < ATTEMPTS; i++) {
		snap->nr_protocols = 0;
		snap->page_shift = PAGE_SHIFT;
		err = snapshot_reserve(snap);
		if (err)
			return err;
		if (snap->live)
			take_live(snap);
		else
			stop_machine(take_stopped, snap, NULL);
		snap->jiffies = jiffies;
		if (snapshot_fits(snap))
			return 0;
	}
	return -EAGAIN;
}

static bool are_alike(const struct skbal_socket *a, const struct skbal_socket *b)
{
	return a->flags == b->flags && a->net == b->net &&
	       a->protocol == b->protocol && a->state == b->state &&
	       a->parent == b->parent;
}

size_t skbal_snapshot_alike(const struct skbal_snapshot *snap, size_t i)
{
	const struct skbal_socket *first = skbal_snapshot_socket(snap, i);
	size_t most = snap->sockets.used - i;
	size_t n = 1;

	while (n < most && are_alike(first, first + n))
		n++;
	return n;
}

size_t skbal_snapshot_bytes(const struct skbal_snapshot *snap)
{
	return snap->sockets.size * sizeof(struct skbal_socket) +
	       snap->held.size * sizeof(long) +
	       snap->details.size * sizeof(struct skbal_detail) +
	       snap->names.size * sizeof(struct skbal_name) +
	       snap->remains.size * sizeof(struct skbal_remains) +
	       snap->holders.size * sizeof(struct skbal_holder) +
	       snap->processes.size * sizeof(struct skbal_process) +
	       snap->births.size * sizeof(struct skbal_birth) +
	       snap->nets.size * sizeof(struct skbal_net) +
	       index_bytes(&snap->socket_index) +
	       index_bytes(&snap->net_index) +
	       index_bytes(&snap->remains_index);
}

void skbal_snapshot_free(struct skbal_snapshot *snap)
{
	kvfree(snap->sockets.items);
	kvfree(snap->held.items);
	kvfree(snap->details.items);
	kvfree(snap->names.items);
	kvfree(snap->remains.items);
	kvfree(snap->holders.items);
	kvfree(snap->processes.items);
	kvfree(snap->births.items);
	kvfree(snap->nets.items);
	kvfree(snap->socket_index.slots);
	kvfree(snap->net_index.slots);
	kvfree(snap->remains_index.slots);
}
