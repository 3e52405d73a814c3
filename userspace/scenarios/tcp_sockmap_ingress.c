// SPDX-License-Identifier: GPL-2.0-only
/*
 *	client ---- outer 1..N ----> relay, inner 1..N <----> backend
 *
 * What comes in from outside is redirected by a BPF program: it can be received
 * from the relay's socket of the inner connection, past TCP, and is charged to
 * that, by a kernel thread. Every other one lets it pass: it is received where
 * it has come in, but past TCP, too. Some of it is cut into messages first, of
 * which the last one waits for the rest.
 *
 * Since 799aa7f98d53 (5.13) the thread does not lock that socket: what others
 * charge to it, or uncharge, at the same moment is lost now and then. The race
 * shows it.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../bpf.h"
#include "../connections.h"
#include "keeper.h"

#define PAYLOAD 4000
/* The race is run so often; each time the client sends so often. */
#define HEATS 5
#define SENDS 1000
/* 5.10 keeps some of it until more comes. */
#define DRAIN_MS 3000

/* Of the messages of each route; 0: it has none. */
static const unsigned int sizes[] = { 0, 1000, 3000 };

/* Descriptors. */
struct route {
	int client, outer, inner, backend;
	int end;	/* where it can be received: one of the relay's */
	unsigned int size;
	int (*make)(unsigned int entries);	/* its maps */
};

/* All ends of the connections are the actor's. */
struct cast {
	struct keeper_cast keeper;
	bool passing;		/* half of what comes in */
	struct route *routes;
	/* In a heat: bytes that the client has sent, and that it will no more. */
	long long pushed;
	bool pushing;
};

/* Those of each size, and sort of maps, are redirected and passed in turn. */
static unsigned int size_of(unsigned int i)
{
	return sizes[i / 2 % ARRAY_SIZE(sizes)];
}

static int make_map(struct stage *stage, const struct route *route)
{
	int map = route->make(1);

	if (map < 0 ||
	    (route->size && bpf_attach_cutting(map, route->size)))
		stage_fail(stage, "sockmap");
	return map;
}

static void redirect(struct stage *stage, const struct route *route)
{
	int map = make_map(stage, route), targets = route->make(1);

	if (targets < 0 || bpf_attach_redirecting(map, targets) ||
	    bpf_sockmap_add(targets, 0, route->inner) ||
	    bpf_sockmap_add(map, 0, route->outer))
		stage_fail(stage, "sockmap");
}

static void pass(struct stage *stage, const struct route *route)
{
	int map = make_map(stage, route);

	if (bpf_attach_passing(map) || bpf_sockmap_add(map, 0, route->outer))
		stage_fail(stage, "sockmap");
}

static void connect_all(struct stage *stage, struct cast *cast)
{
	cast->routes = calloc(cast->keeper.connections, sizeof(*cast->routes));
	if (!cast->routes)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		struct route *route = &cast->routes[i];

		connection_make(stage, &cast->keeper.server, cast->keeper.listener,
				&route->client, &route->outer);
		connection_make(stage, &cast->keeper.server, cast->keeper.listener,
				&route->backend, &route->inner);
		route->make = i / 2 % 2 ? bpf_sockhash : bpf_sockmap;
		if (cast->passing)
			route->size = size_of(i);
		if (i % 2 && cast->passing) {
			route->end = route->outer;
			pass(stage, route);
		} else {
			route->end = route->inner;
			redirect(stage, route);
		}
	}
	close(cast->keeper.listener);
}

/* Returns when all of it can be received. */
static void send_through(struct stage *stage, const struct cast *cast)
{
	static const char data[PAYLOAD];

	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		struct pollfd readable = { cast->routes[i].end, POLLIN, 0 };

		if (send(cast->routes[i].client, data, PAYLOAD, MSG_NOSIGNAL) !=
		    PAYLOAD)
			stage_fail(stage, "send");
		if (poll(&readable, 1, -1) != 1)
			stage_fail(stage, "poll");
	}
}

/* Bytes: from outside, as they are or in messages, and sent inside. */
struct received {
	long long ends, messages, backends;
};

static struct received drain_all(struct stage *stage, const struct cast *cast)
{
	struct received bytes = { 0 };

	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		const struct route *route = &cast->routes[i];

		*(route->size ? &bytes.messages : &bytes.ends) +=
			connection_drain(stage, route->end);
		bytes.backends += connection_drain(stage, route->backend);
	}
	return bytes;
}

static void subtract(struct received *from, struct received bytes)
{
	from->ends -= bytes.ends;
	from->backends -= bytes.backends;
}

/* Of what is sent once; of messages the whole ones. */
static struct received expected(unsigned int connections)
{
	struct received bytes = { 0 };

	for (unsigned int i = 0; i < connections; i++) {
		if (size_of(i))
			bytes.messages += PAYLOAD - PAYLOAD % size_of(i);
		else
			bytes.ends += PAYLOAD;
	}
	return bytes;
}

/* The first message of each is there, but the others may be on their way. */
static struct received drain_whole(struct stage *stage, const struct cast *cast)
{
	const struct received all = expected(cast->keeper.connections);
	long long deadline = play_clock_ms() + DRAIN_MS;
	struct received bytes = { 0 }, some;

	do {
		some = drain_all(stage, cast);
		bytes.ends += some.ends;
		bytes.messages += some.messages;
	} while ((bytes.ends < all.ends || bytes.messages < all.messages) &&
		 play_clock_ms() < deadline);
	return bytes;
}

static void relay(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct received bytes;

	connect_all(stage, cast);
	send_through(stage, cast);
	stage_report(stage, 0);
	bytes = drain_whole(stage, cast);
	stage_report(stage, bytes.ends);
	stage_report(stage, bytes.messages);
	/* nobody reads that */
	send_through(stage, cast);
	stage_report(stage, 0);
}

static bool read_charge(struct play *play, const char *phase,
			struct whose open, struct books_charge *charge)
{
	return play_expect_settled(play, phase) &&
	       play_charge(play, open, charge) &&
	       play_expect_meminfo(play, phase, open);
}

static bool expect_received(struct play *play, const char *phase,
			    const struct actor *relay, long long least)
{
	struct books_charge charge;
	bool enough;

	if (!read_charge(play, phase, whose(BOOKS_CLASS_OPEN, relay), &charge))
		return false;
	enough = charge.receive_queue_bytes >= least;
	ktap_check(play->ktap, enough,
		   "%s: receive queue bytes: expected at least %lld, actual %lld",
		   phase, least, charge.receive_queue_bytes);
	return enough;
}

static bool expect_nothing_left(struct play *play, const char *phase,
				const struct actor *relay)
{
	struct books_charge charge;

	return read_charge(play, phase, whose(BOOKS_CLASS_OPEN, relay),
			   &charge) &&
	       play_expect(play, phase, "receive queue bytes", 0,
			   charge.receive_queue_bytes);
}

/* 5.10 delivers each message with what comes after it. */
static bool expect_read(struct play *play, struct actor *relay,
			struct received least)
{
	long long bytes, messages;

	if (!play_step(play, relay, &bytes) ||
	    !play_expect(play, "read", "bytes", least.ends, bytes) ||
	    !play_step(play, relay, &messages))
		return false;
	ktap_check(play->ktap, messages >= least.messages,
		   "read: bytes in messages: expected at least %lld, actual %lld",
		   least.messages, messages);
	return messages >= least.messages;
}

static bool go_through(struct play *play, struct actor *relay)
{
	struct received sent = expected(play->connections);
	long long least = sent.ends + sent.messages, value;

	return play_await(play, relay, &value) &&
	       expect_received(play, "redirected", relay, least) &&
	       expect_read(play, relay, sent) &&
	       expect_nothing_left(play, "read", relay) &&
	       play_step(play, relay, &value) &&
	       expect_received(play, "redirected again", relay, least);
}

/* Beside racer(): the kernel thread always has something to redirect. */
static void *push(void *arg)
{
	static const char data[PAYLOAD];
	struct cast *cast = arg;
	ssize_t sent;

	for (unsigned int i = 0; i < SENDS * cast->keeper.connections; i++) {
		sent = send(cast->routes[i % cast->keeper.connections].client, data,
			    PAYLOAD, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent > 0)
			__atomic_fetch_add(&cast->pushed, sent,
					   __ATOMIC_RELAXED);
	}
	__atomic_store_n(&cast->pushing, false, __ATOMIC_RELEASE);
	return NULL;
}

static long long send_inside(const struct cast *cast)
{
	static const char data[PAYLOAD];
	long long bytes = 0;
	ssize_t sent;

	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		sent = send(cast->routes[i].inner, data, PAYLOAD,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		bytes += sent > 0 ? sent : 0;
	}
	return bytes;
}

/* The inner connections are used as well; in the end it is all read. */
static void run_heat(struct stage *stage, struct cast *cast)
{
	struct received left = { 0 };
	long long deadline;
	pthread_t pusher;

	cast->pushed = 0;
	cast->pushing = true;
	errno = pthread_create(&pusher, NULL, push, cast);
	if (errno)
		stage_fail(stage, "pthread_create");
	while (__atomic_load_n(&cast->pushing, __ATOMIC_ACQUIRE)) {
		left.backends += send_inside(cast);
		subtract(&left, drain_all(stage, cast));
	}
	pthread_join(pusher, NULL);
	left.ends += cast->pushed;
	deadline = play_clock_ms() + DRAIN_MS;
	while ((left.ends || left.backends) && play_clock_ms() < deadline)
		subtract(&left, drain_all(stage, cast));
}

static void racer(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	connect_all(stage, cast);
	for (unsigned int i = 0; i < HEATS; i++) {
		stage_report(stage, 0);
		run_heat(stage, cast);
	}
	stage_report(stage, 0);
}

static bool race(struct play *play, struct actor *racer)
{
	long long value;
	bool ok = play_await(play, racer, &value);

	for (unsigned int i = 0; ok && i < HEATS; i++)
		ok = play_step(play, racer, &value) &&
		     play_expect_settled(play, "after a heat");
	return ok;
}

static void play_with(struct play *play, const struct keeper *how, bool passing)
{
	struct cast cast = { .passing = passing };

	if (!play_lacks(play, bpf_lacks_for_receiving()))
		keeper_play(play, how, &cast.keeper);
}

static void play_ingress(struct play *play)
{
	play_with(play, &(struct keeper){ relay, go_through }, true);
}

static void play_race(struct play *play)
{
	play_with(play, &(struct keeper){ racer, race }, false);
}

const struct scenario tcp_sockmap_ingress = {
	.name = "tcp-sockmap-ingress",
	.summary = "BPF programs redirect or pass what was received: queued past TCP",
	.connections = 30,
	.pages = 8,
	.play = play_ingress,
};

const struct scenario tcp_sockmap_race = {
	.name = "tcp-sockmap-race",
	.summary = "likewise, while that socket sends: Linux 5.13 to 7.3 loses pages",
	.connections = 4,
	.pages = 1000,
	.only_named = true,
	.play = play_race,
};
