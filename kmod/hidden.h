/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hidden charges: kTLS and sockmap charge a socket for data that is in none of
 * its queues (sk_msg_alloc() in net/core/skmsg.c).
 */
#ifndef SKBAL_HIDDEN_H
#define SKBAL_HIDDEN_H

#include <linux/types.h>

struct sock;

/**
 * skbal_hidden_read() - bytes charged for data beside the queues
 * @queues: as for skbal_charge_read()
 * @opaque: set to whether there may be more that cannot be counted: another
 *	    ULP, a device's TLS, or data that a process is at
 *
 * Context: as for skbal_charge_zerocopy(); RCU read side.
 */
u32 skbal_hidden_read(const struct sock *sk, bool queues, bool *opaque);

/**
 * skbal_hidden_redirected() - bytes charged for what sockmap has redirected here
 * @charged: what the socket is charged, as far as it is known without these
 * @opaque: set if that cannot be told
 *
 * Context: the machine is stopped, and no process owns the socket.
 */
u32 skbal_hidden_redirected(const struct sock *sk, s64 charged, bool *opaque);

#endif /* SKBAL_HIDDEN_H */
