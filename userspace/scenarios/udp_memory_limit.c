// SPDX-License-Identifier: GPL-2.0-only
/*
 * UDP is above its limit: datagrams are dropped, whatever room there is in the
 * receive buffers. What was dropped is neither charged nor counted.
 *
 *	receiver: N sockets with a datagram each, and then another that is dropped
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "datagrams.h"

/* A page for each of so many is more than the CPUs hold back. */
#define ENOUGH 2000
#define RCVBUF (128 * 1024)
#define SIZE 1000
/* A page, of 64 KiB at most, has no room for that beside the other. */
#define LARGE 65000
#define DELIVERY_MS 10000

struct cast {
	const struct play *play;
	unsigned int sockets;
};

/* Sends one that does not fit; returns whether it was dropped. */
static bool send_large(struct stage *stage, int from,
		       const struct datagrams *to)
{
	long long deadline = play_clock_ms() + DELIVERY_MS;
	static const char data[LARGE];
	struct meminfo info;

	if (sendto(from, data, LARGE, 0,
		   (const struct sockaddr *)&to->address.address,
		   to->address.length) != LARGE)
		stage_fail(stage, "sendto");
	do {
		if (!meminfo_of_socket(to->fd, &info))
			stage_fail(stage, "SO_MEMINFO");
	} while (!info.drops && info.receive_queue_bytes == to->truesize &&
		 play_clock_ms() < deadline);
	return info.drops;
}

static void receiver(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct datagrams *all = calloc(cast->sockets, sizeof(*all));
	int from = datagrams_sender(stage, cast->play);
	long long dropped = 0;

	if (!all)
		stage_fail(stage, "memory for the sockets");
	for (unsigned int i = 0; i < cast->sockets; i++) {
		datagrams_open(stage, &all[i], cast->play, SIZE, RCVBUF);
		datagrams_send(stage, from, &all[i], 1);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->sockets; i++)
		dropped += send_large(stage, from, &all[i]);
	stage_report(stage, dropped);
}

static bool peak(struct play *play, const struct cast *cast, struct actor *actor)
{
	long long value, dropped;

	return play_await(play, actor, &value) &&
	       play_sysctl(play, "net.ipv4.udp_mem", "1 1 1") &&
	       play_step(play, actor, &dropped) &&
	       play_expect(play, "peak", "datagrams dropped",
			   cast->sockets, dropped) &&
	       play_expect_meminfo(play, "peak",
				   whose(BOOKS_CLASS_OPEN, actor)) &&
	       play_expect_balanced(play, "peak");
}

static void play(struct play *play)
{
	struct cast cast = {
		.play = play,
		.sockets = play->connections > ENOUGH ? play->connections :
							ENOUGH,
	};
	struct actor actor = { 0 };
	long long pages;
	bool ok = play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) &&
		  play_start(play, &actor, "receiver", receiver, &cast) &&
		  peak(play, &cast, &actor);

	if (ok)
		play_peak(play);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario udp_memory_limit = {
	.name = "udp-memory-limit",
	.summary = "above net.ipv4.udp_mem: what is dropped is not charged",
	.protocol = IPPROTO_UDP,
	.connections = ENOUGH,
	.pages = 1,
	.play = play,
};
