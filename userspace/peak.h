/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_PEAK_H
#define SKBALANCE_PEAK_H

#include "scenario.h"

/*
 * Measures for the score what a peak is: whether it is balanced at rest, what
 * sock_diag does not see, and whether readings are exact while traffic runs
 * beside it. When it returns the traffic has left no trace.
 */
void peak_measure(struct play *play);

#endif
