// SPDX-License-Identifier: GPL-2.0-only
#include <linux/scatterlist.h>
#include <linux/skmsg.h>
#include <net/inet_connection_sock.h>
#include <net/mptcp.h>
#include <net/tls.h>

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
