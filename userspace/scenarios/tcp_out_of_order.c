// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first segment of each connection is lost again and again: a filter on
 * the receiving socket drops it. All that was sent after it is charged, but
 * waits in the out-of-order queue, where no read() can get at it. Then the
 * segment comes, and in the second round finds that the receive buffer has
 * shrunk meanwhile: the queue is pruned, and sent again.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "../connections.h"
#include "../segment.h"
#include "unread.h"

#define LOST 1000
/* It fits the initial congestion window and the receive window. */
#define REST 40000
/* Of a buffer; the kernel makes it the least that it allows. */
#define LEAST 1
/* Its data begins with this byte. */
#define MISSING 'H'

static void open_hole(struct stage *stage, int fd)
{
	segment_ignore_marked(stage, fd, MISSING);
}

static long long send_around_hole(struct stage *stage, int fd, unsigned int i)
{
	static const char lost[LOST] = { MISSING }, rest[REST];
	int on = 1;

	(void)i;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    send(fd, lost, LOST, MSG_NOSIGNAL) != LOST ||
	    send(fd, rest, REST, MSG_NOSIGNAL) != REST)
		stage_fail(stage, "send");
	segment_await_all_but_one(stage, fd);
	return LOST + REST;
}

static bool expect(struct play *play, const struct unread_round *round)
{
	long long arrived = (long long)play->connections * REST;
	struct meminfo sum;
	bool ok;

	if (!play_expect(play, "peak", "bytes that could be read", 0,
			 round->readable) ||
	    !play_meminfo(play, "peak", &round->receiver, &sum))
		return false;
	ok = sum.receive_queue_bytes >= arrived;
	ktap_check(play->ktap, ok,
		   "peak: bytes out of order, by SO_MEMINFO: expected at least %lld, actual %lld",
		   arrived, sum.receive_queue_bytes);
	return ok;
}

static void heed_with_less_room(struct stage *stage, int fd)
{
	connection_set_buffers(stage, fd, LEAST);
	segment_heed(stage, fd);
}

/*
 * When the missing segment has come. No later, as a FIN might be dropped again
 * and again for want of room.
 */
static void make_room(struct stage *stage, int fd)
{
	struct pollfd readable = { fd, POLLIN, 0 };

	if (poll(&readable, 1, -1) != 1)
		stage_fail(stage, "poll");
	connection_set_buffers(stage, fd, 2 * REST);
}

static void play(struct play *play)
{
	struct unread how = {
		.accepted = open_hole,
		.send = send_around_hole,
		.resume = segment_heed,
		.expect = expect,
		.as_queued = true,
	};

	unread_play(play, &how);
	how.resume = heed_with_less_room;
	how.resumed = make_room;
	unread_play(play, &how);
}

const struct scenario tcp_out_of_order = {
	.name = "tcp-out-of-order",
	.summary = "a segment is missing: what follows is charged, and cannot be read",
	.connections = 100,
	.pages = 16,
	.play = play,
};
