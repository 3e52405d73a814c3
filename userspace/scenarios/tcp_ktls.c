// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLS in the kernel. Every other connection sends until nothing more fits: a
 * record waits half sent. The others keep a record open with MSG_MORE. Such
 * records are charged, but are in no queue of the socket.
 */
#include <errno.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unread.h"

#define SNDBUF (64 * 1024)
/* Of a record: type, version, length. */
#define HEADER 5
/* Smaller than a record may be. */
#define OPEN 5000
/* Plaintext and ciphertext, with its header, nonce and tag, are charged. */
#define OPEN_CHARGE (2 * OPEN + HEADER + \
		     TLS_CIPHER_AES_GCM_128_IV_SIZE + \
		     TLS_CIPHER_AES_GCM_128_TAG_SIZE)
/* Of the largest record likewise. */
#define RECORD (16 * 1024)
#define RECORD_CHARGE (OPEN_CHARGE + 2 * (RECORD - OPEN))

static bool start_tls(int fd, int direction)
{
	/* the same key, all zeroes, at both ends */
	static const struct tls12_crypto_info_aes_gcm_128 key = {
		.info = { TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128 },
	};

	return !setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) &&
	       !setsockopt(fd, SOL_TLS, direction, &key, sizeof(key));
}

static void accepted(struct stage *stage, int fd)
{
	if (!start_tls(fd, TLS_RX))
		stage_fail(stage, "TLS_RX");
}

static bool is_open(unsigned int i)
{
	return i % 2;
}

static long long send_records(struct stage *stage, int fd, unsigned int i)
{
	static const char data[OPEN];
	int size = SNDBUF;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    !start_tls(fd, TLS_TX))
		stage_fail(stage, "TLS_TX");
	if (!is_open(i))
		return unread_fill(stage, fd);
	if (send(fd, data, OPEN, MSG_MORE | MSG_NOSIGNAL) != OPEN)
		stage_fail(stage, "send");
	return OPEN;
}

/* Pushes out what waits; returns when it has gone to TCP. */
static long long push(struct stage *stage, int fd, unsigned int i)
{
	(void)i;
	if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
		stage_fail(stage, "send");
	return 1;
}

static bool expect(struct play *play, const struct unread_round *round)
{
	long long open = 0, partial = 0;
	struct books books;

	if (!play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++) {
		const struct books_socket *socket = &books.sockets[i];

		if (!books_socket_held_by(socket, round->sender.pid))
			continue;
		open += socket->hidden_bytes == OPEN_CHARGE;
		partial += socket->hidden_bytes > 0 &&
			   socket->hidden_bytes <= RECORD_CHARGE &&
			   socket->hidden_bytes != OPEN_CHARGE;
	}
	books_free(&books);
	return play_expect(play, "peak",
			   "sockets with hidden bytes of an open record",
			   play->connections / 2, open) &&
	       play_expect(play, "peak",
			   "sockets with hidden bytes of part of a record",
			   play->connections - play->connections / 2, partial);
}

/* The protocol is loaded when it is asked for, before there is a connection. */
static bool is_possible(struct play *play)
{
	int fd = socket(play->family, SOCK_STREAM, 0);
	bool possible;

	if (fd < 0)
		return play_fail(play, "socket");
	possible = setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) &&
		   errno == ENOTCONN;
	close(fd);
	return possible || play_skip(play, "the kernel has no TLS");
}

static void play(struct play *play)
{
	if (is_possible(play))
		unread_play(play, &(struct unread){
			.accepted = accepted,
			.send = send_records,
			.finish = push,
			.expect = expect,
			.as_queued = true,
		});
}

const struct scenario tcp_ktls = {
	.name = "tcp-ktls",
	.summary = "TLS records in the kernel wait for a peer: charged beside the queues",
	.connections = 50,
	.pages = 128,
	.play = play,
};
