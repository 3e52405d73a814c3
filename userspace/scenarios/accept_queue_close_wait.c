// SPDX-License-Identifier: GPL-2.0-only
/*
 * A listener that does not accept; its clients connect, send, and leave, most
 * with a FIN and some with a RST. The children wait in the accept queue, in
 * CLOSE_WAIT or CLOSE, and belong to no process: the listener's is to be named.
 *
 *	server (listens, sleeps) <---- connection 1..N ---- client (leaves)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../sockdiag.h"
#include "scenarios.h"

#define PAYLOAD 1000
/* Every tenth client leaves with a RST. */
#define RESET_EVERY 10
/* How long a client that is not let in is watched. */
#define REFUSAL_MS 200

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
	bool accepting;		/* release by accept() and close() */
};

/*
 * The clock that the kernel measures a child's wait with goes from tick to tick,
 * and stands still where a virtual CPU waits for its turn.
 */
static long long tick_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static long long accept_and_close_all(struct stage *stage, int listener)
{
	long long accepted = 0;
	int fd;

	if (fcntl(listener, F_SETFL, O_NONBLOCK))
		stage_fail(stage, "fcntl");
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		close(fd);
		accepted++;
	}
	if (errno != EAGAIN)
		stage_fail(stage, "accept");
	return accepted;
}

static void server(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long accepted = 0;

	stage_report(stage, 0);
	if (cast->accepting)
		accepted = accept_and_close_all(stage, cast->listener);
	else
		close(cast->listener);
	stage_report(stage, accepted);
}

static void visit(struct stage *stage, struct cast *cast, bool reset)
{
	static const char data[PAYLOAD];
	int fd = loopback_connect(&cast->server);

	if (fd < 0)
		stage_fail(stage, "connect");
	if (send(fd, data, sizeof(data), MSG_NOSIGNAL) != sizeof(data))
		stage_fail(stage, "send");
	if (reset && !loopback_linger(fd, 0))
		stage_fail(stage, "SO_LINGER");
	close(fd);
}

/* Whether one more client gets in although the queue is full. */
static bool gets_in(struct stage *stage, struct cast *cast)
{
	struct pollfd poll_fd = { .events = POLLOUT };
	bool in;

	poll_fd.fd = loopback_connect_nonblocking(&cast->server);
	if (poll_fd.fd < 0)
		stage_fail(stage, "connect");
	in = poll(&poll_fd, 1, REFUSAL_MS) > 0;
	close(poll_fd.fd);
	return in;
}

static void client(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	close(cast->listener);
	for (unsigned int i = 0; i < cast->connections; i++)
		visit(stage, cast, i % RESET_EVERY == RESET_EVERY - 1);
	stage_report(stage, gets_in(stage, cast));
}

struct round {
	struct cast cast;
	struct actor server, client;
	long long start_ms;	/* before the first client came */
	long long end_ms;	/* after the last one left */
};

static struct whose children(const struct round *round)
{
	return whose(BOOKS_CLASS_ACCEPT_QUEUE, &round->server);
}

/*
 * All children hold the same payload. sock_diag sees those in CLOSE_WAIT, so
 * from its sum follows what all of them are charged.
 */
static bool expect_charge(struct play *play, struct round *round,
			  long long waiting)
{
	struct books_charge charge;
	char *error = NULL;
	long long bytes;

	if (sockdiag_sum_port(loopback_port(&round->cast.server), &bytes,
			      &error)) {
		play_fail(play, "peak: %s", error);
		free(error);
		return false;
	}
	if (!play_charge(play, children(round), &charge))
		return false;
	ktap_remark(play->ktap,
		    "%lld pages: receive queue %lld, forward alloc %lld bytes",
		    charge.pages, charge.receive_queue_bytes,
		    charge.forward_alloc_bytes);
	return play_expect(play, "peak", "bytes, from those sock_diag sees",
			   bytes / waiting * play->connections,
			   books_charge_bytes(&charge));
}

/* The owner to name is the listener: its address, its process, the wait. */
static bool expect_listener(struct play *play, struct round *round)
{
	char address[LOOPBACK_TEXT_SIZE];
	const struct books_owner *owner;
	long long shortest, longest;
	struct books books;
	char *error = NULL;
	bool found = false;

	loopback_text(&round->cast.server, address);
	shortest = tick_clock_ms() - round->end_ms;
	if (books_read(&books, "tcp", "owners", false, &error)) {
		play_fail(play, "peak: %s", error);
		free(error);
		books_free(&books);
		return false;
	}
	longest = tick_clock_ms() - round->start_ms;
	for (size_t i = 0; i < books.n_owners && !found; i++) {
		owner = &books.owners[i];
		found = owner->class == BOOKS_CLASS_ACCEPT_QUEUE &&
			owner->listener && !strcmp(owner->listener, address) &&
			owner->pid == round->server.pid && owner->comm &&
			!strcmp(owner->comm, "server");
		if (!found)
			continue;
		/* a tick of up to 10 ms at either end */
		ktap_check(play->ktap,
			   owner->longest_wait_ms >= shortest - 10 &&
				   owner->longest_wait_ms <= longest + 10,
			   "peak: longest wait: expected %lld to %lld ms, actual %lld",
			   shortest, longest, owner->longest_wait_ms);
	}
	ktap_check(play->ktap, found,
		   "peak: owner: expected listener %s of server (pid %d), actual %s",
		   address, round->server.pid, found ? "that" : "none such");
	books_free(&books);
	return found;
}

static bool peak(struct play *play, struct round *round)
{
	long long n = play->connections, reset = n / RESET_EVERY;
	long long got_in;

	if (!play_await(play, &round->client, &got_in))
		return false;
	round->end_ms = tick_clock_ms();
	return play_expect(play, "peak",
			   "clients let in beyond backlog + 1", 0, got_in) &&
	       play_expect_sockets(play, "peak", children(round), n) &&
	       play_expect_state(play, "peak", children(round), "CLOSE_WAIT",
				 n - reset) &&
	       play_expect_state(play, "peak", children(round), "CLOSE",
				 reset) &&
	       expect_charge(play, round, n - reset) &&
	       expect_listener(play, round) &&
	       play_expect_balanced(play, "peak");
}

static bool release(struct play *play, struct round *round)
{
	bool accepting = round->cast.accepting;
	const char *phase = accepting ? "after accept() and close()" :
					"after close() of the listener";
	long long accepted;

	return play_step(play, &round->server, &accepted) &&
	       play_expect(play, phase, "children accepted",
			   accepting ? play->connections : 0, accepted) &&
	       play_expect_sockets(play, phase,
				   whose(BOOKS_CLASS_ACCEPT_QUEUE, NULL),
				   0) &&
	       play_expect_balanced(play, phase);
}

static void round_play(struct play *play, bool accepting)
{
	struct round round = {
		.cast = { .connections = play->connections,
			  .accepting = accepting },
	};
	long long value;
	bool ok;

	/* the real length of the queue is backlog + 1 */
	if (!play_listen(play, &round.cast.server, (int)play->connections - 1,
			 &round.cast.listener))
		return;
	ok = play_start(play, &round.server, "server", server, &round.cast) &&
	     play_await(play, &round.server, &value) &&
	     play_expect_balanced(play, "before");
	round.start_ms = tick_clock_ms();
	ok = ok && play_start(play, &round.client, "client", client,
			      &round.cast);
	close(round.cast.listener);
	ok = ok && peak(play, &round);
	actor_kill(&round.client);
	if (ok) {
		play_peak(play);
		release(play, &round);
	}
	actor_kill(&round.server);
}

static void play(struct play *play)
{
	char queue[16];

	snprintf(queue, sizeof(queue), "%u", play->connections);
	if (!play_sysctl(play, "net.core.somaxconn", queue) ||
	    /*
	     * A client that has left keeps its port in TIME_WAIT. If another
	     * one got the same, its SYN would reset the child in CLOSE_WAIT.
	     */
	    !play_sysctl(play, "net.ipv4.tcp_tw_reuse", "0") ||
	    !play_sysctl(play, "net.ipv4.tcp_max_tw_buckets", "262144"))
		return;
	round_play(play, true);
	round_play(play, false);
}

const struct scenario accept_queue_close_wait = {
	.name = "accept-queue-close-wait",
	.summary = "nobody accepts, the clients leave: CLOSE_WAIT without a process",
	.connections = 1000,
	.pages = 2,
	.play = play,
};
