// SPDX-License-Identifier: GPL-2.0-only
/*
 * Urgent bytes among what a sender sends. They are charged with their segments
 * like any other, but are not part of what read() returns. One half of the
 * connections has one, after other data; the other half begins with two, and
 * the second is more urgent than the first, which is forgotten unread.
 */
#include <sys/socket.h>

#include "../segment.h"
#include "unread.h"

#define PART 1000

static void send_urgent(struct stage *stage, int fd)
{
	if (send(fd, "!", 1, MSG_OOB | MSG_NOSIGNAL) != 1)
		stage_fail(stage, "MSG_OOB");
	segment_await_acknowledged(stage, fd);
}

static long long send_part(struct stage *stage, int fd)
{
	static const char data[PART];

	if (send(fd, data, PART, MSG_NOSIGNAL) != PART)
		stage_fail(stage, "send");
	return PART;
}

static long long send_parts(struct stage *stage, int fd, unsigned int i)
{
	long long bytes;

	if (i % 2) {
		send_urgent(stage, fd);
		send_urgent(stage, fd);
		bytes = send_part(stage, fd);
	} else {
		bytes = send_part(stage, fd);
		send_urgent(stage, fd);
		bytes += send_part(stage, fd);
	}
	segment_await_acknowledged(stage, fd);
	return bytes;
}

/* FIONREAD stops at the urgent byte, if it has been recognized. */
static bool expect(struct play *play, const struct unread_round *round)
{
	return play_expect(play, "peak", "bytes before the urgent ones",
			   play_share(play, 2, 0) * PART,
			   round->readable);
}

static void play(struct play *play)
{
	unread_play(play, &(struct unread){
		.send = send_parts,
		.expect = expect,
		.as_queued = true,
	});
}

const struct scenario tcp_urgent_data = {
	.name = "tcp-urgent-data",
	.summary = "urgent bytes wait among others: charged, but read apart",
	.connections = 100,
	.pages = 8,
	.play = play,
};
