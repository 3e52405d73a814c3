// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs of IPv6 sockets, connected over IPv4, become IPv4 sockets with datagrams
 * in their queues: at first one of each pair, then every other one of the
 * others. They then end in different ways.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "../connections.h"
#include "address_form.h"
#include "datagrams.h"
#include "keeper.h"

#define SIZE 1000
#define COUNT 20

enum { READ, LEFT, DISCONNECTED, CLOSED, KINDS };

struct cast {
	const struct play *play;
	unsigned int pairs;
};

struct pair {
	struct datagrams first, second;
};

static void open_one(struct stage *stage, const struct play *play,
		     struct datagrams *one, struct loopback *at)
{
	*one = (struct datagrams){ .size = SIZE };
	address_form_set(at, play->scenario->protocol);
	one->fd = loopback_bind(at);
	if (one->fd < 0)
		stage_fail(stage, "bind");
	/* where to send to, from sockets of either kind */
	loopback_set(&one->address, AF_INET, loopback_port(at));
}

static void connect_one(struct stage *stage, int fd, const struct loopback *to)
{
	if (connect(fd, (const struct sockaddr *)&to->address, to->length))
		stage_fail(stage, "connect");
}

static void open_pair(struct stage *stage, const struct play *play,
		      struct pair *pair)
{
	struct loopback first, second;

	open_one(stage, play, &pair->first, &first);
	open_one(stage, play, &pair->second, &second);
	connect_one(stage, pair->first.fd, &second);
	connect_one(stage, pair->second.fd, &first);
}

static struct pair *open_all(struct stage *stage, const struct cast *cast)
{
	struct pair *all = calloc(cast->pairs, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the sockets");
	for (unsigned int i = 0; i < cast->pairs; i++)
		open_pair(stage, cast->play, &all[i]);
	return all;
}

/* The first one is an IPv4 socket, the second one may be. */
static void end(struct stage *stage, struct pair *pair, unsigned int kind)
{
	if (kind == READ) {
		datagrams_receive(stage, &pair->first, COUNT);
		datagrams_receive(stage, &pair->second, COUNT);
	} else if (kind == DISCONNECTED) {
		connection_disconnect(stage, pair->first.fd);
		connection_disconnect(stage, pair->second.fd);
	} else if (kind == CLOSED) {
		close(pair->first.fd);
		close(pair->second.fd);
	}
}

static long long bytes_of(const struct pair *all, unsigned int pairs)
{
	long long bytes = 0;

	for (unsigned int i = 0; i < pairs; i++)
		bytes += datagrams_bytes(&all[i].first) +
			 datagrams_bytes(&all[i].second);
	return bytes;
}

/* Reports what is queued, in bytes. */
static void keeper(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	struct pair *all = open_all(stage, cast);

	for (unsigned int i = 0; i < cast->pairs; i++)
		datagrams_send(stage, all[i].second.fd, &all[i].first, COUNT);
	stage_report(stage, bytes_of(all, cast->pairs));
	for (unsigned int i = 0; i < cast->pairs; i++)
		address_form_change(stage, all[i].first.fd);
	stage_report(stage, bytes_of(all, cast->pairs));
	for (unsigned int i = 0; i < cast->pairs; i++)
		datagrams_send(stage, all[i].first.fd, &all[i].second, COUNT);
	for (unsigned int i = 0; i < cast->pairs; i += 2)
		address_form_change(stage, all[i].second.fd);
	stage_report(stage, bytes_of(all, cast->pairs));
	for (unsigned int i = 0; i < cast->pairs; i++)
		end(stage, &all[i], i % KINDS);
	stage_report(stage, 0);
}

/* So many of the first and of the second ones have become IPv4 sockets. */
static bool expect_changed(struct play *play, const char *phase,
			   struct actor *keeper, long long firsts,
			   long long seconds, long long queued)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long n = play->connections;
	struct books_charge charge;

	return address_form_expect(play, phase, keeper, firsts + seconds,
				   2 * n - firsts - seconds) &&
	       play_charge(play, open, &charge) &&
	       play_expect(play, phase, "bytes queued", queued,
			   charge.receive_queue_bytes) &&
	       play_expect_meminfo(play, phase, open);
}

/* A socket that has been disconnected loses the port that it did not choose. */
static bool expect_ended(struct play *play, struct actor *keeper)
{
	long long read = play_share(play, KINDS, READ);
	long long left = play_share(play, KINDS, LEFT);

	return play_expect_sockets(play, "ended",
				   whose(BOOKS_CLASS_OPEN, keeper),
				   2 * (read + left)) &&
	       play_expect_sockets(play, "ended",
				   whose(BOOKS_CLASS_CLOSED_HELD, keeper),
				   2 * play_share(play, KINDS, DISCONNECTED)) &&
	       play_expect_settled(play, "ended");
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long n = play->connections, half = play_share(play, 2, 0);
	long long bytes;

	return play_await(play, keeper, &bytes) &&
	       expect_changed(play, "connected", keeper, 0, 0, bytes) &&
	       play_step(play, keeper, &bytes) &&
	       expect_changed(play, "first ones changed", keeper, n, 0,
			      bytes) &&
	       play_step(play, keeper, &bytes) &&
	       expect_changed(play, "others changed", keeper, n, half,
			      bytes) &&
	       play_step(play, keeper, &bytes) && expect_ended(play, keeper);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast = { .play = play, .pairs = play->connections };

	if (address_form_prepare(play))
		keeper_play_alone(play, &how, &cast);
}

const struct scenario udp_address_form = {
	.name = "udp-address-form",
	.summary = "the same with UDP: what is queued stays charged",
	.protocol = IPPROTO_UDP,
	.connections = 30,
	.pages = 32,
	.play = play,
};

const struct scenario udplite_address_form = {
	.name = "udplite-address-form",
	.summary = "the same with UDP-Lite",
	.protocol = IPPROTO_UDPLITE,
	.connections = 30,
	.pages = 32,
	.play = play,
};
