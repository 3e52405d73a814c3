// SPDX-License-Identifier: GPL-2.0-only
/*
 *	clients ---- association 1..N ----> server (does not read)
 *
 * What comes is charged to the socket that listens. Half of the associations
 * then get a socket of their own, by accept() or by being peeled off, and the
 * charge moves with them; the rest dies with the one that listens.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "../array.h"
#include "../association.h"
#include "../connections.h"
#include "scenarios.h"

#define PAYLOAD 1000
/* In pieces of so many bytes, which are charged one by one. */
#define FRAGMENT 500

struct round;

struct way {
	const char *name;
	int type;		/* SOCK_... of the sockets */
	bool in_pieces;		/* come the messages */
	void (*move)(struct stage *stage, const struct round *round);
};

struct round {
	const struct way *way;
	struct loopback server;
	int listener;
	unsigned int connections;
	unsigned int moved;
	struct actor servers, clients;
};

/* The clients have one socket for each association. */
static void client(struct stage *stage, void *arg)
{
	static const char data[PAYLOAD];
	struct round *round = arg;
	int *fds;

	close(round->listener);
	fds = connections_connect(stage, &round->server, round->connections);
	for (unsigned int i = 0; i < round->connections; i++) {
		if (round->way->in_pieces)
			association_set_fragment(stage, fds[i],
						 FRAGMENT);
		if (sendto(fds[i], data, sizeof(data), MSG_NOSIGNAL,
			   (const struct sockaddr *)&round->server.address,
			   round->server.length) != sizeof(data))
			stage_fail(stage, "sendto");
	}
	stage_report(stage, 0);
}

static void accept_some(struct stage *stage, const struct round *round)
{
	connections_accept(stage, round->listener, round->moved, 0);
}

static void peel_off(struct stage *stage, const struct round *round)
{
	association_peel_off(stage, round->listener, round->moved);
}

/* Its steps: it moves some, then it closes the socket that listens. */
static void server(struct stage *stage, void *arg)
{
	struct round *round = arg;

	stage_report(stage, 0);
	round->way->move(stage, round);
	stage_report(stage, 0);
	close(round->listener);
	stage_report(stage, 0);
}

/* All have received the same, so it is charged to both kinds by their number. */
static bool expect_received(struct play *play, const char *phase,
			    struct whose whose, unsigned int associations,
			    long long bytes_each)
{
	struct books_charge charge;

	return play_charge(play, whose, &charge) &&
	       play_expect(play, phase, "receive queue bytes",
			   associations * bytes_each,
			   charge.receive_queue_bytes);
}

static bool expect_moved(struct play *play, const char *phase,
			 struct round *round, long long bytes_each)
{
	struct whose moved = whose(BOOKS_CLASS_OPEN, &round->servers);

	return play_expect_sockets(play, phase, moved, round->moved) &&
	       expect_received(play, phase, moved, round->moved, bytes_each) &&
	       play_expect_settled(play, phase);
}

static bool peak(struct play *play, struct round *round, long long *bytes_each)
{
	struct whose listener = whose(BOOKS_CLASS_LISTEN, &round->servers);
	struct books_charge charge;

	if (!play_expect_sockets(play, "peak", listener, 1) ||
	    !play_expect_settled(play, "peak") ||
	    !play_charge(play, listener, &charge))
		return false;
	*bytes_each = charge.receive_queue_bytes / round->connections;
	ktap_check(play->ktap, *bytes_each > PAYLOAD,
		   "peak: receive queue bytes of an association: expected more than the %d sent, actual %lld",
		   PAYLOAD, *bytes_each);
	return expect_received(play, "peak", listener, round->connections,
			       *bytes_each) &&
	       play_expect_meminfo(play, "peak", listener);
}

static bool move(struct play *play, struct round *round, long long bytes_each)
{
	struct whose listener = whose(BOOKS_CLASS_LISTEN, &round->servers);
	long long value;

	return play_step(play, &round->servers, &value) &&
	       expect_received(play, "half moved", listener,
			       round->connections - round->moved, bytes_each) &&
	       expect_moved(play, "half moved", round, bytes_each) &&
	       play_step(play, &round->servers, &value) &&
	       play_expect_sockets(play, "after close() of the listener",
				   listener, 0) &&
	       expect_moved(play, "after close() of the listener", round,
			    bytes_each);
}

static bool start(struct play *play, struct round *round)
{
	long long value;
	bool ok;

	loopback_set(&round->server, play->family, play->port);
	round->server.protocol = IPPROTO_SCTP;
	round->server.type = round->way->type;
	round->listener = loopback_listen(&round->server, 4096);
	if (round->listener < 0)
		return play_fail(play, "listen: %s", strerror(errno));
	ok = play_start(play, &round->servers, "server", server, round) &&
	     play_start(play, &round->clients, "client", client, round);
	close(round->listener);
	return ok && play_await(play, &round->servers, &value) &&
	       play_await(play, &round->clients, &value);
}

static void round_play(struct play *play, const struct way *way)
{
	struct round round = {
		.way = way,
		.connections = play->connections,
		.moved = play->connections / 2,
	};
	long long pages, bytes_each;
	bool ok;

	ktap_remark(play->ktap, "%s", way->name);
	if (!play_expect_balanced(play, "before") || !play_pages(play, &pages))
		return;
	ok = start(play, &round) && peak(play, &round, &bytes_each);
	if (ok)
		play_peak(play);
	ok = ok && move(play, &round, bytes_each);
	actor_kill(&round.servers);
	actor_kill(&round.clients);
	if (ok)
		play_expect_return(play, "after", pages);
}

static void play(struct play *play)
{
	static const struct way ways[] = {
		{ "accepted", SOCK_STREAM, false, accept_some },
		{ "peeled off", SOCK_SEQPACKET, true, peel_off },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		round_play(play, &ways[i]);
}

const struct scenario sctp_moved_data = {
	.name = "sctp-moved-data",
	.summary = "SCTP's associations with unread data get sockets of their own",
	.protocol = IPPROTO_SCTP,
	.connections = 50,
	.pages = 4,
	.play = play,
};
