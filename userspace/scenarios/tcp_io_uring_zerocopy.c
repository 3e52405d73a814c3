// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring's IORING_OP_SEND_ZC queues a sender's own pages without SO_ZEROCOPY,
 * so nothing about the socket tells that it is done. Every other connection
 * sends from a registered buffer, which takes another way through the kernel.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../uring.h"
#include "unread.h"

#define SNDBUF (256 * 1024)
#define CHUNK (64 * 1024)
#define MIXED 100
/* Readings until two of them are of the same moment. */
#define TRIES 100

static struct uring ring;
static char *data;

static void open_ring(struct stage *stage)
{
	struct iovec buffer = { .iov_len = CHUNK };

	data = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (data == MAP_FAILED)
		stage_fail(stage, "mmap");
	buffer.iov_base = data;
	if (!uring_open(&ring) ||
	    !uring_register(&ring, IORING_REGISTER_BUFFERS, &buffer, 1))
		stage_fail(stage, "io_uring");
}

/* What is copied into the same packet makes the kernel charge both. */
static void send_mixed(struct stage *stage, struct io_uring_sqe request)
{
	request.len = MIXED;
	request.msg_flags |= MSG_MORE;
	if (uring_do(&ring, &request) != MIXED ||
	    send(request.fd, data, MIXED, MSG_NOSIGNAL) != MIXED)
		stage_fail(stage, "IORING_OP_SEND_ZC, then send");
}

static long long send_zerocopy(struct stage *stage, int fd, unsigned int i)
{
	struct io_uring_sqe request = {
		.opcode = IORING_OP_SEND_ZC,
		.ioprio = i % 2 ? IORING_RECVSEND_FIXED_BUF : 0,
		.fd = fd,
		.len = CHUNK,
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
	};
	int size = SNDBUF, sent;
	long long bytes = 2 * MIXED;

	if (!data)
		open_ring(stage);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)))
		stage_fail(stage, "SO_SNDBUF");
	request.addr = (uintptr_t)data;
	send_mixed(stage, request);
	while ((sent = uring_do(&ring, &request)) > 0)
		bytes += sent;
	if (errno != EAGAIN)
		stage_fail(stage, "IORING_OP_SEND_ZC");
	return bytes;
}

/* What the books say of the sender's sockets, and what these say. */
struct queued {
	long long charged;	/* of the write queues */
	long long zerocopy;
	long long seen;		/* the whole write queues, by SO_MEMINFO */
};

static bool read_queued(struct play *play, const struct actor *sender,
			struct queued *queued)
{
	struct books books;
	struct meminfo sum;

	*queued = (struct queued){ 0 };
	if (!play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++) {
		if (!books_socket_held_by(&books.sockets[i], sender->pid))
			continue;
		queued->charged += books.sockets[i].write_queue_bytes;
		queued->zerocopy += books.sockets[i].zerocopy_bytes;
	}
	books_free(&books);
	if (!play_meminfo(play, "peak", sender, &sum))
		return false;
	queued->seen = sum.write_queue_bytes;
	return true;
}

/*
 * What has not come to the receiver is still queued, and all of it is user
 * pages. SO_MEMINFO shows the whole write queue, of another moment: packets may
 * be under way.
 */
static bool expect(struct play *play, const struct unread_round *round)
{
	struct meminfo received;
	struct queued queued;
	long long least;

	for (int tries = 0; tries < TRIES; tries++) {
		if (!read_queued(play, &round->sender, &queued))
			return false;
		if (queued.charged + queued.zerocopy == queued.seen)
			break;
		play_pause();
	}
	if (!play_meminfo(play, "peak", &round->receiver, &received))
		return false;
	least = round->sent - received.receive_queue_bytes;
	ktap_check(play->ktap, least > 0 && queued.zerocopy >= least,
		   "peak: bytes queued but not charged: expected at least %lld, actual %lld",
		   least, queued.zerocopy);
	return least > 0 && queued.zerocopy >= least &&
	       play_expect(play, "peak", "write queue bytes, by SO_MEMINFO",
			   queued.seen, queued.charged + queued.zerocopy);
}

static bool is_possible(struct play *play)
{
	struct uring probe;
	bool known;

	if (!uring_open(&probe))
		return play_skip(play, "the kernel has no io_uring");
	known = uring_knows(&probe, IORING_OP_SEND_ZC);
	close(probe.fd);
	return known || play_skip(play, "the kernel has no IORING_OP_SEND_ZC");
}

static void play(struct play *play)
{
	if (is_possible(play))
		unread_play(play, &(struct unread){
			.send = send_zerocopy,
			.expect = expect,
		});
}

const struct scenario tcp_io_uring_zerocopy = {
	.name = "tcp-io-uring-zerocopy",
	.summary = "io_uring sends user pages without SO_ZEROCOPY: queued, but not charged",
	.connections = 50,
	.pages = 400,
	.play = play,
};
