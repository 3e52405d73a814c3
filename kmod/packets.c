// SPDX-License-Identifier: GPL-2.0-only
#include <linux/netdevice.h>
#include <linux/skmsg.h>
#include <net/net_namespace.h>
#include <net/sch_generic.h>
#include <net/udp.h>

#include "packets.h"

u32 skbal_packets_redirected(const struct sock *sk)
{
	const struct sk_psock *psock = skbal_psock(sk);

	return psock ? skb_queue_len_lockless(&psock->ingress_skb) : 0;
}

/* The first fragment was copied. */
static bool is_lent(const struct sk_buff *skb)
{
	const struct sk_buff *frag;

	skb_walk_frags(skb, frag)
		if (skb_zcopy((struct sk_buff *)frag))
			return true;
	return false;
}

/* With interrupts disabled, which would wait for the lock. */
static u32 queue_packets(struct sk_buff_head *queue)
{
	const struct sk_buff *skb;
	unsigned long flags;
	u32 lent = 0;

	if (skb_queue_empty_lockless(queue))
		return 0;
	if (!spin_trylock_irqsave(&queue->lock, flags))
		return 1;
	skb_queue_walk(queue, skb)
		lent += is_lent(skb);
	spin_unlock_irqrestore(&queue->lock, flags);
	return lent;
}

u32 skbal_packets_unread(struct sock *sk)
{
	if (!SKBAL_KEEPS_ZEROCOPY)
		return 0;
	return queue_packets(&sk->sk_receive_queue) +
	       queue_packets(&udp_sk(sk)->reader_queue);
}

/* Those of each wait for the others, for at most half a minute. */
static u64 fragment_queues(const struct net *net)
{
	u64 queues = 0;

	if (net->ipv4.fqdir)
		queues += atomic_read(&net->ipv4.fqdir->rhashtable.nelems);
#if IS_ENABLED(CONFIG_IPV6)
	if (net->ipv6.fqdir)
		queues += atomic_read(&net->ipv6.fqdir->rhashtable.nelems);
#endif
	return queues;
}

static u64 device_packets(const struct net_device *dev)
{
	u64 packets = 0;
	unsigned int i;

	for (i = 0; i < dev->num_tx_queues; i++) {
		const struct netdev_queue *queue = netdev_get_tx_queue(dev, i);

		packets += qdisc_qlen_sum(rcu_dereference(queue->qdisc));
	}
	return packets;
}

static u64 net_packets(struct net *net)
{
	u64 packets = SKBAL_KEEPS_ZEROCOPY ? fragment_queues(net) : 0;
	struct net_device *dev;

	for_each_netdev_rcu(net, dev)
		packets += device_packets(dev);
	return packets;
}

static u32 list_packets(const struct llist_head *list, bool live)
{
	const struct llist_node *node;
	u32 lent = 0;

	if (!list || llist_empty(list))
		return 0;
	if (live)
		return 1;
	llist_for_each(node, list->first)
		lent += is_lent(skbal_read_packet(node));
	return lent;
}

/*
 * A CPU frees them when it receives again, which may be never:
 * skb_attempt_defer_free() sees that only the first fragment was copied.
 */
static u64 read_packets(bool live)
{
	u64 lent = 0;
	int cpu, node;

	if (!SKBAL_KEEPS_ZEROCOPY)
		return 0;
	for_each_possible_cpu(cpu)
		for_each_node(node)
			lent += list_packets(skbal_read_packets(cpu, node), live);
	return lent;
}

u64 skbal_packets_elsewhere(bool live)
{
	u64 packets = read_packets(live);
	struct net *net;

	for_each_net_rcu(net)
		packets += net_packets(net);
	return packets;
}
