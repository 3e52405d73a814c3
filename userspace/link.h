/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_LINK_H
#define SKBALANCE_LINK_H

#include <stdbool.h>
#include <sys/types.h>

#include "actor.h"

/*
 * For actors: network namespaces of their own, and links between them, which
 * are gone when the actors are. Made with ip(8).
 */

/* Runs a command. Whether it exists, and the kernel has what it asks for. */
bool link_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From now on the actor has a network namespace of its own. */
void link_enter_namespace(struct stage *stage);

/* A pair of devices: one is here, the other in that process's namespace. */
bool link_join(const char *here, const char *there, pid_t pid);

/*
 * Gives a device an address, like "192.0.2.1" or "2001:db8::1", in a network of
 * the usual size, and turns it on.
 */
bool link_set_up(const char *device, const char *address);

#endif
