// SPDX-License-Identifier: GPL-2.0-only
/* As persistent-server, with l_linger=1: closing is slow, orphans pile up. */
#include "persistent_server.h"

static void play(struct play *play)
{
	persistent_server_play(play, 1);
}

const struct scenario persistent_server_linger1 = {
	.name = "persistent-server-linger1",
	.summary = "the same with l_linger=1: orphans keep their write queues",
	.connections = 1000,
	.pages = 24,
	.play = play,
};
