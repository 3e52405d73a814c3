/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's tables of TCP sockets: established, listening, and the accept
 * queues that hang on the latter.
 */
#ifndef SKBAL_TCP_H
#define SKBAL_TCP_H

struct skbal_snapshot;

/**
 * skbal_tcp_walk() - meet the sockets in all tables and accept queues
 *
 * Context: RCU read side; the machine is stopped, or process context with
 * bottom halves enabled.
 */
void skbal_tcp_walk(struct skbal_snapshot *snap);

#endif /* SKBAL_TCP_H */
