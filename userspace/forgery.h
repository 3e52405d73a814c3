/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_FORGERY_H
#define SKBALANCE_FORGERY_H

#include <stdbool.h>
#include <sys/socket.h>

#include "actor.h"

/*
 * For actors: segments of TCP that a peer might send, but Linux does not. All
 * report a failure themselves.
 */

#define FORGERY_LARGEST 4000
#define FORGERY_OPTIONS 20

/* Whose segments are forged, and what it had sent and received by then. */
struct forgery {
	struct sockaddr_storage from, to;
	unsigned int sent, received;
};

/* Positions are relative to what the forger had sent, and had received. */
struct forged {
	int begin;		/* of the data, which are all 0, or of FIN */
	unsigned int length;	/* FORGERY_LARGEST at most */
	unsigned int flags;	/* TH_..., beside TH_ACK */
	int acknowledged;
	/* Received beyond that; end 0: nothing. */
	int sacked_begin, sacked_end;
	/* Instead of that: FORGERY_OPTIONS bytes, or NULL. */
	const void *options;
	unsigned short window;	/* in the units of the connection */
	bool broken;		/* is the checksum: with much data nobody looks at once */
};

/* Of that connected socket, which has nothing to send now. */
struct forgery forgery_of(struct stage *stage, int fd);

/* Likewise; false: it is not connected, or has an address of the other family. */
bool forgery_try(int fd, struct forgery *forgery);

/*
 * Likewise of one that may be of MPTCP, which does not tell: it sends so many
 * bytes, and that is overheard.
 */
struct forgery forgery_overhear(struct stage *stage, int fd,
				unsigned int bytes);

/* Its peer gets it, as if the socket had sent it, before this returns. */
void forgery_send(struct stage *stage, const struct forgery *forgery,
		  const struct forged *forged);

#endif
