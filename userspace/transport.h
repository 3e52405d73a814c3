/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_TRANSPORT_H
#define SKBALANCE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

/* A protocol that charges a pool for its sockets' memory. */
struct transport {
	int protocol;		/* IPPROTO_... */
	int type;		/* SOCK_..., which it usually is used with */
	const char *pool;
	const char *names[2];	/* the kernel's, for IPv4 and IPv6 */
};

/* All of them; ends with one without a pool. */
extern const struct transport transports[];

/* The transport of that IPPROTO_..., 0 being TCP's. It must exist. */
const struct transport *transport_of(int protocol);

/* Whether the kernel calls it so, over IPv4 or IPv6. */
bool transport_is_named(const struct transport *transport, const char *name);

#endif
