/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_DATAGRAMS_H
#define SKBALANCE_DATAGRAMS_H

#include "../meminfo.h"
#include "scenarios.h"

/* For actors: datagram sockets that are sent to, over loopback. */
struct datagrams {
	int fd;
	struct loopback address;
	size_t size;		/* of each datagram */
	bool broken;		/* their checksums are wrong */
	long long truesize;	/* what the kernel counts for one of them */
	long long queued;	/* datagrams */
};

/* A bound socket of UDP, and *address with its port. */
int datagrams_bind(struct stage *stage, sa_family_t family,
		   struct loopback *address);

/* Opens one that takes datagrams of that size, with SO_RCVBUF. */
void datagrams_open(struct stage *stage, struct datagrams *to,
		    const struct play *play, size_t size, int rcvbuf);

/* An unbound socket to send with; for broken ones another. */
int datagrams_sender(struct stage *stage, const struct play *play);
int datagrams_broken_sender(struct stage *stage, const struct play *play);

/* Sends that many and waits until they are queued. */
void datagrams_send(struct stage *stage, int from, struct datagrams *to,
		    long long count);

/*
 * Waits until that many of that truesize are either queued or dropped. Returns
 * the dropped.
 */
long long datagrams_settle(struct stage *stage, struct datagrams *to,
			   long long count);

/* Sends until the first is dropped. */
void datagrams_fill(struct stage *stage, int from, struct datagrams *to);

/* Receives that many. */
void datagrams_receive(struct stage *stage, struct datagrams *to,
		       long long count);

/* What is in the receive queue, in bytes as the kernel counts them. */
long long datagrams_bytes(const struct datagrams *to);

/*
 * In the scenario: checks, when the books have settled, that so many bytes are
 * in the queues of all open sockets of the actor, as SO_MEMINFO says, too.
 */
bool datagrams_expect_queued(struct play *play, const char *phase,
			     const struct actor *actor, long long bytes);

#endif
