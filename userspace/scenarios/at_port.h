/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_AT_PORT_H
#define SKBALANCE_AT_PORT_H

#include "scenarios.h"

/* What the kernel itself has at a port, by the books and by sock_diag. */
struct at_port {
	int protocol;		/* IPPROTO_..., 0: TCP */
	unsigned short port;
	long long netns;	/* see at_port_find() */
	const char *listener;	/* the address that it listens at */
	long long kernel;	/* sockets of class kernel */
	long long writing;	/* of these, with something to send, at least */
	long long queued;	/* in that listener's accept queue */
};

/* Sets the network namespace to that of the actor. */
bool at_port_find(struct play *play, struct at_port *at,
		  const struct actor *actor);

/*
 * Waits, for at most half a minute, until that many are there. No process
 * holds any of them; each is charged what sock_diag says.
 */
bool at_port_expect(struct play *play, const char *phase,
		    const struct at_port *expected);

/*
 * They are charged at least that many bytes; with what the clients are
 * charged, that is what the counter has more than so many pages.
 */
bool at_port_expect_pages(struct play *play, const char *phase,
			  const struct at_port *expected, long long least,
			  const struct actor *clients, long long pages);

#endif
