// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets are made, get a byte that nobody reads, and are closed, one after the
 * other: connections are reset. None of them holds anything in the end, and no
 * number is small enough to come round.
 *
 *	churner ---- connection 1, 2, ..., N ----> itself
 */
#include <netinet/in.h>
#include <unistd.h>

#include "../connections.h"
#include "scenarios.h"

/* As a rule: a 16-bit number comes round. */
#define SOCKETS 70000

struct cast {
	struct loopback server;
	int listener;		/* -1: there is none */
	long long sockets;
};

static void send_byte(struct stage *stage, int fd)
{
	if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
		stage_fail(stage, "send");
}

/* Both ends of a connection; no TIME_WAIT, which would use up the ports. */
static void churn_connection(struct stage *stage, const struct cast *cast)
{
	int client, server;

	connection_make(stage, &cast->server, cast->listener, &client, &server);
	send_byte(stage, client);
	send_byte(stage, server);
	connection_reset(stage, server);
	close(client);
}

/* A socket sends to itself. */
static void churn_socket(struct stage *stage, const struct cast *cast)
{
	struct loopback own = cast->server;
	int fd = loopback_bind(&own);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&own.address, own.length))
		stage_fail(stage, "a socket");
	send_byte(stage, fd);
	close(fd);
}

static void churner(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;

	if (cast->listener >= 0)
		for (long long i = 0; i < cast->sockets; i += 2)
			churn_connection(stage, cast);
	else
		for (long long i = 0; i < cast->sockets; i++)
			churn_socket(stage, cast);
	stage_report(stage, cast->sockets);
}

static void churn(struct play *play, struct cast *cast)
{
	struct actor actor = { 0 };
	long long pages, closed;
	bool ok;

	cast->sockets = play_scaled(play, SOCKETS);
	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) &&
	     play_start(play, &actor, "churner", churner, cast) &&
	     play_await(play, &actor, &closed) &&
	     play_expect(play, "peak", "sockets made and closed", cast->sockets,
			 closed);
	if (ok)
		play_peak(play);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

static void play_connections(struct play *play)
{
	struct cast cast;

	if (!play_listen(play, &cast.server, 16, &cast.listener))
		return;
	churn(play, &cast);
	close(cast.listener);
}

static void play_sockets(struct play *play)
{
	struct cast cast = { .listener = -1 };

	loopback_set(&cast.server, play->family, 0);
	cast.server.protocol = play->scenario->protocol;
	churn(play, &cast);
}

const struct scenario tcp_many_closes = {
	.name = "tcp-many-closes",
	.summary = "more than 65,536 sockets are closed with data, one after the other: nothing stays",
	.connections = 200,	/* see play_scaled() */
	.pages = 0,
	.play = play_connections,
};

const struct scenario udp_many_closes = {
	.name = "udp-many-closes",
	.summary = "the same with UDP",
	.protocol = IPPROTO_UDP,
	.connections = 200,
	.pages = 0,
	.play = play_sockets,
};
