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
#include <linux/string.h>
#include <linux/types.h>

#include "birth.h"
#include "charge.h"
#include "pool.h"

struct net;
struct pid_namespace;
struct proto;

enum skbal_socket_flag {
	/* where it was met */
	SKBAL_HASHED	= BIT(0),	/* a table of its protocol */
	SKBAL_QUEUED	= BIT(1),	/* in a listener's accept queue */
	SKBAL_HELD	= BIT(2),	/* in a descriptor table */
	SKBAL_PASSED	= BIT(3),	/* in an SCM_RIGHTS message */
	SKBAL_REGISTERED = BIT(4),	/* with io_uring */
	SKBAL_REQUESTED	= BIT(19),	/* by a handshake; it listens no more */
	/* only the tracker leads to it; is there nothing that it belongs to? */
	SKBAL_TRACKED	= BIT(5),
	SKBAL_ADRIFT	= BIT(16),
	/* what belongs to it; asked only if it is not held */
	SKBAL_DEAD	= BIT(6),	/* closed by its process: an orphan */
	SKBAL_FILE	= BIT(7),	/* its struct socket has a file */
	SKBAL_SOCKETLESS = BIT(18),	/* it has no struct socket (any more) */
	SKBAL_KERN	= BIT(17),	/* made by the kernel for itself */
	SKBAL_TIMERLESS	= BIT(21),	/* an orphan that no timer will end */
	/* what its charge is worth */
	SKBAL_OWNED	= BIT(8),	/* a process has locked it */
	SKBAL_OPAQUE	= BIT(9),	/* has charges that cannot be read */
	SKBAL_BYPASSED	= BIT(10),	/* does not charge the pool */
	/* live mode */
	SKBAL_AGAIN	= BIT(11),	/* met in the second walk, too */
	SKBAL_MOVING	= BIT(12),	/* differed, or was not met again */
	/* what it is */
	SKBAL_IPV6	= BIT(13),
	SKBAL_SUBFLOW	= BIT(14),	/* of an MPTCP socket */
	SKBAL_USED	= BIT(15),	/* counted in its namespace's "used" */
	SKBAL_TOKEN	= BIT(20),	/* MPTCP: has one, or listens */
};

/*
 * One socket. There can be millions of these: keep it small. Also sockets that
 * charge no pool are entered, because the kernel counts them together.
 */
struct skbal_socket {
	const struct sock *sk;		/* its identity; it may be gone by now */
	u32 flags;
	u32 holders;			/* with detail: the last one met */
	u8 protocol;			/* index into protocols */
	u8 state;
	u8 class;			/* enum skbal_class */
	u32 net;			/* index into nets */
	struct skbal_charge charge;
	u32 motion;			/* changes with every packet and call */
	u32 parent;			/* of a subflow: its msk, plus one, or 0 */
};

/*
 * What only those need who are to be shown the socket or its owner. Here and
 * above, what leads to another of the snapshot's arrays is an index plus one,
 * or 0, unless said otherwise.
 */
struct skbal_detail {
	u32 remains;			/* index into remains */
	u32 name;			/* of a listener, or with_names */
	u32 listener;			/* of an accept queue's child */
	u32 wait_ms;			/* likewise */
	u32 birth;			/* where the tracker has seen it */
};

/* What names a socket. */
struct skbal_name {
	u32 inode;			/* sockfs: see get_next_ino() */
	u16 local_port, remote_port;	/* host byte order */
	struct in6_addr local, remote;	/* IPv4 as mapped */
};

/* What remains of an owner when its process is gone. Many sockets share it. */
struct skbal_remains {
	u64 cgroup;			/* id; 0 if none */
	u64 memcg;			/* that is charged for them; likewise */
	u32 uid;
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
	enum skbal_pool_id pool;	/* SKBAL_POOL_NONE: it charges none */
	bool mptcp;
};

/* Of these, protocols that charge a pool find room whatever else there is. */
#define SKBAL_PROTOCOLS 32
#define SKBAL_FOREIGN_PROTOCOLS 20

/* A network namespace, and what it counts. */
struct skbal_net {
	const struct net *net;		/* its identity */
	u32 inum;
	s32 used;			/* "sockets: used" */
	s32 inuse[SKBAL_PROTOCOLS];
};

/* An array that is filled during the walk, and how much it should have held. */
struct skbal_array {
	void *items;
	size_t size, used, wanted;
};

/*
 * Where an array's items are, by hash: plus one, or 0. That of sockets tells
 * their identity, too (census.c).
 */
struct skbal_index {
	u64 *slots;
	unsigned int bits;
};

struct skbal_snapshot {
	bool live;
	/* whose sockets are wanted; SKBAL_POOL_NONE: all, also of no pool */
	enum skbal_pool_id only;
	/* whether details and holders are wanted */
	bool detail;
	/* whether all names, and births, are; they need detail */
	bool with_names;
	bool with_births;
	/* the reader's: pids are printed as numbered there */
	struct pid_namespace *pid_ns;

	struct skbal_array sockets;	/* struct skbal_socket */
	/*
	 * A bit for each: it was met again, in a descriptor table. Sockets are
	 * met in no order; this is so small that it stays in the cache.
	 */
	struct skbal_array held;
	/* only with detail: */
	struct skbal_array details;	/* struct skbal_detail, one for each */
	struct skbal_array names;	/* struct skbal_name */
	struct skbal_array remains;	/* struct skbal_remains, each once */
	struct skbal_array holders;	/* struct skbal_holder */
	struct skbal_array processes;	/* struct skbal_process */
	struct skbal_array births;	/* struct skbal_birth; only with_births */
	struct skbal_array nets;	/* struct skbal_net */
	struct skbal_index socket_index;	/* by sk */
	struct skbal_index net_index;		/* by net */
	struct skbal_index remains_index;	/* by all they are */
	/* what was asked for last */
	const struct net *last_net;
	u32 last_net_index;
	u32 last_remains_index;

	struct skbal_protocol protocols[SKBAL_PROTOCOLS];
	unsigned int nr_protocols;

	struct proto *protos[SKBAL_POOLS];	/* NULL: not loaded */
	struct skbal_pool_reading pools[SKBAL_POOLS];
	s64 sockets_allocated[SKBAL_POOLS];	/* or SKBAL_NOT_COUNTED */
	size_t subflows;		/* of MPTCP sockets */
	s64 orphans;			/* TCP; or SKBAL_NOT_COUNTED */
	s64 orphans_met;		/* of TCP */
	s64 orphans_timed;		/* of TCP and SCTP: a timer is to end them */
	s64 orphans_ending;		/* of these: skbal_{tcp,sctp}_will_end() */
	u64 packets_waiting;		/* see packets.h */
	/* live mode: by how much the walks and the counters differed */
	u64 moved_bytes[SKBAL_POOLS];
	u64 moved_pages[SKBAL_POOLS];
	u64 churn[SKBAL_POOLS];		/* sockets born or gone meanwhile */

	unsigned int walk;		/* 1 or, in live mode, 2 */
	unsigned int page_shift;	/* of the kernel that it is of */
	u64 pause_ns;
	unsigned long jiffies;		/* when it was taken */
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

static inline struct skbal_name *
skbal_snapshot_name(const struct skbal_snapshot *snap, size_t i)
{
	return (struct skbal_name *)snap->names.items + i;
}

static inline struct skbal_remains *
skbal_snapshot_remains(const struct skbal_snapshot *snap, size_t i)
{
	return (struct skbal_remains *)snap->remains.items + i;
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

static inline struct skbal_birth *
skbal_snapshot_birth(const struct skbal_snapshot *snap, size_t i)
{
	return (struct skbal_birth *)snap->births.items + i;
}

static inline struct skbal_net *
skbal_snapshot_net(const struct skbal_snapshot *snap, size_t i)
{
	return (struct skbal_net *)snap->nets.items + i;
}

static inline bool skbal_snapshot_is_mptcp(const struct skbal_snapshot *snap,
					   const struct skbal_socket *socket)
{
	return snap->protocols[socket->protocol].mptcp;
}

/*
 * An MPTCP socket that is not connected, and not counted any more if it is dead:
 * its subflows may take longer to end, and hold it.
 */
static inline bool
skbal_snapshot_is_idle_msk(const struct skbal_snapshot *snap,
			   const struct skbal_socket *socket)
{
	return skbal_snapshot_is_mptcp(snap, socket) &&
	       socket->state == TCP_CLOSE && !(socket->flags & SKBAL_TOKEN);
}

/* Nothing but the tracker leads to the socket, and it belongs to nothing. */
static inline bool
skbal_snapshot_is_unreachable(const struct skbal_socket *socket)
{
	return socket->flags & SKBAL_ADRIFT && !socket->parent &&
	       !(socket->flags & (SKBAL_HASHED | SKBAL_QUEUED | SKBAL_HELD |
				  SKBAL_PASSED | SKBAL_REGISTERED |
				  SKBAL_REQUESTED));
}

static inline bool skbal_snapshot_wants(const struct skbal_snapshot *snap,
					enum skbal_pool_id pool)
{
	return snap->only == SKBAL_POOL_NONE || snap->only == pool;
}

static inline enum skbal_pool_id
skbal_snapshot_pool(const struct skbal_snapshot *snap,
		    const struct skbal_socket *socket)
{
	return snap->protocols[socket->protocol].pool;
}

/**
 * skbal_snapshot_alike() - how many sockets in a row are of one kind
 * @i: the first of them
 *
 * In all but charge and holders they are the same, so that what depends on
 * nothing else need not be asked of each: most sockets are alike.
 */
size_t skbal_snapshot_alike(const struct skbal_snapshot *snap, size_t i);

/**
 * skbal_snapshot_take() - take one snapshot
 * @snap: with live, only, detail, with_..., pid_ns and protos set (skbal_pools_get()),
 *	  the rest zero or of an earlier one, whose memory is used again
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
