/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_ROSTER_H
#define SKBALANCE_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "books.h"
#include "endpoint.h"
#include "sockdiag.h"

/*
 * The sockets of one reading, to be found again in another one: by inode
 * number if both readings tell it, otherwise by namespace and addresses.
 */

struct roster_entry {
	bool hashed;		/* not TCP_CLOSE: its addresses are unique */
	unsigned int netns;
	uint32_t inode;		/* 0: not known */
	struct endpoint local;
	struct endpoint remote;
	union {			/* where it comes from */
		const struct books_socket *booked;
		const struct sockdiag_socket *seen;
	};
};

struct roster {
	struct roster_entry *entries;
	size_t count;
	const struct roster_entry **by_inode;
	const struct roster_entry **by_address;
};

/*
 * The sockets in the books or in a dump, in the same order. Refers to what
 * it is made from. 0 or -ENOMEM; to be freed in any case.
 */
int roster_of_books(struct roster *roster, const struct books *books);
int roster_of_sockdiag(struct roster *roster, const struct sockdiag *diag);

/* The same socket in the other roster, NULL if it is not there. */
const struct roster_entry *roster_find(const struct roster *roster,
				       const struct roster_entry *entry);

void roster_free(struct roster *roster);

#endif
