// SPDX-License-Identifier: GPL-2.0-only
#include <linux/scatterlist.h>
#include <linux/skmsg.h>
#include <net/inet_connection_sock.h>
#include <net/mptcp.h>
#include <net/tls.h>
#include <net/udp.h>

#include "hidden.h"

/* sockmap: data that waits until bpf_msg_cork_bytes() are together */
static u32 psock_bytes(const struct sock *sk)
{
	const struct sk_psock *psock = skbal_psock(sk);

	return psock && psock->cork ? psock->cork->sg.size : 0;
}

/*
 * These bytes are in sk_rmem_alloc, too, since 54f89b3178d5 (6.13, and stable
 * kernels); no header tells. But a socket is charged whole pages: either it is
 * whole without them, or with them.
 */
u32 skbal_hidden_redirected(const struct sock *sk, s64 charged, bool *opaque)
{
	const struct sk_psock *psock = skbal_psock(sk);
	const struct sk_msg *msg;
	u32 bytes = 0;

	if (!psock)
		return 0;
	list_for_each_entry(msg, &psock->ingress_msg, list)
		bytes += msg->sg.size;
	if (bytes & ~PAGE_MASK)
		return (charged + bytes) & ~PAGE_MASK ? 0 : bytes;
	*opaque |= bytes;
	return 0;
}

u32 skbal_hidden_packets(const struct sock *sk)
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

/* Also while interrupts go on: they would wait for the lock. */
static u32 queue_lent(struct sk_buff_head *queue)
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

u32 skbal_hidden_lent(struct sock *sk)
{
	if (!SKBAL_KEEPS_ZEROCOPY)
		return 0;
	return queue_lent(&sk->sk_receive_queue) +
	       queue_lent(&udp_sk(sk)->reader_queue);
}

u32 skbal_hidden_fragments(const struct net *net)
{
	u32 queues = 0;

	if (!SKBAL_KEEPS_ZEROCOPY)
		return 0;
	if (net->ipv4.fqdir)
		queues += atomic_read(&net->ipv4.fqdir->rhashtable.nelems);
#if IS_ENABLED(CONFIG_IPV6)
	if (net->ipv6.fqdir)
		queues += atomic_read(&net->ipv6.fqdir->rhashtable.nelems);
#endif
	return queues;
}

static u32 list_lent(const struct llist_head *list, bool live)
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

u32 skbal_hidden_read_packets(bool live)
{
	u32 lent = 0;
	int cpu, node;

	if (!SKBAL_KEEPS_ZEROCOPY)
		return 0;
	for_each_possible_cpu(cpu)
		for_each_node(node)
			lent += list_lent(skbal_read_packets(cpu, node), live);
	return lent;
}

#if IS_ENABLED(CONFIG_TLS)
/* The beginning of struct tls_rec (net/tls/tls.h), the same since 4.20. */
struct record {
	struct list_head list;
	int tx_ready;
	int tx_flags;
	struct sk_msg msg_plaintext;
	struct sk_msg msg_encrypted;
};

/* tls_push_sg() uncharges an element when all of it has gone to TCP. */
static u32 unsent_bytes(struct scatterlist *sg)
{
	u32 bytes = 0;

	for (; sg; sg = sg_next(sg))
		bytes += sg->length;
	return bytes;
}

static u32 record_bytes(const struct record *rec)
{
	return rec->msg_plaintext.sg.size + rec->msg_encrypted.sg.size;
}

/* Records that wait to be sent; of the first a part may have been. */
static u32 tls_bytes(const struct tls_context *tls)
{
	const struct tls_sw_context_tx *tx = tls->priv_ctx_tx;
	const struct record *rec;
	u32 bytes = 0;

	if (!tx)
		return 0;
	if (tx->open_rec)
		bytes += record_bytes((const struct record *)tx->open_rec);
	list_for_each_entry(rec, &tx->tx_list, list)
		bytes += record_bytes(rec);
	if (!tls->partially_sent_record || list_empty(&tx->tx_list))
		return bytes;
	rec = list_first_entry(&tx->tx_list, struct record, list);
	return bytes - rec->msg_encrypted.sg.size +
	       unsent_bytes(tls->partially_sent_record);
}

static u32 ulp_bytes(const struct sock *sk, bool *opaque)
{
	const struct tls_context *tls = tls_get_ctx(sk);

	if (strcmp(inet_csk(sk)->icsk_ulp_ops->name, "tls") || !tls ||
	    (tls->tx_conf != TLS_BASE && tls->tx_conf != TLS_SW)) {
		*opaque = true;
		return 0;
	}
	return tls->tx_conf == TLS_SW ? tls_bytes(tls) : 0;
}
#else
static u32 ulp_bytes(const struct sock *sk, bool *opaque)
{
	*opaque = true;
	return 0;
}
#endif

u32 skbal_hidden_read(const struct sock *sk, bool queues, bool *opaque)
{
	bool has_ulp = READ_ONCE(inet_csk(sk)->icsk_ulp_ops);
	u32 bytes = 0;

	*opaque = false;
	if (!has_ulp && !skbal_psock(sk))
		return 0;
	if (!queues) {
		*opaque = true;
		return 0;
	}
	if (has_ulp)
		bytes = ulp_bytes(sk, opaque);
	return bytes + psock_bytes(sk);
}
