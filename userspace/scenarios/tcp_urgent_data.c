// SPDX-License-Identifier: GPL-2.0-only
/*
 * Urgent bytes among what a sender sends. They are charged with their segments
 * like any other, but are not part of what read() returns. Of the connections
 * some have one, after other data; others begin with one, which is forgotten
 * unread when a second one is more urgent: the first had a segment of its own, or
 * data came with it.
 */
#include <sys/socket.h>

#include "../segment.h"
#include "unread.h"

#define PART 1000

enum kind { AMONG_DATA, TWO, TWO_WITH_DATA, KINDS };

static void send_urgent(struct stage *stage, int fd, int flags)
{
	if (send(fd, "!", 1, MSG_OOB | MSG_NOSIGNAL | flags) != 1)
		stage_fail(stage, "MSG_OOB");
	if (!(flags & MSG_MORE))
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
	long long bytes = 0;

	switch (i % KINDS) {
	case AMONG_DATA:
		bytes = send_part(stage, fd);
		send_urgent(stage, fd, 0);
		break;
	case TWO:
		send_urgent(stage, fd, 0);
		send_urgent(stage, fd, 0);
		break;
	case TWO_WITH_DATA:
		send_urgent(stage, fd, MSG_MORE);
		bytes = send_part(stage, fd);
		segment_await_acknowledged(stage, fd);
		send_urgent(stage, fd, 0);
		break;
	}
	bytes += send_part(stage, fd);
	segment_await_acknowledged(stage, fd);
	return bytes;
}

/* FIONREAD stops at the urgent byte, if it has been recognized. */
static bool expect(struct play *play, const struct unread_round *round)
{
	return play_expect(play, "peak", "bytes before the urgent ones",
			   (play_share(play, KINDS, AMONG_DATA) +
			    play_share(play, KINDS, TWO_WITH_DATA)) * PART,
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
