/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool is one global counter of pages, struct proto.memory_allocated, with
 * all the protocols that share it.
 */
#ifndef SKBAL_POOL_H
#define SKBAL_POOL_H

#include <linux/types.h>

struct proto;
struct sock;

enum skbal_pool_id {
	SKBAL_POOL_TCP,
	SKBAL_POOLS,
	SKBAL_POOL_NONE = SKBAL_POOLS,
};

struct skbal_pool {
	const char *name;
	/* a protocol of the pool: it holds the pointers to the counters */
	struct proto *proto;
	/* another one, known before any of its sockets is met, or NULL */
	struct proto *proto6;
};

extern const struct skbal_pool skbal_pools[SKBAL_POOLS];

/* What the global counters said at one moment. */
struct skbal_pool_reading {
	s64 memory_allocated;	/* pages */
	s64 percpu;		/* pages, of either sign */
};

/**
 * skbal_pool_of() - the pool that a protocol charges
 * @prot: of any socket, also a copy made by kTLS, sockmap and the like; those
 *	  share the pointer to the counter with the original
 *
 * Return: the pool, or SKBAL_POOL_NONE.
 */
enum skbal_pool_id skbal_pool_of(const struct proto *prot);

/**
 * skbal_pool_read() - read a pool's counter and what the CPUs hold back
 *
 * The true charge is the sum of both. While the machine is stopped the reading
 * is exact. Otherwise a CPU may be moving its reserve to the counter, which is
 * not atomic (proto_memory_pcpu_drain() in include/net/proto_memory.h).
 */
void skbal_pool_read(enum skbal_pool_id id, struct skbal_pool_reading *ret);

/**
 * skbal_pool_sockets() - estimate how many sockets charge any pool
 *
 * Return: their number, from counters that may be off by a few.
 */
size_t skbal_pool_sockets(void);

#endif /* SKBAL_POOL_H */
