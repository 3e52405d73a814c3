// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive buffers are filled until a datagram is dropped. What a process then
 * reads is not given back at once: it is "deficit", still counted and charged,
 * until a quarter of the buffer or all of it is read; and then but for a page.
 *
 *	hoarder, reader: each with its own N / 2 sockets, which it also sends to
 */
#include <netinet/in.h>
#include <stdlib.h>

#include "datagrams.h"

#define RCVBUF (64 * 1024)

/* None is counted as much as a quarter of the buffer, which is doubled. */
static const size_t sizes[] = { 1, 500, 1472, 9000 };

struct cast {
	const struct play *play;
	unsigned int sockets;	/* of each actor */
};

static struct datagrams *fill_all(struct stage *stage, const struct cast *cast)
{
	struct datagrams *all = calloc(cast->sockets, sizeof(*all));
	int from = datagrams_sender(stage, cast->play);

	if (!all)
		stage_fail(stage, "memory for the sockets");
	for (unsigned int i = 0; i < cast->sockets; i++) {
		datagrams_open(stage, &all[i], cast->play, sizes[i % 4], RCVBUF);
		datagrams_fill(stage, from, &all[i]);
	}
	return all;
}

static long long bytes_of(const struct cast *cast, const struct datagrams *all)
{
	long long bytes = 0;

	for (unsigned int i = 0; i < cast->sockets; i++)
		bytes += datagrams_bytes(&all[i]);
	return bytes;
}

static void hoarder(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	stage_report(stage, bytes_of(cast, fill_all(stage, cast)));
}

static void reader(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct datagrams *all = fill_all(stage, cast);

	stage_report(stage, bytes_of(cast, all));
	for (unsigned int i = 0; i < cast->sockets; i++)
		datagrams_receive(stage, &all[i], 1);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->sockets; i++)
		datagrams_receive(stage, &all[i], all[i].queued);
	stage_report(stage, 0);
}

/* The actor's sockets hold that much, and are charged what they say. */
static bool expect_queued(struct play *play, const char *phase,
			  const struct actor *actor, long long bytes)
{
	struct meminfo sum;

	return play_meminfo(play, phase, actor, &sum) &&
	       play_expect(play, phase, "bytes queued, from the datagrams",
			   bytes, sum.receive_queue_bytes) &&
	       play_expect_meminfo(play, phase,
				   whose(BOOKS_CLASS_OPEN, actor));
}

struct round {
	struct cast cast;
	struct actor hoarder, reader;
};

static bool full(struct play *play, struct round *round)
{
	const char *phase = "peak";
	long long hoarded, unread, value;

	return play_start(play, &round->hoarder, "hoarder", hoarder,
			  &round->cast) &&
	       play_start(play, &round->reader, "reader", reader,
			  &round->cast) &&
	       play_await(play, &round->hoarder, &hoarded) &&
	       play_await(play, &round->reader, &unread) &&
	       expect_queued(play, phase, &round->hoarder, hoarded) &&
	       expect_queued(play, phase, &round->reader, unread) &&
	       play_expect_balanced(play, phase) &&
	       play_step(play, &round->reader, &value) &&
	       expect_queued(play, "peak, one of each read", &round->reader,
			     unread) &&
	       play_expect_balanced(play, "peak, one of each read");
}

/* A socket that has received keeps a page for as long as it lives. */
static bool half_empty(struct play *play, struct round *round)
{
	const char *phase = "after one half is read";
	struct whose readers = whose(BOOKS_CLASS_OPEN, &round->reader);
	struct books_charge charge;
	long long value;

	return play_step(play, &round->reader, &value) &&
	       expect_queued(play, phase, &round->reader, 0) &&
	       play_charge(play, readers, &charge) &&
	       play_expect(play, phase, "pages, one of each socket",
			   round->cast.sockets, charge.pages) &&
	       play_expect_balanced(play, phase);
}

static void play(struct play *play)
{
	struct round round = {
		.cast = { .play = play, .sockets = play->connections / 2 },
	};
	long long pages;
	bool ok = play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) && full(play, &round);

	if (ok)
		play_peak(play);
	ok = ok && half_empty(play, &round);
	actor_kill(&round.hoarder);
	actor_kill(&round.reader);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario udp_full_receive_buffer = {
	.name = "udp-full-receive-buffer",
	.summary = "datagrams until the buffers are full, half of them read: deficit",
	.protocol = IPPROTO_UDP,
	.connections = 200,
	.pages = 40,
	.play = play,
};

const struct scenario udplite_full_receive_buffer = {
	.name = "udplite-full-receive-buffer",
	.summary = "the same with UDP-Lite",
	.protocol = IPPROTO_UDPLITE,
	.connections = 200,
	.pages = 40,
	.play = play,
};
