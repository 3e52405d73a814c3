// SPDX-License-Identifier: GPL-2.0-only
/*
 *	sender 1..N ----> receiver
 *
 * Datagrams are sent without a copy (MSG_ZEROCOPY), in fragments, and the senders
 * closed, with something in their own receive queues. Linux 7.3 does not copy what
 * is received but for the first fragment: what is not read keeps who has sent it,
 * which is in no table then, and stays charged; until it is read.
 */
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "../connections.h"
#include "../link.h"
#include "datagrams.h"
#include "keeper.h"

#define SIZE 3000
#define OWN 1000
#define RCVBUF (1 << 20)

struct cast {
	const struct play *play;
	unsigned int senders;
};

static void send_uncopied(struct stage *stage, int from,
			  const struct loopback *to)
{
	static char data[SIZE];

	connection_set(stage, from, SOL_SOCKET, SO_ZEROCOPY, 1);
	if (sendto(from, data, SIZE, MSG_ZEROCOPY,
		   (const struct sockaddr *)&to->address, to->length) != SIZE)
		stage_fail(stage, "MSG_ZEROCOPY");
}

/* Each has a datagram of its own, too, which it does not read. */
static struct datagrams *send_all(struct stage *stage, const struct cast *cast,
				  struct datagrams *receiver)
{
	struct datagrams *senders = calloc(cast->senders, sizeof(*senders));

	if (!senders)
		stage_fail(stage, "memory for the sockets");
	for (unsigned int i = 0; i < cast->senders; i++) {
		datagrams_open(stage, &senders[i], cast->play, OWN, RCVBUF);
		datagrams_send(stage, senders[i].fd, &senders[i], 1);
		send_uncopied(stage, senders[i].fd, &receiver->address);
	}
	return senders;
}

static void keeper(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	struct datagrams receiver, *senders;

	if (!loopback_unshare(CLONE_NEWNET))
		stage_fail(stage, "a network namespace");
	stage_report(stage, link_run("ip link set dev lo mtu 1500"));
	datagrams_open(stage, &receiver, cast->play, SIZE, RCVBUF);
	senders = send_all(stage, cast, &receiver);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->senders; i++)
		close(senders[i].fd);
	stage_report(stage, 0);
	stage_report(stage, connection_drain(stage, receiver.fd));
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long n = play->connections, value;

	if (!play_await(play, keeper, &value))
		return false;
	if (!value)
		return play_skip(play, "there is no ip(8)");
	return play_step(play, keeper, &value) &&
	       play_expect_sockets(play, "sent", open, n + 1) &&
	       play_expect_settled(play, "sent") &&
	       play_step(play, keeper, &value) &&
	       play_expect_sockets(play, "senders closed", open, 1) &&
	       keeper_expect_kept(play) &&
	       play_step(play, keeper, &value) &&
	       play_expect(play, "read", "bytes", SIZE * n, value) &&
	       play_expect_settled(play, "read");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast = { .play = play, .senders = play->connections };

	if (play_free_at_once(play))
		keeper_play_alone(play, &how, &cast);
}

const struct scenario udp_kept_senders = {
	.name = "udp-kept-senders",
	.summary = "datagrams that were sent uncopied, and not read, keep who has sent them",
	.protocol = IPPROTO_UDP,
	.connections = 50,
	.pages = 8,
	.play = play,
};
