// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself (listens)
 *
 * sock_diag is asked for one after the other: a listener, both ends of
 * connections, and what is no full socket: requests, whose handshakes are not
 * finished, and connections in TIME_WAIT; and for all of them. Some of these are
 * destroyed then. What was asked for must not be held any longer.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../segment.h"
#include "../sockdiag.h"
#include "keeper.h"

#define BACKLOG 4096
/* No socket at all. */
#define NOTHING 0

enum kind { OPEN, PENDING, PENDING_KILLED, WAITING, WAITING_KILLED, KINDS };

struct connection {
	struct keeper_ends ends;
	struct sockaddr_storage client;
	bool killed;
};

struct cast {
	struct keeper_cast keeper;
	/* whose requests stay */
	struct loopback deaf;
	int deaf_listener;
	struct connection *all;
};

static bool is_pending(enum kind kind)
{
	return kind == PENDING || kind == PENDING_KILLED;
}

static bool is_waiting(enum kind kind)
{
	return kind == WAITING || kind == WAITING_KILLED;
}

/* The last ACK of a FIN may be on its way. */
static void await_told(struct stage *stage,
		       const struct sockaddr_storage *local,
		       const struct sockaddr_storage *remote, int state)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	while (sockdiag_state(local, remote) != state) {
		if (play_clock_ms() > deadline) {
			errno = ETIMEDOUT;
			stage_fail(stage, "waiting for a state, by sock_diag");
		}
		play_pause();
	}
}

static void make_room(struct stage *stage, struct cast *cast)
{
	unsigned int n = cast->keeper.connections;

	cast->all = calloc(n, sizeof(*cast->all));
	if (!cast->all)
		stage_fail(stage, "memory for the descriptors");
}

static void listen_all(struct stage *stage, struct cast *cast)
{
	sa_family_t family = cast->keeper.server.address.ss_family;

	/* elsewhere a port may be in TIME_WAIT of others, too */
	keeper_enter_namespace(stage, &cast->keeper, BACKLOG);
	loopback_set(&cast->deaf, family, 0);
	cast->deaf_listener = loopback_listen(&cast->deaf, BACKLOG);
	if (cast->deaf_listener < 0)
		stage_fail(stage, "listen");
	segment_ignore_answers(stage, cast->deaf_listener);
}

/* One end, then the other one. */
static void end(struct stage *stage, const struct keeper_ends *ends)
{
	char byte;

	close(ends->connected);
	if (recv(ends->accepted, &byte, 1, 0))
		stage_fail(stage, "recv: expected the end");
	close(ends->accepted);
}

static void make(struct stage *stage, const struct cast *cast, enum kind kind,
		 struct connection *connection)
{
	struct keeper_ends *ends = &connection->ends;

	if (is_pending(kind))
		ends->connected = loopback_connect(&cast->deaf);
	else
		connection_make(stage, &cast->keeper.server,
				cast->keeper.listener, &ends->connected,
				&ends->accepted);
	if (ends->connected < 0)
		stage_fail(stage, "connect");
	connection->client = connection_name(stage, ends->connected);
	if (is_waiting(kind))
		end(stage, ends);
}

/* All that there is of it. */
static void ask(struct stage *stage, const struct cast *cast, enum kind kind,
		const struct connection *connection)
{
	const struct sockaddr_storage *server = &cast->keeper.server.address;
	const struct sockaddr_storage nowhere = {
		.ss_family = server->ss_family,
	};

	await_told(stage, server, &nowhere, TCP_LISTEN);
	if (is_pending(kind)) {
		await_told(stage, &cast->deaf.address, &connection->client,
			   TCP_SYN_RECV);
	} else if (is_waiting(kind)) {
		await_told(stage, &connection->client, server, TCP_TIME_WAIT);
	} else {
		await_told(stage, &connection->client, server, TCP_ESTABLISHED);
		await_told(stage, server, &connection->client, TCP_ESTABLISHED);
	}
}

/* All there are, one of them that is bound only, in no other table. */
static void list(struct stage *stage, const struct cast *cast)
{
	struct loopback nowhere;
	struct sockdiag diag;
	char *error = NULL;
	int bound;

	loopback_set(&nowhere, cast->keeper.server.address.ss_family, 0);
	bound = loopback_bind(&nowhere);
	if (bound < 0 || sockdiag_read_here(&diag, &error))
		stage_fail(stage, "a list by sock_diag");
	sockdiag_free(&diag);
	close(bound);
}

/* Not every kernel can. */
static bool destroy(struct stage *stage, const struct sockaddr_storage *local,
		    const struct sockaddr_storage *remote)
{
	if (sockdiag_destroy_at(local, remote))
		return true;
	if (errno != EOPNOTSUPP)
		stage_fail(stage, "SOCK_DESTROY");
	return false;
}

/* Where a request was, the addresses lead to its listener. */
static void kill_one(struct stage *stage, const struct cast *cast,
		     enum kind kind, struct connection *connection)
{
	const struct sockaddr_storage *server = &cast->keeper.server.address;
	const struct sockaddr_storage *client = &connection->client;
	const struct sockaddr_storage *deaf = &cast->deaf.address;

	if (kind == PENDING_KILLED && destroy(stage, deaf, client)) {
		connection->killed = true;
		await_told(stage, deaf, client, TCP_LISTEN);
	} else if (kind == WAITING_KILLED && destroy(stage, client, server)) {
		await_told(stage, client, server, NOTHING);
	}
}

/* The listener knows nothing of those whose requests it has lost. */
static void send_all(struct stage *stage, const struct cast *cast)
{
	segment_heed(stage, cast->deaf_listener);
	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		int fd = cast->all[i].ends.connected;

		if (!is_pending(i % KINDS))
			continue;
		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
		if (cast->all[i].killed)
			segment_await_state(stage, fd, TCP_CLOSE);
		else
			segment_await_acknowledged(stage, fd);
	}
}

static void keeper(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	unsigned int n = cast->keeper.connections;
	long long killed = 0;

	make_room(stage, cast);
	listen_all(stage, cast);
	for (unsigned int i = 0; i < n; i++)
		make(stage, cast, i % KINDS, &cast->all[i]);
	for (unsigned int i = 0; i < n; i++)
		ask(stage, cast, i % KINDS, &cast->all[i]);
	list(stage, cast);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < n; i++) {
		kill_one(stage, cast, i % KINDS, &cast->all[i]);
		killed += cast->all[i].killed;
	}
	stage_report(stage, killed);
	send_all(stage, cast);
	stage_report(stage, 0);
	close(cast->keeper.listener);
	close(cast->deaf_listener);
	stage_report(stage, 0);
}

/* So many are open, so many over, so many children wait. */
static bool expect(struct play *play, const char *phase,
		   const struct actor *keeper, long long open, long long over,
		   long long children)
{
	return play_expect_state(play, phase, whose(BOOKS_CLASS_OPEN, keeper),
				 "ESTABLISHED", open) &&
	       play_expect_state(play, phase,
				 whose(BOOKS_CLASS_CLOSED_HELD, keeper),
				 "CLOSE", over) &&
	       play_expect_sockets(play, phase,
				   whose(BOOKS_CLASS_ACCEPT_QUEUE, keeper),
				   children) &&
	       play_expect_settled(play, phase);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long open = 2 * play_share(play, KINDS, OPEN);
	long long pending = play_share(play, KINDS, PENDING) +
			    play_share(play, KINDS, PENDING_KILLED);
	long long value, killed;

	return play_await(play, keeper, &value) &&
	       expect(play, "told", keeper, open + pending, 0, 0) &&
	       play_step(play, keeper, &killed) &&
	       expect(play, "killed", keeper, open + pending, 0, 0) &&
	       play_step(play, keeper, &value) &&
	       expect(play, "sent", keeper, open + pending - killed, killed,
		      pending - killed) &&
	       play_step(play, keeper, &value) &&
	       expect(play, "listeners closed", keeper, open, pending, 0);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast = { 0 };

	keeper_play(play, &how, &cast.keeper);
}

const struct scenario tcp_sock_diag = {
	.name = "tcp-sock-diag",
	.summary = "sock_diag is asked for single sockets, requests, TIME_WAIT, and destroys some",
	.connections = 50,
	.pages = 1,
	.play = play,
};
