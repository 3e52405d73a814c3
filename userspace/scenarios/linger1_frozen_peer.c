// SPDX-License-Identifier: GPL-2.0-only
/*
 * As linger0-frozen-peer, but the server lingers for a second: each close()
 * blocks that long, then the kernel goes on with an orphan that keeps its
 * whole write queue.
 */
#include "frozen_peer.h"

static void play(struct play *play)
{
	frozen_peer_play(play, &(struct frozen_peer){
		.linger = 1,
		.closers = 500,
	});
}

const struct scenario linger1_frozen_peer = {
	.name = "linger1-frozen-peer",
	.summary = "the same with l_linger=1: orphans keep their write queues",
	.connections = 5000,
	.pages = 24,
	.play = play,
};
