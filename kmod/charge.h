/* SPDX-License-Identifier: GPL-2.0-only */
/* The charge of one socket: what it has taken from its pool, in bytes. */
#ifndef SKBAL_CHARGE_H
#define SKBAL_CHARGE_H

#include <linux/types.h>
#include <net/sock.h>

/*
 * The first three add up to the charge. The last two are held by the socket
 * but, by design of the kernel, not charged; they are not in the first three.
 */
struct skbal_charge {
	s32 forward_alloc;
	s32 write_queue;
	s32 receive_queue;
	u32 error_queue;
	u32 zerocopy;
};

static inline s64 skbal_charge_total(const struct skbal_charge *charge)
{
	return (s64)charge->forward_alloc + charge->write_queue +
	       charge->receive_queue;
}

/**
 * skbal_charge_error_queue() - bytes in the error queue that are not charged
 *
 * Context: any; takes the lock of the error queue.
 */
u32 skbal_charge_error_queue(struct sock *sk);

/**
 * skbal_charge_zerocopy() - bytes of pure zerocopy data in the write and
 * retransmit queues of a TCP socket, which are not charged
 *
 * Context: the caller holds the socket's spinlock and no process owns it, or
 * the machine is stopped.
 */
u32 skbal_charge_zerocopy(struct sock *sk);

/**
 * skbal_charge_read() - read the charge of a socket
 * @queues: whether the queues can be walked: see skbal_charge_zerocopy(). If
 *	    not, pure zerocopy data counts as charged.
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
}

/**
 * skbal_charge_is_opaque() - whether charges are hidden in a sockmap or an ULP
 *
 * kTLS, espintcp and sockmap charge the socket for data that is in none of its
 * queues (sk_msg_alloc() in net/core/skmsg.c), where nobody else can count it.
 * Context: RCU read side.
 */
bool skbal_charge_is_opaque(const struct sock *sk);

#endif /* SKBAL_CHARGE_H */
