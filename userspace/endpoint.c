// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "endpoint.h"
#include "number.h"

bool endpoint_parse(struct endpoint *endpoint, const char *text)
{
	const char *end = strrchr(text, ':');
	char address[INET6_ADDRSTRLEN];
	bool ipv6 = *text == '[';
	long long port;
	size_t length;

	if (!end || !number_parse(&port, end + 1, 0, UINT16_MAX))
		return false;
	if (ipv6 && *--end != ']')
		return false;
	text += ipv6;
	length = (size_t)(end - text);
	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	*endpoint = (struct endpoint){
		.family = ipv6 ? AF_INET6 : AF_INET,
		.port = (uint16_t)port,
	};
	return inet_pton(endpoint->family, address, &endpoint->ipv6) == 1;
}

char *endpoint_format(const struct endpoint *endpoint, char *text)
{
	char address[INET6_ADDRSTRLEN];
	bool ipv6 = endpoint->family == AF_INET6;

	inet_ntop(endpoint->family, &endpoint->ipv6, address, sizeof(address));
	snprintf(text, ENDPOINT_TEXT_SIZE, "%s%s%s:%u", ipv6 ? "[" : "",
		 address, ipv6 ? "]" : "", endpoint->port);
	return text;
}

int endpoint_compare(const struct endpoint *a, const struct endpoint *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	if (a->family == AF_INET6)
		return memcmp(&a->ipv6, &b->ipv6, sizeof(a->ipv6));
	return memcmp(&a->ipv4, &b->ipv4, sizeof(a->ipv4));
}
