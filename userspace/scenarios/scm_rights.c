// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections are sent over UNIX sockets, and their descriptors closed: one
 * third lies in a message that nobody has received, one in a message on a
 * UNIX socket that itself lies in a message, and one in a UNIX connection that
 * nobody has accepted.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../passing.h"
#include "kept.h"

/* Sends it into a socket, which is sent over the channel. */
static void send_nested(struct stage *stage, int channel, int fd)
{
	int ends[2];

	passing_pair(stage, ends);
	passing_send(stage, ends[0], fd);
	passing_send(stage, channel, ends[1]);
	close(ends[0]);
}

static int listen_unix(struct stage *stage, struct sockaddr_un *address,
		       socklen_t *length, int backlog)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*length = sizeof(*address);
	/* of no path: the kernel chooses a name */
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)address, sizeof(sa_family_t)) ||
	    listen(fd, backlog) ||
	    getsockname(fd, (struct sockaddr *)address, length))
		stage_fail(stage, "listen");
	return fd;
}

static void send_unaccepted(struct stage *stage,
			    const struct sockaddr_un *address, socklen_t length,
			    int fd)
{
	int channel = socket(AF_UNIX, SOCK_STREAM, 0);

	if (channel < 0 ||
	    connect(channel, (const struct sockaddr *)address, length))
		stage_fail(stage, "connect");
	passing_send(stage, channel, fd);
	close(channel);
}

/* Room for a third of all messages each. */
static void widen(struct stage *stage, int fd)
{
	int size = 4 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		stage_fail(stage, "SO_SNDBUFFORCE");
}

static void keep(struct stage *stage, int *fds, unsigned int count)
{
	struct sockaddr_un address;
	int direct[2], nested[2];
	socklen_t length;

	passing_pair(stage, direct);
	passing_pair(stage, nested);
	widen(stage, direct[0]);
	widen(stage, nested[0]);
	listen_unix(stage, &address, &length, (int)count);
	for (unsigned int i = 0; i < count; i++) {
		if (i % 3 == 0)
			passing_send(stage, direct[0], fds[i]);
		else if (i % 3 == 1)
			send_nested(stage, nested[0], fds[i]);
		else
			send_unaccepted(stage, &address, length, fds[i]);
	}
}

static void play(struct play *play)
{
	kept_play(play, &(struct kept){ .keep = keep, .via = "scm" });
}

const struct scenario scm_rights = {
	.name = "scm-rights",
	.summary = "sent over UNIX sockets, nested too, then closed: in messages only",
	.connections = 48,
	.pages = 2,
	.play = play,
};
