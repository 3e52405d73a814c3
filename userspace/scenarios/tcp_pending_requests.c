// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself (listens)
 *
 * The listeners do not get the last segment of the handshake, or wait for data
 * after it: the clients are connected, but there are requests instead of
 * children, and each keeps its listener. They end in every way: in time or too
 * late, with the listener still there or closed, and as children of this listener
 * or of another.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../forgery.h"
#include "../icmp.h"
#include "../nstat.h"
#include "../segment.h"
#include "keeper.h"

#define BACKLOG 4096
/* Answers that others than those that are to expire have: they get a minute. */
#define ANSWERS 5
/* How long a listener may wait for data: until the end. */
#define LONG 60
/* Where a segment is outside of every window. */
#define FAR (-1000000)
/* Of less than 76 bytes the checksum is tested at once. */
#define BROKEN 1000
/* In /proc/net/tcp. */
#define SYN_RECV 3
#define MIGRATION "/proc/sys/net/ipv4/tcp_migrate_req"

/* What the client does in the end. */
enum deed {
	NOTHING, SENDS, RESETS, GETS_ERROR, GETS_STRAY_ERROR, ACKS_WRONGLY, SENDS_BROKEN
};

struct kind {
	enum deed deed;
	int deferred;		/* TCP_DEFER_ACCEPT, in seconds */
	bool expires;		/* without another answer */
	bool closed;		/* is the listener, before the deed */
	bool shared;		/* is its port, then, with one that is not */
	bool heard;		/* is the client at last: it is answered again */
	bool abandoned;		/* who gets it has not the patience to answer again */
};

/* Those come last for which a kernel may be too old. */
static const struct kind kinds[] = {
	{ .expires = true },
	{ .closed = true },
	{ .closed = true, .deed = SENDS },
	{ .deferred = 1, .expires = true },
	{ .deferred = LONG, .closed = true },
	{ .deferred = LONG, .deed = SENDS },
	{ .heard = true },
	{ .heard = true, .deed = RESETS },
	{ .deed = GETS_ERROR },
	{ .heard = true, .deed = GETS_STRAY_ERROR },
	{ .heard = true, .deed = ACKS_WRONGLY },
	{ .heard = true, .deed = SENDS_BROKEN },
	{ .closed = true, .shared = true, .heard = true },
	{ .closed = true, .shared = true, .heard = true, .deed = SENDS },
	{ .closed = true, .shared = true, .abandoned = true },
};

#define KINDS ARRAY_SIZE(kinds)
#define UNSHARED_KINDS (KINDS - 3)

/* How many there are on this kernel. */
static unsigned int kinds_here;

/* The clients of one kind have one listener, and later perhaps its heir. */
struct listener {
	struct loopback server;
	int fd, heir;
};

struct cast {
	struct keeper_cast keeper;
	struct listener listeners[KINDS];
};

static const struct kind *kind_of(unsigned int i)
{
	return &kinds[i % kinds_here];
}

static int listen_at(struct stage *stage, struct loopback *server,
		     const struct kind *kind)
{
	int fd = loopback_listen(server, BACKLOG), answers = ANSWERS;

	if (fd < 0)
		stage_fail(stage, "listen");
	if (!kind->expires && setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &answers,
					 sizeof(answers)))
		stage_fail(stage, "TCP_SYNCNT");
	if (kind->deferred && setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT,
					 &kind->deferred,
					 sizeof(kind->deferred)))
		stage_fail(stage, "TCP_DEFER_ACCEPT");
	return fd;
}

static void listen_all(struct stage *stage, struct cast *cast)
{
	sa_family_t family = cast->keeper.server.address.ss_family;

	close(cast->keeper.listener);
	for (unsigned int k = 0; k < kinds_here; k++) {
		struct listener *listener = &cast->listeners[k];

		loopback_set(&listener->server, family, 0);
		listener->server.shared = kinds[k].shared;
		listener->fd = listen_at(stage, &listener->server, &kinds[k]);
		if (!kinds[k].deferred)
			segment_ignore_answers(stage, listener->fd);
	}
}

static int *connect_all(struct stage *stage, const struct cast *cast)
{
	int *fds = calloc(cast->keeper.connections, sizeof(*fds));

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		fds[i] = loopback_connect(&cast->listeners[i % kinds_here].server);
		if (fds[i] < 0)
			stage_fail(stage, "connect");
		/* else it says again that it is there, and becomes a child */
		if (kind_of(i)->deferred && kind_of(i)->expires)
			segment_ignore(stage, fds[i]);
	}
	return fds;
}

/* The kernel's own list, of one family. */
static FILE *open_list(struct stage *stage, const struct cast *cast)
{
	bool v4 = cast->keeper.server.address.ss_family == AF_INET;
	FILE *file = fopen(v4 ? "/proc/self/net/tcp" : "/proc/self/net/tcp6",
			   "re");

	if (!file)
		stage_fail(stage, "/proc/net/tcp");
	return file;
}

/* How many requests there are for the listener, even if it is closed. */
static long long count_requests(struct stage *stage, const struct cast *cast,
				const struct listener *listener)
{
	FILE *file = open_list(stage, cast);
	size_t room = 0;
	char *line = NULL;
	long long requests = 0;
	unsigned int port, state;

	while (getline(&line, &room, file) > 0)
		requests += sscanf(line, "%*d: %*[^:]:%x %*s %x", &port,
				   &state) == 2 &&
			    port == loopback_port(&listener->server) &&
			    state == SYN_RECV;
	free(line);
	fclose(file);
	return requests;
}

/* Of all that do not expire; or of these, too. */
static long long count_all_requests(struct stage *stage,
				    const struct cast *cast, bool expiring)
{
	long long requests = 0;

	for (unsigned int k = 0; k < kinds_here; k++)
		if (expiring || !kinds[k].expires)
			requests += count_requests(stage, cast,
						   &cast->listeners[k]);
	return requests;
}

/* The heir comes before the other is closed. */
static void change_listener(struct stage *stage, struct listener *listener,
			    const struct kind *kind)
{
	const struct kind heir = {
		.deferred = kind->deferred,
		.expires = kind->abandoned,
	};

	if (kind->shared)
		listener->heir = listen_at(stage, &listener->server, &heir);
	if (kind->closed)
		close(listener->fd);
	else if (kind->heard)
		segment_heed(stage, listener->fd);
}

static void forge(struct stage *stage, int fd, const struct forged *forged)
{
	struct forgery forgery = forgery_of(stage, fd);

	forgery_send(stage, &forgery, forged);
}

/* Of the answer to it, or of what is so far from that. */
static void complain(struct stage *stage, int fd, const struct loopback *server,
		     int distance)
{
	struct icmp_quotation answer = icmp_quote_answer(stage, fd, server);

	answer.sequence += (unsigned int)distance;
	icmp_complain(stage, &answer, ICMP_BAD_HEADER, 0);
}

static void do_deed(struct stage *stage, const struct cast *cast,
		    unsigned int i, int fd)
{
	const struct loopback *server = &cast->listeners[i % kinds_here].server;

	switch (kind_of(i)->deed) {
	case NOTHING:
		break;
	case SENDS:
		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
			stage_fail(stage, "send");
		break;
	case RESETS:
		connection_reset(stage, fd);
		break;
	case GETS_ERROR:
		complain(stage, fd, server, 0);
		break;
	case GETS_STRAY_ERROR:
		complain(stage, fd, server, FAR);
		break;
	case ACKS_WRONGLY:
		/* the reset for that is none that the client believes */
		forge(stage, fd, &(struct forged){ .acknowledged = FAR });
		break;
	case SENDS_BROKEN:
		forge(stage, fd,
		      &(struct forged){ .length = BROKEN, .broken = true });
		break;
	}
}

/* Who sends to a port where nobody listens any more is reset. */
static void await_refusal(struct stage *stage, const struct kind *kind, int fd)
{
	if (kind->closed && !kind->shared && kind->deed == SENDS)
		segment_await_state(stage, fd, TCP_CLOSE);
}

static void end_all(struct stage *stage, struct cast *cast, const int *fds)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	unsigned int connections = cast->keeper.connections;

	for (unsigned int k = 0; k < kinds_here; k++)
		change_listener(stage, &cast->listeners[k], &kinds[k]);
	for (unsigned int i = 0; i < connections; i++)
		do_deed(stage, cast, i, fds[i]);
	for (unsigned int i = 0; i < connections; i++)
		await_refusal(stage, kind_of(i), fds[i]);
	while (count_all_requests(stage, cast, true) &&
	       play_clock_ms() < deadline)
		play_pause();
	for (unsigned int i = 0; i < connections; i++)
		if (kind_of(i)->deferred && kind_of(i)->expires)
			segment_heed(stage, fds[i]);
}

static void keeper(struct stage *stage, void *arg)
{
	long long resets = nstat_tcp(stage, "EmbryonicRsts");
	long long again = nstat_tcp(stage, "TCPSynRetrans");
	struct cast *cast = arg;
	int *fds;

	listen_all(stage, cast);
	fds = connect_all(stage, cast);
	stage_report(stage, count_all_requests(stage, cast, false));
	end_all(stage, cast, fds);
	stage_report(stage, count_all_requests(stage, cast, true));
	stage_report(stage, nstat_tcp(stage, "EmbryonicRsts") - resets);
	stage_report(stage, nstat_tcp(stage, "TCPSynRetrans") - again);
}

/* How many connections are of a kind that is so. */
static long long count(const struct play *play,
		       bool (*is_so)(const struct kind *kind))
{
	long long connections = 0;

	for (unsigned int k = 0; k < kinds_here; k++)
		if (is_so(&kinds[k]))
			connections += play_share(play, kinds_here, k);
	return connections;
}

static bool stays(const struct kind *kind)
{
	return !kind->expires;
}

static bool is_reset(const struct kind *kind)
{
	return kind->deed == RESETS;
}

static bool is_refused(const struct kind *kind)
{
	return kind->closed && !kind->shared && kind->deed == SENDS;
}

static bool is_completed(const struct kind *kind)
{
	return (kind->heard && !is_reset(kind)) ||
	       (kind->deferred && kind->deed == SENDS);
}

/* By its ACK, which is sent again only if the SYN-ACK is. */
static bool is_answered_again(const struct kind *kind)
{
	return is_completed(kind) && kind->deed != SENDS;
}

static bool begun(struct play *play, struct actor *keeper)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long requests;

	return play_await(play, keeper, &requests) &&
	       play_expect(play, "requests", "requests", count(play, stays),
			   requests) &&
	       play_expect_state(play, "requests", open, "ESTABLISHED",
				 play->connections) &&
	       play_expect_sockets(play, "requests",
				   whose(BOOKS_CLASS_ACCEPT_QUEUE, keeper), 0) &&
	       play_expect_meminfo(play, "requests", open) &&
	       play_expect_settled(play, "requests");
}

static bool expect_ends(struct play *play, struct actor *keeper)
{
	long long requests, resets, again;

	return play_step(play, keeper, &requests) &&
	       play_expect(play, "over", "requests", 0, requests) &&
	       play_step(play, keeper, &resets) &&
	       play_expect(play, "over", "requests reset",
			   count(play, is_reset), resets) &&
	       play_step(play, keeper, &again) &&
	       play_expect_at_least(play, "over", "answers sent again",
				    count(play, is_answered_again), again);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose children = whose(BOOKS_CLASS_ACCEPT_QUEUE, keeper);
	struct whose refused = whose(BOOKS_CLASS_CLOSED_HELD, keeper);

	return begun(play, keeper) && expect_ends(play, keeper) &&
	       play_expect_state(play, "over", children, "ESTABLISHED",
				 count(play, is_completed)) &&
	       play_expect_state(play, "over", refused, "CLOSE",
				 count(play, is_refused)) &&
	       play_expect_settled(play, "over");
}

/*
 * Whether a child moves to another listener of its port when its own one is
 * closed: Debian's 5.10 has the setting for it, but does not heed it.
 */
static bool migrates(const struct play *play)
{
	int first, second = -1, client, child = -1;
	struct loopback server;

	loopback_set(&server, play->family, 0);
	server.shared = true;
	first = loopback_listen(&server, 1);
	client = loopback_connect(&server);
	if (first >= 0 && client >= 0)
		second = loopback_listen(&server, 1);
	close(first);
	if (second >= 0 && !fcntl(second, F_SETFL, O_NONBLOCK))
		child = accept(second, NULL, NULL);
	close(second);
	close(client);
	close(child);
	return child >= 0;
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast = { 0 };

	/* without another answer a request expires after a second */
	if (!play_sysctl(play, "net.ipv4.tcp_synack_retries", "0") ||
	    (!access(MIGRATION, F_OK) &&
	     !play_sysctl(play, "net.ipv4.tcp_migrate_req", "1")))
		return;
	kinds_here = migrates(play) ? KINDS : UNSHARED_KINDS;
	keeper_play(play, &how, &cast.keeper);
}

const struct scenario tcp_pending_requests = {
	.name = "tcp-pending-requests",
	.summary = "handshakes that are not finished: requests keep their listeners",
	.connections = 110,
	.pages = 1,
	.play = play,
};
