/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's tables of UDP and UDP-Lite sockets. */
#ifndef SKBAL_UDP_H
#define SKBAL_UDP_H

struct skbal_snapshot;

/**
 * skbal_udp_walk() - meet the sockets that have a port
 *
 * Context: RCU read side; the machine is stopped, or process context with
 * bottom halves enabled.
 */
void skbal_udp_walk(struct skbal_snapshot *snap);

#endif /* SKBAL_UDP_H */
