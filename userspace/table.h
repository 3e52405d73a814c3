/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_TABLE_H
#define SKBALANCE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct libscols_table;
struct libscols_line;

/* A table under construction, row by row and cell by cell. */
struct table {
	struct libscols_table *scols;
	struct libscols_line *row;
	size_t column;		/* of the next cell */
	bool failed;		/* there was not enough memory */
};

struct table_column {
	const char *name;
	bool right;		/* numbers are aligned to the right */
};

/* Starts a table. Failures show when it is printed. */
void table_init(struct table *table, const struct table_column *columns,
		size_t count);

/* One more column, before the first row. */
void table_column(struct table *table, const struct table_column *column);

/* Starts a row, then its cells from left to right. */
void table_row(struct table *table);

/* Foreign text, made fit for a terminal; "-" if it is NULL. */
void table_text(struct table *table, const char *text);

void table_number(struct table *table, long long number);

/* "-" if the number is BOOKS_NONE. */
void table_number_or_none(struct table *table, long long number);

/* Bytes as MiB with two digits after the point. */
void table_mib(struct table *table, double bytes);

/* Prints it to out. 0 or -ENOMEM. */
int table_print(struct table *table, FILE *out);

/* What would be printed, to be freed; NULL without memory. */
char *table_format(struct table *table);

void table_free(struct table *table);

#endif
