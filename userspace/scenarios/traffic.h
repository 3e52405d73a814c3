/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_TRAFFIC_H
#define SKBALANCE_TRAFFIC_H

#include "load.h"

/* The loads of all protocols, over both families. */
#define TRAFFIC_PARTS 16

/* Several loads at once. */
struct traffic {
	struct traffic_part {
		const struct load *load;
		sa_family_t family;
		unsigned int *steps;	/* that it has made, in shared memory */
		unsigned int before;	/* when they were last looked at */
		struct actor actor;
	} parts[TRAFFIC_PARTS];
	unsigned int count;
	unsigned int *steps;
};

/*
 * Starts these loads, over IPv4 and IPv6, but for those that the kernel cannot
 * do. To be stopped in any case. The functions that return false have made a
 * failed check.
 */
bool traffic_start(struct play *play, struct traffic *traffic,
		   const struct load *list);

/*
 * Checks that each load does something: since the last look, or within half a
 * minute.
 */
bool traffic_expect_movement(struct play *play, const char *phase,
			     struct traffic *traffic);

/* Waits, as long, until each has done so. */
bool traffic_await_movement(struct play *play, struct traffic *traffic);

void traffic_stop(struct traffic *traffic);

#endif
