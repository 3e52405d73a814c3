// SPDX-License-Identifier: GPL-2.0-only
#include <net/net_namespace.h>
#include <net/udp.h>

#include "census.h"
#include "udp.h"
#include "walk.h"

static void walk_table(struct skbal_snapshot *snap, struct udp_table *table)
{
	struct sock *sk;
	unsigned int i;

	for (i = 0; i <= table->mask; i++) {
		struct udp_hslot *slot = &table->hash[i];

		if (hlist_empty(&slot->head))
			continue;
		skbal_walk_lock(snap, &slot->lock);
		sk_for_each(sk, &slot->head)
			skbal_census_meet(snap, sk, SKBAL_HASHED);
		skbal_walk_unlock(snap, &slot->lock);
	}
}

/*
 * Network namespaces share the table, except that one may have its own
 * (net.ipv4.udp_child_hash_entries).
 */
void skbal_udp_walk(struct skbal_snapshot *snap)
{
	struct udp_table *shared = skbal_udp_table(&init_net);
	struct net *net;

	walk_table(snap, shared);
	for_each_net_rcu(net) {
		struct udp_table *own = skbal_udp_table(net);

		if (own && own != shared)
			walk_table(snap, own);
	}
	if (skbal_udplite_table())
		walk_table(snap, skbal_udplite_table());
}
