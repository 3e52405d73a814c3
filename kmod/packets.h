/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that keep the sockets that have sent them, or that they came for. One
 * that was closed is in no table then; a UDP socket is still charged for what it
 * has received. How many packets there are is known, not whose they are.
 */
#ifndef SKBAL_PACKETS_H
#define SKBAL_PACKETS_H

#include <linux/types.h>

struct sock;

/* What is said where they may be why a socket is missing; of their number. */
#define SKBAL_PACKETS_REASON \
	"%llu packets wait to be sent, read or freed, and may keep closed sockets"

/**
 * skbal_packets_redirected() - those that sockmap has redirected here, and that wait
 * to be taken (sk_psock_skb_redirect())
 *
 * Context: RCU read side. The socket has another struct proto than it began with:
 *	    where there is no SK_USER_DATA_PSOCK, nothing else tells whose its
 *	    sk_user_data is.
 */
u32 skbal_packets_redirected(const struct sock *sk);

/**
 * skbal_packets_unread() - those that a UDP socket has received, of which a part is
 * still in the pages of whoever has sent them (MSG_ZEROCOPY)
 *
 * A queue that somebody is at counts as one.
 *
 * Context: any.
 */
u32 skbal_packets_unread(struct sock *sk);

/**
 * skbal_packets_elsewhere() - those that no socket has: in queues of devices; of which
 * only a part has come yet; or that were read, and not freed
 * @live: the machine is not stopped; then a list of those that were read counts as one
 *
 * Context: RCU read side.
 */
u64 skbal_packets_elsewhere(bool live);

#endif /* SKBAL_PACKETS_H */
