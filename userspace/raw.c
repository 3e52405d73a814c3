// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "raw.h"

unsigned int raw_sum(unsigned int before, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	unsigned int sum = before;

	for (size_t i = 0; i < size; i += sizeof(unsigned short)) {
		unsigned short word = 0;

		memcpy(&word, bytes + i, size - i < sizeof(word) ? 1 : sizeof(word));
		sum += word;
	}
	return sum;
}

unsigned short raw_checksum(unsigned int sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned short)~sum;
}

void raw_send(struct stage *stage, const struct sockaddr_storage *to,
	      int protocol, const void *packet, size_t size)
{
	struct sockaddr_storage address = *to;
	socklen_t length = to->ss_family == AF_INET ?
		sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int fd = socket(to->ss_family, SOCK_RAW | SOCK_CLOEXEC, protocol);

	/* raw sockets have no ports; sin6_port is at the same place */
	((struct sockaddr_in *)&address)->sin_port = 0;
	if (fd < 0 || sendto(fd, packet, size, 0, (struct sockaddr *)&address,
			     length) != (ssize_t)size)
		stage_fail(stage, "a raw packet");
	close(fd);
}
