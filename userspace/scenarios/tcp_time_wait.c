// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * Whoever closes first leaves a connection in TIME_WAIT, where it is no socket
 * any more. Each client comes back by the same port, and takes its own over,
 * be it the server's or its own. Then there is no room for TIME_WAIT: the
 * sockets go at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../nstat.h"
#include "keeper.h"

/* One end, then the other one. */
static void end(struct stage *stage, int first, int second)
{
	char byte;

	close(first);
	if (recv(second, &byte, 1, 0))
		stage_fail(stage, "recv: expected the end");
	close(second);
}

/*
 * Until the last ACK of a FIN has come, which on a busy machine is left to
 * ksoftirqd, the port is not free; and what the client has itself in TIME_WAIT
 * may be used again after a second.
 */
static void wait_for_port(struct stage *stage, long long deadline)
{
	if ((errno != EADDRINUSE && errno != EADDRNOTAVAIL) ||
	    play_clock_ms() > deadline)
		stage_fail(stage, "connect, from the port of before");
	play_pause();
}

static void connect_from(struct stage *stage, const struct loopback *server,
			 const struct sockaddr_storage *address)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	int fd = socket(address->ss_family, SOCK_STREAM, 0), on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		stage_fail(stage, "socket");
	while (bind(fd, (const struct sockaddr *)address, server->length))
		wait_for_port(stage, deadline);
	while (connect(fd, (const struct sockaddr *)&server->address,
		       server->length))
		wait_for_port(stage, deadline);
}

struct visitor {
	struct keeper_ends ends;
	struct sockaddr_storage address; /* of the client */
};

static void leave(struct stage *stage, struct visitor *visitor,
		  bool client_first)
{
	const struct keeper_ends *ends = &visitor->ends;
	socklen_t length = sizeof(visitor->address);
	int on = 1;

	if (getsockname(ends->connected, (struct sockaddr *)&visitor->address,
			&length) ||
	    setsockopt(ends->connected, SOL_SOCKET, SO_REUSEADDR, &on,
		       sizeof(on)))
		stage_fail(stage, "getsockname, SO_REUSEADDR");
	if (client_first)
		end(stage, ends->connected, ends->accepted);
	else
		end(stage, ends->accepted, ends->connected);
}

static void come_back(struct stage *stage, const struct keeper_cast *cast,
		      struct visitor *visitor)
{
	connect_from(stage, &cast->server, &visitor->address);
	if (accept(cast->listener, NULL, NULL) < 0)
		stage_fail(stage, "accept");
}

static void keeper_again(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	struct visitor *all = calloc(cast->connections, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	/* elsewhere a client may get a port that is in TIME_WAIT of others, too */
	keeper_enter_namespace(stage, cast, 4096);
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_make(stage, &cast->server, cast->listener,
				&all[i].ends.connected, &all[i].ends.accepted);
	for (unsigned int i = 0; i < cast->connections; i++)
		leave(stage, &all[i], i % 2);
	for (unsigned int i = 0; i < cast->connections; i++)
		come_back(stage, cast, &all[i]);
	stage_report(stage, 2 * cast->connections);
}

static void keeper_no_room(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const char *counter = "TCPTimeWaitOverflow";
	long long before = nstat_tcp(stage, counter);
	const struct keeper_ends *all = keeper_connect(stage, cast);

	for (unsigned int i = 0; i < cast->connections; i++)
		end(stage, all[i].accepted, all[i].connected);
	nstat_await_tcp(stage, counter, before + cast->connections);
	stage_report(stage, 0);
}

/* So many sockets are left, as the keeper says. */
static bool go_through(struct play *play, struct actor *keeper)
{
	long long left;

	return play_await(play, keeper, &left) &&
	       play_expect_sockets(play, "peak",
				   whose(BOOKS_CLASS_OPEN, keeper), left) &&
	       play_expect_settled(play, "peak");
}

static void play(struct play *play)
{
	static const struct keeper again = { keeper_again, go_through };
	static const struct keeper no_room = { keeper_no_room, go_through };
	const char *most = "net.ipv4.tcp_max_tw_buckets";
	struct keeper_cast cast;

	if (!play_sysctl(play, most, "262144"))
		return;
	keeper_play(play, &again, &cast);
	if (play_sysctl(play, most, "0"))
		keeper_play(play, &no_room, &cast);
}

const struct scenario tcp_time_wait = {
	.name = "tcp-time-wait",
	.summary = "connections in TIME_WAIT are taken over, or find no room",
	.connections = 50,
	.pages = 0,
	.play = play,
};
