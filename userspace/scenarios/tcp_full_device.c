// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * The device has no room: it refuses all that is sent, which stays in the write
 * queue, or returns there, as does what should have gone with the first segment.
 * Some connections end meanwhile; later there is room, and what is left arrives.
 * Last, data goes with the first segment to listeners that do not take it.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../link.h"
#include "../segment.h"
#include "keeper.h"

#define FULL "tc qdisc add dev lo root pfifo limit 0"
#define NO_LONGER_FULL "tc qdisc del dev lo root"

#define PAYLOAD 1000
/* They come every half a second, as long as the device refuses them: a minute. */
#define MANY_SYNS 120

enum { STAYING, DISCONNECTED, CLOSED, RESET, KINDS };

/* Of each connection: its ends, what is sent, and a socket that sends at once. */
struct pair {
	struct keeper_ends ends;
	long long sent;
	int early;
};

static void end(struct stage *stage, int fd, unsigned int kind)
{
	switch (kind) {
	case DISCONNECTED:
		connection_disconnect(stage, fd);
		break;
	case CLOSED:
		close(fd);
		break;
	case RESET:
		connection_reset(stage, fd);
		break;
	}
}

/* With its first segment, without a cookie. */
static int send_early(struct stage *stage, const struct loopback *server)
{
	static const char data[PAYLOAD];
	int fd = socket(server->address.ss_family, SOCK_STREAM, 0);

	if (fd < 0)
		stage_fail(stage, "socket");
	connection_set(stage, fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	connection_set(stage, fd, IPPROTO_TCP, TCP_SYNCNT, MANY_SYNS);
	if (sendto(fd, data, PAYLOAD, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&server->address,
		   server->length) != PAYLOAD)
		stage_fail(stage, "MSG_FASTOPEN");
	return fd;
}

static void send_all(struct stage *stage, struct pair *pairs,
		     const struct keeper_cast *cast)
{
	for (unsigned int i = 0; i < cast->connections; i++) {
		pairs[i].sent = connection_fill(stage, pairs[i].ends.connected,
						CONNECTION_CHUNK);
		pairs[i].early = send_early(stage, &cast->server);
	}
}

/* Who has been reset or disconnected has nothing to send any more. */
static void receive_all(struct stage *stage, const struct pair *pairs,
			const struct keeper_cast *cast)
{
	for (unsigned int i = 0; i < cast->connections; i++) {
		if (i % KINDS == STAYING || i % KINDS == CLOSED)
			connection_receive(stage, pairs[i].ends.accepted,
					   pairs[i].sent);
		segment_await_acknowledged(stage, pairs[i].early);
	}
}

/* The listener's queue takes them, and the data comes a second time. */
static void send_untaken(struct stage *stage, const struct keeper_cast *cast)
{
	for (unsigned int i = 0; i < cast->connections; i++)
		segment_await_acknowledged(stage,
					   send_early(stage, &cast->server));
}

static struct pair *connect_pairs(struct stage *stage,
				  const struct keeper_cast *cast)
{
	struct pair *pairs = calloc(cast->connections, sizeof(*pairs));

	if (!pairs)
		stage_fail(stage, "memory for the connections");
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_make(stage, &cast->server, cast->listener,
				&pairs[i].ends.connected,
				&pairs[i].ends.accepted);
	return pairs;
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	struct pair *pairs;

	keeper_enter_namespace(stage, cast, 4096);
	pairs = connect_pairs(stage, cast);
	stage_report(stage, link_run(FULL));
	send_all(stage, pairs, cast);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		end(stage, pairs[i].ends.connected, i % KINDS);
	stage_report(stage, 0);
	if (!link_run(NO_LONGER_FULL))
		stage_fail(stage, NO_LONGER_FULL);
	receive_all(stage, pairs, cast);
	stage_report(stage, 0);
	send_untaken(stage, cast);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = {
		"ended", "arrived", "not taken at first", NULL
	};
	long long value, full;

	if (!play_await(play, keeper, &full))
		return false;
	if (!full)
		return play_skip(play, "there is no tc(8), or no pfifo");
	return play_step(play, keeper, &value) &&
	       keeper_expect_queues(play, "peak", keeper, 0) &&
	       play_expect_meminfo(play, "peak",
				   whose(BOOKS_CLASS_OPEN, keeper)) &&
	       play_expect_settled(play, "peak") &&
	       keeper_settle(play, keeper, phases);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario tcp_full_device = {
	.name = "tcp-full-device",
	.summary = "the device refuses all that is sent: it stays in the write queue",
	.connections = 20,
	.pages = 64,
	.play = play,
};
