// SPDX-License-Identifier: GPL-2.0-only
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "pool.h"

const struct skbal_pool skbal_pools[SKBAL_POOLS] = {
	[SKBAL_POOL_TCP] = {
		.name = "tcp",
		.proto = &tcp_prot,
#if IS_BUILTIN(CONFIG_IPV6)
		.proto6 = &tcpv6_prot,
#endif
	},
};

enum skbal_pool_id skbal_pool_of(const struct proto *prot)
{
	enum skbal_pool_id id;

	for (id = 0; id < SKBAL_POOLS; id++)
		if (prot->memory_allocated == skbal_pools[id].proto->memory_allocated)
			return id;
	return SKBAL_POOL_NONE;
}

void skbal_pool_read(enum skbal_pool_id id, struct skbal_pool_reading *ret)
{
	const struct proto *prot = skbal_pools[id].proto;
	int cpu;

	ret->memory_allocated = atomic_long_read(prot->memory_allocated);
	ret->percpu = 0;
	/* an offline CPU's reserve is not drained: possible, not online */
	for_each_possible_cpu(cpu)
		ret->percpu += READ_ONCE(*per_cpu_ptr(prot->per_cpu_fw_alloc,
						      cpu));
}

size_t skbal_pool_sockets(void)
{
	enum skbal_pool_id id;
	size_t sockets = 0;

	for (id = 0; id < SKBAL_POOLS; id++) {
		struct proto *prot = skbal_pools[id].proto;

		if (prot->sockets_allocated)
			sockets += percpu_counter_sum_positive(prot->sockets_allocated);
	}
	return sockets;
}
