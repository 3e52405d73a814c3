/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wire: what becomes of the packets between a subject and its peer on a
 * loopback device.
 */
#ifndef SKBAL_WIRE_H
#define SKBAL_WIRE_H

#include <linux/types.h>

struct net;
struct sock;

enum skbal_wire_state {
	SKBAL_WIRE_WHOLE,
	SKBAL_WIRE_CUT,		/* nothing comes through */
	SKBAL_WIRE_HOLE,	/* the first data does not, however often sent */
};

struct skbal_wire {
	struct net *net;
	__be16 port;				/* of the subject */
	enum skbal_wire_state to_subject, to_peer;
	u32 hole;				/* sequence number */
	bool holed;
};

/** skbal_wire_init() - watch a namespace's loopback device
 *
 * Return: 0 or what netdev_rx_handler_register() says.
 */
int skbal_wire_init(struct skbal_wire *wire, struct net *net);

/** skbal_wire_watch() - say whose packets these are: of a bound socket */
void skbal_wire_watch(struct skbal_wire *wire, const struct sock *subject);

/** skbal_wire_set() - say what comes through from now on */
void skbal_wire_set(struct skbal_wire *wire, enum skbal_wire_state to_subject,
		    enum skbal_wire_state to_peer);

static inline void skbal_wire_cut(struct skbal_wire *wire)
{
	skbal_wire_set(wire, SKBAL_WIRE_CUT, SKBAL_WIRE_CUT);
}

static inline void skbal_wire_mend(struct skbal_wire *wire)
{
	skbal_wire_set(wire, SKBAL_WIRE_WHOLE, SKBAL_WIRE_WHOLE);
}

void skbal_wire_exit(struct skbal_wire *wire);

#endif /* SKBAL_WIRE_H */
