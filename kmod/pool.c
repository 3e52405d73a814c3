// SPDX-License-Identifier: GPL-2.0-only
#include <linux/percpu.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/udp.h>

#include "pool.h"
#include "sctp.h"

const char *const skbal_pool_names[SKBAL_POOLS] = {
	[SKBAL_POOL_TCP] = "tcp",
	[SKBAL_POOL_UDP] = "udp",
	[SKBAL_POOL_SCTP] = "sctp",
};

void skbal_pools_get(struct proto *protos[SKBAL_POOLS])
{
	protos[SKBAL_POOL_TCP] = &tcp_prot;
	protos[SKBAL_POOL_UDP] = &udp_prot;
	protos[SKBAL_POOL_SCTP] = skbal_sctp_get();
}

void skbal_pools_put(struct proto *protos[SKBAL_POOLS])
{
	if (protos[SKBAL_POOL_SCTP])
		skbal_sctp_put();
}

enum skbal_pool_id skbal_pool_of(struct proto *const protos[SKBAL_POOLS],
				 const struct proto *prot)
{
	enum skbal_pool_id id;

	if (!prot->memory_allocated)
		return SKBAL_POOL_NONE;
	for (id = 0; id < SKBAL_POOLS; id++)
		if (protos[id] &&
		    prot->memory_allocated == protos[id]->memory_allocated)
			return id;
	return SKBAL_POOL_NONE;
}

void skbal_pool_read(const struct proto *prot, struct skbal_pool_reading *ret)
{
	int cpu;

	ret->memory_allocated = atomic_long_read(prot->memory_allocated);
	ret->percpu = 0;
	/* an offline CPU's reserve is not drained: possible, not online */
	for_each_possible_cpu(cpu)
		ret->percpu += skbal_reserve(prot, cpu);
}
