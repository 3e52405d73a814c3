// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- socket 1..N, which it also sends to
 *
 * Each datagram is given to the kernel in two parts, the second of which is in
 * pages of its own, or both in pages of the keeper, with MSG_ZEROCOPY. Where a
 * receive buffer is half full, the kernel copies what comes into one piece, if
 * there is room, and charges less for it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "../array.h"
#include "../connections.h"
#include "datagrams.h"
#include "keeper.h"

#define RCVBUF (32 * 1024)

/* Of a part. The last does not fit behind the first one. */
static const size_t sizes[] = { 50, 100, 200, 1500 };

struct cast {
	const struct play *play;
	unsigned int sockets;
};

static void send_part(struct stage *stage, int from, const struct datagrams *to,
		      int flags)
{
	static const char data[1500];

	if (sendto(from, data, to->size, flags,
		   (const struct sockaddr *)&to->address.address,
		   to->address.length) != (ssize_t)to->size)
		stage_fail(stage, "sendto");
}

/* The second part is nowhere: the first one is dropped, too. */
static void send_faulty(struct stage *stage, int from,
			const struct datagrams *to, int flags)
{
	send_part(stage, from, to, flags | MSG_MORE);
	if (sendto(from, NULL, to->size, flags,
		   (const struct sockaddr *)&to->address.address,
		   to->address.length) >= 0 || errno != EFAULT)
		stage_fail(stage, "a part that is nowhere: expected EFAULT");
}

/* Waits until one more is queued or dropped. */
static void await_next(struct stage *stage, const struct datagrams *to,
		       struct meminfo *now)
{
	const struct meminfo before = *now;
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	do {
		if (play_clock_ms() > deadline) {
			errno = ETIMEDOUT;
			stage_fail(stage, "delivery of a datagram");
		}
		if (!meminfo_of_socket(to->fd, now))
			stage_fail(stage, "SO_MEMINFO");
	} while (now->receive_queue_bytes == before.receive_queue_bytes &&
		 now->drops == before.drops);
}

static void fill(struct stage *stage, int from, struct datagrams *to, int flags)
{
	struct meminfo now = { 0 };

	send_faulty(stage, from, to, flags);
	for (to->queued = -1; !now.drops; to->queued++) {
		send_part(stage, from, to, flags | MSG_MORE);
		send_part(stage, from, to, flags);
		await_next(stage, to, &now);
	}
}

/* Half of those of each size by the other sender. */
static void fill_all(struct stage *stage, const struct cast *cast,
		     struct datagrams *all)
{
	int copying = datagrams_sender(stage, cast->play);
	int sharing = datagrams_sender(stage, cast->play);

	connection_set(stage, sharing, SOL_SOCKET, SO_ZEROCOPY, 1);
	for (unsigned int i = 0; i < cast->sockets; i++) {
		datagrams_open(stage, &all[i], cast->play,
			       sizes[i % ARRAY_SIZE(sizes)], RCVBUF);
		if (i / ARRAY_SIZE(sizes) % 2)
			fill(stage, sharing, &all[i], MSG_ZEROCOPY);
		else
			fill(stage, copying, &all[i], 0);
	}
}

static void keeper(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	struct datagrams *all = calloc(cast->sockets, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the sockets");
	fill_all(stage, cast, all);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->sockets; i++)
		datagrams_receive(stage, &all[i], all[i].queued / 2);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->sockets; i++)
		datagrams_receive(stage, &all[i], all[i].queued);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose all = whose(BOOKS_CLASS_OPEN, keeper);
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "full") &&
	       play_expect_meminfo(play, "full", all) &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "half read") &&
	       play_expect_meminfo(play, "half read", all) &&
	       play_step(play, keeper, &value) &&
	       datagrams_expect_queued(play, "read", keeper, 0);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast = { .play = play, .sockets = play->connections };

	keeper_play_alone(play, &how, &cast);
}

const struct scenario udp_in_parts = {
	.name = "udp-in-parts",
	.summary = "datagrams of two parts, which are copied into one where room is scarce",
	.protocol = IPPROTO_UDP,
	.connections = 100,
	.pages = 24,
	.play = play,
};
