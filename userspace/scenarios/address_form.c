// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <string.h>

#include "address_form.h"

bool address_form_prepare(struct play *play)
{
	if (play->family != AF_INET6)
		return play_skip(play, "IPv4 sockets are what others become");
	return play_sysctl(play, "net.ipv6.bindv6only", "0");
}

void address_form_set(struct loopback *at, int protocol)
{
	loopback_set(at, AF_INET6, 0);
	at->protocol = protocol;
	loopback_place(at, "::ffff:127.0.0.1");
}

void address_form_change(struct stage *stage, int fd)
{
	int family = AF_INET;

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &family,
		       sizeof(family)))
		stage_fail(stage, "IPV6_ADDRFORM");
}

/* "TCP" and "TCPv6". */
static bool is_v6(const struct books_socket *socket)
{
	return strstr(socket->protocol, "v6");
}

bool address_form_expect(struct play *play, const char *phase,
			 const struct actor *actor, long long v4, long long v6)
{
	long long of_v4 = 0, of_v6 = 0;
	struct books books;

	if (!play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++) {
		const struct books_socket *socket = &books.sockets[i];

		if (!books_socket_held_by(socket, actor->pid))
			continue;
		of_v4 += !is_v6(socket);
		of_v6 += is_v6(socket);
	}
	books_free(&books);
	return play_expect(play, phase, "sockets of IPv4", v4, of_v4) &&
	       play_expect(play, phase, "sockets of IPv6", v6, of_v6) &&
	       play_expect_settled(play, phase);
}
