// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- MPTCP connection 1..N ---- itself
 *
 * Clients send data with their first segment: it goes from the queue of the
 * subflow to that of the socket of MPTCP, and so does its charge. There it is
 * read, or not, until one of both ends is closed, or the listener. Others find
 * nobody who listens, or no way.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../nstat.h"
#include "keeper.h"

#define PAYLOAD 1000
/* All of it at client and server, without cookies, for every listener. */
#define EVERYTHING "1543"

/* What becomes of it. */
enum deed { WAITS, IS_READ, IS_READ_IN_PART, IS_CLOSED, IS_RESET };

struct kind {
	int error;		/* with which it fails; 0: it does not */
	bool deferred;		/* connect() comes first, and does nothing */
	enum deed deed;
};

static const struct kind kinds[] = {
	{ .deed = WAITS },
	{ .deed = WAITS, .deferred = true },
	{ .deed = IS_READ },
	{ .deed = IS_READ, .deferred = true },
	{ .deed = IS_READ_IN_PART },
	{ .deed = IS_CLOSED },
	{ .deed = IS_RESET },
	{ .error = ECONNREFUSED },
	{ .error = ENETUNREACH },
};

#define KINDS ((unsigned int)ARRAY_SIZE(kinds))

struct cast {
	struct keeper_cast keeper;
	struct loopback nobody, nowhere;
};

static const struct loopback *target_of(const struct cast *cast,
					const struct kind *kind)
{
	switch (kind->error) {
	case ECONNREFUSED:
		return &cast->nobody;
	case ENETUNREACH:
		return &cast->nowhere;
	default:
		return &cast->keeper.server;
	}
}

/* Whether all of it was taken; it waits for the answer. */
static bool send_first(int fd, const struct loopback *server, bool deferred)
{
	static const char data[PAYLOAD];
	const struct sockaddr *to = (const struct sockaddr *)&server->address;

	if (!deferred)
		return sendto(fd, data, PAYLOAD, MSG_FASTOPEN | MSG_NOSIGNAL,
			      to, server->length) == PAYLOAD;
	return !setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 },
			   sizeof(int)) &&
	       !connect(fd, to, server->length) &&
	       send(fd, data, PAYLOAD, MSG_NOSIGNAL) == PAYLOAD;
}

static int open_one(sa_family_t family)
{
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
}

static void make(struct stage *stage, const struct cast *cast,
		 const struct kind *kind, struct keeper_ends *ends)
{
	bool sent;

	ends->connected = open_one(cast->keeper.server.address.ss_family);
	ends->accepted = -1;
	if (ends->connected < 0)
		stage_fail(stage, "socket");
	sent = send_first(ends->connected, target_of(cast, kind),
			  kind->deferred);
	if (sent == !!kind->error || (!sent && errno != kind->error))
		stage_fail(stage, "data with the first segment");
	if (kind->error || kind->deed == WAITS)
		return;
	ends->accepted = accept(cast->keeper.listener, NULL, NULL);
	if (ends->accepted < 0)
		stage_fail(stage, "accept");
}

/* Those that wait come last: nobody is to accept them instead of others. */
static void make_all(struct stage *stage, const struct cast *cast,
		     struct keeper_ends *all, bool late)
{
	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		const struct kind *kind = &kinds[i % KINDS];
		bool is_late = kind->deed == WAITS;

		if (is_late == late)
			make(stage, cast, kind, &all[i]);
	}
}

static void do_deed(struct stage *stage, const struct keeper_ends *ends,
		    const struct kind *kind)
{
	static const char more[PAYLOAD];

	switch (kind->deed) {
	case WAITS:
		break;
	case IS_READ:
		connection_receive(stage, ends->accepted, PAYLOAD);
		break;
	case IS_READ_IN_PART:
		connection_receive(stage, ends->accepted, PAYLOAD / 2);
		if (send(ends->connected, more, PAYLOAD, MSG_NOSIGNAL) !=
		    PAYLOAD)
			stage_fail(stage, "send");
		break;
	case IS_CLOSED:
		close(ends->accepted);
		break;
	case IS_RESET:
		connection_reset(stage, ends->connected);
		break;
	}
}

static void keeper(struct stage *stage, void *arg)
{
	long long before = nstat_tcp(stage, "TCPFastOpenPassive");
	struct cast *cast = arg;
	struct keeper_ends *all =
		calloc(cast->keeper.connections, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	make_all(stage, cast, all, false);
	make_all(stage, cast, all, true);
	stage_report(stage, nstat_tcp(stage, "TCPFastOpenPassive") - before);
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		do_deed(stage, &all[i], &kinds[i % KINDS]);
	stage_report(stage, 0);
	close(cast->keeper.listener);
	stage_report(stage, 0);
}

/* How many connections there are of such kinds. */
static long long count(const struct play *play,
		       bool (*is_so)(const struct kind *kind))
{
	long long connections = 0;

	for (unsigned int k = 0; k < KINDS; k++)
		if (is_so(&kinds[k]))
			connections += play_share(play, KINDS, k);
	return connections;
}

static bool comes(const struct kind *kind)
{
	return !kind->error;
}

static bool waits(const struct kind *kind)
{
	return !kind->error && kind->deed == WAITS;
}

/* A socket of MPTCP and a subflow each. */
static bool peak(struct play *play, struct actor *keeper)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, keeper);
	long long early, waiting = count(play, waits);
	struct books_charge charge;

	return play_await(play, keeper, &early) &&
	       play_expect(play, "peak", "connections whose first segment had data",
			   count(play, comes), early) &&
	       play_expect_sockets(play, "peak", children, 2 * waiting) &&
	       play_charge(play, children, &charge) &&
	       play_expect_at_least(play, "peak",
				    "receive queue bytes of the children",
				    waiting * PAYLOAD,
				    charge.receive_queue_bytes) &&
	       play_expect_settled(play, "peak");
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = { "read, closed or reset",
					      "the listener is closed", NULL };

	return peak(play, keeper) && keeper_settle(play, keeper, phases) &&
	       play_expect_sockets(play, "the listener is closed",
				   whose(BOOKS_CLASS_ACCEPT_QUEUE, NULL), 0);
}

/* It came with 6.2; before, connect() had to come first. */
static bool is_able(const struct cast *cast)
{
	int fd = open_one(cast->nobody.address.ss_family);
	bool able;

	able = !send_first(fd, &cast->nobody, false) && errno == ECONNREFUSED;
	close(fd);
	return able;
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast = { 0 };
	int nobody;

	loopback_set(&cast.nobody, play->family, 0);
	cast.nowhere = cast.nobody;
	loopback_place(&cast.nowhere,
		       play->family == AF_INET6 ? "ff02::1" : "224.0.0.1");
	nobody = loopback_bind(&cast.nobody);
	if (nobody < 0)
		play_fail(play, "bind: %s", strerror(errno));
	else if (!is_able(&cast))
		play_skip(play, "the kernel's MPTCP cannot send data first");
	else if (play_sysctl(play, "net.ipv4.tcp_fastopen", EVERYTHING))
		keeper_play(play, &how, &cast.keeper);
	close(nobody);
}

const struct scenario mptcp_fastopen = {
	.name = "mptcp-fastopen",
	.summary = "data comes with the first segment: charged to sockets of MPTCP",
	.protocol = IPPROTO_MPTCP,
	.connections = 45,
	.pages = 8,
	.play = play,
};
