/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hidden charges: kTLS and sockmap charge a socket for data that is in none of
 * its queues (sk_msg_alloc() in net/core/skmsg.c).
 */
#ifndef SKBAL_HIDDEN_H
#define SKBAL_HIDDEN_H

#include <linux/types.h>

struct net;
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

/**
 * skbal_hidden_packets() - packets that sockmap has redirected here, and that
 * wait to be taken
 *
 * They keep their sockets (sk_psock_skb_redirect()): one that was closed is in no
 * table then, but a UDP socket is still charged.
 *
 * Context: RCU read side. The socket has another struct proto than it began with:
 *	    where there is no SK_USER_DATA_PSOCK, nothing else tells whose its
 *	    sk_user_data is.
 */
u32 skbal_hidden_packets(const struct sock *sk);

/**
 * skbal_hidden_lent() - packets that a UDP socket has received, of which a part is
 * still in the pages of whoever has sent them (MSG_ZEROCOPY)
 *
 * They keep the socket that has sent them, closed or not. A queue that somebody is
 * at counts as one.
 *
 * Context: any.
 */
u32 skbal_hidden_lent(struct sock *sk);

/**
 * skbal_hidden_fragments() - packets that are not put together yet, and may likewise
 * keep sockets
 *
 * Context: RCU read side.
 */
u32 skbal_hidden_fragments(const struct net *net);

/**
 * skbal_hidden_read_packets() - those that were read, but are not freed yet, and
 * likewise keep sockets
 * @live: the machine is not stopped; then any list of them counts as one
 *
 * A CPU frees them when it receives again (skb_attempt_defer_free()), which may be
 * never.
 */
u32 skbal_hidden_read_packets(bool live);

#endif /* SKBAL_HIDDEN_H */
