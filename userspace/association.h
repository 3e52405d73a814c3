/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_ASSOCIATION_H
#define SKBALANCE_ASSOCIATION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/* does not include what it needs */
#include <stdint.h>
#include <linux/sctp.h>

#include "actor.h"

/* For actors: a socket's association of SCTP. */

/* Sets an option; reports a failure itself. */
void association_set(struct stage *stage, int fd, int option,
		     const void *value, size_t length);

/* False: there is no association. */
bool association_status(int fd, struct sctp_status *status);

/* Waits until it is so; reports a failure itself. */
void association_await(struct stage *stage, int fd, bool (*is_so)(int fd));

#endif
