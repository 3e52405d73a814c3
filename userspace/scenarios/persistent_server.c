// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../connections.h"
#include "frozen_peer.h"
#include "persistent_server.h"

#define WORKERS 8
#define INTERVAL_MS 200
#define MESSAGE_MIN 128
#define MESSAGE_MAX 2046
#define SNDBUF (4 * 1024 * 1024)
/*
 * What the server gets of it (net.core.wmem_max, doubled). With a megabyte a
 * connection the buffers would need half an hour to fill.
 */
#define WMEM_MAX "16384"
/* How long the client reads, and how much in each round of reading. */
#define READING_MS 3000
#define READING_BYTES 256
/* With l_linger=1 every close takes a second: so many are enough. */
#define LINGERING_CLOSES 64
/* Until all buffers are full; 10 s were measured for 1,000 connections. */
#define PATIENCE_MS 240000

/* In memory that the actors and the director share. */
struct progress {
	unsigned int closing;	/* connections whose send has failed */
	unsigned int closed;	/* whose close() has returned */
	unsigned int failed;	/* sends that failed for another reason */
};

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
	int linger;
	struct progress *progress;
	int *fds;
};

struct worker {
	pthread_t thread;
	struct cast *cast;
	unsigned int first;	/* its connections: every WORKERSth */
	unsigned int seed;
};

static void add_one(unsigned int *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static unsigned int get(const unsigned int *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void sleep_ms(long ms)
{
	struct timespec time = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000,
	};

	nanosleep(&time, NULL);
}

/* False if the send has failed and the connection is closed. */
static bool send_message(struct worker *worker, int fd)
{
	static const char data[MESSAGE_MAX];
	struct progress *progress = worker->cast->progress;
	unsigned int choices = MESSAGE_MAX - MESSAGE_MIN + 1;
	size_t length = MESSAGE_MIN +
			(unsigned int)rand_r(&worker->seed) % choices;

	if (send(fd, data, length, MSG_NOSIGNAL) >= 0)
		return true;
	if (errno != EAGAIN)
		add_one(&progress->failed);
	add_one(&progress->closing);
	loopback_linger(fd, worker->cast->linger);
	close(fd);
	add_one(&progress->closed);
	return false;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct cast *cast = worker->cast;
	unsigned int i;

	for (;;) {
		for (i = worker->first; i < cast->connections; i += WORKERS)
			if (cast->fds[i] >= 0 &&
			    !send_message(worker, cast->fds[i]))
				cast->fds[i] = -1;
		sleep_ms(INTERVAL_MS);
	}
	return NULL;
}

static void set_options(struct stage *stage, int fd)
{
	int on = 1, size = SNDBUF;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		stage_fail(stage, "setsockopt");
}

static void server(struct stage *stage, void *arg)
{
	static struct worker workers[WORKERS];
	struct cast *cast = arg;

	cast->fds = connections_accept(stage, cast->listener,
				       cast->connections,
				       SOCK_NONBLOCK | SOCK_CLOEXEC);
	for (unsigned int i = 0; i < cast->connections; i++)
		set_options(stage, cast->fds[i]);
	stage_report(stage, cast->connections);
	for (unsigned int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .cast = cast, .first = i,
					      .seed = i };
		errno = pthread_create(&workers[i].thread, NULL, work,
				       &workers[i]);
		if (errno)
			stage_fail(stage, "pthread_create");
	}
	/* it never exits by itself */
	stage_report(stage, WORKERS);
	pthread_join(workers[0].thread, NULL);
}

static void client(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long start, bytes = 0;
	char data[READING_BYTES];
	ssize_t length;
	int *fds;

	close(cast->listener);
	fds = connections_connect(stage, &cast->server, cast->connections);
	stage_report(stage, cast->connections);
	for (start = play_clock_ms(); play_clock_ms() - start < READING_MS;) {
		for (unsigned int i = 0; i < cast->connections; i++) {
			length = recv(fds[i], data, sizeof(data), MSG_DONTWAIT);
			bytes += length > 0 ? length : 0;
		}
		sleep_ms(INTERVAL_MS);
	}
	stage_report(stage, bytes);
}

struct run {
	struct cast cast;
	struct actor server, client;
	long long orphans;	/* that were there before */
};

static bool before(struct play *play, struct run *run)
{
	struct books_charge orphans;
	long long value;

	if (!play_charge(play, whose(BOOKS_CLASS_ORPHAN, NULL), &orphans))
		return false;
	run->orphans = orphans.sockets;
	return play_await(play, &run->server, &value) &&
	       play_await(play, &run->client, &value) &&
	       play_expect_sockets(play, "before",
				   whose(BOOKS_CLASS_OPEN, &run->server),
				   play->connections) &&
	       play_expect_sockets(play, "before",
				   whose(BOOKS_CLASS_OPEN, &run->client),
				   play->connections) &&
	       play_expect_balanced(play, "before");
}

/* Balances the books again and again until so many are closed. */
static bool while_running(struct play *play, struct run *run,
			  unsigned int enough)
{
	long long deadline = play_clock_ms() + PATIENCE_MS;
	struct progress *progress = run->cast.progress;
	unsigned int readings = 0;

	do {
		if (play_clock_ms() > deadline)
			return play_fail(play, "%u connections closed after %d s, expected %u",
					 get(&progress->closed),
					 PATIENCE_MS / 1000, enough);
		/* checks that pass are said once, below */
		if (!play_is_balanced(play))
			return play_expect_balanced(play, "while running");
		readings++;
		sleep_ms(INTERVAL_MS);
	} while (get(&progress->closed) < enough);
	ktap_remark(play->ktap, "while running: balanced in %u of %u readings",
		    readings, readings);
	return play_expect(play, "while running",
			   "sends that failed otherwise than by EAGAIN", 0,
			   get(&progress->failed));
}

/* l_linger=0: a RST each; the client holds what it has not read. */
static bool peak_reset(struct play *play, struct run *run)
{
	struct whose held = whose(BOOKS_CLASS_CLOSED_HELD, &run->client);

	return play_expect_state(play, "peak", held, "CLOSE",
				 play->connections) &&
	       play_expect_sockets(play, "peak",
				   whose(BOOKS_CLASS_OPEN, &run->server), 0) &&
	       play_expect_sockets(play, "peak",
				   whose(BOOKS_CLASS_ORPHAN, NULL),
				   run->orphans) &&
	       play_expect_meminfo(play, "peak", held);
}

/*
 * l_linger=1: an orphan each, with its write queue. The server has been
 * stopped, which ends the waiting in close(), but those threads have not
 * counted that yet.
 */
static bool peak_lingering(struct play *play, struct run *run)
{
	unsigned int closing = get(&run->cast.progress->closing);
	unsigned int closed = get(&run->cast.progress->closed);
	struct books_charge open, orphans;

	if (!play_charge(play, whose(BOOKS_CLASS_OPEN, &run->server), &open) ||
	    !play_charge(play, whose(BOOKS_CLASS_ORPHAN, NULL), &orphans))
		return false;
	orphans.sockets -= run->orphans;
	ktap_check(play->ktap,
		   orphans.sockets >= closed && orphans.sockets <= closing,
		   "peak: orphans: expected %u to %u, actual %lld", closed,
		   closing, orphans.sockets);
	ktap_remark(play->ktap, "orphans hold %lld pages", orphans.pages);
	return play_expect(play, "peak", "open and orphaned",
			   play->connections, open.sockets + orphans.sockets) &&
	       play_expect_sockets(play, "peak",
				   whose(BOOKS_CLASS_OPEN, &run->client),
				   play->connections);
}

static bool peak(struct play *play, struct run *run)
{
	long long value;
	bool reset = run->cast.linger == 0;
	unsigned int enough = play->connections;

	if (!reset && enough > LINGERING_CLOSES)
		enough = LINGERING_CLOSES;
	if (!play_step(play, &run->server, &value) ||
	    !play_step(play, &run->client, &value) ||
	    !play_freeze(play, &run->client) ||
	    !while_running(play, run, enough))
		return false;
	/* the readings of peak_lingering() are to be of one moment */
	if (!reset && !play_freeze(play, &run->server))
		return false;
	return (reset ? peak_reset(play, run) : peak_lingering(play, run)) &&
	       play_expect_balanced(play, "peak");
}

static bool after(struct play *play, struct run *run)
{
	const char *phase = "after the client's death";

	return play_expect_sockets(play, phase,
				   whose(BOOKS_CLASS_CLOSED_HELD,
					 &run->client), 0) &&
	       play_expect_sockets(play, phase,
				   whose(BOOKS_CLASS_ORPHAN, NULL),
				   run->orphans) &&
	       play_expect_balanced(play, phase);
}

static bool cast_start(struct play *play, struct run *run)
{
	run->cast.progress = mmap(NULL, sizeof(*run->cast.progress),
				  PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->cast.progress == MAP_FAILED)
		return play_fail(play, "mmap: %s", strerror(errno));
	return play_listen(play, &run->cast.server, 4096,
			   &run->cast.listener) &&
	       play_start(play, &run->server, "server", server, &run->cast) &&
	       play_start(play, &run->client, "slow-client", client,
			  &run->cast);
}

void persistent_server_play(struct play *play, int linger)
{
	struct run run = {
		.cast = { .connections = play->connections, .linger = linger,
			  .listener = -1 },
	};
	bool ok = play_sysctl(play, "net.core.wmem_max", WMEM_MAX) &&
		  frozen_peer_settings(play) && cast_start(play, &run);

	if (run.cast.listener >= 0)
		close(run.cast.listener);
	ok = ok && before(play, &run) && peak(play, &run);
	if (ok)
		play_peak(play);
	actor_kill(&run.client);
	if (run.server.pid)
		actor_thaw(&run.server);
	if (ok)
		after(play, &run);
	actor_kill(&run.server);
	munmap(run.cast.progress, sizeof(*run.cast.progress));
}

static void play(struct play *play)
{
	persistent_server_play(play, 0);
}

const struct scenario persistent_server = {
	.name = "persistent-server",
	.summary = "a busy server closes clients that stop reading, l_linger=0",
	.connections = 1000,
	.pages = 24,
	.play = play,
};
