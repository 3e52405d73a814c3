/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_SOCKDIAG_H
#define SKBALANCE_SOCKDIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "endpoint.h"

/*
 * What sock_diag(7), hence ss(8), tells about a protocol: the full
 * sockets in its hash tables. Mini sockets (time-wait and half-open) are only counted: they
 * are charged nothing.
 */

struct sockdiag_socket {
	uint64_t cookie;	/* identifies the socket while it lives */
	unsigned int netns;	/* inode number of its network namespace */
	uint32_t inode;		/* as in /proc/PID/fd; 0 without a file */
	bool bound_only;	/* TCP_CLOSE: only in the table of ports */
	struct endpoint local;
	struct endpoint remote;
	long long receive_queue_bytes; /* sk_rmem_alloc */
	long long write_queue_bytes; /* sk_wmem_queued */
	long long forward_alloc_bytes;
};

/* A network namespace that could not be asked. */
struct sockdiag_gap {
	unsigned int netns;
	int code;		/* errno value */
};

struct sockdiag {
	int protocol;		/* IPPROTO_... that was asked for */
	struct sockdiag_socket *sockets; /* each once, by rising cookie */
	size_t n_sockets;
	size_t mini_sockets;
	unsigned int *namespaces; /* asked */
	size_t n_namespaces;
	struct sockdiag_gap *gaps;
	size_t n_gaps;
	bool interrupted;	/* a dump never settled: it may lack some */
};

/* The bytes that the socket holds in its queues and forward alloc. */
long long sockdiag_socket_bytes(const struct sockdiag_socket *socket);

/*
 * Asks for the protocol's sockets of every network namespace that a process lives in
 * or that is mounted. A dump that the kernel flags as interrupted is
 * repeated a few times. -ENOENT without a module for it, like tcp_diag, -ENOMEM,
 * -EPROTO for messages that make no sense, or what the kernel answered. The
 * result is to be freed in any case.
 */
int sockdiag_read(struct sockdiag *diag, int protocol, char **error);

/* The same for TCP and the network namespace that the thread is in. */
int sockdiag_read_here(struct sockdiag *diag, char **error);

/*
 * Sets *bytes to the sum over those sockets of the thread's network
 * namespace whose local or remote port is the given one.
 */
int sockdiag_sum_port(uint16_t port, long long *bytes, char **error);

void sockdiag_free(struct sockdiag *diag);

/*
 * Ends the connection of a socket as ss --kill does: of TCP, its queues are
 * purged, and the peer is reset. False: errno says why, EOPNOTSUPP if the kernel
 * has no CONFIG_INET_DIAG_DESTROY, ENOENT if it has no module for the protocol,
 * like udp_diag, or there is no such socket.
 */
bool sockdiag_destroy(int fd);

/* Closes it first: what is destroyed is an orphan, or gone. */
bool sockdiag_destroy_closed(int fd);

/* Asks for the socket by its addresses, or its token, whatever is known of it. */
void sockdiag_ask(int fd);

/* The same, but with the cookie of another one. */
void sockdiag_mistake(int fd);

/*
 * Asks for one socket of TCP, full or mini, by its addresses; a listener has no
 * remote one, all 0. Its state, TCP_...; 0: there is none.
 */
int sockdiag_state(const struct sockaddr_storage *local,
		   const struct sockaddr_storage *remote);

/* As sockdiag_destroy(), by the addresses, also of a mini socket. */
bool sockdiag_destroy_at(const struct sockaddr_storage *local,
			 const struct sockaddr_storage *remote);

/*
 * Adds the sockets in one datagram of the kernel's answer to diag, whose
 * arrays are not sorted meanwhile. Sets diag->interrupted if it is flagged
 * so. 1 if the answer is complete with it, 0 if more follows; otherwise a
 * negative errno value: that which the kernel answered, or -EPROTO, -ENOMEM.
 */
int sockdiag_parse(struct sockdiag *diag, unsigned int netns,
		   const void *datagram, size_t length, char **error);

/*
 * For actors: from now on the kernel tells of each socket of TCP and UDP in this
 * network namespace that ends, and only then destroys it. Returns a descriptor
 * of netlink; -1: errno says why.
 */
int sockdiag_hear_of_ends(void);

#endif
