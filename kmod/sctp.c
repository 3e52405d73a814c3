// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>
#include <net/sctp/sctp.h>

#include "census.h"
#include "sctp.h"
#include "snapshot.h"

/* Set whenever sctp is held: it stays where it is as long as anyone holds it. */
static int (*for_each_transport)(sctp_callback_t cb, sctp_callback_t cb_done,
				 struct net *net, int *pos, void *p);

/* By the control socket, which every namespace has: sctp_prot is not exported. */
struct proto *skbal_sctp_get(void)
{
	typeof(for_each_transport) symbol =
		symbol_get(sctp_transport_traverse_process);

	if (!symbol)
		return NULL;
	WRITE_ONCE(for_each_transport, symbol);
	return init_net.sctp.ctl_sock->sk_prot_creator;
}

void skbal_sctp_put(void)
{
	symbol_put(sctp_transport_traverse_process);
}

/* The association's socket: accept() and peeling off move it to another. */
static int meet_transport(struct sctp_endpoint *ep,
			  struct sctp_transport *transport, void *snap)
{
	skbal_census_meet(snap, transport->asoc->base.sk, SKBAL_HASHED);
	return 0;
}

void skbal_sctp_walk(struct skbal_snapshot *snap)
{
	struct net *net;

	if (!snap->protos[SKBAL_POOL_SCTP])
		return;
	for_each_net_rcu(net) {
		int pos = 0;

		if (net->sctp.ctl_sock)
			skbal_census_meet(snap, net->sctp.ctl_sock,
					  SKBAL_HASHED);
		READ_ONCE(for_each_transport)(meet_transport, NULL, net, &pos,
					      snap);
	}
}

/*
 * A process that has locked the socket may have been stopped while it was about
 * to change a list. A link may then lead back, or to the head of another list,
 * taken for a chunk.
 */
struct walk {
	u32 left;		/* so many chunks there can be at most */
	u32 chunks;
};

/* Only data is owned by the socket; control chunks are not charged. */
static bool is_owned(const struct sctp_chunk *chunk)
{
	struct sctp_chunkhdr *header;
	struct sk_buff *skb;
	void (*destructor)(struct sk_buff *skb);
	u8 type;

	return !get_kernel_nofault(skb, &chunk->skb) && skb &&
	       !get_kernel_nofault(destructor, &skb->destructor) &&
	       destructor &&
	       !get_kernel_nofault(header, &chunk->chunk_hdr) && header &&
	       !get_kernel_nofault(type, &header->type) &&
	       (type == SCTP_CID_DATA || type == SCTP_CID_I_DATA);
}

static bool is_in_no_list(const struct list_head *node)
{
	struct list_head *next;

	return !get_kernel_nofault(next, &node->next) && next == node;
}

static bool is_listed(const struct sctp_chunk *chunk)
{
	return !is_in_no_list(&chunk->list) ||
	       !is_in_no_list(&chunk->transmitted_list);
}

static struct sctp_chunk *neighbour(const struct sctp_chunk *chunk,
				    const struct sctp_datamsg *message,
				    bool after)
{
	const struct list_head *node = &chunk->frag_list;
	struct list_head *next;

	if (get_kernel_nofault(next, after ? &node->next : &node->prev) ||
	    next == &message->chunks)
		return NULL;
	return list_entry(next, struct sctp_chunk, frag_list);
}

/*
 * A chunk that is acknowledged, or abandoned before it was sent, leaves the
 * lists of its association, but belongs to its message, and to the socket, until
 * all others of that have left them. A row of such chunks is found by the listed
 * one behind it, or, at the end of the message, by that before it.
 */
static void walk_unlisted(struct walk *walk, const struct sctp_chunk *listed,
			  bool after)
{
	struct sctp_datamsg *message;
	struct sctp_chunk *chunk;
	u32 steps = 0, owned = 0;

	if (get_kernel_nofault(message, &listed->msg) || !message)
		return;
	for (chunk = neighbour(listed, message, after);
	     chunk && steps < walk->left;
	     chunk = neighbour(chunk, message, after)) {
		if (is_listed(chunk)) {
			/* behind it is the one that counts them */
			if (after)
				return;
			break;
		}
		steps++;
		owned += is_owned(chunk);
	}
	walk->left -= steps;
	walk->chunks += owned;
}

static void walk_chunk(struct walk *walk, const struct sctp_chunk *chunk)
{
	if (!is_owned(chunk))
		return;
	walk->chunks++;
	walk_unlisted(walk, chunk, false);
	walk_unlisted(walk, chunk, true);
}

/* The node of a chunk is @offset bytes into it. */
static void walk_chunks(struct walk *walk, const struct list_head *head,
			size_t offset)
{
	struct list_head *node = READ_ONCE(head->next);

	while (node != head && walk->left) {
		walk->left--;
		walk_chunk(walk, (void *)node - offset);
		if (get_kernel_nofault(node, &node->next))
			return;
	}
}

static void walk_sent(struct walk *walk, const struct list_head *sent)
{
	walk_chunks(walk, sent, offsetof(struct sctp_chunk, transmitted_list));
}

static void walk_association(struct walk *walk,
			     const struct sctp_association *asoc)
{
	const struct sctp_outq *queue = &asoc->outqueue;
	const struct sctp_transport *transport;

	walk_chunks(walk, &queue->out_chunk_list,
		    offsetof(struct sctp_chunk, list));
	walk_sent(walk, &queue->sacked);
	walk_sent(walk, &queue->retransmit);
	walk_sent(walk, &queue->abandoned);
	list_for_each_entry_rcu(transport, &asoc->peer.transport_addr_list,
				transports)
		walk_sent(walk, &transport->transmitted);
}

u32 skbal_sctp_chunk_bytes(struct sock *sk)
{
	const struct sctp_endpoint *ep = sctp_sk(sk)->ep;
	const struct sctp_association *asoc;
	struct walk walk = {
		.left = READ_ONCE(sk->sk_wmem_queued) /
			sizeof(struct sctp_chunk),
	};

	if (!ep)
		return 0;
	list_for_each_entry(asoc, &ep->asocs, asocs)
		walk_association(&walk, asoc);
	return walk.chunks * sizeof(struct sctp_chunk);
}

/* Each of them lets the association send again, and at last gives it up. */
static const enum sctp_event_timeout ending[] = {
	SCTP_EVENT_TIMEOUT_T1_COOKIE, SCTP_EVENT_TIMEOUT_T1_INIT,
	SCTP_EVENT_TIMEOUT_T2_SHUTDOWN, SCTP_EVENT_TIMEOUT_T4_RTO,
	SCTP_EVENT_TIMEOUT_T5_SHUTDOWN_GUARD, SCTP_EVENT_TIMEOUT_AUTOCLOSE,
};

static bool association_will_end(const struct sctp_association *asoc)
{
	const struct sctp_transport *transport;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ending); i++)
		if (timer_pending(&asoc->timers[ending[i]]))
			return true;
	list_for_each_entry_rcu(transport, &asoc->peer.transport_addr_list,
				transports)
		if (timer_pending(&transport->T3_rtx_timer))
			return true;
	return false;
}

bool skbal_sctp_will_end(const struct sock *sk)
{
	const struct sctp_endpoint *ep = sctp_sk(sk)->ep;
	const struct sctp_association *asoc;

	if (!ep || sock_owned_by_user_nocheck(sk))
		return true;
	/* with the last one goes its endpoint, and the socket after RCU's next turn */
	if (list_empty(&ep->asocs))
		return !refcount_read(&ep->base.refcnt);
	list_for_each_entry(asoc, &ep->asocs, asocs)
		if (!association_will_end(asoc))
			return false;
	return true;
}
