/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_ROOM_H
#define SKBALANCE_ROOM_H

/*
 * Makes sure, before anything starts, that this machine can hold that many
 * TCP connections to itself: raises the process's limit of descriptors, and
 * checks it, the memory that is available, and the ports. pages is what all
 * the sockets' queues will need. Returns 0, or a negative errno with *error
 * naming the limit, what is needed and what there is.
 */
int room_check(unsigned int connections, long long pages, char **error);

/* How much memory could be had, in KiB; -1 if the kernel does not say. */
long long room_available_kib(void);

#endif
