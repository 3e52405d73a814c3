/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot: all live sockets that charge a pool, with what they are charged
 * and who holds them, and the pools' counters, of one moment.
 *
 * Exact: everything is read while the machine is stopped. No other code runs,
 * and no spinlock is held, because who holds one cannot be preempted. What a
 * task does under lock_sock() may be half done; such sockets are counted.
 * Live: the same walk, twice, taking each table's lock. What differs between
 * the two walks makes the bound of error.
 *
 * Nothing is allocated during a walk. If the arrays turn out too small the
 * walk goes on, counting, and is done again with larger ones.
 */
#ifndef SKBAL_SNAPSHOT_H
#define SKBAL_SNAPSHOT_H

#include <linux/in6.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "charge.h"
#include "pool.h"

struct pid_namespace;
struct proto;

enum skbal_socket_flag {
	/* where it was met */
	SKBAL_HASHED	= BIT(0),	/* established or listening table */
	SKBAL_QUEUED	= BIT(1),	/* in a listener's accept queue */
	SKBAL_HELD	= BIT(2),	/* in a descriptor table */
	/* what belongs to it; asked only if it is not held */
	SKBAL_DEAD	= BIT(3),	/* closed by its process: an orphan */
	SKBAL_FILE	= BIT(4),	/* its struct socket has a file */
	/* what its charge is worth */
	SKBAL_OWNED	= BIT(5),	/* a process has locked it */
	SKBAL_OPAQUE	= BIT(6),	/* has charges that cannot be read */
	SKBAL_BYPASSED	= BIT(7),	/* does not charge the pool */
	/* live mode */
	SKBAL_AGAIN	= BIT(8),	/* met in the second walk, too */
	SKBAL_MOVING	= BIT(9),	/* differed, or was not met again */
};

/* One socket. There can be millions of these: keep it small. */
struct skbal_socket {
	const struct sock *sk;		/* its identity; it may be gone by now */
	struct skbal_charge charge;
	u32 motion;			/* changes with every packet and call */
	u16 flags;
	u8 state;
	u8 protocol;			/* index into protocols */
	u8 class;			/* enum skbal_class */
	bool ipv6;
};

/*
 * What only those need who are to be shown the socket or its owner. Lists are
 * indices plus one into the snapshot's arrays; 0 ends.
 */
struct skbal_detail {
	unsigned long inode;
	struct in6_addr local, remote;	/* IPv4 as mapped */
	u16 local_port, remote_port;	/* host byte order */
	u32 uid;
	u32 netns;
	u32 holders;			/* the last one met */
	u32 listener;			/* of an accept queue's child */
	u32 wait_ms;			/* likewise */
};

/* One process that has the socket in a descriptor table; they form a ring. */
struct skbal_holder {
	u32 process;
	u32 next;
};

struct skbal_process {
	pid_t pid;			/* in the reader's pid namespace */
	char comm[TASK_COMM_LEN];
};

struct skbal_protocol {
	const struct proto *prot;
	char name[32];
	enum skbal_pool_id pool;
};

#define SKBAL_PROTOCOLS 16

/* An array that is filled during the walk, and how much it should have held. */
struct skbal_array {
	void *items;
	size_t size, used, wanted;
};

struct skbal_snapshot {
	bool live;
	/* whether details and holders are wanted */
	bool detail;
	/* the reader's: pids are printed as numbered there */
	struct pid_namespace *pid_ns;

	struct skbal_array sockets;	/* struct skbal_socket */
	/* only with detail: */
	struct skbal_array details;	/* struct skbal_detail, one for each */
	struct skbal_array holders;	/* struct skbal_holder */
	struct skbal_array processes;	/* struct skbal_process */
	u32 *index;			/* of sockets, hashed by sk */
	unsigned int index_bits;

	struct skbal_protocol protocols[SKBAL_PROTOCOLS];
	unsigned int nr_protocols;

	struct skbal_pool_reading pools[SKBAL_POOLS];
	s64 sockets_allocated[SKBAL_POOLS];
	/* live mode: by how much the walks and the counters differed */
	u64 moved_bytes[SKBAL_POOLS];
	u64 moved_pages[SKBAL_POOLS];
	u64 churn[SKBAL_POOLS];		/* sockets born or gone meanwhile */

	unsigned int walk;		/* 1 or, in live mode, 2 */
	u64 pause_ns;
};

static inline struct skbal_socket *
skbal_snapshot_socket(const struct skbal_snapshot *snap, size_t i)
{
	return (struct skbal_socket *)snap->sockets.items + i;
}

static inline struct skbal_detail *
skbal_snapshot_detail(const struct skbal_snapshot *snap,
		      const struct skbal_socket *socket)
{
	return (struct skbal_detail *)snap->details.items +
	       (socket - (struct skbal_socket *)snap->sockets.items);
}

static inline struct skbal_holder *
skbal_snapshot_holder(const struct skbal_snapshot *snap, size_t i)
{
	return (struct skbal_holder *)snap->holders.items + i;
}

static inline struct skbal_process *
skbal_snapshot_process(const struct skbal_snapshot *snap, size_t i)
{
	return (struct skbal_process *)snap->processes.items + i;
}

static inline enum skbal_pool_id
skbal_snapshot_pool(const struct skbal_snapshot *snap,
		    const struct skbal_socket *socket)
{
	return snap->protocols[socket->protocol].pool;
}

/**
 * skbal_snapshot_take() - take one snapshot
 * @snap: with live, detail and pid_ns set, the rest zero or of an earlier one,
 *	  whose memory is used again
 *
 * Context: may sleep; stops the machine unless @snap->live.
 * Return: 0, -ENOMEM, -EOPNOTSUPP where an exact one is impossible, -EAGAIN
 *	   if there were always more sockets than a moment before.
 */
int skbal_snapshot_take(struct skbal_snapshot *snap);

/** skbal_snapshot_bytes() - how much memory a snapshot occupies */
size_t skbal_snapshot_bytes(const struct skbal_snapshot *snap);

void skbal_snapshot_free(struct skbal_snapshot *snap);

#endif /* SKBAL_SNAPSHOT_H */
