// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "meminfo.h"

static bool is_wanted(int fd, int wanted)
{
	socklen_t length = sizeof(int);
	int protocol, listening;

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) ||
	    protocol != wanted)
		return false;
	return protocol == IPPROTO_SCTP ||
	       (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening,
			    &length) && !listening);
}

static bool add_socket(int fd, struct meminfo *sum)
{
	unsigned int info[SK_MEMINFO_VARS];
	socklen_t length = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length))
		return false;
	sum->sockets++;
	sum->receive_queue_bytes += info[SK_MEMINFO_RMEM_ALLOC];
	sum->write_queue_bytes += info[SK_MEMINFO_WMEM_QUEUED];
	sum->forward_alloc_bytes += (int)info[SK_MEMINFO_FWD_ALLOC];
	sum->drops += info[SK_MEMINFO_DROPS];
	return true;
}

bool meminfo_of_socket(int fd, struct meminfo *info)
{
	*info = (struct meminfo){ 0 };
	return add_socket(fd, info);
}

/* One descriptor of the process; one that is gone meanwhile is no error. */
static bool add_descriptor(int pidfd, int number, int protocol,
			   struct meminfo *sum)
{
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	bool ok;

	if (fd < 0)
		return errno == EBADF;
	ok = !is_wanted(fd, protocol) || add_socket(fd, sum);
	close(fd);
	return ok;
}

bool meminfo_of_process(pid_t pid, int protocol, struct meminfo *sum)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct dirent *entry;
	char path[32];
	bool ok = true;
	DIR *dir;

	memset(sum, 0, sizeof(*sum));
	if (pidfd < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && ok && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ok = add_descriptor(pidfd, atoi(entry->d_name),
					    protocol, sum);
	ok = ok && dir;
	if (dir)
		closedir(dir);
	close(pidfd);
	return ok;
}

long long meminfo_bytes(const struct meminfo *sum)
{
	return sum->receive_queue_bytes + sum->write_queue_bytes +
	       sum->forward_alloc_bytes;
}
