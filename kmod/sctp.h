/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SCTP, which can be a module of its own, loaded or not. It is asked only
 * while it is held (skbal_sctp_get()), and never the reason that it is loaded.
 */
#ifndef SKBAL_SCTP_H
#define SKBAL_SCTP_H

#include <linux/kconfig.h>
#include <linux/types.h>

struct proto;
struct skbal_snapshot;
struct sock;

#if IS_ENABLED(CONFIG_IP_SCTP)

/**
 * skbal_sctp_get() - hold sctp, if it is loaded
 *
 * Return: a protocol of its pool, valid until skbal_sctp_put(); NULL if sctp
 *	   is not there, or is going.
 */
struct proto *skbal_sctp_get(void);
void skbal_sctp_put(void);

/**
 * skbal_sctp_walk() - meet the sockets that have associations
 *
 * A socket that was closed lives on as long as it has associations that are
 * being shut down; only those lead to it.
 *
 * Context: sctp is held. RCU read side; the machine is stopped, or process
 * context with bottom halves enabled.
 */
void skbal_sctp_walk(struct skbal_snapshot *snap);

/**
 * skbal_sctp_chunk_bytes() - bytes in sk_wmem_queued that are not charged
 *
 * sctp_set_owner_w() counts each chunk's descriptor, but charges its data only.
 * Context: as for skbal_charge_zerocopy().
 */
u32 skbal_sctp_chunk_bytes(struct sock *sk);

/**
 * skbal_sctp_will_end() - will an orphan end, as far as that is up to timers?
 *
 * Its associations are being shut down, and each has a timer: of what was sent
 * last, or of data that is unacknowledged. A heartbeat ends none whose peer
 * answers. Whoever has locked the socket may be about to set one. Without any, it
 * ends if nobody holds its endpoint.
 *
 * Context: sctp is held, and the machine is stopped.
 */
bool skbal_sctp_will_end(const struct sock *sk);

#else

static inline struct proto *skbal_sctp_get(void) { return NULL; }
static inline void skbal_sctp_put(void) {}
static inline void skbal_sctp_walk(struct skbal_snapshot *snap) {}
static inline u32 skbal_sctp_chunk_bytes(struct sock *sk) { return 0; }
static inline bool skbal_sctp_will_end(const struct sock *sk) { return true; }

#endif

#endif /* SKBAL_SCTP_H */
