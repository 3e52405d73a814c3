// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connections.h"

static int *allocate(struct stage *stage, unsigned int count)
{
	int *fds = calloc(count, sizeof(*fds));

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	return fds;
}

int *connections_connect(struct stage *stage, const struct loopback *server,
			 unsigned int count)
{
	int *fds = allocate(stage, count);

	for (unsigned int i = 0; i < count; i++) {
		fds[i] = loopback_connect(server);
		if (fds[i] < 0)
			stage_fail(stage, "connect");
	}
	return fds;
}

int *connections_accept(struct stage *stage, int listener, unsigned int count,
			int flags)
{
	int *fds = allocate(stage, count);

	for (unsigned int i = 0; i < count; i++) {
		fds[i] = accept4(listener, NULL, NULL, flags);
		if (fds[i] < 0)
			stage_fail(stage, "accept");
	}
	return fds;
}

long long connections_overload(struct stage *stage, const int *fds,
			       unsigned int count)
{
	static const char data[256 * 1024];
	long long refused = 0;
	ssize_t sent;

	for (unsigned int i = 0; i < count; i++) {
		sent = send(fds[i], data, sizeof(data),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			stage_fail(stage, "send");
		refused += sent < (ssize_t)sizeof(data);
	}
	return refused;
}

bool connection_reserves(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), bytes;
	socklen_t length = sizeof(bytes);
	bool known = !getsockopt(fd, SOL_SOCKET, SO_RESERVE_MEM, &bytes, &length);

	if (fd >= 0)
		close(fd);
	return known;
}

void connection_make(struct stage *stage, const struct loopback *server,
		     int listener, int *connected, int *accepted)
{
	*connected = loopback_connect(server);
	if (*connected < 0)
		stage_fail(stage, "connect");
	*accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (*accepted < 0)
		stage_fail(stage, "accept");
}

long long connection_fill(struct stage *stage, int fd, size_t size)
{
	static const char data[CONNECTION_LARGEST];
	long long bytes = 0;
	ssize_t sent;

	while ((sent = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
		bytes += sent;
	if (errno != EAGAIN)
		stage_fail(stage, "send");
	return bytes;
}

void connection_send(struct stage *stage, int fd, size_t size,
		     const struct loopback *to)
{
	static const char data[CONNECTION_LARGEST];

	if (sendto(fd, data, size, MSG_NOSIGNAL,
		   to ? (const struct sockaddr *)&to->address : NULL,
		   to ? to->length : 0) != (ssize_t)size)
		stage_fail(stage, "send");
}

void connection_receive(struct stage *stage, int fd, long long bytes)
{
	static char data[65536];
	ssize_t n;

	for (; bytes > 0; bytes -= n) {
		n = recv(fd, data,
			 bytes < (long long)sizeof(data) ? (size_t)bytes :
							   sizeof(data), 0);
		if (n <= 0)
			stage_fail(stage, "recv");
	}
}

void connection_exchange(struct stage *stage, int connected, int accepted)
{
	const int fds[] = { connected, accepted };

	for (unsigned int i = 0; i < 4; i++) {
		if (send(fds[i % 2], "", 1, MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
		connection_receive(stage, fds[1 - i % 2], 1);
	}
}

long long connection_drain(struct stage *stage, int fd)
{
	static char data[CONNECTION_LARGEST];
	long long bytes = 0;
	ssize_t received;

	while ((received = recv(fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
		bytes += received;
	if (received == 0 || errno != EAGAIN)
		stage_fail(stage, "recv");
	return bytes;
}

void connection_reset(struct stage *stage, int fd)
{
	if (!loopback_linger(fd, 0))
		stage_fail(stage, "SO_LINGER");
	close(fd);
}

void connection_disconnect(struct stage *stage, int fd)
{
	const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	if (connect(fd, &nowhere, sizeof(nowhere)))
		stage_fail(stage, "disconnect");
}

static struct sockaddr_storage
name_of(struct stage *stage, int fd,
	int (*get)(int fd, struct sockaddr *name, socklen_t *length))
{
	struct sockaddr_storage name = { 0 };
	socklen_t length = sizeof(name);

	if (get(fd, (struct sockaddr *)&name, &length))
		stage_fail(stage, "the name of a socket");
	return name;
}

struct sockaddr_storage connection_name(struct stage *stage, int fd)
{
	return name_of(stage, fd, getsockname);
}

struct sockaddr_storage connection_peer_name(struct stage *stage, int fd)
{
	return name_of(stage, fd, getpeername);
}

void connection_set(struct stage *stage, int fd, int level, int option,
		    int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		stage_fail(stage, "setsockopt");
}

void connection_send_at_once(struct stage *stage, int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		stage_fail(stage, "TCP_NODELAY");
}

void connection_set_mss(struct stage *stage, int fd, int mss)
{
	if (setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof(mss)))
		stage_fail(stage, "TCP_MAXSEG");
}

void connection_set_buffers(struct stage *stage, int fd, int size)
{
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		stage_fail(stage, "SO_SNDBUF, SO_RCVBUF");
}
