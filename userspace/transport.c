// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "transport.h"

const struct transport transports[] = {
	{ IPPROTO_TCP, SOCK_STREAM, "tcp", { "TCP", "TCPv6" } },
	{ IPPROTO_MPTCP, SOCK_STREAM, "tcp", { "MPTCP", "MPTCPv6" } },
	{ IPPROTO_UDP, SOCK_DGRAM, "udp", { "UDP", "UDPv6" } },
	{ IPPROTO_UDPLITE, SOCK_DGRAM, "udp", { "UDP-Lite", "UDPLITEv6" } },
	{ IPPROTO_SCTP, SOCK_STREAM, "sctp", { "SCTP", "SCTPv6" } },
	{ 0 },
};

const struct transport *transport_of(int protocol)
{
	size_t i = 0;

	while (protocol && transports[i].protocol != protocol)
		i++;
	return &transports[i];
}

bool transport_is_named(const struct transport *transport, const char *name)
{
	return strcmp(name, transport->names[0]) == 0 ||
	       strcmp(name, transport->names[1]) == 0;
}
