// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP is above its limit: what a sender wants to queue is refused, but for the
 * little that each socket gets in any case. What was refused is not charged,
 * neither by TCP nor by a BPF map that has the sockets.
 *
 *	sender ---- connection 1..N ----> receiver (does not read)
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bpf.h"
#include "../connections.h"
#include "scenarios.h"

/* A page for each of so many is more than the CPUs hold back. */
#define ENOUGH 2000

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
	bool mapped;
};

static void receiver(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;

	connections_accept(stage, cast->listener, cast->connections, 0);
	stage_report(stage, 0);
}

static void map_all(struct stage *stage, const int *fds, unsigned int count)
{
	int map = bpf_sockmap(count);

	if (map < 0 || bpf_attach_sending(map, &(struct bpf_sending){ 0 }))
		stage_fail(stage, "a map of sockets");
	for (unsigned int i = 0; i < count; i++)
		if (bpf_sockmap_add(map, i, fds[i]))
			stage_fail(stage, "BPF_MAP_UPDATE_ELEM");
}

/*
 * A message is charged in pieces, as the kernel's page fragments end now here,
 * now there. What is larger than a socket's send buffer, small now, it gets in
 * any case: there are messages of which the first piece is, and the last is not.
 * Returns how many were refused.
 */
static long long overload_mapped(struct stage *stage, const int *fds,
				 unsigned int count)
{
	static const char data[10000];
	long long refused = 0;

	for (unsigned int i = 0; i < count; i++)
		if (send(fds[i], data, sizeof(data),
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno != EAGAIN)
				stage_fail(stage, "send");
			refused++;
		}
	return refused;
}

static void sender(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	long long refused;
	int *fds;

	close(cast->listener);
	fds = connections_connect(stage, &cast->server, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (send(fds[i], "x", 1, MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
	if (cast->mapped)
		map_all(stage, fds, cast->connections);
	stage_report(stage, 0);
	refused = cast->mapped ?
		overload_mapped(stage, fds, cast->connections) :
		connections_overload(stage, fds, cast->connections);
	stage_report(stage, refused);
}

static bool peak(struct play *play, const struct cast *cast,
		 struct actor *sender, struct actor *receiver)
{
	long long value, refused;

	return play_await(play, receiver, &value) &&
	       play_await(play, sender, &value) &&
	       play_sysctl(play, "net.ipv4.tcp_mem", "1 1 1") &&
	       play_step(play, sender, &refused) &&
	       (cast->mapped ?
			play_expect(play, "peak", "is any send refused?", 1,
				    refused > 0) :
			play_expect(play, "peak",
				    "sends that were refused, in part",
				    cast->connections, refused)) &&
	       play_expect_balanced(play, "peak");
}

static void play_on(struct play *play, bool mapped)
{
	struct cast cast = {
		.connections = play->connections > ENOUGH ? play->connections :
							    ENOUGH,
		.mapped = mapped,
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

static void play(struct play *play)
{
	play_on(play, false);
}

static void play_mapped(struct play *play)
{
	if (!play_lacks(play, bpf_lacks_for_sending()))
		play_on(play, true);
}

const struct scenario tcp_memory_limit = {
	.name = "tcp-memory-limit",
	.summary = "above net.ipv4.tcp_mem: what is refused is not charged",
	.connections = ENOUGH,
	.pages = 4,
	.play = play,
};

const struct scenario tcp_sockmap_memory_limit = {
	.name = "tcp-sockmap-memory-limit",
	.summary = "the same of sockets in a BPF map",
	.connections = ENOUGH,
	.pages = 4,
	.play = play_mapped,
};
