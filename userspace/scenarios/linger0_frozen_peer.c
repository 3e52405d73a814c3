// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report behind this project: a server closes slow clients with SO_LINGER
 * {1,0} while its write queues are full. The RST unhashes the client's
 * sockets; their descriptors, receive queues and forward alloc remain.
 */
#include "frozen_peer.h"

static void play(struct play *play)
{
	frozen_peer_play(play, &(struct frozen_peer){
		.linger = 0,
		.reset = true,
		.closers = 1,
	});
}

const struct scenario linger0_frozen_peer = {
	.name = "linger0-frozen-peer",
	.summary = "server closes full connections with l_linger=0, client is frozen",
	.connections = 5000,
	.pages = 8,
	.play = play,
};
