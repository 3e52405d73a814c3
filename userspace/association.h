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
#include "loopback.h"

/* For actors: a socket's association of SCTP. */

/* Sets an option; reports a failure itself. */
void association_set(struct stage *stage, int fd, int option,
		     const void *value, size_t length);

/*
 * How long it waits for an answer: at first, and where none comes, max_ms, and
 * no less than min_ms.
 */
void association_set_rto(struct stage *stage, int fd, unsigned int min_ms,
			 unsigned int max_ms);

/* That of one of a one-to-many socket's associations. */
void association_set_rto_of(struct stage *stage, int fd, sctp_assoc_t which,
			    unsigned int min_ms, unsigned int max_ms);

/* In pieces of how many bytes a message is sent. */
void association_set_fragment(struct stage *stage, int fd, unsigned int bytes);

/*
 * Gives so many of the associations of a one-to-many socket sockets of their
 * own. Returns the descriptors, which stay allocated until the actor ends.
 */
int *association_peel_off(struct stage *stage, int fd, unsigned int count);

/* Likewise, but nobody is told of the descriptor: there is none. */
void association_peel_off_untold(struct stage *stage, int fd);

/* Likewise of that one; false: it cannot be peeled off. */
bool association_try_peel_off_untold(int fd, sctp_assoc_t which);

/* sendmsg(), to NULL: to the peer; info NULL: as it is by default. */
ssize_t association_send(int fd, const struct loopback *to, const void *data,
			 size_t length, const struct sctp_sndinfo *info,
			 int flags);

/* False: there is no association. */
bool association_status(int fd, struct sctp_status *status);

/* Waits until it is so; reports a failure itself. */
void association_await(struct stage *stage, int fd, bool (*is_so)(int fd));

#endif
