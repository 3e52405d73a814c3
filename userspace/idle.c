// SPDX-License-Identifier: GPL-2.0-only
#include <sys/socket.h>
#include <unistd.h>

#include "idle.h"
#include "loopback.h"
#include "meminfo.h"

static int try_connection(int from, int to)
{
	/* more than fits the first page, with what a packet takes beside it */
	static char data[4096];
	struct meminfo info;

	if (send(from, data, sizeof(data), 0) != sizeof(data) ||
	    recv(to, data, sizeof(data), MSG_WAITALL) != sizeof(data) ||
	    !meminfo_of_socket(to, &info))
		return -1;
	return info.forward_alloc_bytes >= getpagesize();
}

static int try_listener(const struct loopback *server, int listener)
{
	int from = loopback_connect(server), to, result = -1;

	if (from < 0)
		return -1;
	to = accept(listener, NULL, NULL);
	if (to >= 0) {
		result = try_connection(from, to);
		close(to);
	}
	close(from);
	return result;
}

int idle_keeps_pages(void)
{
	struct loopback server;
	int listener, result;

	loopback_set(&server, AF_INET, 0);
	listener = loopback_listen(&server, 1);
	if (listener < 0)
		return -1;
	result = try_listener(&server, listener);
	close(listener);
	return result;
}
