/* SPDX-License-Identifier: GPL-2.0-only */
/* What the benchmarks measure with, and the table of their figures. */
#ifndef SKBALANCE_MEASURE_H
#define SKBALANCE_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

/** measure_now_ms() - a time that only goes forward */
double measure_now_ms(void);

/** measure_median() - the middle one; sorts the values */
double measure_median(double *values, size_t count);

/**
 * measure_command() - run a command, its output thrown away
 *
 * Return: how long the whole process took, in ms; < 0: it failed.
 */
double measure_command(char *const *argv);

/** measure_table() - begin a table of figures */
void measure_table(struct table *table);

/**
 * measure_row() - add a figure
 * @format: of @value
 * @required: what it has to be, as a text, or NULL
 * @met: whether it is
 */
void measure_row(struct table *table, const char *what, const char *format,
		 double value, const char *required, bool met);

#endif
