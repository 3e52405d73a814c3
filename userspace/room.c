// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "error.h"
#include "room.h"

/* Of one process, beside its connections. */
#define OTHER_DESCRIPTORS 64
/*
 * Two ends of a connection, each with struct sock, inode, dentry and file
 * (measured: 8.1 KiB on 6.12), rounded up.
 */
#define CONNECTION_KIB 10

static int check_descriptors(unsigned int connections, char **error)
{
	rlim_t needed = connections + OTHER_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return error_set(error, errno, "cannot read the limit of descriptors: %s",
				 strerror(errno));
	if (limit.rlim_cur >= needed)
		return 0;
	if (limit.rlim_max < needed)
		limit.rlim_max = needed;
	limit.rlim_cur = needed;
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	getrlimit(RLIMIT_NOFILE, &limit);
	return error_set(error, EMFILE,
			 "%u connections need %llu descriptors in a process, the limit is %llu: raise it with ulimit -n (and fs.nr_open)",
			 connections, (unsigned long long)needed,
			 (unsigned long long)limit.rlim_max);
}

long long room_available_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	long long kib = -1;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %lld kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

static int check_memory(unsigned int connections, long long pages,
			char **error)
{
	long long needed = (long long)connections * CONNECTION_KIB +
			   pages * (sysconf(_SC_PAGESIZE) / 1024);
	long long available = room_available_kib();

	if (available < 0 || available >= needed)
		return 0;
	return error_set(error, ENOMEM,
			 "%u connections need about %lld MiB of memory, %lld MiB are available: use fewer (--connections) or a larger machine",
			 connections, needed / 1024 + 1, available / 1024);
}

static int check_ports(unsigned int connections, char **error)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned int low = 32768, high = 60999;

	if (file) {
		if (fscanf(file, "%u %u", &low, &high) != 2)
			high = low;
		fclose(file);
	}
	if (connections <= high - low)
		return 0;
	return error_set(error, EADDRNOTAVAIL,
			 "%u connections need as many local ports, net.ipv4.ip_local_port_range has %u (%u to %u): widen it or use fewer (--connections)",
			 connections, high - low + 1, low, high);
}

int room_check(unsigned int connections, long long pages, char **error)
{
	int code = check_descriptors(connections, error);

	if (!code)
		code = check_memory(connections, pages, error);
	if (!code)
		code = check_ports(connections, error);
	return code;
}
