/* SPDX-License-Identifier: GPL-2.0-only */
/* Crowds: very many sockets, descriptors, threads, ..., in processes of their own. */
#ifndef SKBALANCE_CROWD_H
#define SKBALANCE_CROWD_H

#include <stdbool.h>

/**
 * crowd_make() - make so many of a kind; they stay until this process ends
 * @kind: tcp, descriptors, threads, names, churn
 *
 * Ends this process, with status 2, if they cannot be made.
 * Return: false: there is no such kind.
 */
bool crowd_make(const char *kind, unsigned long count);

#endif
