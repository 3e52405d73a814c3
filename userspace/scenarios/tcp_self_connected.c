// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that are connected to themselves, each with full queues: the
 * handshake is that of two ends that connect at once. Of every other one the
 * receive queue is filled as a restored checkpoint is, with TCP_REPAIR.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "scenarios.h"

#define RESTORED 5000

/* linux/tcp.h cannot be included beside netinet/tcp.h. */
enum { NO_QUEUE, RECEIVE_QUEUE };

struct cast {
	struct loopback server;
	unsigned int connections;
};

static int connect_to_itself(struct stage *stage, const struct cast *cast)
{
	struct loopback self = cast->server;
	int fd = loopback_bind(&self);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&self.address,
			      self.length))
		stage_fail(stage, "connect to itself");
	return fd;
}

static void restore(struct stage *stage, int fd)
{
	static const char data[RESTORED];

	connection_set(stage, fd, IPPROTO_TCP, TCP_REPAIR, 1);
	connection_set(stage, fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, RECEIVE_QUEUE);
	if (send(fd, data, RESTORED, MSG_NOSIGNAL) != RESTORED)
		stage_fail(stage, "send to the receive queue");
	connection_set(stage, fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, NO_QUEUE);
	/* off, without a window probe: it has changed the other end, too */
	connection_set(stage, fd, IPPROTO_TCP, TCP_REPAIR, -1);
}

static void owner(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	int *fds = calloc(cast->connections, sizeof(*fds));

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->connections; i++) {
		fds[i] = connect_to_itself(stage, cast);
		if (i % 2)
			restore(stage, fds[i]);
		else
			connection_fill(stage, fds[i], CONNECTION_CHUNK);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++) {
		/* it ends without a word, as after a checkpoint */
		if (i % 4 == 1)
			connection_set(stage, fds[i], IPPROTO_TCP, TCP_REPAIR, 1);
		close(fds[i]);
	}
	free(fds);
	stage_report(stage, 0);
}

static bool peak(struct play *play, struct actor *owner)
{
	struct whose whose = { BOOKS_CLASS_OPEN, owner };
	struct books_charge charge;
	long long least = (long long)RESTORED * play->connections, value;

	if (!play_await(play, owner, &value) ||
	    !play_expect_sockets(play, "peak", whose, play->connections) ||
	    !play_expect_settled(play, "peak") ||
	    !play_charge(play, whose, &charge))
		return false;
	ktap_check(play->ktap, charge.receive_queue_bytes >= least,
		   "peak: receive queue bytes: expected at least %lld, actual %lld",
		   least, charge.receive_queue_bytes);
	return play_expect_meminfo(play, "peak", whose);
}

static void play(struct play *play)
{
	struct cast cast = { .connections = play->connections };
	struct actor actor = { 0 };
	long long pages, value;
	bool ok;

	loopback_set(&cast.server, play->family, 0);
	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) &&
	     play_start(play, &actor, "owner", owner, &cast) &&
	     peak(play, &actor);
	if (ok)
		play_peak(play);
	/* nobody has read: each resets itself */
	ok = ok && play_step(play, &actor, &value) &&
	     play_expect_sockets(play, "closed",
				 whose(BOOKS_CLASS_ORPHAN, NULL), 0);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario tcp_self_connected = {
	.name = "tcp-self-connected",
	.summary = "sockets are connected to themselves, some restored with TCP_REPAIR",
	.connections = 50,
	.pages = 100,
	.play = play,
};
