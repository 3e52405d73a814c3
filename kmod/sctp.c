// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
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

/* Only data is owned by the socket; control chunks are not charged. */
static bool is_owned(const struct sctp_chunk *chunk)
{
	return chunk->skb && chunk->skb->destructor &&
	       sctp_chunk_is_data(chunk);
}

static u32 count_sent(const struct list_head *sent)
{
	const struct sctp_chunk *chunk;
	u32 chunks = 0;

	list_for_each_entry(chunk, sent, transmitted_list)
		chunks += is_owned(chunk);
	return chunks;
}

static u32 count_chunks(const struct sctp_association *asoc)
{
	const struct sctp_outq *queue = &asoc->outqueue;
	const struct sctp_transport *transport;
	const struct sctp_chunk *chunk;
	u32 chunks = 0;

	list_for_each_entry(chunk, &queue->out_chunk_list, list)
		chunks += is_owned(chunk);
	chunks += count_sent(&queue->sacked);
	chunks += count_sent(&queue->retransmit);
	chunks += count_sent(&queue->abandoned);
	list_for_each_entry(transport, &asoc->peer.transport_addr_list,
			    transports)
		chunks += count_sent(&transport->transmitted);
	return chunks;
}

u32 skbal_sctp_chunk_bytes(struct sock *sk)
{
	const struct sctp_endpoint *ep = sctp_sk(sk)->ep;
	const struct sctp_association *asoc;
	u32 chunks = 0;

	if (!ep)
		return 0;
	list_for_each_entry(asoc, &ep->asocs, asocs)
		chunks += count_chunks(asoc);
	return chunks * sizeof(struct sctp_chunk);
}
