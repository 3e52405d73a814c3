// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ==== MPTCP connection 1..N ==== itself (listens)
 *
 * The listener waits for data after the handshake: it has requests instead of
 * children. It is closed, and another one of its port gets the requests, which
 * become children with the data. Then subflows join these, without data: each
 * request has a reference to the socket of MPTCP, and moves again, in time.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../link.h"
#include "keeper.h"

/* The namespace has no others. */
#define PORT 8000
/* How long a listener may wait for data, in seconds: until the end. */
#define LONG 60

#define MIGRATE "echo 1 >/proc/sys/net/ipv4/tcp_migrate_req"
#define LIMITS "ip mptcp limits set subflows 2 add_addr_accepted 2"
/* From then on all connections get a second subflow from that address. */
#define JOIN "ip mptcp endpoint add %s dev lo subflow"

#define SECOND "127.0.0.2"
#define SECOND_IPV6 "2001:db8::2"

static bool set_up(sa_family_t family)
{
	return link_run(MIGRATE) && link_run(LIMITS) &&
	       (family != AF_INET6 ||
		link_run("ip addr add " SECOND_IPV6 "/128 dev lo nodad"));
}

static int listen_there(struct stage *stage, sa_family_t family, int deferred)
{
	struct loopback server;
	int listener;

	loopback_set(&server, family, PORT);
	server.protocol = IPPROTO_MPTCP;
	server.shared = true;
	listener = loopback_listen(&server, 4096);
	if (listener < 0)
		stage_fail(stage, "listen");
	connection_set(stage, listener, IPPROTO_TCP, TCP_DEFER_ACCEPT,
		       deferred);
	return listener;
}

/* The heir comes before the other is closed. */
static int replace(struct stage *stage, sa_family_t family, int listener,
		   int deferred)
{
	int heir = listen_there(stage, family, deferred);

	close(listener);
	return heir;
}

static void send_byte(struct stage *stage, int fd)
{
	if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
		stage_fail(stage, "send");
}

/* There and back, twice: then both ends know that the other speaks MPTCP. */
static void take(struct stage *stage, int listener, struct keeper_ends *ends)
{
	ends->accepted = accept(listener, NULL, NULL);
	if (ends->accepted < 0)
		stage_fail(stage, "accept");
	connection_receive(stage, ends->accepted, 1);
	send_byte(stage, ends->accepted);
	connection_receive(stage, ends->connected, 1);
	send_byte(stage, ends->connected);
	connection_receive(stage, ends->accepted, 1);
	send_byte(stage, ends->accepted);
	connection_receive(stage, ends->connected, 1);
}

static void connect_all(struct stage *stage, const struct keeper_cast *cast,
			struct keeper_ends *all)
{
	struct loopback server;

	loopback_set(&server, cast->server.address.ss_family, PORT);
	server.protocol = IPPROTO_MPTCP;
	for (unsigned int i = 0; i < cast->connections; i++) {
		all[i].connected = loopback_connect(&server);
		if (all[i].connected < 0)
			stage_fail(stage, "connect");
	}
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	sa_family_t family = cast->server.address.ss_family;
	struct keeper_ends *all = calloc(cast->connections, sizeof(*all));
	int listener;

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	close(cast->listener);
	if (!loopback_unshare(CLONE_NEWNET))
		stage_fail(stage, "unshare");
	stage_report(stage, set_up(family));
	listener = listen_there(stage, family, LONG);
	connect_all(stage, cast, all);
	stage_report(stage, 0);
	listener = replace(stage, family, listener, LONG);
	for (unsigned int i = 0; i < cast->connections; i++) {
		send_byte(stage, all[i].connected);
		take(stage, listener, &all[i]);
	}
	stage_report(stage, 0);
	stage_report(stage, link_run(JOIN, family == AF_INET6 ? SECOND_IPV6 :
								 SECOND));
	listener = replace(stage, family, listener, 0);
	stage_report(stage, 0);
	close(listener);
	stage_report(stage, 0);
}

static bool expect_open(struct play *play, const char *phase,
			const struct actor *keeper, long long each)
{
	return play_expect_sockets(play, phase, whose(BOOKS_CLASS_OPEN, keeper),
				   each * play->connections) &&
	       play_expect_settled(play, phase);
}

/*
 * At each end a connection has a socket of MPTCP and a subflow, then one more;
 * but at the end that listens what there is a request for is not there yet.
 */
static bool go_through(struct play *play, struct actor *keeper)
{
	long long told, value;

	if (!play_await(play, keeper, &told))
		return false;
	if (!told)
		return play_skip(play, "ip(8) cannot set the path manager");
	return play_step(play, keeper, &value) &&
	       expect_open(play, "requests", keeper, 2) &&
	       play_step(play, keeper, &value) &&
	       expect_open(play, "moved", keeper, 4) &&
	       play_step(play, keeper, &told) &&
	       play_expect(play, "requests to join", "endpoints", 1, told) &&
	       expect_open(play, "requests to join", keeper, 5) &&
	       play_step(play, keeper, &value) &&
	       expect_open(play, "joined", keeper, 6) &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "closed");
}

/* It came to MPTCP with 6.0, later than requests that migrate to TCP. */
static bool can_wait_for_data(sa_family_t family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
	bool can = !setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &(int){ 1 },
			       sizeof(int));

	close(fd);
	return can;
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (!can_wait_for_data(play->family))
		play_skip(play, "the kernel's MPTCP has no TCP_DEFER_ACCEPT");
	else
		keeper_play(play, &how, &cast);
}

const struct scenario mptcp_moved_requests = {
	.name = "mptcp-moved-requests",
	.summary = "handshakes of MPTCP that are not finished move to another listener",
	.protocol = IPPROTO_MPTCP,
	.connections = 40,
	.pages = 16,
	.play = play,
};
