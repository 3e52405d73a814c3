/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_CONNECTIONS_H
#define SKBALANCE_CONNECTIONS_H

#include "actor.h"
#include "loopback.h"

/*
 * For actors: many connections at once. Both return the descriptors, which
 * stay allocated until the actor ends, and report a failure themselves.
 */

int *connections_connect(struct stage *stage, const struct loopback *server,
			 unsigned int count);

/* flags as of accept4(2) */
int *connections_accept(struct stage *stage, int listener, unsigned int count,
			int flags);

#endif
