/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_OWNED_H
#define SKBALANCE_OWNED_H

#include <pthread.h>
#include <stdbool.h>

#include "actor.h"

/*
 * For actors: a thread of theirs sends a byte of a page that is not there, and
 * meanwhile owns the socket: whatever concerns it is to wait. All report a
 * failure themselves.
 */
struct owned {
	int fd;
	int faults;
	char *page;
	pthread_t thread;
};

/* Whether the kernel lets a process deal with its page faults. */
bool owned_works(void);

/* Returns when the thread waits for the page. */
void owned_begin(struct stage *stage, struct owned *owned, int fd);

/* Likewise; false: it cannot, as there is nowhere to send to, or no room. */
bool owned_try(struct stage *stage, struct owned *owned, int fd);

/* Lets it have the page: returns when the byte is sent. */
void owned_end(struct stage *stage, struct owned *owned);

/* Likewise; false: it could not be sent any more. */
bool owned_try_end(struct stage *stage, struct owned *owned);

#endif
