/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_ENDPOINT_H
#define SKBALANCE_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* One side of a connection. */
struct endpoint {
	sa_family_t family;	/* AF_INET or AF_INET6 */
	uint16_t port;		/* in host byte order */
	union {
		struct in_addr ipv4;
		struct in6_addr ipv6;
	};
};

/* "[", the longest address, "]:65535" and the NUL byte */
#define ENDPOINT_TEXT_SIZE (INET6_ADDRSTRLEN + 8)

/* Reads "1.2.3.4:80" or "[::1]:80"; false, if text is neither. */
bool endpoint_parse(struct endpoint *endpoint, const char *text);

/* Writes such a text, at most ENDPOINT_TEXT_SIZE bytes. Returns it. */
char *endpoint_format(const struct endpoint *endpoint, char *text);

/* A total order, for sorting; 0 if they are equal. */
int endpoint_compare(const struct endpoint *a, const struct endpoint *b);

#endif
