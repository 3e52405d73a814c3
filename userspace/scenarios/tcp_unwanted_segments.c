// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself (listens)
 *
 * From some moment on accepted sockets, or listeners, refuse what comes: by a
 * filter, as it may have come too far, or as it is not signed. The clients try
 * again. Some connections are reset then, of which the other end hears nothing:
 * it learns of it when it hears again, and sends. The others get what was
 * refused before.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../segment.h"
#include "../signature.h"
#include "keeper.h"

#define BACKLOG 4096
#define PAYLOAD 1000
/* Nothing comes with more; on loopback it is less. */
#define NO_HOPS 255

/* By what it is refused; by the last if the kernel has it. */
enum means { FILTER, HOPS, SIGNATURE };

/*
 *	OPEN		by an accepted socket
 *	FIRST		by a listener, all
 *	LAST		by a listener, all but the first of a handshake
 */
enum moment { OPEN, FIRST, LAST };

struct kind {
	enum moment moment;
	enum means means;
};

static const struct kind kinds[] = {
	{ OPEN, FILTER }, { FIRST, FILTER }, { OPEN, HOPS }, { FIRST, HOPS },
	{ OPEN, SIGNATURE }, { FIRST, SIGNATURE }, { LAST, SIGNATURE },
};

#define KINDS ARRAY_SIZE(kinds)
#define UNSIGNED_KINDS (KINDS - 3)

/* How many there are on this kernel. */
static unsigned int kinds_here;

struct cast {
	struct keeper_cast keeper;
	/* for the connections of each kind */
	struct loopback servers[KINDS];
	int listeners[KINDS];
};

static const struct kind *kind_of(unsigned int i)
{
	return &kinds[i % kinds_here];
}

static bool is_reset(unsigned int i)
{
	return kind_of(i)->moment == OPEN && i / kinds_here % 2;
}

static void set_hops(struct stage *stage, int fd, sa_family_t family, int least)
{
	if (family == AF_INET)
		connection_set(stage, fd, IPPROTO_IP, IP_MINTTL, least);
	else
		connection_set(stage, fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, least);
}

static void refuse(struct stage *stage, int fd, const struct loopback *server,
		   enum means means)
{
	if (means == FILTER)
		segment_ignore(stage, fd);
	else if (means == HOPS)
		set_hops(stage, fd, server->address.ss_family, NO_HOPS);
	else if (!signature_require(fd, server))
		stage_fail(stage, "TCP_MD5SIG");
}

static void heed(struct stage *stage, int fd, const struct loopback *server,
		 enum means means)
{
	if (means == FILTER)
		segment_heed(stage, fd);
	else if (means == HOPS)
		set_hops(stage, fd, server->address.ss_family, 0);
	else if (!signature_renounce(fd, server))
		stage_fail(stage, "TCP_MD5SIG");
}

static void listen_all(struct stage *stage, struct cast *cast)
{
	sa_family_t family = cast->keeper.server.address.ss_family;

	close(cast->keeper.listener);
	for (unsigned int k = 0; k < kinds_here; k++) {
		struct loopback *server = &cast->servers[k];

		loopback_set(server, family, 0);
		cast->listeners[k] = loopback_listen(server, BACKLOG);
		if (cast->listeners[k] < 0)
			stage_fail(stage, "listen");
		if (kinds[k].moment == FIRST)
			refuse(stage, cast->listeners[k], server,
			       kinds[k].means);
		else if (kinds[k].moment == LAST)
			segment_ignore_answers(stage, cast->listeners[k]);
	}
}

static void send_one(struct stage *stage, int fd)
{
	static const char data[PAYLOAD];

	if (send(fd, data, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
		stage_fail(stage, "send");
}

/* What is unread lets none of them stay when they are closed. */
static void open_one(struct stage *stage, const struct loopback *server,
		     int listener, struct keeper_ends *ends)
{
	connection_make(stage, server, listener, &ends->connected,
			&ends->accepted);
	send_one(stage, ends->connected);
	send_one(stage, ends->accepted);
	segment_await_acknowledged(stage, ends->connected);
	segment_await_acknowledged(stage, ends->accepted);
}

static void connect_all(struct stage *stage, const struct cast *cast,
			struct keeper_ends *all)
{
	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		const struct loopback *server = &cast->servers[i % kinds_here];

		if (kind_of(i)->moment == OPEN)
			open_one(stage, server, cast->listeners[i % kinds_here],
				 &all[i]);
		else if (kind_of(i)->moment == FIRST)
			all[i].connected = loopback_connect_nonblocking(server);
		else
			all[i].connected = loopback_connect(server);
		if (all[i].connected < 0)
			stage_fail(stage, "connect");
	}
}

/* The first have been refused from the beginning. */
static void refuse_others(struct stage *stage, const struct cast *cast,
			  const struct keeper_ends *all)
{
	for (unsigned int k = 0; k < kinds_here; k++) {
		if (kinds[k].moment != LAST)
			continue;
		refuse(stage, cast->listeners[k], &cast->servers[k],
		       kinds[k].means);
		segment_heed(stage, cast->listeners[k]);
	}
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		if (kind_of(i)->moment == OPEN)
			refuse(stage, all[i].accepted,
			       &cast->servers[i % kinds_here],
			       kind_of(i)->means);
}

/* It is sent again, in vain. */
static void send_all(struct stage *stage, const struct keeper_ends *all,
		     unsigned int connections)
{
	for (unsigned int i = 0; i < connections; i++)
		if (kind_of(i)->moment != FIRST)
			send_one(stage, all[i].connected);
	for (unsigned int i = 0; i < connections; i++)
		if (kind_of(i)->moment != FIRST)
			segment_await_backoff(stage, all[i].connected);
}

static void heed_all(struct stage *stage, const struct cast *cast,
		     const struct keeper_ends *all)
{
	for (unsigned int k = 0; k < kinds_here; k++)
		if (kinds[k].moment != OPEN)
			heed(stage, cast->listeners[k], &cast->servers[k],
			     kinds[k].means);
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		if (kind_of(i)->moment == OPEN)
			heed(stage, all[i].accepted,
			     &cast->servers[i % kinds_here], kind_of(i)->means);
}

static void go_on(struct stage *stage, const struct cast *cast, unsigned int i,
		  struct keeper_ends *ends)
{
	if (is_reset(i)) {
		send_one(stage, ends->accepted);
		segment_await_state(stage, ends->accepted, TCP_CLOSE);
		return;
	}
	if (kind_of(i)->moment == OPEN) {
		connection_receive(stage, ends->accepted, 2 * PAYLOAD);
		return;
	}
	ends->accepted = accept(cast->listeners[i % kinds_here], NULL, NULL);
	if (ends->accepted < 0)
		stage_fail(stage, "accept");
	if (kind_of(i)->moment == LAST)
		connection_receive(stage, ends->accepted, PAYLOAD);
}

static void keeper(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	unsigned int n = cast->keeper.connections;
	struct keeper_ends *all = calloc(n, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	listen_all(stage, cast);
	connect_all(stage, cast, all);
	refuse_others(stage, cast, all);
	send_all(stage, all, n);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < n; i++)
		if (is_reset(i))
			connection_reset(stage, all[i].connected);
	stage_report(stage, 0);
	heed_all(stage, cast, all);
	for (unsigned int i = 0; i < n; i++)
		go_on(stage, cast, i, &all[i]);
	stage_report(stage, 0);
}

/* So many sockets are open, and no child waits. */
static bool expect_open(struct play *play, const char *phase,
			const struct actor *keeper, long long sockets)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, keeper);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);

	return play_expect_sockets(play, phase, open, sockets) &&
	       play_expect_sockets(play, phase, children, 0) &&
	       play_expect_settled(play, phase);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	long long n = play->connections, open = 0, reset = 0, value;

	for (unsigned int i = 0; i < play->connections; i++) {
		open += kind_of(i)->moment == OPEN;
		reset += is_reset(i);
	}
	return play_await(play, keeper, &value) &&
	       expect_open(play, "refused", keeper, n + open) &&
	       play_expect_meminfo(play, "refused",
				   whose(BOOKS_CLASS_OPEN, keeper)) &&
	       play_step(play, keeper, &value) &&
	       expect_open(play, "reset unheard", keeper, n + open - reset) &&
	       play_step(play, keeper, &value) &&
	       play_expect_state(play, "heard", closed, "CLOSE", reset) &&
	       play_expect_state(play, "heard",
				 whose(BOOKS_CLASS_OPEN, keeper), "ESTABLISHED",
				 2 * (n - reset)) &&
	       expect_open(play, "heard", keeper, 2 * (n - reset));
}

/* Whether the kernel has CONFIG_TCP_MD5SIG. */
static bool can_sign(sa_family_t family)
{
	struct loopback server;
	bool ok;
	int fd;

	loopback_set(&server, family, 0);
	fd = loopback_bind(&server);
	ok = signature_require(fd, &server);
	close(fd);
	return ok;
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast = { 0 };

	kinds_here = can_sign(play->family) ? KINDS : UNSIGNED_KINDS;
	keeper_play(play, &how, &cast.keeper);
}

const struct scenario tcp_unwanted_segments = {
	.name = "tcp-unwanted-segments",
	.summary = "what comes is refused: by a filter, for its hops, for want of a signature",
	.connections = 56,
	.pages = 4,
	.play = play,
};
