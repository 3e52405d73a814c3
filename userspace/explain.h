/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_EXPLAIN_H
#define SKBALANCE_EXPLAIN_H

#include <stdbool.h>
#include <stdio.h>

#include "books.h"
#include "cgroup.h"
#include "sockstat.h"
#include "witness.h"

/* What the screen is made from. */
struct explain {
	struct sockstat stat;
	struct books *books;	/* the owners of each pool */
	size_t n_books;
	const struct books_owner **owners; /* of all pools, largest first */
	size_t n_owners;
	const struct books_pool *pool; /* tcp */
	const struct books_pool *worst; /* with the most severe verdict */
	struct books counters;	/* the kernel's other counters */
	struct books births;	/* sockets of a pool with unreachable ones */
	struct cgroups cgroups;
	struct witness witness;
	char *witness_error;	/* why there is no witness, or NULL */
};

/*
 * Reads all of it. Errors as of books_read(); that sock_diag cannot be asked
 * is none. To be freed in any case.
 */
int explain_read(struct explain *explain, bool live, char **error);

/*
 * Finds the rest in the books of all pools, of which one must be tcp. 0,
 * -EPROTO or -ENOMEM.
 */
int explain_sort(struct explain *explain, char **error);

/* The most severe verdict of pools and counters. */
enum books_verdict explain_verdict(const struct explain *explain);

/* Prints the screen. 0 or -ENOMEM. */
int explain_write(const struct explain *explain, FILE *out);

/* Prints the same, and all owners, as one JSON object. 0 or -ENOMEM. */
int explain_write_json(const struct explain *explain, FILE *out);

void explain_free(struct explain *explain);

/*
 * Reads and prints, as JSON or as one screen (at most 24 lines of 100
 * columns): what /proc/net/sockstat shows about TCP, what is really charged in
 * all pools, who holds it, why ss cannot see it, and the verdict, which
 * *verdict is set to. Errors, before anything is printed, as of books_read().
 */
int explain_print(FILE *out, bool live, bool json, enum books_verdict *verdict,
		  char **error);

#endif
