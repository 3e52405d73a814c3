/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_MEMCG_H
#define SKBALANCE_MEMCG_H

#include "books.h"
#include "cgroup.h"

/*
 * The memory cgroups' book: what memory.stat of each one says of "sock", held
 * against what the sockets charged to it and to those below it are charged.
 *
 * It is read before and after the owners, not in the same moment, and the
 * kernel adds up what its CPUs have counted only every two seconds. So a
 * cgroup that agrees once has agreed; a difference counts when it is the same
 * in each of MEMCG_ROUNDS readings, MEMCG_WAIT_MS apart.
 */

#define MEMCG_ROUNDS 5
#define MEMCG_WAIT_MS 1500

struct memcg {
	bool present;		/* it has a memory.stat with "sock" */
	bool agreed;		/* in some reading */
	long long before;	/* bytes in memory.stat before the owners */
	long long after;	/* and after them */
	long long charged;	/* bytes of the sockets, also of those below */
	long long difference;	/* pages: after - charged */
	unsigned int steady;	/* readings in a row with this difference */
};

struct memcgs {
	struct cgroups cgroups;
	struct memcg *list;	/* in the same order */
	bool whole;		/* the first one is the root of all */
	long long page_size;	/* of the kernel, once there was a round */
	long long held_back;	/* pages that its CPUs may keep back, all together */
	const char *doubt;	/* why a difference means nothing, or NULL */
	struct books_counter *counters; /* those that differ */
	size_t n_counters;
	long long held;		/* how many were compared */
};

/*
 * Reads it all, and again as long as something differs. Errors as of
 * books_read(), and -ENODEV where no version-2 hierarchy with the memory
 * controller is mounted. To be freed in any case.
 */
int memcgs_read(struct memcgs *memcgs, bool live, char **error);

/* The steps of it; the second one says whether some have never agreed. */
int memcgs_open(struct memcgs *memcgs, char **error);
int memcgs_round(struct memcgs *memcgs, bool live, bool *differ, char **error);
int memcgs_judge(struct memcgs *memcgs, char **error);

/* The most severe verdict, balanced if none differs. */
enum books_verdict memcgs_worst(const struct memcgs *memcgs);

void memcgs_free(struct memcgs *memcgs);

#endif
