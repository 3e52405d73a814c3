/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_CONNECTIONS_H
#define SKBALANCE_CONNECTIONS_H

#include "actor.h"
#include "loopback.h"

/*
 * For actors, to whom all of these report a failure themselves.
 */

/*
 * Many connections at once: return the descriptors, which stay allocated until
 * the actor ends.
 */

int *connections_connect(struct stage *stage, const struct loopback *server,
			 unsigned int count);

/* flags as of accept4(2) */
int *connections_accept(struct stage *stage, int listener, unsigned int count,
			int flags);

/*
 * Sends a quarter of a MiB on each, without waiting: more than a socket gets in
 * any case, net.ipv4.tcp_wmem's minimum, which is a page, of 64 KiB at most.
 * Returns how many have not taken all.
 */
long long connections_overload(struct stage *stage, const int *fds,
			       unsigned int count);

/*
 * One connection: sets the ends that has connected, and that was accepted. Of
 * many at once the order of both need not be the same.
 */
void connection_make(struct stage *stage, const struct loopback *server,
		     int listener, int *connected, int *accepted);

/* Sizes for connection_fill(): an ordinary one, and the largest. */
#define CONNECTION_CHUNK 4096
#define CONNECTION_LARGEST 16384

/*
 * Sends size bytes at a time until nothing more fits; whether the socket blocks
 * or not. Returns how many bytes it has taken.
 */
long long connection_fill(struct stage *stage, int fd, size_t size);

/*
 * Sends that many bytes, or a datagram of that size, to its peer; or to another
 * address, if it is not NULL. All of it is to be taken at once.
 */
void connection_send(struct stage *stage, int fd, size_t size,
		     const struct loopback *to);

/* Receives that many bytes, and waits for them. */
void connection_receive(struct stage *stage, int fd, long long bytes);

/*
 * A byte there and back, twice: then both ends of a connection of MPTCP know that
 * the other speaks it.
 */
void connection_exchange(struct stage *stage, int connected, int accepted);

/* Receives until nothing more is there. Returns how many bytes it was. */
long long connection_drain(struct stage *stage, int fd);

/* Closes it so that the peer is reset. */
void connection_reset(struct stage *stage, int fd);

/* Resets the peer, and keeps the descriptor. */
void connection_disconnect(struct stage *stage, int fd);

/* Its own address, and its peer's. */
struct sockaddr_storage connection_name(struct stage *stage, int fd);
struct sockaddr_storage connection_peer_name(struct stage *stage, int fd);

/* One of its options that are an int; also of a socket of datagrams. */
void connection_set(struct stage *stage, int fd, int level, int option,
		    int value);

/* What is sent does not wait for more: TCP_NODELAY. */
void connection_send_at_once(struct stage *stage, int fd);

/* TCP_MAXSEG; the children of a listener inherit it, and tell their peers. */
void connection_set_mss(struct stage *stage, int fd, int mss);

/* SO_SNDBUF and SO_RCVBUF; the kernel doubles them. */
void connection_set_buffers(struct stage *stage, int fd, int size);

/* Whether the kernel has SO_RESERVE_MEM, which came with 5.16. */
bool connection_reserves(void);

#endif
