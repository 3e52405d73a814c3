// SPDX-License-Identifier: GPL-2.0-only
/* Connections are mapped into memory, and their descriptors closed. */
#include <sys/mman.h>
#include <unistd.h>

#include "kept.h"

static void keep(struct stage *stage, int *fds, unsigned int count)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	for (unsigned int i = 0; i < count; i++) {
		if (mmap(NULL, size, PROT_READ, MAP_SHARED, fds[i], 0) ==
		    MAP_FAILED)
			stage_fail(stage, "mmap");
		close(fds[i]);
	}
}

static void play(struct play *play)
{
	kept_play(play, &(struct kept){ .keep = keep, .unreachable = true });
}

const struct scenario mmapped_socket = {
	.name = "mmapped-socket",
	.summary = "mapped into memory, then closed and reset: nothing leads there",
	.connections = 10,
	.pages = 2,
	.play = play,
};
