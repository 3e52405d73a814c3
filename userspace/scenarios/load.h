/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_LOAD_H
#define SKBALANCE_LOAD_H

#include "scenarios.h"

struct load_state;

/* A process that keeps a protocol busy, both ends of it, until it is killed. */
struct load {
	const char *name;	/* also the process's comm */
	int protocol;		/* IPPROTO_... */
	bool zerocopy;		/* sends with MSG_ZEROCOPY */
	/* One thing that it does, at random. */
	void (*step)(struct load_state *state);
};

/* All of them; ends with one without a name. */
extern const struct load loads[];

/* Some to run beside a scenario: they hold little. */
extern const struct load moderate_loads[];

/* The actor's part. Reports when it is ready; counts its steps in *steps. */
void load_run(struct stage *stage, const struct load *load, sa_family_t family,
	      unsigned int *steps) __attribute__((noreturn));

#endif
