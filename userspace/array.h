/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_ARRAY_H
#define SKBALANCE_ARRAY_H

#include <stddef.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Appends a zeroed element of size bytes to a growing array: array points to
 * the pointer to its first element, NULL at first, and *count is the number of
 * elements so far. Returns the new element; NULL without memory, with the
 * array as it was. The caller may lower *count, but never raise it.
 */
void *array_append(void *array, size_t *count, size_t size);

#endif
