/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_JSON_H
#define SKBALANCE_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "books.h"
#include "cgroup.h"
#include "witness.h"

/* Each returns a new reference, or NULL without memory. */

/* A string of foreign text, in valid UTF-8; null if it is NULL. */
json_t *json_text(const char *text);

/* An integer; null if it is BOOKS_NONE. */
json_t *json_number_or_none(long long number);

/* An array with the process ids. */
json_t *json_holders(const struct books_holders *holders);

/* An object, its stack an array; null if there is no birth. */
json_t *json_birth(const struct books_birth *birth);

/* The array, which may be NULL, with the value appended; takes both over. */
json_t *json_append(json_t *array, json_t *value);

/* An object, as in 'skbalance owners --json'. */
json_t *json_owner(const struct books_owner *owner,
		   const struct cgroups *cgroups);

/* One of the witness's groups of sockets that sock_diag does not see. */
json_t *json_unseen(const struct witness *witness, size_t i);

/*
 * Prints the value, which may be NULL and is freed, with the flags of
 * json_dumpf() and a newline. 0 or -ENOMEM; whether out took it is for the
 * caller to find out with ferror().
 */
int json_print(json_t *value, FILE *out, size_t flags);

#endif
