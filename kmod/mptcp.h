/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MPTCP: a socket (msk) that the process has, and its subflows, TCP sockets
 * that belong to it. Some of either are in no table.
 */
#ifndef SKBAL_MPTCP_H
#define SKBAL_MPTCP_H

#include <linux/kconfig.h>
#include <linux/types.h>

struct skbal_snapshot;
struct skbal_socket;
struct sock;

#if IS_ENABLED(CONFIG_MPTCP)

/**
 * skbal_mptcp_hidden() - bytes charged for data in a list of the msk's own
 *
 * Since 6.19 what arrives while the msk is full, or locked, waits in a backlog.
 * It is charged to the subflow that brought it, until that is closed
 * (mptcp_cleanup_ssk_backlog()); from then on to no socket at all.
 *
 * Context: the caller holds the spinlock of the msk, or the machine is stopped.
 * A process that has locked it may have a part of the list in its hands.
 */
u32 skbal_mptcp_hidden(const struct sock *msk);

/**
 * skbal_mptcp_meet() - meet what belongs to a socket: the msk of a subflow, or
 * the subflows of an msk
 * @socket: the entry of @sk, which was just made
 *
 * Context: as of skbal_census_meet(). Subflows are met only while the machine
 * is stopped: the list of them needs the msk's lock.
 */
void skbal_mptcp_meet(struct skbal_snapshot *snap, struct skbal_socket *socket,
		      struct sock *sk);

/**
 * skbal_mptcp_walk() - meet the msks that nothing else leads to: those that
 * were closed, and whose subflows are closed, too
 *
 * Context: after the other walks; RCU read side.
 */
void skbal_mptcp_walk(struct skbal_snapshot *snap);

/**
 * skbal_mptcp_finish() - a subflow is whose its msk is, and an msk that nobody
 * has accepted yet is where its subflow waits
 *
 * Context: when all sockets have been met.
 */
void skbal_mptcp_finish(struct skbal_snapshot *snap);

#else

static inline u32 skbal_mptcp_hidden(const struct sock *msk)
{
	return 0;
}

static inline void skbal_mptcp_meet(struct skbal_snapshot *snap,
				    struct skbal_socket *socket,
				    struct sock *sk) {}
static inline void skbal_mptcp_walk(struct skbal_snapshot *snap) {}
static inline void skbal_mptcp_finish(struct skbal_snapshot *snap) {}

#endif

#endif /* SKBAL_MPTCP_H */
