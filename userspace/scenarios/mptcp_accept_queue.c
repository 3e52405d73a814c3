// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody accepts MPTCP connections, and the clients send and leave: each waits
 * as a socket of MPTCP and a subflow, neither of which a process has.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "../connections.h"
#include "../sockdiag.h"
#include "scenarios.h"

#define PAYLOAD 1000

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
};

static void server(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	stage_report(stage, 0);
	close(cast->listener);
	stage_report(stage, 0);
}

static void client(struct stage *stage, void *arg)
{
	static const char data[PAYLOAD];
	struct cast *cast = arg;
	int *fds;

	close(cast->listener);
	fds = connections_connect(stage, &cast->server, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (send(fds[i], data, sizeof(data), MSG_NOSIGNAL) !=
		    sizeof(data))
			stage_fail(stage, "send");
	stage_report(stage, 0);
}

/* Each child has received what its client has sent. */
static bool expect_children(struct play *play, const char *phase,
			    const struct actor *server)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, server);
	struct books_charge charge;

	if (!play_expect_sockets(play, phase, children,
				 2 * play->connections) ||
	    !play_charge(play, children, &charge))
		return false;
	ktap_check(play->ktap,
		   charge.receive_queue_bytes >
			   (long long)PAYLOAD * play->connections,
		   "%s: receive queue bytes: expected more than the %d bytes sent on each, actual %lld",
		   phase, PAYLOAD, charge.receive_queue_bytes);
	return play_expect_settled(play, phase);
}

static bool come_and_go(struct play *play, struct actor *servers,
			struct actor *clients)
{
	long long value;

	if (!play_await(play, servers, &value) ||
	    !play_await(play, clients, &value) ||
	    !expect_children(play, "peak", servers))
		return false;
	actor_kill(clients);
	return expect_children(play, "after the clients have left", servers);
}

static void play(struct play *play)
{
	struct cast cast = { .connections = play->connections };
	struct actor servers = { 0 }, clients = { 0 };
	long long pages, value;
	bool ok = play_expect_balanced(play, "before") &&
		  play_pages(play, &pages);

	if (!ok || !play_listen(play, &cast.server, 4096, &cast.listener))
		return;
	ok = play_start(play, &servers, "server", server, &cast) &&
	     play_start(play, &clients, "client", client, &cast);
	close(cast.listener);
	ok = ok && come_and_go(play, &servers, &clients);
	if (ok)
		play_peak(play);
	ok = ok && play_step(play, &servers, &value) &&
	     play_expect_sockets(play, "after close() of the listener",
				 whose(BOOKS_CLASS_ACCEPT_QUEUE, NULL), 0);
	actor_kill(&clients);
	actor_kill(&servers);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario mptcp_accept_queue = {
	.name = "mptcp-accept-queue",
	.summary = "nobody accepts MPTCP connections, the clients leave",
	.protocol = IPPROTO_MPTCP,
	.connections = 100,
	.pages = 4,
	.play = play,
};
