// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sender queues its own pages with MSG_ZEROCOPY for a peer that does not
 * read. The kernel counts them in the write queue, but charges the headers
 * only: whoever adds up the write queues finds pages that nobody charged.
 */
#include <errno.h>
#include <sys/mman.h>

#include "uncharged.h"

#define SNDBUF (256 * 1024)
#define CHUNK (64 * 1024)
#define MIXED 100
/* Of an ordinary network: the kernel splits what it was given in one piece. */
#define MSS 1400

static void fill(struct stage *stage, int fd)
{
	static char *data;
	int on = 1, size = SNDBUF;

	if (!data)
		data = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (data == MAP_FAILED)
		stage_fail(stage, "mmap");
	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)))
		stage_fail(stage, "SO_ZEROCOPY");
	/* what is copied into the same buffer makes the kernel charge both */
	if (send(fd, data, MIXED, MSG_ZEROCOPY | MSG_MORE) != MIXED ||
	    send(fd, data, MIXED, MSG_MORE) != MIXED)
		stage_fail(stage, "send");
	while (send(fd, data, CHUNK, MSG_ZEROCOPY | MSG_DONTWAIT) > 0)
		;
	/* ENOBUFS: the notifications fill sk_omem_alloc */
	if (errno != EAGAIN && errno != ENOBUFS)
		stage_fail(stage, "send");
}

/*
 * SO_MEMINFO shows the whole write queue. What of it is not charged is a whole
 * number of pages: that the pool balances is what proves the correction. Before
 * 5.16 ("net: avoid double accounting for pure zerocopy skbs", 9b65b17db723)
 * everything is charged.
 */
static bool expect(struct play *play, const struct meminfo *sum,
		   const struct books_charge *charge)
{
	long long uncharged = meminfo_bytes(sum) - books_charge_bytes(charge);

	ktap_check(play->ktap, uncharged >= 0,
		   "peak: bytes queued but not charged: expected at least 0, actual %lld",
		   uncharged);
	return uncharged >= 0;
}

static void play(struct play *play)
{
	uncharged_play(play, &(struct uncharged){ fill, expect, 0 });
	uncharged_play(play, &(struct uncharged){ fill, expect, MSS });
}

const struct scenario zerocopy_frozen_peer = {
	.name = "zerocopy-frozen-peer",
	.summary = "MSG_ZEROCOPY data waits for a peer: queued, and since 5.16 not charged",
	.connections = 50,
	.pages = 160,
	.play = play,
};
