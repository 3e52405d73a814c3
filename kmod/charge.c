// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errqueue.h>
#include <net/sock.h>

#include "charge.h"
#include "sctp.h"

/*
 * Packets in the error queue are added to sk_rmem_alloc without a charge
 * (sock_queue_err_skb(): "We dont mem charge error packets"), except the
 * notifications of MSG_ZEROCOPY, which come from sk_omem_alloc
 * (msg_zerocopy_realloc()) and are in no queue's sum.
 */
u32 skbal_charge_error_queue(struct sock *sk)
{
	struct sk_buff *skb;
	unsigned long flags;
	u32 bytes = 0;

	if (skb_queue_empty_lockless(&sk->sk_error_queue))
		return 0;
	/* Not held by a stopped CPU: it is taken with interrupts disabled. */
	spin_lock_irqsave(&sk->sk_error_queue.lock, flags);
	skb_queue_walk(&sk->sk_error_queue, skb)
		if (SKB_EXT_ERR(skb)->ee.ee_origin != SO_EE_ORIGIN_ZEROCOPY)
			bytes += skb->truesize;
	spin_unlock_irqrestore(&sk->sk_error_queue.lock, flags);
	return bytes;
}

#ifdef SKBAL_HAVE_ZCOPY_PURE
/*
 * An skb that holds nothing but the user's own pages is queued with its whole
 * truesize, but charged for its header only (tcp_wmem_free_skb()). The
 * difference is a whole number of pages, so only a walk can find it.
 */
static u32 skb_zerocopy_bytes(const struct sk_buff *skb)
{
	if (!skb_zcopy_pure(skb))
		return 0;
	return skb->truesize - SKB_TRUESIZE(skb_end_offset(skb));
}

/*
 * A process that has locked the socket may have been stopped while it was about
 * to change a queue. What it was to link is alive, and what it was to unlink,
 * too; but a link may be gone, or lead back.
 */
static u32 zerocopy_bytes(struct sock *sk)
{
	struct sk_buff *skb = READ_ONCE(sk->sk_write_queue.next);
	u32 left = READ_ONCE(sk->sk_wmem_queued) / SKB_TRUESIZE(0) + 1;
	u32 bytes = 0;

	for (; skb && skb != (struct sk_buff *)&sk->sk_write_queue && left;
	     left--) {
		bytes += skb_zerocopy_bytes(skb);
		skb = READ_ONCE(skb->next);
	}
	skb = skb_rb_first(&sk->tcp_rtx_queue);
	for (; skb && left; left--) {
		bytes += skb_zerocopy_bytes(skb);
		skb = skb_rb_next(skb);
	}
	return bytes;
}
#else
static u32 zerocopy_bytes(struct sock *sk)
{
	return 0;
}
#endif

u32 skbal_charge_zerocopy(struct sock *sk)
{
	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
		return zerocopy_bytes(sk);
	case IPPROTO_SCTP:
		return skbal_sctp_chunk_bytes(sk);
	default:
		return 0;
	}
}
