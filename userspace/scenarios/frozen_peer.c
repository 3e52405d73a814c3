// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../connections.h"
#include "../sockdiag.h"
#include "frozen_peer.h"

/* The kernel doubles it: what a connection's write queue may hold. */
#define SNDBUF (16 * 1024)

/* What both actors know. */
struct cast {
	const struct frozen_peer *how;
	struct loopback server;
	int listener;
	unsigned int connections;
	int *fds;
	unsigned int next;	/* to be closed */
};

static void *close_some(void *arg)
{
	struct cast *cast = arg;
	unsigned int i;

	while ((i = __atomic_fetch_add(&cast->next, 1, __ATOMIC_RELAXED)) <
	       cast->connections) {
		loopback_linger(cast->fds[i], cast->how->linger);
		close(cast->fds[i]);
	}
	return NULL;
}

static void close_all(struct stage *stage, struct cast *cast)
{
	pthread_t *threads = calloc(cast->how->closers, sizeof(*threads));

	if (!threads)
		stage_fail(stage, "memory for the threads");
	for (unsigned int i = 0; i < cast->how->closers; i++) {
		errno = pthread_create(&threads[i], NULL, close_some, cast);
		if (errno)
			stage_fail(stage, "pthread_create");
	}
	for (unsigned int i = 0; i < cast->how->closers; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static void server(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long bytes = 0;

	cast->fds = connections_accept(stage, cast->listener,
				       cast->connections,
				       SOCK_NONBLOCK | SOCK_CLOEXEC);
	stage_report(stage, cast->connections);
	if (!cast->how->empty)
		for (unsigned int i = 0; i < cast->connections; i++)
			bytes += connection_fill(stage, cast->fds[i],
						 CONNECTION_CHUNK);
	close_all(stage, cast);
	stage_report(stage, bytes);
}

static long long read_everything(struct stage *stage, int fd)
{
	static char data[65536];
	long long bytes = 0;
	ssize_t length;

	while ((length = read(fd, data, sizeof(data))) > 0)
		bytes += length;
	if (length < 0 && errno != ECONNRESET)
		stage_fail(stage, "read");
	return bytes;
}

static void client(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long bytes = 0;
	int *fds;

	close(cast->listener);
	fds = connections_connect(stage, &cast->server, cast->connections);
	stage_report(stage, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		bytes += read_everything(stage, fds[i]);
	stage_report(stage, bytes);
	for (unsigned int i = 0; i < cast->connections; i++)
		close(fds[i]);
	stage_report(stage, 0);
}

/* One round: the actors, and how the client's sockets are released. */
struct round {
	const struct frozen_peer *how;
	struct cast cast;
	struct actor server, client;
	const char *release;
	long long orphans;	/* that were there before */
	long long sent;		/* bytes that the server's sockets took */
};

static bool before(struct play *play, struct round *round)
{
	long long n = play->connections, value;
	struct books_charge orphans;

	if (!play_charge(play, whose(BOOKS_CLASS_ORPHAN, NULL), &orphans))
		return false;
	round->orphans = orphans.sockets;
	return play_await(play, &round->server, &value) &&
	       play_await(play, &round->client, &value) &&
	       play_freeze(play, &round->client) &&
	       play_expect_sockets(play, "before",
				   whose(BOOKS_CLASS_OPEN, &round->server),
				   n) &&
	       play_expect_sockets(play, "before",
				   whose(BOOKS_CLASS_OPEN, &round->client),
				   n) &&
	       play_expect_balanced(play, "before");
}

static void remark_charge(struct play *play, const struct books_charge *charge)
{
	ktap_remark(play->ktap,
		    "%lld pages: receive queue %lld, write queue %lld, forward alloc %lld bytes",
		    charge->pages, charge->receive_queue_bytes,
		    charge->write_queue_bytes, charge->forward_alloc_bytes);
}

/* After a RST the client has the closed sockets, and the server none. */
static bool peak_reset(struct play *play, struct round *round)
{
	struct whose held = whose(BOOKS_CLASS_CLOSED_HELD, &round->client);
	long long n = play->connections;
	struct books_charge charge;

	if (!play_expect_state(play, "peak", held, "CLOSE", n) ||
	    !play_expect_sockets(play, "peak",
				 whose(BOOKS_CLASS_OPEN, &round->server), 0) ||
	    !play_expect_sockets(play, "peak",
				 whose(BOOKS_CLASS_OPEN, &round->client), 0) ||
	    !play_expect_sockets(play, "peak", whose(BOOKS_CLASS_ORPHAN, NULL),
				 round->orphans) ||
	    !play_expect_meminfo(play, "peak", held) ||
	    !play_charge(play, held, &charge))
		return false;
	remark_charge(play, &charge);
	if (round->how->empty)
		return play_expect(play, "peak", "pages held", 0, charge.pages);
	ktap_check(play->ktap, charge.pages >= n,
		   "peak: pages held: expected at least one a socket (%lld), actual %lld",
		   n, charge.pages);
	return charge.pages >= n;
}

/*
 * The two ends of a connection, as sock_diag sees them: both are hashed. The
 * two readings are of different moments, and the orphans probe the window.
 */
static bool expect_sockdiag(struct play *play, struct round *round)
{
	struct books_charge orphans, held;
	long long expected, actual = -1;
	char *error = NULL;

	for (int tries = 0; tries < 10; tries++) {
		if (sockdiag_sum_port(loopback_port(&round->cast.server),
				      &expected, &error)) {
			play_fail(play, "peak: %s", error);
			free(error);
			return false;
		}
		if (!play_charge(play, whose(BOOKS_CLASS_ORPHAN, NULL),
				 &orphans) ||
		    !play_charge(play, whose(BOOKS_CLASS_OPEN, &round->client),
				 &held))
			return false;
		actual = books_charge_bytes(&orphans) +
			 books_charge_bytes(&held);
		if (actual == expected)
			break;
		play_pause();
	}
	remark_charge(play, &orphans);
	remark_charge(play, &held);
	return play_expect(play, "peak", "bytes of both ends, by sock_diag",
			   expected, actual);
}

/* Otherwise the kernel goes on for the server: an orphan for each. */
static bool peak_orphans(struct play *play, struct round *round)
{
	long long n = play->connections;

	return play_expect_sockets(play, "peak",
				   whose(BOOKS_CLASS_ORPHAN, NULL),
				   round->orphans + n) &&
	       play_expect_state(play, "peak",
				 whose(BOOKS_CLASS_ORPHAN, NULL), "FIN_WAIT1",
				 n) &&
	       play_expect_state(play, "peak",
				 whose(BOOKS_CLASS_OPEN, &round->client),
				 "ESTABLISHED", n) &&
	       play_expect_sockets(play, "peak",
				   whose(BOOKS_CLASS_OPEN, &round->server),
				   0) &&
	       expect_sockdiag(play, round);
}

static bool peak(struct play *play, struct round *round)
{
	return play_step(play, &round->server, &round->sent) &&
	       (round->how->reset ? peak_reset(play, round) :
				    peak_orphans(play, round)) &&
	       play_expect_balanced(play, "peak");
}

/* When everything is read the descriptors stay open, without a page. */
static bool release_by_reading(struct play *play, struct round *round)
{
	enum books_class class = round->how->reset ? BOOKS_CLASS_CLOSED_HELD :
						     BOOKS_CLASS_OPEN;
	long long bytes, value;

	actor_thaw(&round->client);
	if (!play_step(play, &round->client, &bytes))
		return false;
	if (!round->how->reset &&
	    !play_expect(play, "after reading", "bytes read of those sent",
			 round->sent, bytes))
		return false;
	return play_expect_sockets(play, "after reading",
				   whose(class, &round->client),
				   play->connections) &&
	       play_charge_at_rest(play, whose(class, &round->client),
				   &bytes) &&
	       play_expect(play, "after reading", "bytes charged", 0, bytes) &&
	       play_expect_balanced(play, "after reading") &&
	       play_step(play, &round->client, &value);
}

static bool after(struct play *play, struct round *round)
{
	return play_expect_sockets(play, round->release,
				   whose(BOOKS_CLASS_CLOSED_HELD,
					 &round->client), 0) &&
	       play_expect_sockets(play, round->release,
				   whose(BOOKS_CLASS_OPEN, &round->client),
				   0) &&
	       play_expect_sockets(play, round->release,
				   whose(BOOKS_CLASS_ORPHAN, NULL),
				   round->orphans) &&
	       play_expect_balanced(play, round->release);
}

static bool cast_start(struct play *play, struct round *round)
{
	int size = SNDBUF;

	if (!play_listen(play, &round->cast.server, 4096,
			 &round->cast.listener))
		return false;
	/* the accepted sockets inherit it */
	setsockopt(round->cast.listener, SOL_SOCKET, SO_SNDBUF, &size,
		   sizeof(size));
	return play_start(play, &round->server, "server", server,
			  &round->cast) &&
	       play_start(play, &round->client, "frozen-client", client,
			  &round->cast);
}

static void round_play(struct play *play, const struct frozen_peer *how,
		       bool reading)
{
	struct round round = {
		.how = how,
		.cast = { .how = how, .connections = play->connections,
			  .listener = -1 },
		.release = reading ? "after the client has closed" :
				     "after the client's death",
	};
	bool ok = cast_start(play, &round);

	if (round.cast.listener >= 0)
		close(round.cast.listener);
	ok = ok && before(play, &round) && peak(play, &round);
	if (ok)
		play_peak(play);
	if (ok && reading)
		ok = release_by_reading(play, &round);
	actor_kill(&round.client);
	if (ok)
		after(play, &round);
	actor_kill(&round.server);
}

bool frozen_peer_settings(struct play *play)
{
	/* small receive buffers, as on the server of the report */
	return play_sysctl(play, "net.ipv4.tcp_rmem", "4096 8192 16384") &&
	       /* room for all write queues, without memory pressure */
	       play_sysctl(play, "net.ipv4.tcp_mem",
			   "2000000 2000000 2000000") &&
	       /* an orphan of a frozen peer is killed from a quarter of it on */
	       play_sysctl(play, "net.ipv4.tcp_max_orphans", "262144") &&
	       /*
		* Where there is no room for one more in TIME_WAIT, an orphan is
		* gone once its FIN is acknowledged, and a peer that does so
		* again is reset.
		*/
	       play_sysctl(play, "net.ipv4.tcp_max_tw_buckets", "262144") &&
	       /*
		* A reset is sent once: on a busy machine it must not be dropped
		* where more than a thousand packets wait for a CPU.
		*/
	       play_sysctl(play, "net.core.netdev_max_backlog", "1000000");
}

void frozen_peer_play(struct play *play, const struct frozen_peer *how)
{
	if (!frozen_peer_settings(play))
		return;
	round_play(play, how, true);
	round_play(play, how, false);
}
