// SPDX-License-Identifier: GPL-2.0-only
/*
 * An urgent byte in the middle of what a sender sends. It is charged with its
 * segment like any other, but is not part of what read() returns.
 */
#include <sys/socket.h>

#include "../segment.h"
#include "unread.h"

#define PART 1000

static long long send_parts(struct stage *stage, int fd, unsigned int i)
{
	static const char data[PART];

	(void)i;
	if (send(fd, data, sizeof(data), MSG_NOSIGNAL) != sizeof(data) ||
	    send(fd, "!", 1, MSG_OOB | MSG_NOSIGNAL) != 1 ||
	    send(fd, data, sizeof(data), MSG_NOSIGNAL) != sizeof(data))
		stage_fail(stage, "send");
	segment_await_acknowledged(stage, fd);
	return 2 * sizeof(data);
}

/* FIONREAD stops at the urgent byte, if it has been recognized. */
static bool expect(struct play *play, const struct unread_round *round)
{
	return play_expect(play, "peak", "bytes before the urgent ones",
			   (long long)play->connections * PART,
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
	.summary = "an urgent byte waits among others: charged, but read apart",
	.connections = 100,
	.pages = 8,
	.play = play,
};
