/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_ERROR_H
#define SKBALANCE_ERROR_H

/*
 * Functions that can fail return 0 or a negative errno value and describe
 * the failure in *error: one line without a final newline, to be freed by
 * the caller, and NULL when there was no memory to say it.
 */

/* Sets *error to the formatted text and returns -code. */
int error_set(char **error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints "skbalance: " and the formatted text as one line on stderr. */
void error_print(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Prints *error likewise and frees it. */
void error_report(char **error);

#endif
