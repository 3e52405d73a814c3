/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool is one global counter of pages, struct proto.memory_allocated, with
 * all the protocols that share it.
 */
#ifndef SKBAL_POOL_H
#define SKBAL_POOL_H

#include <linux/limits.h>
#include <linux/types.h>

struct proto;

enum skbal_pool_id {
	SKBAL_POOL_TCP,
	SKBAL_POOL_UDP,
	SKBAL_POOL_SCTP,
	SKBAL_POOLS,
	SKBAL_POOL_NONE = SKBAL_POOLS,
};

/*
 * In place of a count of sockets, where the kernel has none, or does not say. A
 * count that it has lost may be below 0.
 */
#define SKBAL_NOT_COUNTED S64_MIN

extern const char *const skbal_pool_names[SKBAL_POOLS];

/* What the global counters said at one moment. */
struct skbal_pool_reading {
	s64 memory_allocated;	/* pages */
	s64 percpu;		/* pages, of either sign */
};

/**
 * skbal_pools_get() - hold the protocols that the kernel has loaded
 * @protos: for each pool one of its protocols, which has the pointers to the
 *	    counters; NULL where none is loaded
 *
 * Context: may sleep. Until skbal_pools_put() none of them can go.
 */
void skbal_pools_get(struct proto *protos[SKBAL_POOLS]);
void skbal_pools_put(struct proto *protos[SKBAL_POOLS]);

/**
 * skbal_pool_of() - the pool that a protocol charges
 * @prot: of any socket, also a copy made by kTLS, sockmap and the like; those
 *	  share the pointer to the counter with the original
 *
 * Return: the pool, or SKBAL_POOL_NONE.
 */
enum skbal_pool_id skbal_pool_of(struct proto *const protos[SKBAL_POOLS],
				 const struct proto *prot);

/**
 * skbal_pool_read() - read a pool's counter and what the CPUs hold back
 * @prot: a protocol of it
 *
 * The true charge is the sum of both. While the machine is stopped the reading
 * is exact. Otherwise a CPU may be moving its reserve to the counter, which is
 * not atomic (proto_memory_pcpu_drain() in include/net/proto_memory.h).
 */
void skbal_pool_read(const struct proto *prot, struct skbal_pool_reading *ret);

#endif /* SKBAL_POOL_H */
