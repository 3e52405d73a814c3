/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_CPUS_H
#define SKBALANCE_CPUS_H

#include <stdbool.h>

/*
 * Does it on each CPU that the calling thread may run on, one after the other;
 * then the thread may run on all of them again. False, with errno, where it could
 * not go to one of them.
 */
bool cpus_each(void (*deed)(void *arg), void *arg);

#endif
