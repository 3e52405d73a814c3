/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_TRANSPORT_H
#define SKBALANCE_TRANSPORT_H

/* A protocol that charges a pool for its sockets' memory. */
struct transport {
	int protocol;		/* IPPROTO_... */
	int type;		/* SOCK_..., which it usually is used with */
	const char *pool;
};

/* The transport of that IPPROTO_..., 0 being TCP's. It must exist. */
const struct transport *transport_of(int protocol);

#endif
