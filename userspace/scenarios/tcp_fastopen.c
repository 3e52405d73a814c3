// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients send data with their first segment, to a listener that does not
 * accept. Every other one is deaf to the answer, so its connection is not
 * established yet; but a child with the data is in the accept queue.
 *
 *	server (listens, sleeps) <---- connection 1..N ---- client
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../segment.h"
#include "../sockdiag.h"
#include "scenarios.h"

#define PAYLOAD 1000
/* All of it at client and server, without cookies, for every listener. */
#define EVERYTHING "1543"

/* How the children end. */
enum way {
	READ,			/* accepted, and read */
	LEFT,			/* reset in the accept queue */
	RESET,			/* accepted, reset, and the listener closed ... */
	CLOSED,			/* ... or that before they are reset */
};

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
	enum way way;
};

static long long read_all(struct stage *stage, const struct cast *cast,
			  const int *fds)
{
	static char data[2 * PAYLOAD];
	long long bytes = 0;

	for (unsigned int i = 0; i < cast->connections; i++) {
		ssize_t length = read(fds[i], data, sizeof(data));

		if (length < 0)
			stage_fail(stage, "read");
		bytes += length;
	}
	return bytes;
}

static void server(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	long long bytes = 0;
	const int *fds;

	stage_report(stage, 0);
	if (cast->way != LEFT) {
		fds = connections_accept(stage, cast->listener,
					 cast->connections, 0);
		if (cast->way == READ)
			bytes = read_all(stage, cast, fds);
	}
	if (cast->way == RESET)
		stage_report(stage, 0);
	close(cast->listener);
	stage_report(stage, bytes);
}

static int send_first(struct stage *stage, struct cast *cast, bool deaf)
{
	static const char data[PAYLOAD];
	int fd = socket(cast->server.address.ss_family, SOCK_STREAM, 0);

	if (fd < 0)
		stage_fail(stage, "socket");
	if (deaf)
		segment_ignore(stage, fd);
	if (sendto(fd, data, PAYLOAD, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL,
		   (struct sockaddr *)&cast->server.address,
		   cast->server.length) != PAYLOAD)
		stage_fail(stage, "MSG_FASTOPEN");
	if (!deaf)
		segment_await_acknowledged(stage, fd);
	return fd;
}

static void client(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	int *fds = calloc(cast->connections, sizeof(*fds));

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	close(cast->listener);
	for (unsigned int i = 0; i < cast->connections; i++)
		fds[i] = send_first(stage, cast, i % 2);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_reset(stage, fds[i]);
	stage_report(stage, 0);
}

struct round {
	struct cast cast;
	struct actor server, client;
};

/*
 * Both ends, as sock_diag sees them: all are hashed. The two readings are of
 * different moments, and the deaf ones try again.
 */
static bool expect_sockdiag(struct play *play, const struct round *round)
{
	struct books_charge children, clients;
	long long expected, actual = -1;
	char *error = NULL;

	for (int tries = 0; tries < 10 && expected != actual; tries++) {
		if (sockdiag_sum_port(loopback_port(&round->cast.server),
				      &expected, &error)) {
			play_fail(play, "peak: %s", error);
			free(error);
			return false;
		}
		if (!play_charge(play, whose(BOOKS_CLASS_ACCEPT_QUEUE, NULL),
				 &children) ||
		    !play_charge(play, whose(BOOKS_CLASS_OPEN, &round->client),
				 &clients))
			return false;
		actual = books_charge_bytes(&children) +
			 books_charge_bytes(&clients);
	}
	return play_expect(play, "peak", "bytes of both ends, by sock_diag",
			   expected, actual);
}

static bool peak(struct play *play, struct round *round)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, &round->server);
	struct whose clients = whose(BOOKS_CLASS_OPEN, &round->client);
	long long n = play->connections, value;
	struct books_charge charge;

	if (!play_await(play, &round->server, &value) ||
	    !play_await(play, &round->client, &value) ||
	    !play_expect_state(play, "peak", children, "ESTABLISHED",
			       n - n / 2) ||
	    !play_expect_state(play, "peak", children, "SYN_RECV", n / 2) ||
	    !play_expect_state(play, "peak", clients, "ESTABLISHED",
			       n - n / 2) ||
	    !play_expect_state(play, "peak", clients, "SYN_SENT", n / 2) ||
	    !expect_sockdiag(play, round) ||
	    !play_charge(play, children, &charge))
		return false;
	ktap_check(play->ktap, charge.receive_queue_bytes >= n * PAYLOAD,
		   "peak: bytes of the children: expected at least the %lld sent, actual %lld",
		   n * PAYLOAD, charge.receive_queue_bytes);
	return charge.receive_queue_bytes >= n * PAYLOAD &&
	       play_expect_balanced(play, "peak");
}

static bool release_by_accepting(struct play *play, struct round *round)
{
	const char *phase = "after accept() and read()";
	struct whose held = whose(BOOKS_CLASS_OPEN, &round->server);
	long long bytes;

	return play_step(play, &round->server, &bytes) &&
	       play_expect(play, phase, "bytes read of those sent",
			   (long long)play->connections * PAYLOAD, bytes) &&
	       play_expect_sockets(play, phase, held, play->connections) &&
	       play_charge_at_rest(play, held, &bytes) &&
	       play_expect(play, phase, "bytes charged", 0, bytes) &&
	       play_expect_balanced(play, phase);
}

/*
 * A client whose connection is not established leaves without a word; the
 * children hear of it when they answer again.
 */
static bool release_by_leaving(struct play *play, struct round *round)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, &round->server);
	const char *phase = "after the reset";
	long long value;

	return play_step(play, &round->client, &value) &&
	       play_expect_state(play, phase, children, "CLOSE",
				 play->connections) &&
	       play_expect_balanced(play, phase) &&
	       play_step(play, &round->server, &value) &&
	       play_expect_sockets(play, "after close() of the listener",
				   whose(BOOKS_CLASS_ACCEPT_QUEUE, NULL), 0) &&
	       play_expect_settled(play, "after close() of the listener");
}

/*
 * Whose client resets it while it waits for an answer has a request that counts
 * for a minute as one of the listener's, unless that is closed.
 */
static bool release_accepted(struct play *play, struct round *round)
{
	struct whose reset = whose(BOOKS_CLASS_CLOSED_HELD, &round->server);
	struct whose open = whose(BOOKS_CLASS_OPEN, &round->server);
	long long value;

	return play_step(play, &round->server, &value) &&
	       play_expect_sockets(play, "accepted", open, play->connections) &&
	       play_expect_settled(play, "accepted") &&
	       play_step(play, &round->client, &value) &&
	       play_expect_state(play, "reset", reset, "CLOSE",
				 play->connections) &&
	       play_expect_settled(play, "reset") &&
	       (round->cast.way == CLOSED ||
		play_step(play, &round->server, &value)) &&
	       play_expect_settled(play, "after close() of the listener");
}

static bool release(struct play *play, struct round *round)
{
	switch (round->cast.way) {
	case READ:
		return release_by_accepting(play, round);
	case LEFT:
		return release_by_leaving(play, round);
	default:
		return release_accepted(play, round);
	}
}

static void round_play(struct play *play, enum way way)
{
	struct round round = {
		.cast = { .connections = play->connections, .way = way },
	};
	bool ok;

	if (!play_listen(play, &round.cast.server, 4096, &round.cast.listener))
		return;
	ok = play_expect_balanced(play, "before") &&
	     play_start(play, &round.server, "server", server, &round.cast) &&
	     play_start(play, &round.client, "client", client, &round.cast);
	close(round.cast.listener);
	ok = ok && peak(play, &round);
	if (ok)
		play_peak(play);
	ok = ok && release(play, &round);
	actor_kill(&round.client);
	actor_kill(&round.server);
	if (ok)
		play_expect_settled(play, "after");
}

static void play(struct play *play)
{
	if (!play_sysctl(play, "net.ipv4.tcp_fastopen", EVERYTHING))
		return;
	round_play(play, READ);
	round_play(play, LEFT);
	round_play(play, RESET);
	round_play(play, CLOSED);
}

const struct scenario tcp_fastopen = {
	.name = "tcp-fastopen",
	.summary = "data came with the first segment: charged to a child in the accept queue",
	.connections = 50,
	.pages = 4,
	.play = play,
};
