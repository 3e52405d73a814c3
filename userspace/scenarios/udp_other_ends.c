// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets whose receive buffers are full are disconnected, or killed. They keep
 * their queue and its charge. Those whose port the kernel has chosen lose it,
 * and are in no table then, until they are connected again. Half of them are
 * read at last.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../sockdiag.h"
#include "datagrams.h"

#define SIZE 1000
#define RCVBUF (16 * 1024)

struct cast {
	const struct play *play;
	struct loopback sender;
	unsigned int sockets;
};

static void connect_to_sender(struct stage *stage, const struct cast *cast,
			      int fd)
{
	if (connect(fd, (const struct sockaddr *)&cast->sender.address,
		    cast->sender.length))
		stage_fail(stage, "connect");
}

static bool disconnect(struct stage *stage, const struct cast *cast, int fd)
{
	(void)cast;
	connection_disconnect(stage, fd);
	return true;
}

static bool destroy(struct stage *stage, const struct cast *cast, int fd)
{
	bool done = sockdiag_destroy(fd);
	socklen_t length = sizeof(int);
	int error;

	(void)cast;
	if (!done && errno != EOPNOTSUPP && errno != ENOENT)
		stage_fail(stage, "SOCK_DESTROY");
	/* it would be told before anything is read */
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) ||
	    error != (done ? ECONNABORTED : 0))
		stage_fail(stage, "SO_ERROR");
	return done;
}

static bool reconnect(struct stage *stage, const struct cast *cast, int fd)
{
	connection_disconnect(stage, fd);
	connect_to_sender(stage, cast, fd);
	return false;
}

static const struct way {
	bool bound;		/* by its process */
	/* whether it is disconnected then */
	bool (*end)(struct stage *stage, const struct cast *cast, int fd);
} ways[] = {
	{ false, disconnect },
	{ false, destroy },
	{ false, reconnect },
	{ true, disconnect },
	{ true, destroy },
};

#define WAYS ARRAY_SIZE(ways)

/* A port that is asked for is kept; one that the kernel chooses is not. */
static int open_bound(const struct cast *cast, struct loopback *address)
{
	int chosen;

	loopback_set(address, cast->play->family, 0);
	address->protocol = cast->play->scenario->protocol;
	/* nobody else's: it may not be shared, not even for a moment */
	chosen = loopback_bind(address);
	if (chosen < 0)
		return -1;
	close(chosen);
	return loopback_bind(address);
}

/* Connected to the sender. */
static void open_connected(struct stage *stage, const struct cast *cast,
			   struct datagrams *to, bool bound)
{
	*to = (struct datagrams){ .address = cast->sender, .size = SIZE };
	to->fd = bound ? open_bound(cast, &to->address) :
			 loopback_connect(&cast->sender);
	if (to->fd < 0)
		stage_fail(stage, "socket");
	if (bound)
		connect_to_sender(stage, cast, to->fd);
	if (getsockname(to->fd, (struct sockaddr *)&to->address.address,
			&to->address.length))
		stage_fail(stage, "getsockname");
	if (setsockopt(to->fd, SOL_SOCKET, SO_RCVBUF, &(int){ RCVBUF },
		       sizeof(int)))
		stage_fail(stage, "SO_RCVBUF");
}

static struct datagrams *fill_all(struct stage *stage, struct cast *cast)
{
	struct datagrams *all = calloc(cast->sockets, sizeof(*all));
	int from;

	loopback_set(&cast->sender, cast->play->family, 0);
	cast->sender.protocol = cast->play->scenario->protocol;
	from = loopback_bind(&cast->sender);
	if (!all || from < 0)
		stage_fail(stage, "bind");
	for (unsigned int i = 0; i < cast->sockets; i++) {
		open_connected(stage, cast, &all[i], ways[i % WAYS].bound);
		datagrams_fill(stage, from, &all[i]);
	}
	close(from);
	return all;
}

/* Returns how many are in no table then. */
static unsigned int end_all(struct stage *stage, const struct cast *cast,
			    const struct datagrams *all)
{
	unsigned int lost = 0;

	for (unsigned int i = 0; i < cast->sockets; i++) {
		const struct way *way = &ways[i % WAYS];

		lost += way->end(stage, cast, all[i].fd) && !way->bound;
	}
	return lost;
}

static long long bytes_of(const struct cast *cast, const struct datagrams *all)
{
	long long bytes = 0;

	for (unsigned int i = 0; i < cast->sockets; i++)
		bytes += datagrams_bytes(&all[i]);
	return bytes;
}

static void receiver(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct datagrams *all = fill_all(stage, cast);

	stage_report(stage, bytes_of(cast, all));
	stage_report(stage, end_all(stage, cast, all));
	for (unsigned int i = 0; i < cast->sockets; i++)
		if (i / WAYS % 2)
			datagrams_receive(stage, &all[i], all[i].queued);
	stage_report(stage, bytes_of(cast, all));
}

/* So many of the sockets are in no table. */
static bool expect_queued(struct play *play, const char *phase,
			  const struct actor *receiver, long long lost,
			  long long bytes)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, receiver);
	struct whose held = whose(BOOKS_CLASS_CLOSED_HELD, receiver);
	struct books_charge in_table, in_none;
	struct meminfo sum;

	return play_expect_sockets(play, phase, open,
				   play->connections - lost) &&
	       play_expect_sockets(play, phase, held, lost) &&
	       play_expect_settled(play, phase) &&
	       play_charge(play, open, &in_table) &&
	       play_charge(play, held, &in_none) &&
	       play_expect(play, phase, "bytes queued, from the datagrams",
			   bytes,
			   in_table.receive_queue_bytes +
				   in_none.receive_queue_bytes) &&
	       play_meminfo(play, phase, receiver, &sum) &&
	       play_expect(play, phase, "bytes charged, by SO_MEMINFO",
			   meminfo_bytes(&sum),
			   books_charge_bytes(&in_table) +
				   books_charge_bytes(&in_none));
}

/* Those that a kernel does not kill stay where they are. */
static bool expect_ended(struct play *play, struct actor *receiver,
			 long long bytes, long long *lost)
{
	if (!play_step(play, receiver, lost))
		return false;
	if (*lost == play_share(play, WAYS, 0))
		ktap_remark(play->ktap, "this kernel does not kill sockets");
	else if (!play_expect(play, "ended", "sockets without a port",
			      play_share(play, WAYS, 0) +
				      play_share(play, WAYS, 1), *lost))
		return false;
	return expect_queued(play, "ended", receiver, *lost, bytes);
}

static void play(struct play *play)
{
	struct cast cast = { .play = play, .sockets = play->connections };
	struct actor actor = { 0 };
	long long pages, bytes, lost;
	bool ok = play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) &&
		  play_start(play, &actor, "receiver", receiver, &cast) &&
		  play_await(play, &actor, &bytes) &&
		  expect_queued(play, "full", &actor, 0, bytes) &&
		  expect_ended(play, &actor, bytes, &lost);

	if (ok)
		play_peak(play);
	ok = ok && play_step(play, &actor, &bytes) &&
	     expect_queued(play, "read", &actor, lost, bytes);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario udp_other_ends = {
	.name = "udp-other-ends",
	.summary = "full sockets are disconnected or killed: a queue without a port",
	.protocol = IPPROTO_UDP,
	.connections = 50,
	.pages = 16,
	.play = play,
};
