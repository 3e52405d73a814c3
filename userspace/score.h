/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_SCORE_H
#define SKBALANCE_SCORE_H

#include <stdio.h>

#include "blindspot.h"
#include "books.h"

struct scenario;

/* What a scenario has shown, over IPv4 and IPv6: a row of the table. */
struct score {
	const struct scenario *scenario;
	unsigned int passed, failed;	/* plays; else all were skipped */
	enum books_verdict at_rest;	/* the most severe of all stations */
	enum books_verdict under_load;	/* likewise, of the readings */
	unsigned int readings;		/* under load */
	unsigned int balanced;		/* of these */
	bool asked;			/* sock_diag, at the first peak */
	struct blindspot blindspot;	/* what it has not seen */
};

/* A reading while nothing moved. */
void score_rest(struct score *score, enum books_verdict verdict);

/* A reading under load. */
void score_load(struct score *score, enum books_verdict verdict);

/* Prints them as a table. 0 or -ENOMEM. */
int score_print(const struct score *scores, size_t count, FILE *out);

#endif
