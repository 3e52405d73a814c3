// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "balance.h"
#include "counter.h"
#include "packets.h"

/* The pause after the first snapshot; each is twice as long, up to a limit. */
#define PAUSE_MS 20
#define PAUSE_MAX_MS 250
/* How many snapshots must agree; the first four span 140 ms. */
#define AGREE 4
/*
 * How many are taken at most: they span 5 s. A neighbour is asked for 3 s
 * (mcast_solicit), and so long may a packet keep a socket that was closed.
 */
#define SNAPSHOTS 24

const char *const skbal_class_names[SKBAL_CLASSES] = {
	[SKBAL_OPEN] = "open",
	[SKBAL_LISTEN] = "listen",
	[SKBAL_ACCEPT_QUEUE] = "accept-queue",
	[SKBAL_CLOSED_HELD] = "closed-held",
	[SKBAL_ORPHAN] = "orphan",
	[SKBAL_KERNEL] = "kernel",
	[SKBAL_FD_IN_FLIGHT] = "fd-in-flight",
	[SKBAL_UNREACHABLE] = "unreachable",
	[SKBAL_ABANDONED] = "abandoned",
};

const char *const skbal_verdict_names[] = {
	[SKBAL_BALANCED] = "balanced",
	[SKBAL_IMBALANCED] = "imbalanced",
	[SKBAL_INCOMPLETE] = "incomplete",
	[SKBAL_IN_FLUX] = "in-flux",
};

s64 skbal_sum_bytes(const struct skbal_sum *sum)
{
	return sum->forward_alloc + sum->write_queue + sum->receive_queue +
	       sum->hidden;
}

s64 skbal_balance_pages(s64 bytes)
{
	return (bytes + (s64)PAGE_SIZE / 2) >> PAGE_SHIFT;
}

bool skbal_balance_is_fractional(const struct skbal_snapshot *snap,
				 const struct skbal_socket *socket)
{
	if (!(skbal_charge_total(&socket->charge) & (BIT(snap->page_shift) - 1)))
		return false;
	if (SKBAL_MPTCP_LENDS && socket->flags & SKBAL_SUBFLOW)
		return false;
	return !(socket->flags & (SKBAL_OPAQUE | SKBAL_MOVING)) &&
	       !skbal_snapshot_is_mptcp(snap, socket);
}

/*
 * The kernel gives some of its own sockets a file, to hand them to a process
 * for the handshake of TLS (svc_tcp_accept()).
 */
static bool is_in_flight(const struct skbal_socket *socket)
{
	if (socket->flags & (SKBAL_PASSED | SKBAL_REGISTERED))
		return true;
	return socket->flags & SKBAL_FILE && !(socket->flags & SKBAL_KERN);
}

/*
 * Whoever is to close it needs its struct socket. A child has none before it is
 * accepted, nor for a moment before it is in the accept queue, and after
 * (inet_accept()); one that stays so was forgotten by its listener. Subflows
 * are closed by their MPTCP socket.
 */
static bool is_abandoned(const struct skbal_snapshot *snap,
			 const struct skbal_socket *socket)
{
	return socket->flags & SKBAL_SOCKETLESS && socket->flags & SKBAL_HASHED &&
	       !(socket->flags & (SKBAL_PASSED | SKBAL_REGISTERED |
				  SKBAL_SUBFLOW)) &&
	       !socket->parent && !skbal_snapshot_is_mptcp(snap, socket);
}

static enum skbal_class class_of_unheld(const struct skbal_snapshot *snap,
					const struct skbal_socket *socket)
{
	if (is_abandoned(snap, socket))
		return SKBAL_ABANDONED;
	return is_in_flight(socket) ? SKBAL_FD_IN_FLIGHT : SKBAL_KERNEL;
}

static enum skbal_class class_of(const struct skbal_snapshot *snap,
				 const struct skbal_socket *socket)
{
	if (socket->flags & SKBAL_QUEUED)
		return SKBAL_ACCEPT_QUEUE;
	if (skbal_snapshot_is_unreachable(socket))
		return SKBAL_UNREACHABLE;
	if (socket->flags & SKBAL_DEAD)
		return SKBAL_ORPHAN;
	if (!(socket->flags & SKBAL_HELD))
		return class_of_unheld(snap, socket);
	if (socket->state == TCP_LISTEN)
		return SKBAL_LISTEN;
	if (socket->state == TCP_CLOSE && !(socket->flags & SKBAL_HASHED))
		return SKBAL_CLOSED_HELD;
	return SKBAL_OPEN;
}

/* A destroyed socket is not counted any more, and waits for the last reference. */
static bool is_destroyed(const struct skbal_snapshot *snap,
			 const struct skbal_socket *socket)
{
	return skbal_snapshot_is_idle_msk(snap, socket) ||
	       (socket->flags & (SKBAL_TRACKED | SKBAL_REQUESTED) &&
		socket->state == TCP_CLOSE);
}

/*
 * Closed SCTP sockets are not counted as allocated any more, although they are
 * charged until their associations have ended (sctp_close()).
 */
static bool is_allocated(const struct skbal_snapshot *snap,
			 const struct skbal_socket *socket)
{
	if (!(socket->flags & SKBAL_DEAD))
		return true;
	return skbal_snapshot_pool(snap, socket) != SKBAL_POOL_SCTP &&
	       !is_destroyed(snap, socket);
}

static void sum_merge(struct skbal_sum *sum, const struct skbal_sum *other)
{
	sum->sockets += other->sockets;
	sum->forward_alloc += other->forward_alloc;
	sum->write_queue += other->write_queue;
	sum->receive_queue += other->receive_queue;
	sum->hidden += other->hidden;
}

/* Sockets that are alike. */
static void add_sockets(const struct skbal_snapshot *snap,
			struct skbal_socket *first, size_t n,
			struct skbal_balance *ret)
{
	enum skbal_class class = class_of(snap, first);
	struct skbal_sum sum = {};
	struct skbal_socket *socket;

	for (socket = first; socket < first + n; socket++) {
		socket->class = class;
		skbal_sum_add(&sum, socket);
		if (class == SKBAL_ABANDONED)
			ret->abandoned_id += (unsigned long)socket->sk;
		if (first->flags & SKBAL_BYPASSED)
			ret->bypassed += skbal_charge_total(&socket->charge);
		if (skbal_balance_is_fractional(snap, socket)) {
			ret->fractional++;
			ret->fractional_id += (unsigned long)socket->sk;
		}
	}
	ret->found += is_allocated(snap, first) ? n : 0;
	ret->owned += first->flags & SKBAL_OWNED ? n : 0;
	ret->opaque += first->flags & SKBAL_OPAQUE ? n : 0;
	ret->charged += skbal_sum_bytes(&sum);
	sum_merge(&ret->classes[class], &sum);
	sum_merge(&ret->protocols[first->protocol], &sum);
}

static s64 missing(const struct skbal_balance *balance)
{
	if (balance->allocated == SKBAL_NOT_COUNTED)
		return 0;
	return balance->allocated - (s64)balance->found;
}

static void say(struct skbal_balance *balance, enum skbal_verdict verdict,
		const char *fmt, ...) __printf(3, 4);

static void say(struct skbal_balance *balance, enum skbal_verdict verdict,
		const char *fmt, ...)
{
	va_list args;

	balance->verdict = verdict;
	va_start(args, fmt);
	vscnprintf(balance->reason, sizeof(balance->reason), fmt, args);
	va_end(args);
}

/*
 * What one snapshot says by itself. First what is certain whatever else may be
 * missing: a socket that is not found can only add to the charge.
 */
static void judge(const struct skbal_snapshot *snap, struct skbal_balance *b)
{
	s64 lost = missing(b);

	if (b->fractional)
		say(b, SKBAL_IMBALANCED,
		    "%llu sockets are not charged a whole number of pages",
		    b->fractional);
	else if (b->unaccounted < 0 && -b->unaccounted > b->bound)
		say(b, SKBAL_IMBALANCED,
		    "sockets are charged more than the counter shows");
	else if (lost < 0 && -lost > b->churn)
		say(b, SKBAL_IMBALANCED,
		    "%lld sockets are alive but not in sockets_allocated",
		    -lost);
	else if (lost > 0 && lost > b->churn)
		say(b, SKBAL_INCOMPLETE,
		    "%lld sockets are allocated but were not found", lost);
	else if (b->unaccounted > 0 && b->unaccounted > b->bound && b->opaque)
		say(b, SKBAL_INCOMPLETE,
		    "%llu sockets have charges that cannot be read (ULP)",
		    b->opaque);
	else if (b->unaccounted > 0 && b->unaccounted > b->bound &&
		 b->packets_waiting)
		say(b, SKBAL_INCOMPLETE, SKBAL_PACKETS_REASON,
		    b->packets_waiting);
	else if (b->unaccounted > 0 && b->unaccounted > b->bound)
		say(b, SKBAL_IMBALANCED,
		    "pages are charged that no socket owns");
	else if (b->bound || b->churn)
		say(b, SKBAL_IN_FLUX,
		    "traffic while reading: off by up to %lld pages, %llu sockets",
		    round_up(b->bound, BIT_ULL(snap->page_shift)) >> snap->page_shift,
		    b->churn);
	else if (b->classes[SKBAL_ABANDONED].sockets)
		say(b, SKBAL_IMBALANCED,
		    "%llu sockets are alive that nobody can close",
		    b->classes[SKBAL_ABANDONED].sockets);
	else
		say(b, SKBAL_BALANCED,
		    "the counter is the sum of what the sockets are charged");
}

static void balance_pool(const struct skbal_snapshot *snap,
			 enum skbal_pool_id id, struct skbal_balance *ret)
{
	ret->counter = snap->pools[id].memory_allocated + snap->pools[id].percpu;
	ret->unaccounted = (ret->counter << snap->page_shift) - ret->charged;
	ret->bound = snap->moved_bytes[id] +
		     (snap->moved_pages[id] << snap->page_shift);
	ret->churn = snap->churn[id];
	ret->allocated = snap->sockets_allocated[id];
	/* the others return their pages before they wait for their packets */
	if (id == SKBAL_POOL_UDP)
		ret->packets_waiting = snap->packets_waiting;
	if (missing(ret) > 0)
		ret->classes[SKBAL_UNREACHABLE].sockets += missing(ret);
	judge(snap, ret);
}

void skbal_balance_all(const struct skbal_snapshot *snap,
		       struct skbal_balance ret[SKBAL_POOLS])
{
	unsigned int id;
	size_t i, n;

	memset(ret, 0, SKBAL_POOLS * sizeof(*ret));
	for (i = 0; i < snap->sockets.used; i += n) {
		struct skbal_socket *socket = skbal_snapshot_socket(snap, i);

		n = skbal_snapshot_alike(snap, i);
		id = skbal_snapshot_pool(snap, socket);
		if (id != SKBAL_POOL_NONE)
			add_sockets(snap, socket, n, &ret[id]);
	}
	for (id = 0; id < SKBAL_POOLS; id++)
		balance_pool(snap, id, &ret[id]);
}

/* What must stay the same from snapshot to snapshot for a loss to be real. */
struct claim {
	enum skbal_verdict verdict;
	s64 unaccounted;
	s64 missing;
	u64 fractional;
	unsigned long fractional_id;
	unsigned long abandoned_id;
};

/* What the snapshots have said of a pool so far. */
struct run {
	struct claim claims[SNAPSHOTS];
	bool quiet[SNAPSHOTS];	/* no process was at any of the sockets */
	unsigned int taken;
	bool stands;
	s64 lowest, highest;	/* unaccounted bytes seen */
};

/* A reading; too large for the stack. */
struct settling {
	struct run runs[SKBAL_POOLS];
	struct skbal_balance now[SKBAL_POOLS];
};

static void run_extend(struct run *run, const struct skbal_balance *balance)
{
	struct claim *claim = &run->claims[run->taken];

	claim->verdict = balance->verdict;
	claim->unaccounted = balance->unaccounted;
	claim->missing = missing(balance);
	claim->fractional = balance->fractional;
	claim->fractional_id = balance->fractional_id;
	claim->abandoned_id = balance->abandoned_id;
	run->quiet[run->taken++] = !balance->owned;
	run->lowest = min(run->lowest, claim->unaccounted);
	run->highest = max(run->highest, claim->unaccounted);
}

/*
 * How many snapshots say what the last one says, and whether one of them is
 * certain: what a process is doing to a socket may be half done.
 */
static unsigned int run_agreeing(const struct run *run, bool *certain)
{
	const struct claim *last = &run->claims[run->taken - 1];
	unsigned int same = 0;
	unsigned int i;

	*certain = false;
	for (i = 0; i < run->taken; i++) {
		if (memcmp(&run->claims[i], last, sizeof(*last)))
			continue;
		*certain |= run->quiet[i];
		same++;
	}
	return same;
}

/*
 * Can the last snapshot be believed? One that is in flux, read live, stays so:
 * traffic does not wait for us. A UDP socket keeps its charge until its last
 * packet has been sent, and for an RCU grace period after it was closed
 * (udp_destruct_sock()). One that was not found may belong to a process that
 * has yet to get a descriptor, and waits for a CPU.
 */
static bool run_stands(enum skbal_pool_id id, const struct run *run)
{
	const struct claim *last = &run->claims[run->taken - 1];
	bool certain;
	unsigned int same = run_agreeing(run, &certain);

	if (last->verdict == SKBAL_IN_FLUX)
		return true;
	if (last->verdict == SKBAL_BALANCED)
		return certain || same > 1;
	if (id == SKBAL_POOL_UDP && last->unaccounted > 0)
		return same == SNAPSHOTS;
	if (last->missing > 0)
		return same >= AGREE && run->taken == SNAPSHOTS;
	if (last->abandoned_id)
		return same > SNAPSHOTS / 2;
	return same >= AGREE && (certain || same > SNAPSHOTS / 2);
}

static void say_unsettled(const struct run *run, struct skbal_balance *balance)
{
	u64 largest = max(abs(run->lowest), abs(run->highest));

	balance->bound = max(balance->bound, largest);
	say(balance, SKBAL_IN_FLUX,
	    "%u snapshots differ: %lld to %lld pages unaccounted, %lld sockets missing",
	    run->taken, skbal_balance_pages(run->lowest),
	    skbal_balance_pages(run->highest), missing(balance));
}

static s64 all_missing(const struct skbal_balance balances[SKBAL_POOLS])
{
	s64 sum = 0;
	unsigned int id;

	for (id = 0; id < SKBAL_POOLS; id++)
		sum += max_t(s64, missing(&balances[id]), 0);
	return sum;
}

/* One more snapshot; what stands already is not asked again. */
static int settle_once(struct skbal_snapshot *snap, struct settling *settling,
		       struct skbal_balance ret[SKBAL_POOLS],
		       struct skbal_counters *counters)
{
	unsigned int id;
	int err = skbal_snapshot_take(snap);

	if (err)
		return err;
	skbal_balance_all(snap, settling->now);
	for (id = 0; id < SKBAL_POOLS; id++) {
		struct run *run = &settling->runs[id];

		if (run->stands)
			continue;
		ret[id] = settling->now[id];
		run_extend(run, &ret[id]);
		run->stands = run_stands(id, run);
	}
	return counters ? skbal_counters_compare(counters, snap,
						 all_missing(settling->now)) : 0;
}

static bool settled(const struct settling *settling, enum skbal_pool_id only,
		    const struct skbal_counters *counters)
{
	unsigned int id;

	for (id = 0; id < SKBAL_POOLS; id++)
		if (!settling->runs[id].stands &&
		    (only == SKBAL_POOL_NONE || only == id))
			return false;
	return !counters || !counters->suspects;
}

static int settle(struct skbal_snapshot *snap, struct settling *settling,
		  enum skbal_pool_id only,
		  struct skbal_balance ret[SKBAL_POOLS],
		  struct skbal_counters *counters)
{
	unsigned int taken, id;
	int err;

	for (taken = 1; ; taken++) {
		/* UDP sockets that were closed are charged until then */
		if (taken > 1)
			rcu_barrier();
		err = settle_once(snap, settling, ret, counters);
		if (err)
			return err;
		if (settled(settling, only, counters) || taken == SNAPSHOTS)
			break;
		if (msleep_interruptible(min(PAUSE_MS << min(taken - 1, 8U),
					     PAUSE_MAX_MS)))
			return -EINTR;
	}
	for (id = 0; id < SKBAL_POOLS; id++)
		if (!settling->runs[id].stands)
			say_unsettled(&settling->runs[id], &ret[id]);
	if (counters)
		skbal_counters_judge(counters);
	return taken;
}

int skbal_balance_settle(struct skbal_snapshot *snap, enum skbal_pool_id only,
			 struct skbal_balance ret[SKBAL_POOLS],
			 struct skbal_counters *counters)
{
	struct settling *settling = kvzalloc(sizeof(*settling), GFP_KERNEL);
	int taken;

	if (!settling)
		return -ENOMEM;
	/* not of one pool, nor where the walk tears */
	taken = settle(snap, settling, only, ret,
		       only == SKBAL_POOL_NONE && !snap->live ? counters : NULL);
	kvfree(settling);
	return taken;
}
