/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_ENDS_H
#define SKBALANCE_ENDS_H

#include "scenarios.h"

/*
 *	sender ---- one link or several ---- receiver
 *
 * Two processes, each with a network namespace of its own.
 */
struct ends {
	struct actor sender, receiver;
};

typedef void ends_part(struct stage *stage, void *arg);

/*
 * Starts both of *ends, all 0, given arg. The receiver enters its namespace, and
 * reports; then *namespace, in arg, is its process, to which the sender makes the
 * links, and reports whether it could. To be ended in any case.
 */
bool ends_start(struct play *play, struct ends *ends, ends_part *receiver,
		ends_part *sender, void *arg, pid_t *namespace);

void ends_kill(struct ends *ends);

#endif
