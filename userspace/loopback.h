/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_LOOPBACK_H
#define SKBALANCE_LOOPBACK_H

#include <stdbool.h>
#include <sys/socket.h>

#define LOOPBACK_TEXT_SIZE sizeof("127.0.0.1:65535")

/* The address, of loopback unless it is placed elsewhere, and port of a scenario's server. */
struct loopback {
	int protocol;		/* IPPROTO_..., 0: TCP */
	int type;		/* SOCK_..., 0: as is usual for the protocol */
	bool shared;		/* SO_REUSEPORT: others may bind to its port */
	struct sockaddr_storage address;
	socklen_t length;
};

/* TCP, 127.0.0.1 or ::1; port 0 lets the kernel choose when it is bound. */
void loopback_set(struct loopback *server, sa_family_t family,
		  unsigned short port);

/* Another address of the same family, "::" or "192.0.2.1"; all else stays. */
void loopback_place(struct loopback *server, const char *host);

/* Whether the kernel has that IPPROTO_... (0: TCP) over that family. */
bool loopback_works(sa_family_t family, int protocol);

/* A listening socket, and *server with its port. -1: errno says why. */
int loopback_listen(struct loopback *server, int backlog);

/* A bound socket, and *server with its port. */
int loopback_bind(struct loopback *server);

/* A connected socket. -1: errno says why. */
int loopback_connect(const struct loopback *server);

/* A socket that is being connected, and does not block. */
int loopback_connect_nonblocking(const struct loopback *server);

/* "127.0.0.1:8000" or "[::1]:8000", as the books write it. */
void loopback_text(const struct loopback *server, char text[LOOPBACK_TEXT_SIZE]);

unsigned short loopback_port(const struct loopback *server);

/*
 * Enters new namespaces, CLONE_NEW..., of which one is of the network: a
 * loopback device of the process's own, which is up. False: errno says why.
 */
bool loopback_unshare(int namespaces);

/* SO_LINGER; seconds < 0 turns it off. */
bool loopback_linger(int fd, int seconds);

#endif
