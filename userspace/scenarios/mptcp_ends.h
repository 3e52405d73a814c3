/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_MPTCP_ENDS_H
#define SKBALANCE_MPTCP_ENDS_H

#include "scenarios.h"

/*
 *	server ==== MPTCP connection 1..N ==== client
 *
 * Neither reads. Each connection is four sockets: at both ends one of MPTCP,
 * which its process has, and below it one of TCP, a subflow.
 */

struct mptcp_ends {
	struct loopback address;
	int listener;
	unsigned int connections;
	size_t message;		/* bytes of each send */
	bool client_sends;	/* beside the server */
	struct actor server, client;
};

/* Starts the actors and waits until they are connected. */
bool mptcp_ends_start(struct play *play, struct mptcp_ends *ends);

/* Waits until nothing more fits in, and all is at rest. */
bool mptcp_ends_fill(struct play *play, struct mptcp_ends *ends);

void mptcp_ends_kill(struct mptcp_ends *ends);

#endif
