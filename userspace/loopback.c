// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "loopback.h"
#include "transport.h"

void loopback_set(struct loopback *server, sa_family_t family,
		  unsigned short port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&server->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&server->address;

	memset(server, 0, sizeof(*server));
	if (family == AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		server->length = sizeof(*v4);
	} else {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		v6->sin6_addr = in6addr_loopback;
		server->length = sizeof(*v6);
	}
}

void loopback_place(struct loopback *server, const char *host)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&server->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&server->address;

	if (server->address.ss_family == AF_INET)
		inet_pton(AF_INET, host, &v4->sin_addr);
	else
		inet_pton(AF_INET6, host, &v6->sin6_addr);
}

static struct sockaddr *address(const struct loopback *server)
{
	return (struct sockaddr *)&server->address;
}

static int close_keeping_errno(int fd)
{
	int code = errno;

	close(fd);
	errno = code;
	return -1;
}

static int type_of(const struct loopback *server)
{
	return server->type ? server->type :
			      transport_of(server->protocol)->type;
}

static int open_socket(const struct loopback *server, int flags)
{
	return socket(server->address.ss_family,
		      type_of(server) | SOCK_CLOEXEC | flags,
		      server->protocol);
}

static int share(int fd)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 },
			  sizeof(int));
}

int loopback_bind(struct loopback *server)
{
	int fd = open_socket(server, 0);
	/* datagram sockets would come to share a port that the kernel chooses */
	int reuse = type_of(server) == SOCK_STREAM;
	bool late = server->shared && !reuse && !loopback_port(server);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)) ||
	    (server->shared && !late && share(fd)) ||
	    bind(fd, address(server), server->length) ||
	    (late && share(fd)) ||
	    getsockname(fd, address(server), &server->length))
		return close_keeping_errno(fd);
	return fd;
}

bool loopback_works(sa_family_t family, int protocol)
{
	struct loopback server;
	int fd;

	loopback_set(&server, family, 0);
	server.protocol = protocol;
	fd = loopback_bind(&server);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int loopback_listen(struct loopback *server, int backlog)
{
	int fd = loopback_bind(server);

	if (fd >= 0 && listen(fd, backlog))
		return close_keeping_errno(fd);
	return fd;
}

static int connect_with(const struct loopback *server, int flags)
{
	int fd = open_socket(server, flags);

	if (fd < 0)
		return -1;
	if (connect(fd, address(server), server->length) &&
	    errno != EINPROGRESS)
		return close_keeping_errno(fd);
	return fd;
}

int loopback_connect(const struct loopback *server)
{
	return connect_with(server, 0);
}

int loopback_connect_nonblocking(const struct loopback *server)
{
	return connect_with(server, SOCK_NONBLOCK);
}

unsigned short loopback_port(const struct loopback *server)
{
	const struct sockaddr_in6 *v6 = (void *)&server->address;

	/* sin_port and sin6_port are at the same place */
	return ntohs(v6->sin6_port);
}

void loopback_text(const struct loopback *server, char text[LOOPBACK_TEXT_SIZE])
{
	bool v4 = server->address.ss_family == AF_INET;

	snprintf(text, LOOPBACK_TEXT_SIZE, "%s:%u", v4 ? "127.0.0.1" : "[::1]",
		 loopback_port(server));
}

bool loopback_unshare(int namespaces)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	bool ok;
	int fd;

	if (unshare(namespaces))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	ok = !ioctl(fd, SIOCSIFFLAGS, &request);
	close_keeping_errno(fd);
	return ok;
}

bool loopback_linger(int fd, int seconds)
{
	struct linger linger = {
		.l_onoff = seconds >= 0,
		.l_linger = seconds >= 0 ? seconds : 0,
	};

	return !setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}
