/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_NUMBER_H
#define SKBALANCE_NUMBER_H

#include <stdbool.h>

/*
 * Reads a whole decimal number between lowest and highest, without sign or
 * space before it except a '-'. False, with *number unchanged, if text is
 * anything else.
 */
bool number_parse(long long *number, const char *text, long long lowest,
		  long long highest);

#endif
