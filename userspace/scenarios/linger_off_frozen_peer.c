// SPDX-License-Identifier: GPL-2.0-only
/*
 * As linger0-frozen-peer, but without SO_LINGER: close() returns at once and
 * the kernel goes on with an orphan that keeps its whole write queue.
 */
#include "frozen_peer.h"

static void play(struct play *play)
{
	frozen_peer_play(play, &(struct frozen_peer){
		.linger = -1,
		.closers = 1,
	});
}

const struct scenario linger_off_frozen_peer = {
	.name = "linger-off-frozen-peer",
	.summary = "the same without SO_LINGER: orphans keep their write queues",
	.connections = 5000,
	.pages = 24,
	.play = play,
};
