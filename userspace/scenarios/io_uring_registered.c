// SPDX-License-Identifier: GPL-2.0-only
/* Connections are registered with an io_uring, and their descriptors closed. */
#include <unistd.h>

#include "../uring.h"
#include "kept.h"

static void keep(struct stage *stage, int *fds, unsigned int count)
{
	struct uring ring;

	if (!uring_open(&ring) ||
	    !uring_register(&ring, IORING_REGISTER_FILES, fds, count))
		stage_fail(stage, "IORING_REGISTER_FILES");
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
}

/*
 * The module can read a ring since 6.0, which made its layout public
 * (include/linux/io_uring_types.h), and which has IORING_OP_SEND_ZC.
 */
static void play(struct play *play)
{
	struct uring probe;
	bool readable;

	if (!uring_open(&probe)) {
		play_skip(play, "the kernel has no io_uring");
		return;
	}
	readable = uring_knows(&probe, IORING_OP_SEND_ZC);
	close(probe.fd);
	kept_play(play, &(struct kept){
		.keep = keep,
		.via = readable ? "io_uring" : NULL,
		.unreachable = !readable,
	});
}

const struct scenario io_uring_registered = {
	.name = "io-uring-registered",
	.summary = "registered with an io_uring, then closed: no descriptor leads there",
	.connections = 50,
	.pages = 2,
	.play = play,
};
