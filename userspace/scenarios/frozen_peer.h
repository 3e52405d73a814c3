/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_FROZEN_PEER_H
#define SKBALANCE_FROZEN_PEER_H

#include "scenarios.h"

/*
 *	server ---- connection 1..N ----> frozen-client (SIGSTOP)
 *	  fill until EAGAIN, set SO_LINGER, close()
 *
 * The scenarios of this family differ in what the server does only.
 */
struct frozen_peer {
	int linger;		/* seconds; -1: off */
	bool empty;		/* close with an empty write queue */
	bool reset;		/* whether the close sends a RST ... */
				/* ... or leaves an orphan in FIN_WAIT1 */
	unsigned int closers;	/* threads, as close() may block */
};

/*
 * Plays it twice: the client's sockets are released by reading everything,
 * and by the client's death.
 */
void frozen_peer_play(struct play *play, const struct frozen_peer *how);

/* For connections whose peer does not read: sysctls, until the end of the run. */
bool frozen_peer_settings(struct play *play);

#endif
