/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_KEPT_H
#define SKBALANCE_KEPT_H

#include "scenarios.h"

/*
 *	server ---- connection 1..N ----> holder (has closed the descriptors)
 *
 * The holder's sockets, with unread data, are kept by something else than a
 * descriptor. Then the server resets the connections, so that they are in no
 * hash table either.
 */
struct kept {
	/* In the holder; closes the descriptors, or has others in their place. */
	void (*keep)(struct stage *stage, int *fds, unsigned int count);
	/* by what the books say that they are held; NULL: "-" */
	const char *via;
	/* Nothing leads to them after the reset: the tracker apart. */
	bool unreachable;
};

void kept_play(struct play *play, const struct kept *how);

#endif
