// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ==== connection 1..N, datagrams ==== itself
 *
 * Who has asked for it is told by sock_diag(7) of each socket that ends. The kernel
 * destroys it only then, later, with what has come for it.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../sockdiag.h"
#include "datagrams.h"
#include "keeper.h"

#define PAYLOAD 1000

/* How the end that has connected is closed; the other one is closed with data. */
enum { RESET, CLOSED, ENDS };

/* Each has a datagram from itself. */
static int *open_datagrams(struct stage *stage, const struct keeper_cast *cast)
{
	int *fds = calloc(cast->connections, sizeof(*fds));
	struct loopback own;

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->connections; i++) {
		fds[i] = datagrams_bind(stage, cast->server.address.ss_family,
					&own);
		connection_send(stage, fds[i], PAYLOAD, &own);
	}
	return fds;
}

static void end(struct stage *stage, const struct keeper_ends *ends,
		unsigned int how)
{
	if (how == RESET)
		connection_reset(stage, ends->connected);
	else
		close(ends->connected);
	close(ends->accepted);
}

/* Of how many, the kernel forgets when nobody reads. */
static bool is_told(int netlink)
{
	struct pollfd readable = { netlink, POLLIN, 0 };

	return poll(&readable, 1, PLAY_PATIENCE_MS) == 1;
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	struct keeper_ends *all;
	int netlink, *datagrams;

	keeper_enter_namespace(stage, cast, 4096);
	netlink = sockdiag_hear_of_ends();
	if (netlink < 0)
		stage_fail(stage, "sock_diag");
	all = keeper_connect(stage, cast);
	datagrams = open_datagrams(stage, cast);
	for (unsigned int i = 0; i < cast->connections; i++) {
		connection_send(stage, all[i].connected, PAYLOAD, NULL);
		connection_send(stage, all[i].accepted, PAYLOAD, NULL);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++) {
		end(stage, &all[i], i % ENDS);
		close(datagrams[i]);
	}
	stage_report(stage, 0);
	stage_report(stage, is_told(netlink));
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long n = play->connections, value, told;

	return play_await(play, keeper, &value) &&
	       play_expect_sockets(play, "open", open, 2 * n) &&
	       play_expect_settled(play, "open") &&
	       play_step(play, keeper, &value) &&
	       play_expect_sockets(play, "closed", open, 0) &&
	       play_expect_no_orphans(play, "closed") &&
	       play_expect_settled(play, "closed") &&
	       play_step(play, keeper, &told) &&
	       play_expect(play, "closed", "is it told of them?", 1, told);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario told_ends = {
	.name = "told-ends",
	.summary = "sock_diag tells of each socket that ends: it is destroyed only then",
	.protocols = "TCP, UDP",
	.connections = 50,
	.pages = 4,
	.play = play,
};
