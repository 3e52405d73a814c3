// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "balance.h"
#include "counter.h"

/* The pause after the first snapshot; each is twice as long as the one before. */
#define PAUSE_MS 20
/* How many snapshots in a row must agree: they span 140 ms. */
#define AGREE 4
/*
 * How many are taken at most, and must agree where a closed socket may live on
 * in a packet: they span 5 s. A neighbour is asked for 3 s (mcast_solicit).
 */
#define SNAPSHOTS 9

const char *const skbal_class_names[SKBAL_CLASSES] = {
	[SKBAL_OPEN] = "open",
	[SKBAL_LISTEN] = "listen",
	[SKBAL_ACCEPT_QUEUE] = "accept-queue",
	[SKBAL_CLOSED_HELD] = "closed-held",
	[SKBAL_ORPHAN] = "orphan",
	[SKBAL_KERNEL] = "kernel",
	[SKBAL_FD_IN_FLIGHT] = "fd-in-flight",
	[SKBAL_UNREACHABLE] = "unreachable",
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
	if (!(skbal_charge_total(&socket->charge) & ~PAGE_MASK))
		return false;
	if (SKBAL_MPTCP_LENDS && socket->flags & SKBAL_SUBFLOW)
		return false;
	return !(socket->flags & (SKBAL_OPAQUE | SKBAL_MOVING)) &&
	       !skbal_snapshot_is_mptcp(snap, socket);
}

static enum skbal_class class_of(const struct skbal_socket *socket)
{
	if (socket->flags & SKBAL_QUEUED)
		return SKBAL_ACCEPT_QUEUE;
	if (skbal_snapshot_is_unreachable(socket))
		return SKBAL_UNREACHABLE;
	if (socket->flags & SKBAL_DEAD)
		return SKBAL_ORPHAN;
	if (!(socket->flags & SKBAL_HELD))
		return socket->flags & (SKBAL_FILE | SKBAL_PASSED |
					SKBAL_REGISTERED) ?
		       SKBAL_FD_IN_FLIGHT : SKBAL_KERNEL;
	if (socket->state == TCP_LISTEN)
		return SKBAL_LISTEN;
	if (socket->state == TCP_CLOSE && !(socket->flags & SKBAL_HASHED))
		return SKBAL_CLOSED_HELD;
	return SKBAL_OPEN;
}

/*
 * A destroyed socket is not counted any more, and waits for the last reference.
 * Closed SCTP sockets are not counted as allocated any more, although they are
 * charged until their associations have ended (sctp_close()).
 */
static bool is_allocated(const struct skbal_snapshot *snap,
			 const struct skbal_socket *socket)
{
	if (!(socket->flags & SKBAL_DEAD))
		return true;
	return skbal_snapshot_pool(snap, socket) != SKBAL_POOL_SCTP &&
	       !(socket->flags & SKBAL_TRACKED && socket->state == TCP_CLOSE);
}

static void add_socket(const struct skbal_snapshot *snap,
		       struct skbal_socket *socket, struct skbal_balance *ret)
{
	socket->class = class_of(socket);
	ret->found += is_allocated(snap, socket);
	ret->owned += !!(socket->flags & SKBAL_OWNED);
	if (socket->flags & SKBAL_BYPASSED) {
		ret->bypassed += skbal_charge_total(&socket->charge);
		memset(&socket->charge, 0, sizeof(socket->charge));
	}
	ret->opaque += !!(socket->flags & SKBAL_OPAQUE);
	if (skbal_balance_is_fractional(snap, socket)) {
		ret->fractional++;
		ret->fractional_id += (unsigned long)socket->sk;
	}
	ret->charged += skbal_charge_total(&socket->charge);
	skbal_sum_add(&ret->classes[socket->class], &socket->charge);
	skbal_sum_add(&ret->protocols[socket->protocol], &socket->charge);
}

static s64 missing(const struct skbal_balance *balance)
{
	if (balance->allocated < 0)
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
static void judge(struct skbal_balance *b)
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
		say(b, SKBAL_INCOMPLETE,
		    "%llu packets wait in devices, and may keep closed sockets",
		    b->packets_waiting);
	else if (b->unaccounted > 0 && b->unaccounted > b->bound)
		say(b, SKBAL_IMBALANCED,
		    "pages are charged that no socket owns");
	else if (b->bound || b->churn)
		say(b, SKBAL_IN_FLUX,
		    "traffic while reading: off by up to %lld pages, %llu sockets",
		    DIV_ROUND_UP_ULL(b->bound, PAGE_SIZE), b->churn);
	else
		say(b, SKBAL_BALANCED,
		    "the counter is the sum of what the sockets are charged");
}

static void balance_pool(const struct skbal_snapshot *snap,
			 enum skbal_pool_id id, struct skbal_balance *ret)
{
	ret->counter = snap->pools[id].memory_allocated + snap->pools[id].percpu;
	ret->unaccounted = ret->counter * (s64)PAGE_SIZE - ret->charged;
	ret->bound = snap->moved_bytes[id] + snap->moved_pages[id] * PAGE_SIZE;
	ret->churn = snap->churn[id];
	ret->allocated = snap->sockets_allocated[id];
	/* the others return their pages before they wait for their packets */
	if (id == SKBAL_POOL_UDP)
		ret->packets_waiting = snap->packets_waiting;
	if (missing(ret) > 0)
		ret->classes[SKBAL_UNREACHABLE].sockets += missing(ret);
	judge(ret);
}

static void balance_all(const struct skbal_snapshot *snap,
			struct skbal_balance ret[SKBAL_POOLS])
{
	unsigned int id;
	size_t i;

	memset(ret, 0, SKBAL_POOLS * sizeof(*ret));
	for (i = 0; i < snap->sockets.used; i++) {
		struct skbal_socket *socket = skbal_snapshot_socket(snap, i);

		id = skbal_snapshot_pool(snap, socket);
		if (id != SKBAL_POOL_NONE)
			add_socket(snap, socket, &ret[id]);
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
};

/* How the snapshots of a pool have agreed so far. */
struct run {
	struct claim claim;
	unsigned int length;
	s64 lowest, highest;	/* unaccounted bytes seen */
};

static void run_extend(struct run *run, const struct skbal_balance *balance)
{
	struct claim claim;

	memset(&claim, 0, sizeof(claim));
	claim.verdict = balance->verdict;
	claim.unaccounted = balance->unaccounted;
	claim.missing = missing(balance);
	claim.fractional = balance->fractional;
	claim.fractional_id = balance->fractional_id;

	if (!run->length) {
		run->lowest = claim.unaccounted;
		run->highest = claim.unaccounted;
	}
	run->lowest = min(run->lowest, claim.unaccounted);
	run->highest = max(run->highest, claim.unaccounted);
	if (run->length && !memcmp(&run->claim, &claim, sizeof(claim))) {
		run->length++;
	} else {
		run->claim = claim;
		run->length = 1;
	}
}

/*
 * A UDP socket keeps its charge until its last packet has been sent, and for an
 * RCU grace period after it was closed (udp_destruct_sock()).
 */
static bool needs_patience(enum skbal_pool_id id, const struct run *run)
{
	return id == SKBAL_POOL_UDP && run->claim.unaccounted > 0;
}

/* A live reading that is in flux stays so: traffic does not wait for us. */
static bool run_stands(enum skbal_pool_id id, const struct run *run)
{
	return run->claim.verdict == SKBAL_BALANCED ||
	       run->claim.verdict == SKBAL_IN_FLUX ||
	       run->length >= (needs_patience(id, run) ? SNAPSHOTS : AGREE);
}

static void say_unsettled(const struct run *run, struct skbal_balance *balance)
{
	u64 largest = max(abs(run->lowest), abs(run->highest));

	balance->bound = max(balance->bound, largest);
	say(balance, SKBAL_IN_FLUX,
	    "%u snapshots differ: %lld to %lld pages unaccounted, %lld sockets missing",
	    SNAPSHOTS, skbal_balance_pages(run->lowest),
	    skbal_balance_pages(run->highest), missing(balance));
}

static bool settled(const struct run runs[SKBAL_POOLS],
		    const struct skbal_counters *counters)
{
	unsigned int id;

	for (id = 0; id < SKBAL_POOLS; id++)
		if (!run_stands(id, &runs[id]))
			return false;
	return !counters->suspects;
}

static s64 all_missing(const struct skbal_balance balances[SKBAL_POOLS])
{
	s64 sum = 0;
	unsigned int id;

	for (id = 0; id < SKBAL_POOLS; id++)
		sum += max_t(s64, missing(&balances[id]), 0);
	return sum;
}

static int settle_once(struct skbal_snapshot *snap,
		       struct skbal_balance ret[SKBAL_POOLS],
		       struct run runs[SKBAL_POOLS],
		       struct skbal_counters *counters)
{
	unsigned int id;
	int err = skbal_snapshot_take(snap);

	if (err)
		return err;
	balance_all(snap, ret);
	for (id = 0; id < SKBAL_POOLS; id++)
		run_extend(&runs[id], &ret[id]);
	return snap->live ? 0 : skbal_counters_compare(counters, snap,
						       all_missing(ret));
}

int skbal_balance_settle(struct skbal_snapshot *snap,
			 struct skbal_balance ret[SKBAL_POOLS],
			 struct skbal_counters *counters)
{
	struct run runs[SKBAL_POOLS] = {};
	unsigned int taken, id;
	int err;

	for (taken = 1; ; taken++) {
		err = settle_once(snap, ret, runs, counters);
		if (err)
			return err;
		if (settled(runs, counters) || taken == SNAPSHOTS)
			break;
		if (msleep_interruptible(PAUSE_MS << (taken - 1)))
			return -EINTR;
	}
	for (id = 0; id < SKBAL_POOLS; id++)
		if (!run_stands(id, &runs[id]))
			say_unsettled(&runs[id], &ret[id]);
	skbal_counters_judge(counters);
	return taken;
}
