/* SPDX-License-Identifier: GPL-2.0-only */
/* The balance: a pool's counter against the sum of what its sockets hold. */
#ifndef SKBAL_BALANCE_H
#define SKBAL_BALANCE_H

#include <linux/types.h>

#include "snapshot.h"

enum skbal_class {
	SKBAL_OPEN,		/* hashed, has a descriptor */
	SKBAL_LISTEN,
	SKBAL_ACCEPT_QUEUE,	/* not accept()ed yet */
	SKBAL_CLOSED_HELD,	/* TCP_CLOSE, in no table, descriptor open */
	SKBAL_ORPHAN,		/* closed, the kernel is finishing */
	SKBAL_KERNEL,		/* made by the kernel, has no file */
	SKBAL_FD_IN_FLIGHT,	/* its file is in no descriptor table */
	SKBAL_UNREACHABLE,	/* counted as allocated, found nowhere */
	SKBAL_ABANDONED,	/* in its table, but nobody can close it */
	SKBAL_CLASSES,
};

extern const char *const skbal_class_names[SKBAL_CLASSES];

enum skbal_verdict {
	SKBAL_BALANCED,
	SKBAL_IMBALANCED,
	SKBAL_INCOMPLETE,
	SKBAL_IN_FLUX,
};

extern const char *const skbal_verdict_names[];

/* What a group of sockets is charged, in bytes. */
struct skbal_sum {
	u64 sockets;
	s64 forward_alloc;
	s64 write_queue;
	s64 receive_queue;
	s64 hidden;
};

struct skbal_balance {
	s64 counter;			/* pages, with the CPUs' reserves */
	s64 charged;			/* bytes */
	s64 unaccounted;		/* bytes: counter - charged */
	s64 bypassed;			/* bytes */
	u64 bound;			/* bytes; 0 if exact */
	u64 churn;			/* sockets; 0 if exact */
	s64 allocated;			/* sockets, or SKBAL_NOT_COUNTED */
	u64 found;			/* of those that are allocated */
	u64 packets_waiting;		/* that may keep closed sockets; UDP */
	u64 fractional;
	unsigned long fractional_id;	/* which ones, to compare snapshots */
	unsigned long abandoned_id;	/* likewise */
	u64 opaque;
	u64 owned;
	struct skbal_sum classes[SKBAL_CLASSES];
	struct skbal_sum protocols[SKBAL_PROTOCOLS];
	enum skbal_verdict verdict;
	char reason[128];
};

/** skbal_sum_add() - add what the pool is charged for one socket to a group */
static inline void skbal_sum_add(struct skbal_sum *sum,
				 const struct skbal_socket *socket)
{
	const struct skbal_charge *charge = &socket->charge;

	sum->sockets++;
	if (socket->flags & SKBAL_BYPASSED)
		return;
	sum->forward_alloc += charge->forward_alloc;
	sum->write_queue += charge->write_queue;
	sum->receive_queue += charge->receive_queue;
	sum->hidden += charge->hidden;
}

/** skbal_sum_bytes() - what a group is charged in all */
s64 skbal_sum_bytes(const struct skbal_sum *sum);

/** skbal_balance_pages() - bytes to pages, rounded to the nearest */
s64 skbal_balance_pages(s64 bytes);

/** skbal_balance_is_fractional() - has the socket itself lost or gained bytes?
 *
 * Pages enter and leave a TCP socket whole. MPTCP lends bytes from socket to
 * socket, and what is opaque cannot be judged.
 */
bool skbal_balance_is_fractional(const struct skbal_snapshot *snap,
				 const struct skbal_socket *socket);

/** skbal_balance_all() - what one snapshot says by itself, pool by pool
 *
 * It also classifies the sockets.
 */
void skbal_balance_all(const struct skbal_snapshot *snap,
		       struct skbal_balance ret[SKBAL_POOLS]);

struct skbal_counters;

/**
 * skbal_balance_settle() - take snapshots until their verdict stands
 * @snap: as for skbal_snapshot_take()
 * @only: the pool whose verdict is asked for, or SKBAL_POOL_NONE for all: then
 *	  each pool's balance is of the snapshot that settled it
 * @ret: one balance for each pool
 * @counters: the other books; zero. They stay empty if only one pool is asked
 *	      for, and in live mode.
 *
 * A torn reading passes, a loss does not: "imbalanced" and "incomplete" are
 * said only if several snapshots, ever further apart, agree, and one of them
 * was taken when no process was at a socket, or if they are most of all that
 * may be taken. Where they do not, the verdict is "in-flux". What a packet on
 * its way can explain must stay longer than any packet waits for the address
 * of its next hop.
 *
 * Context: may sleep.
 * Return: the number of snapshots taken, or what skbal_snapshot_take() says,
 *	   or -EINTR.
 */
int skbal_balance_settle(struct skbal_snapshot *snap, enum skbal_pool_id only,
			 struct skbal_balance ret[SKBAL_POOLS],
			 struct skbal_counters *counters);

#endif /* SKBAL_BALANCE_H */
