// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * A server that closes first leaves its connections in TIME_WAIT, where they
 * are no sockets any more. Each client comes back by the same port, and takes
 * its own over. Then there is no room for TIME_WAIT: the sockets go at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../nstat.h"
#include "keeper.h"

/* The server's end, then the client's. */
static void end(struct stage *stage, const struct keeper_ends *ends)
{
	char byte;

	close(ends->accepted);
	if (recv(ends->connected, &byte, 1, 0))
		stage_fail(stage, "recv: expected the end");
	close(ends->connected);
}

/*
 * Until the last ACK of the client's FIN has come, which on a busy machine is
 * left to ksoftirqd, the port is not free.
 */
static int bind_when_free(int fd, const struct sockaddr_storage *address,
			  socklen_t length)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	while (bind(fd, (const struct sockaddr *)address, length)) {
		if (errno != EADDRINUSE || play_clock_ms() > deadline)
			return -1;
		play_pause();
	}
	return 0;
}

static int connect_from(struct stage *stage, const struct loopback *server,
			const struct sockaddr_storage *address)
{
	int fd = socket(address->ss_family, SOCK_STREAM, 0), on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind_when_free(fd, address, server->length) ||
	    connect(fd, (const struct sockaddr *)&server->address,
		    server->length))
		stage_fail(stage, "connect, from the port of before");
	return fd;
}

static void come_back(struct stage *stage, const struct keeper_cast *cast,
		      struct keeper_ends *ends)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(ends->connected, (struct sockaddr *)&address, &length))
		stage_fail(stage, "getsockname");
	end(stage, ends);
	ends->connected = connect_from(stage, &cast->server, &address);
	ends->accepted = accept(cast->listener, NULL, NULL);
	if (ends->accepted < 0)
		stage_fail(stage, "accept");
}

static void keeper_again(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	struct keeper_ends *all = calloc(cast->connections, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->connections; i++) {
		connection_make(stage, &cast->server, cast->listener,
				&all[i].connected, &all[i].accepted);
		come_back(stage, cast, &all[i]);
	}
	stage_report(stage, 2 * cast->connections);
}

static void keeper_no_room(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const char *counter = "TCPTimeWaitOverflow";
	long long before = nstat_tcp(stage, counter);
	const struct keeper_ends *all = keeper_connect(stage, cast);

	for (unsigned int i = 0; i < cast->connections; i++)
		end(stage, &all[i]);
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
