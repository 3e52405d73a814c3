// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * The kernel decrypts what comes. As long as nobody asks for a record, it waits
 * in the receive queue; one that is peeked at, or of which a part was received or
 * spliced, has left it, and is charged no more. Others have not come completely,
 * cannot be decrypted, or are no records. Every other connection is closed before
 * the rest is received.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "keeper.h"
#include "ktls.h"

enum { WAITING, PEEKED, RECEIVED, SPLICED, TORN, FORGED, MALFORMED, KINDS };

/* Two are sent on each. */
#define RECORD 5000
#define RECORDS 2
#define ENCRYPTED (RECORD + KTLS_OVERHEAD)
#define PART 100
#define DATA 0x17

static void send_all(struct stage *stage, int fd, const void *data, size_t size)
{
	if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		stage_fail(stage, "send");
}

/* It begins like a record. */
static void send_forged(struct stage *stage, int fd, size_t size)
{
	static const unsigned char data[ENCRYPTED] = {
		DATA, TLS_1_2_VERSION_MAJOR, TLS_1_2_VERSION_MINOR,
		(ENCRYPTED - KTLS_HEADER) >> 8,
		(ENCRYPTED - KTLS_HEADER) & 0xff,
	};

	send_all(stage, fd, data, size);
}

static void begin(struct stage *stage, const struct keeper_ends *ends,
		  unsigned int kind)
{
	static const char data[ENCRYPTED];
	int fd = ends->connected;

	if (!ktls_start(ends->accepted, TLS_RX))
		stage_fail(stage, "TLS_RX");
	if (kind == TORN || kind == FORGED) {
		send_forged(stage, fd, kind == TORN ? RECORD / 2 : ENCRYPTED);
	} else if (kind == MALFORMED) {
		send_all(stage, fd, data, sizeof(data));
	} else {
		if (!ktls_start(fd, TLS_TX))
			stage_fail(stage, "TLS_TX");
		for (unsigned int i = 0; i < RECORDS; i++)
			send_all(stage, fd, data, RECORD);
	}
}

/* The other end of the pipe is kept, with what is in it. */
static ssize_t splice_part(struct stage *stage, int fd)
{
	int ends[2];

	if (pipe(ends))
		stage_fail(stage, "pipe");
	return splice(fd, NULL, ends[1], NULL, PART, 0);
}

/* Waits for it. */
static void receive_part(struct stage *stage, int fd, unsigned int kind)
{
	char data[PART];

	if (kind == PEEKED && recv(fd, data, PART, MSG_PEEK) != PART)
		stage_fail(stage, "MSG_PEEK");
	if (kind == RECEIVED && recv(fd, data, PART, 0) != PART)
		stage_fail(stage, "recv");
	if (kind == SPLICED && splice_part(stage, fd) != PART)
		stage_fail(stage, "splice");
	if ((kind == FORGED || kind == MALFORMED) &&
	    (recv(fd, data, PART, 0) >= 0 || errno != EBADMSG))
		stage_fail(stage, "no record, and no EBADMSG");
	if (kind == TORN &&
	    (recv(fd, data, PART, MSG_DONTWAIT) >= 0 || errno != EAGAIN))
		stage_fail(stage, "part of a record, and no EAGAIN");
}

static void receive_rest(struct stage *stage, int fd, unsigned int kind)
{
	long long bytes = RECORDS * RECORD;

	if (kind == TORN || kind == FORGED || kind == MALFORMED)
		return;
	if (kind == RECEIVED || kind == SPLICED)
		bytes -= PART;
	connection_receive(stage, fd, bytes);
	if (connection_drain(stage, fd))
		stage_fail(stage, "more than was sent");
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const struct keeper_ends *all = keeper_connect(stage, cast);

	for (unsigned int i = 0; i < cast->connections; i++)
		begin(stage, &all[i], i % KINDS);
	for (unsigned int i = 0; i < cast->connections; i++)
		receive_part(stage, all[i].accepted, i % KINDS);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++) {
		if (i / KINDS % 2)
			close(all[i].accepted);
		else
			receive_rest(stage, all[i].accepted, i % KINDS);
	}
	stage_report(stage, 0);
}

static bool expect_books(struct play *play, const char *phase,
			 const struct actor *keeper)
{
	return play_expect_settled(play, phase) &&
	       play_expect_meminfo(play, phase,
				   whose(BOOKS_CLASS_OPEN, keeper));
}

/* What was asked for, in part, is no more there; the rest at least is. */
static bool expect_waiting(struct play *play, const struct actor *keeper)
{
	long long least = play_share(play, KINDS, WAITING) * RECORDS *
				  ENCRYPTED +
			  play_share(play, KINDS, TORN) * RECORD / 2;
	struct meminfo sum;

	if (!play_meminfo(play, "received in part", keeper, &sum))
		return false;
	ktap_check(play->ktap, sum.receive_queue_bytes >= least,
		   "received in part: bytes received, by SO_MEMINFO: expected at least %lld, actual %lld",
		   least, sum.receive_queue_bytes);
	return sum.receive_queue_bytes >= least;
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long value;

	return play_await(play, keeper, &value) &&
	       expect_books(play, "received in part", keeper) &&
	       expect_waiting(play, keeper) &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "received or closed");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (ktls_is_possible(play))
		keeper_play(play, &how, &cast);
}

const struct scenario tcp_ktls_receive = {
	.name = "tcp-ktls-receive",
	.summary = "TLS records in the kernel wait, in part, torn, or forged",
	.connections = 56,
	.pages = 16,
	.play = play,
};
