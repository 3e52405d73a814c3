// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sender asks for transmit timestamps and never reads them. They wait in
 * the error queue, counted with the receive queue, but not charged.
 */
#include <linux/net_tstamp.h>

#include "uncharged.h"

#define SENDS 5

static void fill(struct stage *stage, int fd)
{
	int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK |
		    SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)))
		stage_fail(stage, "SO_TIMESTAMPING");
	for (int i = 0; i < SENDS; i++)
		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
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
	uncharged_play(play, &(struct uncharged){ fill, expect });
}

const struct scenario error_queue_unread = {
	.name = "error-queue-unread",
	.summary = "timestamps wait in the error queue: counted, but not charged",
	.connections = 50,
	.pages = 8,
	.play = play,
};
