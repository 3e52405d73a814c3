// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hash.h>
#include <linux/in.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <net/mptcp.h>
#include <net/sock.h>

#include "birth.h"
#include "census.h"
#include "hook.h"
#include "snapshot.h"
#include "track.h"
#include "walk.h"

static bool track;
module_param(track, bool, 0444);
MODULE_PARM_DESC(track, "follow every socket from its birth on");

#define BITS 16

struct entry {
	struct hlist_node node;
	struct sock *sk;
	struct skbal_birth birth;
};

/*
 * Never taken in hard interrupts, as no socket is born or dies there. Who holds
 * the lock cannot be preempted, so no stopped CPU has it.
 */
struct bucket {
	spinlock_t lock;		/* of the list and its entries */
	struct hlist_head entries;
};

static struct bucket *buckets;
static struct kmem_cache *cache;
static atomic_long_t lost;

static struct bucket *bucket_of(const struct sock *sk)
{
	return &buckets[hash_ptr(sk, BITS)];
}

static struct entry *entry_find(const struct bucket *bucket,
				const struct sock *sk)
{
	struct entry *entry;

	hlist_for_each_entry(entry, &bucket->entries, node)
		if (entry->sk == sk)
			return entry;
	return NULL;
}

static void set_maker(struct entry *entry)
{
	entry->birth.child = false;
	entry->birth.known = true;
	entry->birth.pid = current->tgid;
	strscpy(entry->birth.comm, current->group_leader->comm,
		sizeof(entry->birth.comm));
}

/* A child has no maker but the one of its listener, if that is known. */
static void set_parent(struct entry *entry, const struct sock *parent)
{
	struct bucket *bucket = bucket_of(parent);
	const struct entry *known;
	unsigned long flags;

	entry->birth.child = true;
	spin_lock_irqsave(&bucket->lock, flags);
	known = entry_find(bucket, parent);
	entry->birth.known = known && known->birth.known;
	if (entry->birth.known) {
		entry->birth.pid = known->birth.pid;
		memcpy(entry->birth.comm, known->birth.comm,
		       sizeof(entry->birth.comm));
	}
	spin_unlock_irqrestore(&bucket->lock, flags);
}

static void entry_add(struct entry *entry)
{
	struct bucket *bucket = bucket_of(entry->sk);
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	hlist_add_head(&entry->node, &bucket->entries);
	spin_unlock_irqrestore(&bucket->lock, flags);
}

/*
 * Unwinding is most of what a birth costs. Of interest is who in the kernel has
 * made a socket; where it was a system call, or a packet that came in, it is
 * always the same.
 */
static void set_stack(struct skbal_birth *birth, const struct sock *sk,
		      unsigned long from, struct pt_regs *regs)
{
	unsigned int depth = sk->sk_kern_sock ? SKBAL_STACK : SKBAL_USER_STACK;

	birth->stack[0] = from;
	birth->depth = 1;
	if (regs)
		birth->depth += skbal_hook_stack(regs, birth->stack + 1,
						 depth - 1);
}

void skbal_track_born(struct sock *sk, const struct sock *parent,
		      unsigned long from, struct pt_regs *regs)
{
	struct entry *entry;

	if (!sk->sk_prot->memory_allocated)
		return;
	entry = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!entry) {
		atomic_long_inc(&lost);
		return;
	}
	entry->sk = sk;
	entry->birth.jiffies = jiffies;
	set_stack(&entry->birth, sk, from, regs);
	if (parent)
		set_parent(entry, parent);
	else
		set_maker(entry);
	entry_add(entry);
}

void skbal_track_died(const struct sock *sk)
{
	struct bucket *bucket = bucket_of(sk);
	struct entry *entry;
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	entry = entry_find(bucket, sk);
	if (entry)
		hlist_del(&entry->node);
	spin_unlock_irqrestore(&bucket->lock, flags);
	if (entry)
		kmem_cache_free(cache, entry);
}

bool skbal_track_is_mine(const struct sock *sk)
{
	struct bucket *bucket = bucket_of(sk);
	const struct entry *entry;
	bool mine;

	spin_lock_bh(&bucket->lock);
	entry = entry_find(bucket, sk);
	mine = entry && !entry->birth.child &&
	       entry->birth.pid == current->tgid;
	spin_unlock_bh(&bucket->lock);
	return mine;
}

/* 0 where it is not visible, also because it has ended. */
static pid_t pid_seen_from(struct pid_namespace *ns, pid_t pid)
{
	if (ns == &init_pid_ns)
		return pid;
	return pid_nr_ns(find_pid_ns(pid, &init_pid_ns), ns);
}

static void birth_read(struct skbal_snapshot *snap, const struct entry *entry,
		       struct skbal_detail *ret)
{
	struct skbal_birth *birth;

	snap->births.wanted++;
	if (snap->births.used == snap->births.size)
		return;
	birth = skbal_snapshot_birth(snap, snap->births.used++);
	ret->birth = snap->births.used;
	*birth = entry->birth;
	birth->pid = pid_seen_from(snap->pid_ns, birth->pid);
}

/*
 * Without a reference it is a newborn, of which little is initialized, or it
 * waits to be freed: for its packets, or only for a grace period.
 */
static bool is_worth_telling(const struct sock *sk)
{
	if (refcount_read(&sk->sk_refcnt))
		return true;
	return sock_flag(sk, SOCK_DEAD) &&
	       (refcount_read(&sk->sk_wmem_alloc) || skbal_forward_alloc(sk) ||
		atomic_read(&sk->sk_rmem_alloc));
}

/* A subflow's memory may wait for its msk. */
static bool is_adrift(const struct sock *sk)
{
	return refcount_read(&sk->sk_refcnt) && !READ_ONCE(sk->sk_socket) &&
	       !(sk->sk_protocol == IPPROTO_TCP && sk_is_mptcp(sk));
}

static void meet(struct skbal_snapshot *snap, const struct entry *entry)
{
	struct sock *sk = entry->sk;
	struct skbal_socket *socket;

	if (!is_worth_telling(sk))
		return;
	socket = skbal_census_meet(snap, sk, SKBAL_TRACKED |
				   (is_adrift(sk) ? SKBAL_ADRIFT : 0));
	if (!socket)
		return;
	/* waiting for a grace period: see __sk_free() */
	if (!refcount_read(&sk->sk_wmem_alloc))
		socket->flags &= ~SKBAL_USED;
	if (snap->with_births && snap->walk == 1)
		birth_read(snap, entry, skbal_snapshot_detail(snap, socket));
}

static void bucket_walk(struct skbal_snapshot *snap,
			const struct bucket *bucket)
{
	const struct entry *entry;

	hlist_for_each_entry(entry, &bucket->entries, node)
		meet(snap, entry);
}

void skbal_track_walk(struct skbal_snapshot *snap)
{
	unsigned int i;

	if (!track)
		return;
	for (i = 0; i < BIT(BITS); i++) {
		if (hlist_empty(&buckets[i].entries))
			continue;
		skbal_walk_lock(snap, &buckets[i].lock);
		bucket_walk(snap, &buckets[i]);
		skbal_walk_unlock(snap, &buckets[i].lock);
	}
}

bool skbal_track_on(void)
{
	return track;
}

unsigned long skbal_track_lost(void)
{
	return atomic_long_read(&lost);
}

static void buckets_free(void)
{
	struct hlist_node *next;
	struct entry *entry;
	unsigned int i;

	for (i = 0; i < BIT(BITS); i++)
		hlist_for_each_entry_safe(entry, next, &buckets[i].entries,
					  node)
			kmem_cache_free(cache, entry);
	kvfree(buckets);
}

static int buckets_create(void)
{
	unsigned int i;

	buckets = kvmalloc_array(BIT(BITS), sizeof(*buckets), GFP_KERNEL);
	if (!buckets)
		return -ENOMEM;
	for (i = 0; i < BIT(BITS); i++) {
		spin_lock_init(&buckets[i].lock);
		INIT_HLIST_HEAD(&buckets[i].entries);
	}
	return 0;
}

static void memory_free(void)
{
	buckets_free();
	kmem_cache_destroy(cache);
}

int skbal_track_init(void)
{
	int err;

	if (!track)
		return 0;
	cache = kmem_cache_create("skbal_track", sizeof(struct entry), 0, 0,
				  NULL);
	if (!cache)
		return -ENOMEM;
	err = buckets_create();
	if (err) {
		kmem_cache_destroy(cache);
		return err;
	}
	err = skbal_hook_init();
	if (err)
		memory_free();
	return err;
}

void skbal_track_exit(void)
{
	if (!track)
		return;
	skbal_hook_exit();
	memory_free();
}
