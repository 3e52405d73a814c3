// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams whose checksum is wrong. Nobody has looked at that when they are
 * queued: they are charged, until somebody wants to read or to know how much
 * there is to read.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datagrams.h"

/* Of less than 76 bytes the checksum is tested at once. */
#define SIZE 1000
#define COUNT 20
#define RCVBUF (64 * 1024)

enum { READ, PEEKED, ASKED, KINDS };

struct cast {
	const struct play *play;
	unsigned int sockets;
};

/* All that is there is dropped: there is nothing to be read. */
static void look(struct stage *stage, int fd, unsigned int kind)
{
	char byte;
	int bytes = 0;

	if (kind == ASKED) {
		if (ioctl(fd, FIONREAD, &bytes) || bytes)
			stage_fail(stage, "FIONREAD");
	} else if (recv(fd, &byte, 1,
			MSG_DONTWAIT | (kind == PEEKED ? MSG_PEEK : 0)) >= 0 ||
		   errno != EAGAIN) {
		stage_fail(stage, "a broken datagram was received");
	}
}

static void reader(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct datagrams *all = calloc(cast->sockets, sizeof(*all));
	int from = datagrams_broken_sender(stage, cast->play);
	long long bytes = 0;

	if (!all)
		stage_fail(stage, "memory for the sockets");
	for (unsigned int i = 0; i < cast->sockets; i++) {
		datagrams_open(stage, &all[i], cast->play, SIZE, RCVBUF);
		all[i].broken = true;
		datagrams_send(stage, from, &all[i], COUNT);
		bytes += datagrams_bytes(&all[i]);
	}
	close(from);
	stage_report(stage, bytes);
	for (unsigned int i = 0; i < cast->sockets; i++)
		look(stage, all[i].fd, i % KINDS);
	stage_report(stage, 0);
}

static void play(struct play *play)
{
	struct cast cast = { .play = play, .sockets = play->connections };
	struct actor actor = { 0 };
	long long pages, bytes;
	bool ok = play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) &&
		  play_start(play, &actor, "reader", reader, &cast) &&
		  play_await(play, &actor, &bytes) &&
		  datagrams_expect_queued(play, "peak", &actor, bytes);

	if (ok)
		play_peak(play);
	ok = ok && play_step(play, &actor, &bytes) &&
	     datagrams_expect_queued(play, "dropped", &actor, 0);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario udp_bad_checksum = {
	.name = "udp-bad-checksum",
	.summary = "datagrams whose checksum is wrong: charged until they are read",
	.protocol = IPPROTO_UDP,
	.connections = 50,
	.pages = 16,
	.play = play,
};
