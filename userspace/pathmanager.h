/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_PATHMANAGER_H
#define SKBALANCE_PATHMANAGER_H

#include <linux/mptcp.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "actor.h"

/*
 * For actors: what a process tells MPTCP about the paths of one connection, by
 * generic netlink, in its network namespace.
 */
struct pathmanager {
	struct nl_sock *netlink;
	struct nl_sock *events;	/* which nobody reads: without it, none join */
	int family;
};

/* An end of a path. */
struct pathmanager_end {
	struct sockaddr_storage address; /* port 0: any */
	unsigned char id;
	unsigned int flags;	/* MPTCP_PM_ADDR_FLAG_... */
};

/* False: the kernel cannot be told. To be closed only if true. */
bool pathmanager_open(struct pathmanager *manager);

void pathmanager_close(struct pathmanager *manager);

/* By what the kernel knows that connected socket. Reports a failure itself. */
unsigned int pathmanager_token(struct stage *stage, int fd);

/*
 * MPTCP_PM_CMD_REMOVE: the id of the local end; any other: that end, and the
 * remote one unless it is NULL. Without either: what is asked for is a list.
 * Whether the kernel has done it.
 */
bool pathmanager_tell(const struct pathmanager *manager, unsigned char command,
		      unsigned int token, const struct pathmanager_end *local,
		      const struct sockaddr_storage *remote);

#endif
