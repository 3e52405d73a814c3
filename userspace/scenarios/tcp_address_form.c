// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * IPv6 sockets, connected over IPv4, become IPv4 sockets with unread data in
 * them: at first all that were accepted, then one half of the others. They send
 * and receive as before, and then end in different ways.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../segment.h"
#include "address_form.h"
#include "keeper.h"

#define SIZE 10000

enum { READ, LEFT, RESET, DISCONNECTED, CLOSED, KINDS };

/* A listener of ours takes the place of the one that keeper_play() has made. */
static const struct keeper_ends *connect_all(struct stage *stage,
					     struct keeper_cast *cast)
{
	close(cast->listener);
	address_form_set(&cast->server, 0);
	cast->listener = loopback_listen(&cast->server, 4096);
	if (cast->listener < 0)
		stage_fail(stage, "listen");
	return keeper_connect(stage, cast);
}

static void send_one(struct stage *stage, int fd)
{
	static const char data[SIZE];

	if (send(fd, data, SIZE, MSG_NOSIGNAL) != SIZE)
		stage_fail(stage, "send");
}

static void send_all(struct stage *stage, const struct keeper_ends *all,
		     unsigned int connections)
{
	for (unsigned int i = 0; i < connections; i++) {
		send_one(stage, all[i].connected);
		send_one(stage, all[i].accepted);
	}
	for (unsigned int i = 0; i < connections; i++) {
		segment_await_acknowledged(stage, all[i].connected);
		segment_await_acknowledged(stage, all[i].accepted);
	}
}

/* The accepted one is an IPv4 socket, the other one may be. */
static void end(struct stage *stage, const struct keeper_ends *ends,
		unsigned int kind)
{
	if (kind == READ) {
		connection_receive(stage, ends->accepted, 3 * SIZE);
		connection_receive(stage, ends->connected, 3 * SIZE);
		close(ends->accepted);
		close(ends->connected);
	} else if (kind == RESET) {
		connection_reset(stage, ends->connected);
	} else if (kind == DISCONNECTED) {
		connection_disconnect(stage, ends->accepted);
	} else if (kind == CLOSED) {
		close(ends->accepted);
	}
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	const struct keeper_ends *all = connect_all(stage, cast);

	send_all(stage, all, cast->connections);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		address_form_change(stage, all[i].accepted);
	stage_report(stage, 0);
	send_all(stage, all, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i += 2)
		address_form_change(stage, all[i].connected);
	stage_report(stage, 0);
	send_all(stage, all, cast->connections);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		end(stage, &all[i], i % KINDS);
	stage_report(stage, 0);
}

static bool expect_changed(struct play *play, const char *phase,
			   struct actor *keeper, long long connected)
{
	long long n = play->connections;

	return address_form_expect(play, phase, keeper, n + connected,
				   n - connected) &&
	       play_expect_meminfo(play, phase,
				   whose(BOOKS_CLASS_OPEN, keeper));
}

static bool expect_ended(struct play *play, struct actor *keeper)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);

	return play_expect_state(play, "ended", closed, "CLOSE",
				 play_share(play, KINDS, RESET) +
				 2 * play_share(play, KINDS, DISCONNECTED) +
				 play_share(play, KINDS, CLOSED)) &&
	       play_expect_sockets(play, "ended", open,
				   2 * play_share(play, KINDS, LEFT)) &&
	       play_expect_settled(play, "ended");
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long n = play->connections, value;
	long long half = play_share(play, 2, 0);

	return play_await(play, keeper, &value) &&
	       address_form_expect(play, "connected", keeper, 0, 2 * n) &&
	       play_step(play, keeper, &value) &&
	       expect_changed(play, "accepted ones changed", keeper, 0) &&
	       play_step(play, keeper, &value) &&
	       expect_changed(play, "others changed", keeper, half) &&
	       play_step(play, keeper, &value) &&
	       expect_changed(play, "more sent", keeper, half) &&
	       play_step(play, keeper, &value) && expect_ended(play, keeper);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (address_form_prepare(play))
		keeper_play(play, &how, &cast);
}

const struct scenario tcp_address_form = {
	.name = "tcp-address-form",
	.summary = "IPv6 sockets become IPv4 sockets, with unread data in them",
	.connections = 30,
	.pages = 32,
	.play = play,
};
