// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sender asks for transmit timestamps and never reads them. They wait in
 * the error queue, counted with the receive queue, but not charged: alone, or
 * with copies of what was sent, which was not copied before (MSG_ZEROCOPY).
 */
#include <linux/net_tstamp.h>

#include "../connections.h"
#include "uncharged.h"

#define SENDS 5

#define STAMPS (SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | \
		SOF_TIMESTAMPING_SOFTWARE)

static void send_all(struct stage *stage, int fd, int flags)
{
	for (int i = 0; i < SENDS; i++)
		if (send(fd, "x", 1, MSG_NOSIGNAL | flags) != 1)
			stage_fail(stage, "send");
}

static void fill(struct stage *stage, int fd)
{
	connection_set(stage, fd, SOL_SOCKET, SO_TIMESTAMPING,
		       STAMPS | SOF_TIMESTAMPING_OPT_TSONLY);
	send_all(stage, fd, 0);
	connection_set(stage, fd, SOL_SOCKET, SO_TIMESTAMPING, STAMPS);
	connection_set(stage, fd, SOL_SOCKET, SO_ZEROCOPY, 1);
	send_all(stage, fd, MSG_ZEROCOPY);
}

/* The sender received nothing: what SO_MEMINFO counts is the error queue. */
static bool expect(struct play *play, const struct meminfo *sum,
		   const struct books_charge *charge)
{
	ktap_check(play->ktap, sum->receive_queue_bytes > 0,
		   "peak: bytes in error queues: expected more than 0, actual %lld",
		   sum->receive_queue_bytes);
	return play_expect(play, "peak", "receive queue bytes charged", 0,
			   charge->receive_queue_bytes);
}

static void play(struct play *play)
{
	uncharged_play(play, &(struct uncharged){ fill, expect, 0 });
}

const struct scenario error_queue_unread = {
	.name = "error-queue-unread",
	.summary = "timestamps wait in the error queue: counted, but not charged",
	.connections = 50,
	.pages = 8,
	.play = play,
};
