/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The other books: what the kernel counts of the same sockets beside the pages,
 * held against the census. A socket that was purged but never freed has lost
 * no page, and shows here.
 */
#ifndef SKBAL_COUNTER_H
#define SKBAL_COUNTER_H

#include <linux/types.h>

#include "balance.h"

struct skbal_snapshot;

/* How much there is about to be met, from counters that may be off by a few. */
struct skbal_expected {
	size_t sockets;
	size_t nets;
};

struct skbal_expected skbal_counter_expect(void);

/**
 * skbal_counter_read() - read the counters into a snapshot
 *
 * Context: the machine is stopped.
 */
void skbal_counter_read(struct skbal_snapshot *snap);

/* One counter, and what the census says it should be. */
struct skbal_counter {
	const char *name;
	char protocol[32];		/* or empty */
	u32 netns;			/* or 0 */
	s64 kernel;
	s64 census;
	bool suspect;			/* has differed in every snapshot */
	bool steady;			/* by the same amount each time */
	enum skbal_verdict verdict;
	char reason[96];
};

/* The counters, as of the latest snapshot of a reading. */
struct skbal_counters {
	struct skbal_counter *rows;
	size_t count;
	unsigned int snapshots;
	unsigned int suspects;
};

/**
 * skbal_counters_compare() - hold one more snapshot's counters against its census
 * @counters: zero, or as the snapshot before has left it
 * @missing: sockets that are allocated but were not found
 *
 * Exact snapshots only. A counter that was equal once is right: what is on its
 * way is met in one snapshot and not in the other.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int skbal_counters_compare(struct skbal_counters *counters,
			   const struct skbal_snapshot *snap, s64 missing);

/** skbal_counters_judge() - say what stands after the last snapshot */
void skbal_counters_judge(struct skbal_counters *counters);

void skbal_counters_free(struct skbal_counters *counters);

#endif /* SKBAL_COUNTER_H */
