/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_UNREAD_H
#define SKBALANCE_UNREAD_H

#include "scenarios.h"

/*
 *	sender ---- connection 1..N ----> receiver (does not read)
 *
 * The scenarios of this family differ in how the data is sent, and where it
 * waits. Played twice: the receiver reads everything in the end, and the
 * sender resets the connections.
 */

/* Both actors, for expect(). */
struct unread_round {
	struct actor sender, receiver;
	long long sent;		/* what send() returned, all in all */
	long long readable;	/* FIONREAD at the peak, all in all */
};

struct unread {
	/* In the sender, before it makes a socket; or NULL. */
	void (*prepare)(struct stage *stage);
	/* In the receiver, for each accepted socket; or NULL. */
	void (*accepted)(struct stage *stage, int fd);
	/* In the sender. Returns how many bytes can be read in the end. */
	long long (*send)(struct stage *stage, int fd, unsigned int i);
	/*
	 * In the sender, while the receiver reads at last, and before the
	 * connection is shut down: returns how many bytes more there are to
	 * read; or NULL.
	 */
	long long (*finish)(struct stage *stage, int fd, unsigned int i);
	/* In the receiver, before it reads at last; or NULL. */
	void (*resume)(struct stage *stage, int fd);
	/* Likewise, when that was done to all of them; or NULL. */
	void (*resumed)(struct stage *stage, int fd);
	/* What is special at the peak, with all connections open; or NULL. */
	bool (*expect)(struct play *play, const struct unread_round *round);
	/* Whether the sender's queues are charged as SO_MEMINFO has them. */
	bool as_queued;
	/* What each of the sender's sockets is charged with nothing sent. */
	long long reserve;
	/* What each of the receiver's may be, when everything is read. */
	long long rest;
};

void unread_play(struct play *play, const struct unread *how);

#endif
