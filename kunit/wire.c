// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "wire.h"

/* Where the TCP header is; options and extensions are not met here. */
static int tcp_offset(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP) &&
	    ip_hdr(skb)->protocol == IPPROTO_TCP)
		return ip_hdr(skb)->ihl * 4;
	if (skb->protocol == htons(ETH_P_IPV6) &&
	    ipv6_hdr(skb)->nexthdr == IPPROTO_TCP)
		return sizeof(struct ipv6hdr);
	return 0;
}

static bool is_data(const struct sk_buff *skb, int offset,
		    const struct tcphdr *tcp)
{
	return skb->len > offset + tcp->doff * 4;
}

static bool is_hole(struct skbal_wire *wire, const struct tcphdr *tcp)
{
	u32 seq = ntohl(tcp->seq);

	if (!wire->holed) {
		wire->holed = true;
		wire->hole = seq;
	}
	return seq == wire->hole;
}

static bool is_lost(struct skbal_wire *wire, const struct sk_buff *skb)
{
	int offset = tcp_offset(skb);
	enum skbal_wire_state state;
	const struct tcphdr *tcp;
	struct tcphdr header;
	__be16 port = READ_ONCE(wire->port);

	if (!offset || !port)
		return false;
	tcp = skb_header_pointer(skb, offset, sizeof(header), &header);
	if (!tcp)
		return false;
	if (tcp->source == port)
		state = READ_ONCE(wire->to_peer);
	else if (tcp->dest == port)
		state = READ_ONCE(wire->to_subject);
	else
		return false;
	if (state == SKBAL_WIRE_HOLE)
		return is_data(skb, offset, tcp) && is_hole(wire, tcp);
	return state == SKBAL_WIRE_CUT;
}

static rx_handler_result_t receive(struct sk_buff **skb)
{
	struct skbal_wire *wire;

	wire = rcu_dereference((*skb)->dev->rx_handler_data);
	if (!is_lost(wire, *skb))
		return RX_HANDLER_PASS;
	kfree_skb(*skb);
	return RX_HANDLER_CONSUMED;
}

int skbal_wire_init(struct skbal_wire *wire, struct net *net)
{
	int err;

	wire->net = net;
	rtnl_lock();
	err = netdev_rx_handler_register(net->loopback_dev, receive, wire);
	rtnl_unlock();
	return err;
}

void skbal_wire_watch(struct skbal_wire *wire, const struct sock *subject)
{
	WRITE_ONCE(wire->port, inet_sk(subject)->inet_sport);
}

void skbal_wire_set(struct skbal_wire *wire, enum skbal_wire_state to_subject,
		    enum skbal_wire_state to_peer)
{
	wire->holed = false;
	WRITE_ONCE(wire->to_subject, to_subject);
	WRITE_ONCE(wire->to_peer, to_peer);
}

void skbal_wire_exit(struct skbal_wire *wire)
{
	rtnl_lock();
	netdev_rx_handler_unregister(wire->net->loopback_dev);
	rtnl_unlock();
}
