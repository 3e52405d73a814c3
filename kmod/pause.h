/* SPDX-License-Identifier: GPL-2.0-only */
/* How long an exact snapshot stops the machine, and how long it may. */
#ifndef SKBAL_PAUSE_H
#define SKBAL_PAUSE_H

#include <linux/types.h>

/** skbal_pause_max() - the longest pause allowed, in ns: max_pause_ms */
u64 skbal_pause_max(void);

/**
 * skbal_pause_work() - how much a walk has to do now
 *
 * Context: may sleep.
 * Return: a number without unit: sockets, and less for descriptors and slots.
 */
u64 skbal_pause_work(void);

/** skbal_pause_estimate() - how long that would take, in ns, from experience */
u64 skbal_pause_estimate(u64 work);

/** skbal_pause_learn() - tell how long it took */
void skbal_pause_learn(u64 work, u64 pause_ns);

/** skbal_pause_refused() - tell that it was too long, by the module's limit */
void skbal_pause_refused(void);

#endif /* SKBAL_PAUSE_H */
