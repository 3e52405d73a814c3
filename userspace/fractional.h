/* SPDX-License-Identifier: GPL-2.0-only */
/* The sockets that are not charged a whole number of pages: they have lost bytes. */
#ifndef SKBALANCE_FRACTIONAL_H
#define SKBALANCE_FRACTIONAL_H

#include <jansson.h>
#include <stdbool.h>

#include "books.h"

/*
 * Reads the sockets of each pool that has such. *list becomes an array with one
 * element for each pool of balance, empty for the others, to be freed with
 * books_free_pools() in any case. Errors as of books_read().
 */
int fractional_read(struct books **list, const struct books *balance, bool live,
		    char **error);

/* What names them, in an array; of an element of that list. */
json_t *fractional_json(const struct books *books);

/* A table of them, nothing if there are none. 0 or -ENOMEM. */
int fractional_print(const struct books *books);

#endif
