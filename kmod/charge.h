/* SPDX-License-Identifier: GPL-2.0-only */
/* The charge of one socket: what it has taken from its pool, in bytes. */
#ifndef SKBAL_CHARGE_H
#define SKBAL_CHARGE_H

#include <linux/types.h>
#include <net/sock.h>

/*
 * The first four add up to the charge. The last two are held by the socket
 * but, by design of the kernel, not charged; they are not in the first ones.
 */
struct skbal_charge {
	s32 forward_alloc;
	s32 write_queue;
	u32 receive_queue;	/* of a UDP socket it can exceed 2 GiB */
	u32 hidden;		/* beside the queues: see hidden.h */
	u32 error_queue;
	u32 zerocopy;		/* SCTP: the descriptors of chunks */
};

static inline s64 skbal_charge_total(const struct skbal_charge *charge)
{
	return (s64)charge->forward_alloc + charge->write_queue +
	       charge->receive_queue + charge->hidden;
}

/**
 * skbal_charge_error_queue() - bytes in the error queue that are not charged
 *
 * Context: any; takes the lock of the error queue.
 */
u32 skbal_charge_error_queue(struct sock *sk);

/**
 * skbal_charge_zerocopy() - bytes in the write queue that are not charged
 *
 * Of a TCP socket pure zerocopy data, also in the retransmit queue; of an SCTP
 * socket the descriptors of its chunks.
 *
 * Context: the caller holds the socket's spinlock and no process owns it, or
 * the machine is stopped.
 */
u32 skbal_charge_zerocopy(struct sock *sk);

/**
 * skbal_charge_read() - read the charge of a socket
 * @queues: whether the queues can be walked: see skbal_charge_zerocopy(). If
 *	    not, what skbal_charge_zerocopy() finds counts as charged.
 *
 * What skbal_hidden_read() finds is for the caller to add.
 */
static inline void skbal_charge_read(struct sock *sk, bool queues,
				     struct skbal_charge *ret)
{
	ret->receive_queue = atomic_read(&sk->sk_rmem_alloc);
	ret->error_queue = 0;
	/* what the error queue holds is in sk_rmem_alloc, too */
	if (ret->receive_queue) {
		ret->error_queue = skbal_charge_error_queue(sk);
		ret->receive_queue -= ret->error_queue;
	}
	ret->write_queue = READ_ONCE(sk->sk_wmem_queued);
	ret->zerocopy = 0;
	if (ret->write_queue && queues) {
		ret->zerocopy = skbal_charge_zerocopy(sk);
		ret->write_queue -= ret->zerocopy;
	}
	ret->forward_alloc = skbal_forward_alloc(sk);
	ret->hidden = 0;
}

#endif /* SKBAL_CHARGE_H */
