// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two listeners share a port, and nobody accepts. When one of them is closed
 * its children wait in the other's accept queue, with all that they hold. Every
 * other client has sent with its first segment, and is deaf to the answer: there
 * is a request beside the child. Once more half of what a move takes memory for is
 * refused: who is not moved is gone.
 *
 *	server (listens twice, sleeps) <---- connection 1..N ---- client
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../array.h"
#include "../segment.h"
#include "../shortage.h"
#include "scenarios.h"

#define PAYLOAD 1000
#define BACKLOG 4096
/* Data with the first segment: at both ends, without cookies. */
#define FASTOPEN "1543"
#define REFUSED_PERCENT 50

struct cast {
	struct loopback server;
	int listeners[2];
	unsigned int connections;
	struct shortage *shortage;	/* NULL: there is none */
};

static void close_short(struct stage *stage, int listener,
			const struct shortage *shortage)
{
	if (!shortage_begin_own(shortage))
		stage_fail(stage, "to let allocations fail");
	close(listener);
	if (!shortage_end(shortage))
		stage_fail(stage, "to let allocations succeed again");
}

static void server(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	stage_report(stage, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cast->listeners); i++) {
		if (cast->shortage)
			close_short(stage, cast->listeners[i], cast->shortage);
		else
			close(cast->listeners[i]);
		stage_report(stage, 0);
	}
}

/* Both kinds come to either of the listeners. */
static void send_one(struct stage *stage, const struct cast *cast, bool first)
{
	static const char data[PAYLOAD];
	const struct loopback *server = &cast->server;
	const struct sockaddr *to = (const struct sockaddr *)&server->address;
	int fd = socket(to->sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		stage_fail(stage, "socket");
	if (first)
		segment_ignore(stage, fd);
	else if (connect(fd, to, server->length))
		stage_fail(stage, "connect");
	if (sendto(fd, data, PAYLOAD,
		   MSG_NOSIGNAL | (first ? MSG_FASTOPEN | MSG_DONTWAIT : 0),
		   first ? to : NULL, first ? server->length : 0) != PAYLOAD)
		stage_fail(stage, "send");
}

static void client(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	for (size_t i = 0; i < ARRAY_SIZE(cast->listeners); i++)
		close(cast->listeners[i]);
	for (unsigned int i = 0; i < cast->connections; i++)
		send_one(stage, cast, i % 2);
	stage_report(stage, 0);
}

static bool listen_all(struct play *play, struct cast *cast)
{
	loopback_set(&cast->server, play->family, play->port);
	cast->server.shared = true;
	for (size_t i = 0; i < ARRAY_SIZE(cast->listeners); i++) {
		cast->listeners[i] = loopback_listen(&cast->server, BACKLOG);
		if (cast->listeners[i] < 0)
			return play_fail(play, "listen: %s", strerror(errno));
	}
	return true;
}

/* All children wait with what they have received, whoever their listener is. */
static bool expect_children(struct play *play, const char *phase,
			    const struct actor *server, long long expected)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, server);
	struct books_charge charge;
	bool ok;

	if (!play_expect_sockets(play, phase, children, expected) ||
	    !play_expect_settled(play, phase) ||
	    !play_charge(play, children, &charge))
		return false;
	ok = charge.receive_queue_bytes >= PAYLOAD * expected;
	ktap_check(play->ktap, ok,
		   "%s: receive queue bytes: expected at least %lld, actual %lld",
		   phase, PAYLOAD * expected, charge.receive_queue_bytes);
	return ok;
}

/* There are kernels that have the setting, but do not heed it: Debian's 5.10. */
static bool expect_migrated(struct play *play, const struct actor *server)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, server);
	const char *phase = "one listener is closed";
	struct books_charge charge;

	if (!play_expect_settled(play, phase) ||
	    !play_charge(play, children, &charge))
		return false;
	if (charge.sockets < play->connections)
		return play_skip(play, "the kernel does not migrate children");
	return expect_children(play, phase, server, play->connections);
}

static bool come_and_move(struct play *play, struct actor *server,
			  struct actor *client, bool all)
{
	long long value;

	return play_await(play, server, &value) &&
	       play_await(play, client, &value) &&
	       expect_children(play, "peak", server, play->connections) &&
	       play_step(play, server, &value) &&
	       (all ? expect_migrated(play, server) :
		      play_expect_settled(play, "one listener is closed")) &&
	       play_step(play, server, &value) &&
	       play_expect_sockets(play, "both listeners are closed",
				   whose(BOOKS_CLASS_ACCEPT_QUEUE, NULL), 0);
}

static void play_round(struct play *play, struct shortage *shortage)
{
	struct cast cast = { .listeners = { -1, -1 },
			     .connections = play->connections,
			     .shortage = shortage };
	struct actor servers = { 0 }, clients = { 0 };
	long long pages;
	bool ok;

	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) && listen_all(play, &cast) &&
	     play_start(play, &servers, "server", server, &cast) &&
	     play_start(play, &clients, "client", client, &cast);
	for (size_t i = 0; i < ARRAY_SIZE(cast.listeners); i++)
		if (cast.listeners[i] >= 0)
			close(cast.listeners[i]);
	ok = ok && come_and_move(play, &servers, &clients, !shortage);
	if (ok)
		play_peak(play);
	actor_kill(&clients);
	actor_kill(&servers);
	if (ok)
		play_expect_return(play, "after", pages);
}

static void play_short(struct play *play)
{
	struct shortage shortage;

	if (!play_prepare_shortage(play, &shortage, REFUSED_PERCENT))
		return;
	play_round(play, &shortage);
	play_finish_shortage(play, &shortage);
}

static void play(struct play *play)
{
	if (access("/proc/sys/net/ipv4/tcp_migrate_req", F_OK)) {
		play_skip(play, "the kernel has no net.ipv4.tcp_migrate_req");
		return;
	}
	if (!play_sysctl(play, "net.ipv4.tcp_migrate_req", "1") ||
	    !play_sysctl(play, "net.ipv4.tcp_fastopen", FASTOPEN))
		return;
	play_round(play, NULL);
	if (shortage_is_possible())
		play_short(play);
}

const struct scenario tcp_migrated_children = {
	.name = "tcp-migrated-children",
	.summary = "a listener is closed, another one of its port gets the children",
	.connections = 100,
	.pages = 2,
	.play = play,
};
