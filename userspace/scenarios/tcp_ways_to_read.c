// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * What waits is read otherwise than by copying all of it: peeked at, spliced,
 * mapped, skipped, around an urgent byte or up to it, or it is but a FIN. At
 * first everything, then one half: the other one stays, and every other
 * connection is reset.
 */
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../segment.h"
#include "keeper.h"

/* Beside that an urgent byte. */
#define SIZE 16384
#define HALF (SIZE / 2)

#define MARK '.'
#define URGENT '!'

static char data[SIZE];

static void send_part(struct stage *stage, int fd, size_t size)
{
	if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		stage_fail(stage, "send");
}

static void send_plain(struct stage *stage, int fd)
{
	send_part(stage, fd, SIZE);
}

static void open_pipe(struct stage *stage, int ends[2])
{
	if (pipe2(ends, O_CLOEXEC))
		stage_fail(stage, "pipe2");
}

/* Those of a pipe can be mapped: no packet begins amid one of them. */
static void send_pages(struct stage *stage, int fd)
{
	size_t left = SIZE;
	ssize_t sent;
	int ends[2];

	open_pipe(stage, ends);
	if (write(ends[1], data, SIZE) != SIZE)
		stage_fail(stage, "write");
	for (; left; left -= (size_t)sent) {
		sent = splice(ends[0], NULL, fd, NULL, left, 0);
		if (sent <= 0)
			stage_fail(stage, "splice");
	}
	close(ends[0]);
	close(ends[1]);
}

static void send_urgent(struct stage *stage, int fd)
{
	const char urgent = URGENT;

	send_part(stage, fd, HALF);
	if (send(fd, &urgent, 1, MSG_OOB | MSG_NOSIGNAL) != 1)
		stage_fail(stage, "MSG_OOB");
	send_part(stage, fd, HALF);
}

/* The second time it does nothing. */
static void send_fin(struct stage *stage, int fd)
{
	if (shutdown(fd, SHUT_WR))
		stage_fail(stage, "shutdown");
}

static void look_twice(struct stage *stage, int fd)
{
	static char seen[HALF];

	for (unsigned int i = 0; i < 2; i++)
		if (recv(fd, seen, HALF, MSG_PEEK) != HALF)
			stage_fail(stage, "MSG_PEEK");
}

/* TCP can go on where it has last looked since 6.9. */
static long long peek(struct stage *stage, int fd, long long bytes)
{
	int there, offset = 0;
	socklen_t length = sizeof(offset);
	bool goes_on = !setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset,
				   sizeof(offset));

	look_twice(stage, fd);
	if (goes_on &&
	    (getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, &length) ||
	     offset != SIZE))
		stage_fail(stage, "SO_PEEK_OFF");
	if (ioctl(fd, FIONREAD, &there))
		stage_fail(stage, "FIONREAD");
	connection_receive(stage, fd, bytes);
	return there - SIZE + bytes;
}

/* The pages stay in the pipe, until the process ends: in no pool. */
static long long splice_out(struct stage *stage, int fd, long long bytes)
{
	long long spliced = 0;
	ssize_t n;
	int ends[2];

	open_pipe(stage, ends);
	do {
		n = splice(fd, NULL, ends[1], NULL, (size_t)(bytes - spliced),
			   SPLICE_F_NONBLOCK);
		if (n < 0)
			stage_fail(stage, "splice");
		spliced += n;
	} while (n && spliced < bytes);
	return spliced;
}

/* They stay mapped, until the process ends. */
static long long map(struct stage *stage, int fd, long long bytes)
{
	const char *pages = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	struct tcp_zerocopy_receive request = {
		.address = (uintptr_t)pages,
		.length = (unsigned int)bytes,
	};
	socklen_t length = sizeof(request);

	if (pages == MAP_FAILED)
		stage_fail(stage, "mmap");
	if (getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &request,
		       &length))
		stage_fail(stage, "TCP_ZEROCOPY_RECEIVE");
	if (memcmp(pages, data, request.length))
		stage_fail(stage, "what is mapped is not what was sent");
	connection_receive(stage, fd, bytes - request.length);
	return request.length;
}

static long long skip(struct stage *stage, int fd, long long bytes)
{
	ssize_t skipped = recv(fd, NULL, (size_t)bytes, MSG_TRUNC);

	if (skipped < 0)
		stage_fail(stage, "MSG_TRUNC");
	return skipped;
}

static void read_urgent(struct stage *stage, int fd)
{
	char urgent;

	if (recv(fd, &urgent, 1, MSG_OOB) != 1 || urgent != URGENT)
		stage_fail(stage, "the urgent byte");
}

static long long read_around(struct stage *stage, int fd, long long bytes)
{
	connection_receive(stage, fd, HALF);
	read_urgent(stage, fd);
	connection_receive(stage, fd, bytes - HALF);
	return bytes;
}

/* However much it wants. */
static long long splice_up_to(struct stage *stage, int fd, long long bytes)
{
	long long spliced = splice_out(stage, fd, SIZE);

	read_urgent(stage, fd);
	connection_receive(stage, fd, bytes - HALF);
	return spliced;
}

/* How much is read that way, of what is read. */
enum part { ALL, WHOLE_PAGES, FIRST_HALF, NOTHING };

static const struct kind {
	const char *name;
	void (*send)(struct stage *stage, int fd);
	/* Returns how many bytes it was, after it has read the others. */
	long long (*read)(struct stage *stage, int fd, long long bytes);
	enum part part;
} kinds[] = {
	{ "peeked at", send_plain, peek, ALL },
	{ "spliced", send_plain, splice_out, ALL },
	{ "mapped", send_pages, map, WHOLE_PAGES },
	{ "skipped", send_plain, skip, ALL },
	{ "around an urgent byte", send_urgent, read_around, ALL },
	{ "up to an urgent byte", send_urgent, splice_up_to, FIRST_HALF },
	{ "a FIN", send_fin, splice_out, NOTHING },
};

enum { KINDS = ARRAY_SIZE(kinds), ENDED = KINDS - 1 };

static void send_all(struct stage *stage, const struct keeper_ends *all,
		     unsigned int connections)
{
	for (unsigned int i = 0; i < connections; i++)
		kinds[i % KINDS].send(stage, all[i].connected);
	for (unsigned int i = 0; i < connections; i++)
		segment_await_acknowledged(stage, all[i].connected);
}

/* Reports what came of each kind. */
static void read_all(struct stage *stage, const struct keeper_ends *all,
		     unsigned int connections, long long bytes)
{
	for (unsigned int k = 0; k < KINDS; k++) {
		long long read = 0;

		for (unsigned int i = k; i < connections; i += KINDS)
			read += kinds[k].read(stage, all[i].accepted, bytes);
		stage_report(stage, read);
	}
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const struct keeper_ends *all = keeper_connect(stage, cast);

	memset(data, MARK, sizeof(data));
	send_all(stage, all, cast->connections);
	stage_report(stage, 0);
	read_all(stage, all, cast->connections, SIZE);
	send_all(stage, all, cast->connections);
	stage_report(stage, 0);
	read_all(stage, all, cast->connections, HALF);
	for (unsigned int i = 1; i < cast->connections; i += 2)
		connection_reset(stage, all[i].connected);
	stage_report(stage, 0);
}

static bool expect_waiting(struct play *play, const char *phase,
			   struct actor *keeper, long long sockets)
{
	return play_expect_settled(play, phase) &&
	       keeper_expect_queues(play, phase, keeper, sockets);
}

static long long whole_pages(long long bytes)
{
	return bytes - bytes % sysconf(_SC_PAGESIZE);
}

static long long expected(enum part part, long long bytes)
{
	if (part == WHOLE_PAGES)
		return whole_pages(bytes);
	if (part == FIRST_HALF)
		return HALF;
	return part == ALL ? bytes : 0;
}

static bool expect_read(struct play *play, struct actor *keeper,
			long long bytes)
{
	long long value;

	for (unsigned int k = 0; k < KINDS; k++)
		if (!play_step(play, keeper, &value) ||
		    !play_expect(play, kinds[k].name, "bytes read",
				 play_share(play, KINDS, k) *
					 expected(kinds[k].part, bytes),
				 value))
			return false;
	return true;
}

static bool expect_at_rest(struct play *play, const char *phase,
			   struct actor *keeper)
{
	long long bytes;

	return expect_waiting(play, phase, keeper, 0) &&
	       play_charge_at_rest(play, whose(BOOKS_CLASS_OPEN, keeper),
				   &bytes) &&
	       play_expect(play, phase, "bytes charged", 0, bytes);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long n = play->connections, value;
	long long ended = play_share(play, KINDS, ENDED);

	return play_await(play, keeper, &value) &&
	       expect_waiting(play, "sent", keeper, n) &&
	       play_expect_state(play, "sent", open, "CLOSE_WAIT", ended) &&
	       play_expect_meminfo(play, "sent", open) &&
	       expect_read(play, keeper, SIZE) &&
	       expect_at_rest(play, "read", keeper) &&
	       play_step(play, keeper, &value) &&
	       expect_waiting(play, "sent again", keeper, n - ended) &&
	       expect_read(play, keeper, HALF) &&
	       expect_waiting(play, "half read", keeper, n - ended) &&
	       play_expect_meminfo(play, "half read", open) &&
	       play_step(play, keeper, &value) &&
	       play_expect_state(play, "reset", closed, "CLOSE",
				 play_share(play, 2, 1)) &&
	       expect_waiting(play, "reset", keeper, n - ended);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario tcp_ways_to_read = {
	.name = "tcp-ways-to-read",
	.summary = "what waits is peeked at, spliced, mapped, skipped or urgent",
	.connections = 42,
	.pages = 16,
	.play = play,
};
