// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLS in the kernel. Every other connection sends a record for which there is
 * not enough room: it waits, half sent. The others keep a record open, as more
 * is to come. Such records are charged, but are in no queue of the socket.
 */
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "ktls.h"
#include "unread.h"

/* The least that the kernel allows: both ends together have no record. */
#define SNDBUF 1
#define RMEM "4096 8192 8192"
/* The FIN waits in the receive queue until close(): it is no record. */
#define PAGE sysconf(_SC_PAGESIZE)
/* Smaller than a record may be. */
#define OPEN 5000
/* Plaintext and ciphertext are charged. */
#define OPEN_CHARGE (2 * OPEN + KTLS_OVERHEAD)
/* The largest; as long as a part is not sent, all the plaintext is kept. */
#define RECORD (16 * 1024)
#define RECORD_CHARGE (OPEN_CHARGE + 2 * (RECORD - OPEN))
/* Several pages, which go into a record that is open. */
#define SPLICED 9000

static void start_receiving(struct stage *stage, int fd)
{
	if (!ktls_start(fd, TLS_RX))
		stage_fail(stage, "TLS_RX");
}

static bool is_open(unsigned int i)
{
	return i % 2;
}

static void start_sending(struct stage *stage, int fd)
{
	int size = SNDBUF;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    !ktls_start(fd, TLS_TX))
		stage_fail(stage, "TLS_TX");
}

static const char data[RECORD];

static long long send_open(struct stage *stage, int fd)
{
	if (send(fd, data, OPEN, MSG_MORE | MSG_NOSIGNAL) != OPEN)
		stage_fail(stage, "send");
	return OPEN;
}

static long long send_records(struct stage *stage, int fd, unsigned int i)
{
	start_sending(stage, fd);
	return is_open(i) ? send_open(stage, fd) :
			    connection_fill(stage, fd, CONNECTION_CHUNK);
}

static long long send_too_much(struct stage *stage, int fd, unsigned int i)
{
	start_sending(stage, fd);
	if (is_open(i))
		return send_open(stage, fd);
	if (send(fd, data, RECORD, MSG_DONTWAIT | MSG_NOSIGNAL) != RECORD)
		stage_fail(stage, "send");
	return RECORD;
}

/* As sendfile() does: the record gets pages of the pipe. */
static void splice_last(struct stage *stage, int fd)
{
	size_t left = SPLICED;
	ssize_t sent;
	int ends[2];

	if (pipe(ends) || write(ends[1], data, SPLICED) != SPLICED)
		stage_fail(stage, "pipe");
	while (left) {
		sent = splice(ends[0], NULL, fd, NULL, left, 0);
		if (sent <= 0)
			stage_fail(stage, "splice");
		left -= (size_t)sent;
	}
	close(ends[0]);
	close(ends[1]);
}

/*
 * Pushes out what waits; returns when it has gone to TCP. Half of those of
 * either kind get the last bytes from a pipe.
 */
static long long push(struct stage *stage, int fd, unsigned int i)
{
	if (i % 4 >= 2) {
		splice_last(stage, fd);
		return SPLICED;
	}
	if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
		stage_fail(stage, "the last byte");
	return 1;
}

/* How many of the sender's sockets hide from so many bytes to so many. */
static bool expect_hidden(struct play *play, const struct unread_round *round,
			  const char *what, long long from, long long to,
			  long long expected)
{
	long long actual = 0;
	struct books books;

	if (!play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++) {
		const struct books_socket *socket = &books.sockets[i];

		actual += books_socket_held_by(socket, round->sender.pid) &&
			  socket->hidden_bytes >= from &&
			  socket->hidden_bytes <= to;
	}
	books_free(&books);
	return play_expect(play, "peak", what, expected, actual);
}

static bool expect_open(struct play *play, const struct unread_round *round)
{
	return expect_hidden(play, round,
			     "sockets with hidden bytes of an open record",
			     OPEN_CHARGE, OPEN_CHARGE, play->connections / 2);
}

static bool expect_partial(struct play *play, const struct unread_round *round)
{
	return expect_open(play, round) &&
	       expect_hidden(play, round,
			     "sockets with hidden bytes of part of a record",
			     RECORD + 1, RECORD_CHARGE,
			     play->connections - play->connections / 2);
}

static void play(struct play *play)
{
	if (!ktls_is_possible(play) ||
	    !play_sysctl(play, "net.ipv4.tcp_rmem", RMEM))
		return;
	unread_play(play, &(struct unread){
		.accepted = start_receiving,
		.send = send_records,
		.finish = push,
		.expect = expect_open,
		.as_queued = true,
		.rest = PAGE,
	});
	/* a receiver that knows of TLS would take a whole record */
	unread_play(play, &(struct unread){
		.resume = start_receiving,
		.send = send_too_much,
		.finish = push,
		.expect = expect_partial,
		.as_queued = true,
		.rest = PAGE,
	});
}

const struct scenario tcp_ktls = {
	.name = "tcp-ktls",
	.summary = "TLS records in the kernel wait for a peer: charged beside the queues",
	.connections = 50,
	.pages = 32,
	.play = play,
};
