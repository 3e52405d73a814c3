// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP is above its limit: what a sender wants to queue is refused, but for the
 * little that each socket gets in any case. What was refused is not charged.
 *
 *	sender ---- connection 1..N ----> receiver (does not read)
 */
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "scenarios.h"

/* A page for each of so many is more than the CPUs hold back. */
#define ENOUGH 2000

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
};

static void receiver(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;

	connections_accept(stage, cast->listener, cast->connections, 0);
	stage_report(stage, 0);
}

static void sender(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	int *fds;

	close(cast->listener);
	fds = connections_connect(stage, &cast->server, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (send(fds[i], "x", 1, MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
	stage_report(stage, 0);
	stage_report(stage, connections_overload(stage, fds,
						 cast->connections));
}

static bool peak(struct play *play, const struct cast *cast,
		 struct actor *sender, struct actor *receiver)
{
	long long value, refused;

	return play_await(play, receiver, &value) &&
	       play_await(play, sender, &value) &&
	       play_sysctl(play, "net.ipv4.tcp_mem", "1 1 1") &&
	       play_step(play, sender, &refused) &&
	       play_expect(play, "peak", "sends that were refused, in part",
			   cast->connections, refused) &&
	       play_expect_balanced(play, "peak");
}

static void play(struct play *play)
{
	struct cast cast = {
		.connections = play->connections > ENOUGH ? play->connections :
							    ENOUGH,
	};
	struct actor from = { 0 }, to = { 0 };
	long long pages;
	bool ok;

	if (!play_listen(play, &cast.server, 4096, &cast.listener))
		return;
	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) &&
	     play_start(play, &to, "receiver", receiver, &cast) &&
	     play_start(play, &from, "sender", sender, &cast);
	close(cast.listener);
	ok = ok && peak(play, &cast, &from, &to);
	if (ok)
		play_peak(play);
	actor_kill(&from);
	actor_kill(&to);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario tcp_memory_limit = {
	.name = "tcp-memory-limit",
	.summary = "above net.ipv4.tcp_mem: what is refused is not charged",
	.connections = ENOUGH,
	.pages = 4,
	.play = play,
};
