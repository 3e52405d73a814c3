// SPDX-License-Identifier: GPL-2.0-only
/*
 * As linger0-frozen-peer, but nothing was ever sent: the client has the same
 * closed sockets, and no page in them.
 */
#include "frozen_peer.h"

static void play(struct play *play)
{
	frozen_peer_play(play, &(struct frozen_peer){
		.linger = 0,
		.empty = true,
		.reset = true,
		.closers = 1,
	});
}

const struct scenario linger0_empty_write_queue = {
	.name = "linger0-empty-write-queue",
	.summary = "the same with l_linger=0 and nothing sent: no page is held",
	.connections = 5000,
	.pages = 0,
	.play = play,
};
