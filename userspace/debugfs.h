/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_DEBUGFS_H
#define SKBALANCE_DEBUGFS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The module's files. debugfs is looked for in /proc/self/mounts; the
 * environment variable SKBALANCE_DEBUGFS names another directory instead.
 */

/*
 * Reads skbalance/[live/][POOL/]FILE whole; pool may be NULL. Sets *text, to
 * be freed, and *length; a NUL byte that is not counted follows the text.
 * Errors, all with the way out of it in *error:
 *   -EACCES, -EPERM	not root; the kernel is locked down
 *   -ENODEV		debugfs is not mounted or not in the kernel
 *   -ENXIO		the module is not loaded
 *   -ENOENT		no such pool
 *   -ENOPROTOOPT	the kernel has not loaded the pool's protocols
 *   -ENOMEM		too little memory, here or for the snapshot
 *   -EAGAIN		the snapshot did not settle
 *   -EOPNOTSUPP	this kernel allows no exact reading
 *   another one	reading failed
 */
int debugfs_read(const char *pool, const char *file, bool live, char **text,
		 size_t *length, char **error);

/*
 * Lists the pools: *names becomes an array of strings, sorted and ending with
 * NULL, to be freed with debugfs_free_pools(). Errors as of debugfs_read().
 */
int debugfs_list_pools(char ***names, char **error);

void debugfs_free_pools(char **names);

#endif
