/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_UNCHARGED_H
#define SKBALANCE_UNCHARGED_H

#include "../meminfo.h"
#include "scenarios.h"

/*
 *	sender ---- connection 1..N ----> receiver (does not read)
 *
 * Sockets that hold memory which the kernel, by design, does not charge.
 */
struct uncharged {
	/* In the sender: makes a connected socket hold such memory. */
	void (*fill)(struct stage *stage, int fd);
	/* What the sockets say of themselves, and what they are charged. */
	bool (*expect)(struct play *play, const struct meminfo *sum,
		       const struct books_charge *charge);
	int mss;		/* of the connections, 0: as loopback has it */
};

void uncharged_play(struct play *play, const struct uncharged *how);

#endif
