// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktls.h"

bool ktls_start(int fd, int direction)
{
	/* the same key, all zeroes, at both ends */
	static const struct tls12_crypto_info_aes_gcm_128 key = {
		.info = { TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128 },
	};

	return !setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) &&
	       !setsockopt(fd, SOL_TLS, direction, &key, sizeof(key));
}

/* TLS and its cipher are loaded when a connection asks for them. */
bool ktls_is_possible(struct play *play)
{
	struct loopback server;
	int listener, fd;
	bool possible;

	if (!play_listen(play, &server, 1, &listener))
		return false;
	fd = loopback_connect(&server);
	possible = fd >= 0 && ktls_start(fd, TLS_TX);
	close(fd);
	close(listener);
	return possible ||
	       play_skip(play, "the kernel has no TLS with AES-GCM");
}
