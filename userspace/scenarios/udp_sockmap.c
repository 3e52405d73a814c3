// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ----> entry 1..N ----> target 1..N ----> end 1..N
 *
 * BPF programs decide on datagrams that have come for an entry: these pass, are
 * dropped, or are redirected to a target, from which they can be received, or
 * which sends them on to the end. Some targets have no room, and what is more
 * waits, charged to nobody. Others fail to send, which leaves a datagram waiting,
 * and drops those after it. What waits keeps the entry that it has come for: where
 * that is closed, it is in no table, but still charged, and the verdict is
 * undetermined, not imbalanced. Then some are read, others are closed with what
 * they have.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "../array.h"
#include "../bpf.h"
#include "../connections.h"
#include "datagrams.h"
#include "keeper.h"

#define SIZE 1000
#define COUNT 8
#define RCVBUF (64 * 1024)
/* The kernel doubles it. */
#define NARROW (2 * 1024)

static const struct kind {
	const char *name;
	enum bpf_verdict verdict;
	enum { AT_ENTRY, AT_TARGET, AT_END, NOWHERE } where; /* it can be received */
	bool refused;		/* there is no end: ICMP says so */
	bool full;		/* the target has no room for all */
} kinds[] = {
	{ "passed", BPF_VERDICT_PASSES, .where = AT_ENTRY },
	{ "dropped", BPF_VERDICT_DROPS, .where = NOWHERE },
	{ "received", BPF_VERDICT_RECEIVED, .where = AT_TARGET },
	{ "no room", BPF_VERDICT_RECEIVED, .where = AT_TARGET, .full = true },
	{ "sent on", BPF_VERDICT_MOVED, .where = AT_END },
	{ "refused", BPF_VERDICT_MOVED, .where = NOWHERE, .refused = true },
};

#define KINDS ARRAY_SIZE(kinds)

/* What happens to the sockets of each kind, one after the other. */
enum { READ, ENTRY_CLOSED, TARGET_CLOSED, ENDS };

struct route {
	const struct kind *kind;
	struct datagrams at[NOWHERE];
	int (*make)(unsigned int entries);	/* its maps */
};

struct cast {
	const struct play *play;
	unsigned int routes;
};

/* The kernel does not redirect to one that is not connected. */
static void connect_target(struct stage *stage, const struct route *route)
{
	const struct loopback *end = &route->at[AT_END].address;

	if (connect(route->at[AT_TARGET].fd, (struct sockaddr *)&end->address,
		    end->length))
		stage_fail(stage, "connect");
}

/* Descriptors of maps are kept: these let go of their sockets otherwise. */
static void attach(struct stage *stage, const struct route *route)
{
	int map = route->make(1), targets = route->make(1);

	if (map < 0 || targets < 0 ||
	    bpf_attach_datagrams(map, route->kind->verdict, targets) ||
	    bpf_sockmap_add(targets, 0, route->at[AT_TARGET].fd) ||
	    bpf_sockmap_add(map, 0, route->at[AT_ENTRY].fd))
		stage_fail(stage, route->kind->name);
}

static void open_route(struct stage *stage, struct route *route,
		       const struct play *play)
{
	for (unsigned int i = 0; i < NOWHERE; i++)
		datagrams_open(stage, &route->at[i], play, SIZE,
			       i == AT_TARGET && route->kind->full ? NARROW :
								     RCVBUF);
	connect_target(stage, route);
	if (route->kind->refused)
		close(route->at[AT_END].fd);
	attach(stage, route);
}

static struct meminfo look(struct stage *stage, const struct datagrams *at)
{
	struct meminfo info;

	if (!meminfo_of_socket(at->fd, &info))
		stage_fail(stage, "SO_MEMINFO");
	return info;
}

static void send_one(struct stage *stage, int from, const struct route *route)
{
	connection_send(stage, from, SIZE, &route->at[AT_ENTRY].address);
}

/* Sends one, and waits until it can be received. */
static void send_through(struct stage *stage, int from,
			 const struct route *route)
{
	const struct datagrams *at = &route->at[route->kind->where];
	long long before = look(stage, at).receive_queue_bytes;
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	send_one(stage, from, route);
	while (look(stage, at).receive_queue_bytes <= before) {
		if (play_clock_ms() > deadline) {
			errno = ETIMEDOUT;
			stage_fail(stage, route->kind->name);
		}
	}
}

/* Sends until so many were dropped. */
static void send_in_vain(struct stage *stage, int from,
			 const struct route *route)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	while (look(stage, &route->at[AT_ENTRY]).drops < COUNT) {
		send_one(stage, from, route);
		if (play_clock_ms() > deadline) {
			errno = ETIMEDOUT;
			stage_fail(stage, route->kind->name);
		}
	}
}

/* The kernel takes what comes as long as there was room before. */
static void overfill(struct stage *stage, int from, const struct route *route)
{
	while (look(stage, &route->at[AT_TARGET]).receive_queue_bytes <=
	       2 * NARROW)
		send_through(stage, from, route);
	for (unsigned int i = 0; i < COUNT; i++)
		send_one(stage, from, route);
}

static void fill(struct stage *stage, int from, const struct route *route)
{
	if (route->kind->where == NOWHERE)
		send_in_vain(stage, from, route);
	else if (route->kind->full)
		overfill(stage, from, route);
	else
		for (unsigned int i = 0; i < COUNT; i++)
			send_through(stage, from, route);
}

static void read_all(struct stage *stage, const struct route *route)
{
	int fd = route->at[route->kind->where].fd;

	/* from a map several of them come at once */
	if (connection_drain(stage, fd) != (long long)COUNT * SIZE) {
		errno = EPROTO;
		stage_fail(stage, route->kind->name);
	}
}

/* It would come while the target is read. */
static bool has_waiting(const struct kind *kind)
{
	return kind->full || kind->refused;
}

static void end(struct stage *stage, const struct route *route,
		unsigned int how)
{
	if (how == TARGET_CLOSED || has_waiting(route->kind))
		close(route->at[AT_TARGET].fd);
	else if (how == ENTRY_CLOSED)
		close(route->at[AT_ENTRY].fd);
	else if (route->kind->where != NOWHERE)
		read_all(stage, route);
}

/* Whether what waits is all that keeps its entry. */
static bool is_kept(unsigned int i)
{
	return has_waiting(&kinds[i % KINDS]) && i / KINDS % ENDS == ENTRY_CLOSED;
}

static void keeper(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	struct route *all = calloc(cast->routes, sizeof(*all));
	int from = datagrams_sender(stage, cast->play);

	if (!all)
		stage_fail(stage, "memory for the sockets");
	for (unsigned int i = 0; i < cast->routes; i++) {
		all[i].kind = &kinds[i % KINDS];
		all[i].make = i / KINDS % 2 ? bpf_sockhash : bpf_sockmap;
		open_route(stage, &all[i], cast->play);
		fill(stage, from, &all[i]);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->routes; i++)
		if (is_kept(i))
			close(all[i].at[AT_ENTRY].fd);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->routes; i++)
		end(stage, &all[i], i / KINDS % ENDS);
	stage_report(stage, 0);
}

/* How many sockets are open in the end. */
static long long left(const struct play *play)
{
	long long sockets = 1 + (long long)NOWHERE * play->connections;

	for (unsigned int i = 0; i < play->connections; i++)
		sockets -= kinds[i % KINDS].refused +
			   (i / KINDS % ENDS != READ ||
			    has_waiting(&kinds[i % KINDS])) +
			   is_kept(i);
	return sockets;
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose all = whose(BOOKS_CLASS_OPEN, keeper);
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "sent") &&
	       play_expect_meminfo(play, "sent", all) &&
	       play_step(play, keeper, &value) && keeper_expect_kept(play) &&
	       play_step(play, keeper, &value) &&
	       play_expect_sockets(play, "ended", all, left(play)) &&
	       play_expect_settled(play, "ended") &&
	       play_expect_meminfo(play, "ended", all);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast = { .play = play, .routes = play->connections };

	if (!play_lacks(play, bpf_lacks_for_datagrams()))
		keeper_play_alone(play, &how, &cast);
}

const struct scenario udp_sockmap = {
	.name = "udp-sockmap",
	.summary = "BPF programs pass, drop, redirect and hold back datagrams",
	.protocol = IPPROTO_UDP,
	.connections = 36,
	.pages = 24,
	.play = play,
};
