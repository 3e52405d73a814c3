// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that ask for ICMP errors (IP_RECVERR) send to a port that nobody
 * has. The errors wait in the error queue, counted with the receive queue, but
 * not charged; the datagrams in the receive queue are. Where the buffer is full
 * they are refused.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "../connections.h"
#include "datagrams.h"

#define DATAGRAMS 2
#define ERRORS 3
#define RCVBUF (256 * 1024)
/* How long an error may take to come back. */
#define ERROR_MS 10000

struct cast {
	const struct play *play;
	unsigned int sockets;
	struct datagrams *all;
	struct loopback nobody;
};

/* The address of a socket that is closed again. */
static void find_nobody(struct stage *stage, struct cast *cast)
{
	struct datagrams closed;

	datagrams_open(stage, &closed, cast->play, 1, RCVBUF);
	cast->nobody = closed.address;
	close(closed.fd);
}

static void ask_for_errors(struct stage *stage, const struct cast *cast, int fd)
{
	bool v4 = cast->play->family == AF_INET;
	int on = 1;

	if (setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6,
		       v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof(on)))
		stage_fail(stage, "IP_RECVERR");
}

/* The error that came first is reported by the next call, once. */
static void send_to_nobody(struct stage *stage, const struct cast *cast, int fd)
{
	while (sendto(fd, "x", 1, 0,
		      (const struct sockaddr *)&cast->nobody.address,
		      cast->nobody.length) != 1)
		if (errno != ECONNREFUSED)
			stage_fail(stage, "sendto");
}

/* Waits until the socket has that many bytes more; returns how many. */
static long long await_growth(struct stage *stage, int fd, long long before,
			      long long least)
{
	long long deadline = play_clock_ms() + ERROR_MS;
	struct meminfo info;

	do {
		if (!meminfo_of_socket(fd, &info))
			stage_fail(stage, "SO_MEMINFO");
		if (info.receive_queue_bytes >= before + least)
			return info.receive_queue_bytes - before;
	} while (play_clock_ms() < deadline);
	errno = ETIMEDOUT;
	stage_fail(stage, "delivery of an error");
}

/* Waits for what came last, queued or not, and takes it. */
static void await_error(struct stage *stage, int fd)
{
	long long deadline = play_clock_ms() + ERROR_MS;
	socklen_t length = sizeof(int);
	int error;

	do {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length))
			stage_fail(stage, "SO_ERROR");
		if (error == ECONNREFUSED)
			return;
	} while (play_clock_ms() < deadline);
	errno = ETIMEDOUT;
	stage_fail(stage, "an error that is not queued");
}

/* Some more, for which there is no room: they are not counted. */
static void provoke_in_vain(struct stage *stage, const struct cast *cast,
			    int fd)
{
	await_error(stage, fd);
	connection_set(stage, fd, SOL_SOCKET, SO_RCVBUF, 1);
	for (int i = 0; i < ERRORS; i++) {
		send_to_nobody(stage, cast, fd);
		await_error(stage, fd);
	}
	connection_set(stage, fd, SOL_SOCKET, SO_RCVBUF, RCVBUF);
}

/* Returns what its errors are counted, each like the first. */
static long long provoke(struct stage *stage, const struct cast *cast,
			 const struct datagrams *socket)
{
	long long before = datagrams_bytes(socket), one;

	send_to_nobody(stage, cast, socket->fd);
	one = await_growth(stage, socket->fd, before, 1);
	for (int i = 1; i < ERRORS; i++)
		send_to_nobody(stage, cast, socket->fd);
	await_growth(stage, socket->fd, before, ERRORS * one);
	provoke_in_vain(stage, cast, socket->fd);
	return ERRORS * one;
}

static void open_all(struct stage *stage, struct cast *cast)
{
	int from = datagrams_sender(stage, cast->play);

	cast->all = calloc(cast->sockets, sizeof(*cast->all));
	if (!cast->all)
		stage_fail(stage, "memory for the sockets");
	for (unsigned int i = 0; i < cast->sockets; i++) {
		datagrams_open(stage, &cast->all[i], cast->play, 1000, RCVBUF);
		ask_for_errors(stage, cast, cast->all[i].fd);
		datagrams_send(stage, from, &cast->all[i], DATAGRAMS);
	}
	close(from);
}

static void complainer(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long errors = 0, queued = 0;
	char data[16];

	open_all(stage, cast);
	find_nobody(stage, cast);
	for (unsigned int i = 0; i < cast->sockets; i++)
		queued += datagrams_bytes(&cast->all[i]);
	stage_report(stage, queued);
	for (unsigned int i = 0; i < cast->sockets; i++)
		errors += provoke(stage, cast, &cast->all[i]);
	stage_report(stage, errors);
	for (unsigned int i = 0; i < cast->sockets; i++)
		for (int j = 0; j < ERRORS; j++)
			if (recv(cast->all[i].fd, data, sizeof(data),
				 MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
				stage_fail(stage, "recv of an error");
	stage_report(stage, 0);
}

struct round {
	struct cast cast;
	struct actor actor;
	struct books_charge charge; /* without errors */
};

static bool expect_charge(struct play *play, const char *phase,
			  struct round *round)
{
	struct books_charge now;

	return play_charge(play, whose(BOOKS_CLASS_OPEN, &round->actor),
			   &now) &&
	       play_expect(play, phase, "bytes charged, as without errors",
			   books_charge_bytes(&round->charge),
			   books_charge_bytes(&now)) &&
	       play_expect_balanced(play, phase);
}

/* What the list of sockets says that is held, but not charged. */
static bool expect_listed(struct play *play, const struct round *round,
			  long long errors)
{
	struct books books;
	long long listed = 0;

	if (!play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++)
		if (books.sockets[i].pid == round->actor.pid)
			listed += books.sockets[i].error_queue_bytes;
	books_free(&books);
	return play_expect(play, "peak", "bytes in error queues, as listed",
			   errors, listed);
}

static bool before(struct play *play, struct round *round)
{
	const char *phase = "without errors";
	struct whose all = whose(BOOKS_CLASS_OPEN, &round->actor);
	long long queued;

	return play_start(play, &round->actor, "complainer", complainer,
			  &round->cast) &&
	       play_await(play, &round->actor, &queued) &&
	       play_expect_sockets(play, phase, all, play->connections) &&
	       play_charge(play, all, &round->charge) &&
	       play_expect(play, phase, "bytes queued, from the datagrams",
			   queued, round->charge.receive_queue_bytes) &&
	       play_expect_meminfo(play, phase, all) &&
	       play_expect_balanced(play, phase);
}

static bool peak(struct play *play, struct round *round)
{
	struct meminfo sum;
	long long errors;

	return play_step(play, &round->actor, &errors) &&
	       play_meminfo(play, "peak", &round->actor, &sum) &&
	       play_expect(play, "peak", "bytes counted: datagrams and errors",
			   round->charge.receive_queue_bytes + errors,
			   sum.receive_queue_bytes) &&
	       expect_listed(play, round, errors) &&
	       expect_charge(play, "peak", round);
}

static bool errors_read(struct play *play, struct round *round)
{
	const char *phase = "after the errors are read";
	long long value;

	return play_step(play, &round->actor, &value) &&
	       play_expect_meminfo(play, phase,
				   whose(BOOKS_CLASS_OPEN, &round->actor)) &&
	       expect_charge(play, phase, round);
}

static void play(struct play *play)
{
	struct round round = {
		.cast = { .play = play, .sockets = play->connections },
	};
	long long pages;
	bool ok = play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) && before(play, &round) &&
		  peak(play, &round);

	if (ok)
		play_peak(play);
	ok = ok && errors_read(play, &round);
	actor_kill(&round.actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario udp_error_queue = {
	.name = "udp-error-queue",
	.summary = "ICMP errors wait in the error queue: counted, but not charged",
	.protocol = IPPROTO_UDP,
	.connections = 100,
	.pages = 8,
	.play = play,
};

const struct scenario udplite_error_queue = {
	.name = "udplite-error-queue",
	.summary = "the same with UDP-Lite",
	.protocol = IPPROTO_UDPLITE,
	.connections = 100,
	.pages = 8,
	.play = play,
};
