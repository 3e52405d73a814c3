/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's tables of TCP sockets: established, listening, and the accept
 * queues that hang on the latter.
 */
#ifndef SKBAL_TCP_H
#define SKBAL_TCP_H

struct skbal_snapshot;
struct sock;

/**
 * skbal_tcp_walk() - meet the sockets in all tables and accept queues
 *
 * Context: RCU read side; the machine is stopped, or process context with
 * bottom halves enabled.
 */
void skbal_tcp_walk(struct skbal_snapshot *snap);

/**
 * skbal_tcp_will_end() - will an orphan end, also if its peer is silent?
 *
 * A timer runs for each, of FIN_WAIT2 or of what is unacknowledged; or what it
 * was to do is left to whoever has locked the socket.
 *
 * Context: the machine is stopped.
 */
bool skbal_tcp_will_end(const struct sock *sk);

#endif /* SKBAL_TCP_H */
