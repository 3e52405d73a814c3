/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_EXPLAIN_H
#define SKBALANCE_EXPLAIN_H

#include <stdbool.h>
#include <stdio.h>

#include "books.h"

/*
 * Prints one screen (at most 24 lines of 100 columns) about TCP: what
 * /proc/net/sockstat shows, what is really charged, who holds it, why ss
 * cannot see it, and the verdict, which *verdict is set to. Errors, before
 * anything is printed, as of books_read().
 */
int explain_print(FILE *out, bool live, enum books_verdict *verdict,
		  char **error);

#endif
