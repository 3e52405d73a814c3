// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper (in a cgroup) ==== connection 1..N, datagrams ==== itself
 *
 * BPF programs of the cgroup look up whom each packet is for, and what a map has:
 * listeners, requests, connections, what is left of them (TIME_WAIT), and sockets
 * of datagrams. Each of them is kept while it is looked at, and let go. Then others
 * decide which listener gets what comes to ports where nobody listens.
 */
#include <stdlib.h>
#include <unistd.h>

#include "../array.h"
#include "../bpf.h"
#include "../connections.h"
#include "datagrams.h"
#include "keeper.h"

#define PAYLOAD 1000
#define NOBODY_LISTENS 9

/* How a connection ends. */
enum { CLOSED, RESET, STAYS, ENDS };

static int make_map(struct stage *stage)
{
	int map = bpf_sockmap(1);

	if (map < 0)
		stage_fail(stage, "sockmap");
	return map;
}

static void end(struct stage *stage, const struct keeper_ends *ends,
		unsigned int how)
{
	if (how == STAYS)
		return;
	connection_receive(stage, ends->accepted, PAYLOAD);
	if (how == RESET)
		connection_reset(stage, ends->connected);
	else
		close(ends->connected);
	close(ends->accepted);
}

/* Whoever comes to where nobody listens gets to a socket that is in a map. */
static void steer(struct stage *stage, const struct keeper_cast *cast)
{
	sa_family_t family = cast->server.address.ss_family;
	struct loopback server, receiver;
	struct keeper_ends ends;
	int fds[2], links[2];

	loopback_set(&server, family, 0);
	fds[0] = loopback_listen(&server, 4096);
	if (fds[0] < 0)
		stage_fail(stage, "listen");
	fds[1] = datagrams_bind(stage, family, &receiver);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		int map = make_map(stage);

		if (bpf_sockmap_add(map, 0, fds[i]))
			stage_fail(stage, "sockmap");
		links[i] = bpf_attach_steering(map);
		if (links[i] < 0)
			stage_fail(stage, "SK_LOOKUP");
		close(map);
	}
	loopback_set(&server, family, NOBODY_LISTENS);
	loopback_set(&receiver, family, NOBODY_LISTENS);
	for (unsigned int i = 0; i < cast->connections; i++) {
		connection_make(stage, &server, fds[0], &ends.connected,
				&ends.accepted);
		connection_send(stage, ends.connected, PAYLOAD, NULL);
		connection_send(stage, fds[1], PAYLOAD, &receiver);
	}
	stage_report(stage, connection_drain(stage, fds[1]));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		close(fds[i]);
		close(links[i]);
	}
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_confined *cast = arg;
	sa_family_t family = cast->keeper.server.address.ss_family;
	unsigned int connections = cast->keeper.connections;
	struct loopback receiver;
	struct keeper_ends *all;
	int map, counter, datagrams;
	uint64_t found = 0;

	confinement_enter(stage, &cast->confinement);
	keeper_enter_namespace(stage, &cast->keeper, 4096);
	map = make_map(stage);
	counter = bpf_counter();
	if (counter < 0 ||
	    bpf_attach_looking_up(cast->directory, family, map, counter))
		stage_fail(stage, "a program that looks up");
	datagrams = datagrams_bind(stage, family, &receiver);
	all = keeper_connect(stage, &cast->keeper);
	if (bpf_sockmap_add(map, 0, all[STAYS].connected))
		stage_fail(stage, "sockmap");
	for (unsigned int i = 0; i < connections; i++) {
		connection_send(stage, all[i].connected, PAYLOAD, NULL);
		connection_send(stage, datagrams, PAYLOAD, &receiver);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < connections; i++)
		end(stage, &all[i], i % ENDS);
	if (bpf_counter_read(counter, &found))
		stage_fail(stage, "the counter");
	stage_report(stage, (long long)found);
	steer(stage, &cast->keeper);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose all = whose(BOOKS_CLASS_OPEN, keeper);
	long long n = play->connections, stay = play_share(play, ENDS, STAYS);
	long long found, steered, value;

	if (!play_await(play, keeper, &value) ||
	    !play_expect_sockets(play, "looked up", all, 2 * n) ||
	    !play_expect_settled(play, "looked up") ||
	    !play_step(play, keeper, &found))
		return false;
	ktap_check(play->ktap, found >= 12 * n,
		   "ended: sockets found: expected at least %lld, actual %lld",
		   12 * n, found);
	return play_expect_sockets(play, "ended", all, 2 * stay) &&
	       play_expect_settled(play, "ended") &&
	       play_step(play, keeper, &steered) &&
	       play_expect(play, "steered", "bytes of datagrams received",
			   PAYLOAD * n, steered) &&
	       play_expect_sockets(play, "steered", all,
				   2 * stay + 2 * n) &&
	       play_expect_settled(play, "steered") &&
	       play_step(play, keeper, &value) &&
	       play_expect_sockets(play, "their listener is closed", all,
				   2 * stay + 2 * n) &&
	       play_expect_settled(play, "their listener is closed");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_confined cast;

	if (!play_lacks(play, bpf_lacks_for_receiving()))
		keeper_play_confined(play, &how, &cast);
}

const struct scenario looked_up_sockets = {
	.name = "looked-up-sockets",
	.summary = "BPF programs look up sockets and let go of them, or choose whose listener it is",
	.protocols = "TCP, UDP",
	.connections = 50,
	.pages = 4,
	.play = play,
};
