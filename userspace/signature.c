// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "signature.h"

#define KEY "skbalance"

/* Without a length the key is taken away. */
static bool set_key(int fd, const struct loopback *peer, unsigned short length)
{
	struct tcp_md5sig key = { .tcpm_keylen = length };

	memcpy(&key.tcpm_addr, &peer->address, peer->length);
	memcpy(key.tcpm_key, KEY, length);
	return !setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key));
}

bool signature_require(int fd, const struct loopback *peer)
{
	return set_key(fd, peer, sizeof(KEY) - 1);
}

bool signature_renounce(int fd, const struct loopback *peer)
{
	return set_key(fd, peer, 0);
}
