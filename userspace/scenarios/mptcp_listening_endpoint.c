// SPDX-License-Identifier: GPL-2.0-only
/*
 * MPTCP signals addresses with ports to its peers: at each of these the kernel
 * itself listens, until the endpoint is deleted. A port that cannot be bound, or
 * an id that is taken, is found out when it has a socket already.
 *
 * Only if named: Linux 6.12 counts each of them out of "inuse", but not in.
 */
#include <netinet/in.h>
#include <sched.h>

#include "../array.h"
#include "../link.h"
#include "keeper.h"

#define ADD "ip mptcp endpoint add %s dev lo signal"

static const char *const commands[] = {
	ADD " id 1 port 9000",
	"! " ADD " id 2 port 9000 2>/dev/null",
	"! " ADD " id 1 port 9001 2>/dev/null",
	ADD " id 2 port 9001",
	"ip mptcp endpoint delete id 1",
	"ip mptcp endpoint flush",
};

/* The socket of MPTCP, and that of TCP which listens. */
static const struct {
	const char *phase;
	long long endpoints;
} results[ARRAY_SIZE(commands)] = {
	{ "one added", 1 },	   { "its port refused", 1 },
	{ "its id refused", 1 },   { "another one added", 2 },
	{ "the first deleted", 1 }, { "all deleted", 0 },
};

static void keeper(struct stage *stage, void *arg)
{
	const char *address = *(sa_family_t *)arg == AF_INET6 ? "::1" :
								"127.0.0.1";

	if (!loopback_unshare(CLONE_NEWNET))
		stage_fail(stage, "unshare");
	stage_report(stage, link_run("ip mptcp endpoint show >/dev/null 2>&1"));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		stage_report(stage, link_run(commands[i], address));
}

/* Those that there were before do not matter: sockets of the kernel's own. */
static bool count(struct play *play, long long *sockets)
{
	struct books_charge listening, others;

	if (!play_charge(play, whose(BOOKS_CLASS_LISTEN, NULL), &listening) ||
	    !play_charge(play, whose(BOOKS_CLASS_KERNEL, NULL), &others))
		return false;
	*sockets = listening.sockets + others.sockets;
	return true;
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long able, before, done, now;

	if (!play_await(play, keeper, &able) || !count(play, &before))
		return false;
	if (!able)
		return play_skip(play, "ip(8) cannot set the path manager");
	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		if (!play_step(play, keeper, &done) ||
		    !play_expect(play, results[i].phase, "commands", 1, done) ||
		    !count(play, &now) ||
		    !play_expect(play, results[i].phase,
				 "sockets of endpoints",
				 2 * results[i].endpoints, now - before) ||
		    !play_expect_settled(play, results[i].phase))
			return false;
	return true;
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };

	keeper_play_alone(play, &how, &play->family);
}

const struct scenario mptcp_listening_endpoint = {
	.name = "mptcp-listening-endpoint",
	.summary = "MPTCP signals ports: the kernel itself listens there, until it is not to",
	.protocol = IPPROTO_MPTCP,
	.connections = 1,
	.pages = 1,
	.only_named = true,
	.play = play,
};
