/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_FILTER_H
#define SKBALANCE_FILTER_H

#include <stdbool.h>

#include "books.h"

/* Which sockets to show: those that match all of it. */
struct filter {
	enum books_class class;	/* BOOKS_CLASSES: any */
	const char *state;	/* NULL: any */
	long long pid;		/* one of the holders; BOOKS_NONE: any */
	long long port;		/* local or remote; BOOKS_NONE: any */
	const char *protocol;	/* in either case; NULL: any */
	long long uid;		/* BOOKS_NONE: any */
	long long cgroup;	/* its id; BOOKS_NONE: any */
};

#define FILTER_ANY ((struct filter){ .class = BOOKS_CLASSES, \
	.pid = BOOKS_NONE, .port = BOOKS_NONE, .uid = BOOKS_NONE, \
	.cgroup = BOOKS_NONE })

/*
 * Set one condition from its text. A class or a state must be a known one
 * (a state in either case, with '-' or '_'): otherwise the error lists them.
 * A cgroup must exist. 0, -EINVAL or -ENOMEM.
 */
int filter_set_class(struct filter *filter, const char *text, char **error);
int filter_set_state(struct filter *filter, const char *text, char **error);
int filter_set_pid(struct filter *filter, const char *text, char **error);
int filter_set_port(struct filter *filter, const char *text, char **error);
int filter_set_uid(struct filter *filter, const char *text, char **error);
int filter_set_cgroup(struct filter *filter, const char *text, char **error);

bool filter_match(const struct filter *filter,
		  const struct books_socket *socket);

#endif
