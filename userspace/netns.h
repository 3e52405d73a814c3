/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_NETNS_H
#define SKBALANCE_NETNS_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Calls visit once for each network namespace that a thread of the system
 * lives in or that is mounted somewhere in the caller's mount namespace, the
 * caller's own first. The calling thread is inside the namespace meanwhile;
 * code is 0, or the errno value of why it could not enter. netns is the
 * namespace's inode number. A negative result of visit ends the walk and is
 * returned. Otherwise 0, or a negative errno value: -ENOMEM, or no way back
 * to the caller's own namespace.
 */
int netns_visit(int (*visit)(unsigned int netns, int code, void *context,
			     char **error),
		void *context, char **error);

/* Inode number of the network namespace that a process lives in, or 0. */
unsigned int netns_of_process(pid_t pid);

/*
 * The names of the network namespaces that are mounted, as ip-netns(8) does:
 * the last part of the mount point.
 */
struct netns_names {
	struct netns_name {
		long long netns;
		char *name;
	} *list;
	size_t count;
};

/* 0 or -ENOMEM; to be freed in any case. */
int netns_names_read(struct netns_names *names, char **error);

/* The name, or NULL. */
const char *netns_name(const struct netns_names *names, long long netns);

void netns_names_free(struct netns_names *names);

#endif
