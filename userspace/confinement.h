/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_CONFINEMENT_H
#define SKBALANCE_CONFINEMENT_H

#include <stdbool.h>

#include "actor.h"

/* A version-2 control group that a scenario makes for its actors. */
struct confinement {
	char path[256];		/* empty: there is none */
	long long id;		/* as in the books */
	bool memory;		/* whether it has the memory controller */
};

/* False if there can be none: no version 2, or not the right. */
bool confinement_make(struct confinement *confinement, const char *name);

/* In the actor, before it makes a socket. */
void confinement_enter(struct stage *stage,
		       const struct confinement *confinement);

/* Sets memory.max: bytes, or "max". False: errno says why. */
bool confinement_limit(const struct confinement *confinement,
		       const char *bytes);

/* Its directory. -1: errno says why. */
int confinement_open(const struct confinement *confinement);

/* When its actors have ended. */
void confinement_remove(struct confinement *confinement);

#endif
