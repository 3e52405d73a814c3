/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_TESTS_HELPER_H
#define SKBALANCE_TESTS_HELPER_H

/* what cmocka.h wants to be included before itself */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "books.h"

/* Whether tests that repeat themselves shall do so less often (valgrind). */
bool helper_quick(void);

/*
 * The text of a file below tests/data with @VERSION@ replaced, to be freed.
 * Fails the test if it cannot be read.
 */
char *helper_data(const char *path);

/* The text with the only occurrence of from replaced; frees the old one. */
char *helper_replace(char *text, const char *from, const char *to);

/* Parses a text that must be right, and frees it with the books. */
void helper_parse(struct books *books, char *text);

/*
 * A copy of a tree below tests/data, to stand for debugfs: the path of the
 * directory, to be freed with helper_tree_free(). Edits change one file of it.
 */
char *helper_tree(const char *name);
void helper_tree_edit(const char *tree, const char *file, const char *from,
		      const char *to);
/* Leaves out what follows the first such text in a file of the tree. */
void helper_tree_cut(const char *tree, const char *file, const char *after);
void helper_tree_free(char *tree);

/* A program that has ended. */
struct helper_result {
	int status;		/* its exit status; 128 + N for signal N */
	char *out;
	char *err;
};

/*
 * Runs skbalance (the environment variable SKBALANCE names it) with the
 * arguments, split at spaces, on a tree, or without debugfs if it is NULL.
 */
void helper_run(struct helper_result *result, const char *tree,
		const char *arguments);
void helper_result_free(struct helper_result *result);

#endif
