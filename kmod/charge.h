/* SPDX-License-Identifier: GPL-2.0-only */
/* The charge of one socket: what it has taken from its pool, in bytes. */
#ifndef SKBAL_CHARGE_H
#define SKBAL_CHARGE_H

#include <linux/types.h>

struct sock;

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
 * skbal_charge_read() - read the charge of a socket
 * @queues: whether the write and retransmit queues can be walked: the caller
 *	    holds the socket's spinlock (or the machine is stopped) and no
 *	    process owns the socket. If not, pure zerocopy data counts as charged.
 */
void skbal_charge_read(struct sock *sk, bool queues, struct skbal_charge *ret);

/**
 * skbal_charge_is_opaque() - whether charges are hidden in a sockmap or an ULP
 *
 * kTLS, espintcp and sockmap charge the socket for data that is in none of its
 * queues (sk_msg_alloc() in net/core/skmsg.c), where nobody else can count it.
 * Context: RCU read side.
 */
bool skbal_charge_is_opaque(const struct sock *sk);

#endif /* SKBAL_CHARGE_H */
