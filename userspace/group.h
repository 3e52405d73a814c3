/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_GROUP_H
#define SKBALANCE_GROUP_H

#include <stddef.h>

#include "books.h"

/* Sockets of one pool that have something in common, counted once each. */

enum group_key {
	GROUP_PROCESS,		/* the first holder */
	GROUP_CLASS,
	GROUP_STATE,
	GROUP_NETNS,
	GROUP_CGROUP,
	GROUP_LISTENER,		/* its address and namespace */
	GROUP_UID,
	GROUP_KEYS
};

struct group {
	const char *pool;
	long long number;	/* pid, netns, cgroup or uid; or NONE */
	const char *text;	/* comm, class, state or listener; or NULL */
	long long sockets;
	long long bytes;
	long long pages;	/* of the bytes, rounded to the nearest */
};

struct groups {
	struct group *list;	/* largest first */
	size_t count;
};

/* The key of that name, GROUP_KEYS if there is none; and the name of a key. */
enum group_key group_find(const char *name);
const char *group_name(enum group_key key);

/* What must be read for it: "sockets", as only they have one state each. */
const char *group_file(enum group_key key);

/*
 * Groups the owners or, for the state, the sockets of the books; refers to
 * them. 0 or -ENOMEM; to be freed in any case.
 */
int groups_make(struct groups *groups, enum group_key key,
		const struct books *books, size_t n_books);

void groups_free(struct groups *groups);

#endif
