// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "array.h"
#include "transport.h"

static const struct transport transports[] = {
	{ IPPROTO_TCP, SOCK_STREAM, "tcp" },
	{ IPPROTO_MPTCP, SOCK_STREAM, "tcp" },
	{ IPPROTO_UDP, SOCK_DGRAM, "udp" },
	{ IPPROTO_UDPLITE, SOCK_DGRAM, "udp" },
	{ IPPROTO_SCTP, SOCK_STREAM, "sctp" },
};

const struct transport *transport_of(int protocol)
{
	size_t i = 0;

	while (protocol && transports[i].protocol != protocol)
		i++;
	return &transports[i];
}
