/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_MEMINFO_H
#define SKBALANCE_MEMINFO_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * What a process's own sockets say that they are charged: getsockopt(
 * SO_MEMINFO) on each descriptor of a protocol, which are borrowed with
 * pidfd_getfd(2). It owes nothing to the module, needs no help from the
 * process, and sees sockets in no hash table, which sock_diag does not.
 */
struct meminfo {
	long long sockets;
	long long receive_queue_bytes;
	long long write_queue_bytes;
	long long forward_alloc_bytes;
	long long drops;	/* packets that found no room */
};

/* Of one socket. False where it cannot: errno says why. */
bool meminfo_of_socket(int fd, struct meminfo *info);

/*
 * Sums up the process's sockets of IPPROTO_..., except those that listen (but
 * for SCTP, where these hold what nobody has accepted). False where it cannot:
 * errno says why.
 */
bool meminfo_of_process(pid_t pid, int protocol, struct meminfo *sum);

/* What they are charged, in bytes. */
long long meminfo_bytes(const struct meminfo *sum);

#endif
