// SPDX-License-Identifier: GPL-2.0-only
/*
 *	clients ---- association 1..N ----> server
 *
 * Messages that take many packets: reassembled, delivered in part, or incomplete,
 * because they are larger than the window; and senders that have no room any
 * more. All that is charged to the socket that listens, with what it is told of
 * its associations. Half of these then get sockets of their own, from which is
 * read; half of the clients abort.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "../array.h"
#include "../association.h"
#include "../connections.h"
#include "scenarios.h"

/* Each fragment has a packet of its own, but many pass loopback in one piece. */
#define PATH_MTU 1500
#define FRAGMENT 1400

#define SMALL 1000
#define LARGE (6 * FRAGMENT)
#define LARGES 3
#define LARGER (14 * FRAGMENT)
#define LARGEST (40 * FRAGMENT)
/* From so many bytes on a message is delivered in part. */
#define POINT (8 * FRAGMENT)
/* So many bytes an association may send; the kernel doubles it. */
#define WINDOW (24 * FRAGMENT)
/* What an association takes at most. */
#define ROOM (4 * WINDOW)
/* Of a sender that is to be blocked. */
#define SNDBUF 8192
#define BLOCK_US 20000
/* How often a sender asks whether the window is open again. */
#define RTO_MIN_MS 100
#define RTO_MAX_MS 200

/* What is sent on an association. */
enum { WHOLE, IN_PARTS, INCOMPLETE, BLOCKED, KINDS };

/* How much of it is read in the end. */
static const long long payloads[KINDS] = {
	[WHOLE] = LARGES * LARGE,
	[IN_PARTS] = LARGER,
	[INCOMPLETE] = LARGEST,
};

struct round;

struct way {
	const char *name;
	int type;		/* SOCK_... of the sockets */
	/* Gives some of the associations sockets of their own. */
	int *(*move)(struct stage *stage, const struct round *round);
	/* Aborts an association, and waits until it is gone. */
	void (*abort)(struct stage *stage, const struct round *round, int fd);
};

struct round {
	const struct way *way;
	struct loopback server;
	int listener;
	unsigned int connections;
	unsigned int moved;
	bool told;		/* the server, when a delivery is broken off */
	bool interleaved;	/* come the fragments, with headers of their own */
	struct actor servers, clients;
};

/* What is told waits to be read as data does. */
static bool subscribe(int fd, bool partial)
{
	struct sctp_event_subscribe events;

	memset(&events, 1, sizeof(events));
	events.sctp_partial_delivery_event = partial;
	return !setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, &events,
			   offsetof(struct sctp_event_subscribe,
				    sctp_authentication_event));
}

/* Both ends of an association have to ask for it. */
static bool interleave(int fd)
{
	const struct sctp_assoc_value supported = { .assoc_value = 1 };
	int level = 1;

	return !setsockopt(fd, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, &level,
			   sizeof(level)) &&
	       !setsockopt(fd, IPPROTO_SCTP, SCTP_INTERLEAVING_SUPPORTED,
			   &supported, sizeof(supported));
}

static bool is_interleaved(int fd)
{
	struct sctp_assoc_value agreed = { 0 };
	socklen_t length = sizeof(agreed);
	struct sctp_status status;

	if (!association_status(fd, &status))
		return false;
	agreed.assoc_id = status.sstat_assoc_id;
	return !getsockopt(fd, IPPROTO_SCTP, SCTP_INTERLEAVING_SUPPORTED,
			   &agreed, &length) && agreed.assoc_value;
}

static void prepare_client(struct stage *stage, const struct round *round,
			   int fd)
{
	const struct sctp_paddrparams path = {
		.spp_pathmtu = PATH_MTU,
		.spp_flags = SPP_PMTUD_DISABLE,
	};

	association_set(stage, fd, SCTP_PEER_ADDR_PARAMS, &path, sizeof(path));
	association_set_rto(stage, fd, RTO_MIN_MS, RTO_MAX_MS);
	association_set_fragment(stage, fd, FRAGMENT);
	if (!subscribe(fd, true))
		stage_fail(stage, "SCTP_EVENTS");
	if (round->interleaved && !interleave(fd))
		stage_fail(stage, "SCTP_INTERLEAVING_SUPPORTED");
	/* at the end nothing is waited for */
	if (!loopback_linger(fd, 0))
		stage_fail(stage, "SO_LINGER");
}

/* Not before it is connected: connect() would not wait any longer either. */
static void limit(struct stage *stage, int fd)
{
	const struct timeval block = { .tv_usec = BLOCK_US };
	int sndbuf = SNDBUF;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &block, sizeof(block)))
		stage_fail(stage, "SO_SNDBUF, SO_SNDTIMEO");
}

static int connect_client(struct stage *stage, const struct round *round,
			  unsigned int kind)
{
	const struct loopback *server = &round->server;
	int fd = socket(server->address.ss_family,
			server->type | SOCK_CLOEXEC, IPPROTO_SCTP);

	if (fd < 0)
		stage_fail(stage, "socket");
	prepare_client(stage, round, fd);
	if (connect(fd, (const struct sockaddr *)&server->address,
		    server->length))
		stage_fail(stage, "connect");
	if (is_interleaved(fd) != round->interleaved)
		stage_fail(stage, "interleaving, as it was agreed upon");
	if (kind == BLOCKED)
		limit(stage, fd);
	return fd;
}

static bool send_message(const struct round *round, int fd, size_t length)
{
	static const char data[LARGEST];

	return sendto(fd, data, length, MSG_NOSIGNAL,
		      (const struct sockaddr *)&round->server.address,
		      round->server.length) == (ssize_t)length;
}

static bool is_gone(int fd)
{
	struct sctp_status status;

	return !association_status(fd, &status);
}

static bool is_received(int fd)
{
	struct sctp_status status;

	return association_status(fd, &status) && !status.sstat_unackdata;
}

/* But for one chunk that asks whether there is room again. */
static bool is_held_up(int fd)
{
	struct sctp_status status;

	return association_status(fd, &status) && status.sstat_unackdata == 1 &&
	       !status.sstat_rwnd;
}

static void send_large(struct stage *stage, const struct round *round, int fd,
		       size_t length)
{
	if (!send_message(round, fd, length))
		stage_fail(stage, "sendto");
}

static void send_until_blocked(struct stage *stage, const struct round *round,
			       int fd)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	do {
		while (send_message(round, fd, SMALL))
			;
		if (errno != EAGAIN || play_clock_ms() > deadline)
			stage_fail(stage, "sendto until nothing fits");
	} while (!is_held_up(fd));
}

static void send_kind(struct stage *stage, const struct round *round, int fd,
		      unsigned int kind)
{
	switch (kind) {
	case WHOLE:
		for (unsigned int i = 0; i < LARGES; i++)
			send_large(stage, round, fd, LARGE);
		association_await(stage, fd, is_received);
		break;
	case IN_PARTS:
		send_large(stage, round, fd, LARGER);
		association_await(stage, fd, is_received);
		break;
	case INCOMPLETE:
		send_large(stage, round, fd, LARGEST);
		association_await(stage, fd, is_held_up);
		break;
	default:
		send_until_blocked(stage, round, fd);
	}
}

/* A one-to-one socket can be closed only. */
static void abort_by_close(struct stage *stage, const struct round *round,
			   int fd)
{
	(void)round;
	connection_reset(stage, fd);
}

/* The socket stays, and is told what has come of its messages. */
static void abort_by_message(struct stage *stage, const struct round *round,
			     int fd)
{
	const struct sctp_sndinfo info = { .snd_flags = SCTP_ABORT };

	if (association_send(fd, &round->server, NULL, 0, &info, 0))
		stage_fail(stage, "SCTP_ABORT");
	association_await(stage, fd, is_gone);
}

/* The clients have one socket for each association. */
static void client(struct stage *stage, void *arg)
{
	struct round *round = arg;
	int *fds = calloc(round->connections, sizeof(*fds));

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	close(round->listener);
	for (unsigned int i = 0; i < round->connections; i++)
		fds[i] = connect_client(stage, round, i % KINDS);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < round->connections; i++)
		send_kind(stage, round, fds[i], i % KINDS);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < round->connections; i++)
		if (i / KINDS % 2)
			round->way->abort(stage, round, fds[i]);
	stage_report(stage, 0);
}

static int *accept_some(struct stage *stage, const struct round *round)
{
	return connections_accept(stage, round->listener, round->moved, 0);
}

static int *peel_off(struct stage *stage, const struct round *round)
{
	return association_peel_off(stage, round->listener, round->moved);
}

/* Reads that many bytes of data, and what the socket is told meanwhile. */
static void read_data(struct stage *stage, int fd, long long bytes)
{
	static char data[LARGE / 4];
	struct iovec part = { data, sizeof(data) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t length;

	while (bytes > 0) {
		length = recvmsg(fd, &message, 0);
		if (length <= 0)
			stage_fail(stage, "recvmsg");
		if (!(message.msg_flags & MSG_NOTIFICATION))
			bytes -= length;
	}
}

/* The window of an association is what its socket's buffer was when it began. */
static void make_room(struct stage *stage, const struct round *round)
{
	int size = (int)round->connections * ROOM;

	if (setsockopt(round->listener, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)))
		stage_fail(stage, "SO_RCVBUFFORCE");
}

/* Its steps: it moves some, reads, closes the socket that listens. */
static void server(struct stage *stage, void *arg)
{
	struct round *round = arg;
	int *fds;

	stage_report(stage, 0);
	make_room(stage, round);
	stage_report(stage, 0);
	fds = round->way->move(stage, round);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < round->moved; i++)
		read_data(stage, fds[i], payloads[i % KINDS]);
	stage_report(stage, 0);
	close(round->listener);
	stage_report(stage, 0);
}

/* What is in the receive queues of the actor's sockets, whatever their state. */
static bool receive_queue_bytes(struct play *play, const struct actor *actor,
				long long *bytes)
{
	static const enum books_class classes[] = {
		BOOKS_CLASS_OPEN, BOOKS_CLASS_LISTEN, BOOKS_CLASS_CLOSED_HELD,
	};
	struct books_charge charge;

	*bytes = 0;
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (!play_charge(play, whose(classes[i], actor), &charge))
			return false;
		*bytes += charge.receive_queue_bytes;
	}
	return true;
}

/* It is what they say themselves, once nothing is on the way any more. */
static bool expect_received(struct play *play, const char *phase,
			    const struct actor *actor, long long *bytes)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	struct meminfo sum;

	do {
		play_pause();
		if (!receive_queue_bytes(play, actor, bytes) ||
		    !play_meminfo(play, phase, actor, &sum))
			return false;
	} while (sum.receive_queue_bytes != *bytes &&
		 play_clock_ms() < deadline);
	return play_expect(play, phase, "receive queue bytes, by SO_MEMINFO",
			   sum.receive_queue_bytes, *bytes);
}

/* Of the senders that are held up there is a window's worth. */
static bool peak(struct play *play, struct round *round, long long *bytes)
{
	long long least = play_share(play, KINDS, WHOLE) * payloads[WHOLE] +
			  play_share(play, KINDS, IN_PARTS) * payloads[IN_PARTS] +
			  (play_share(play, KINDS, INCOMPLETE) +
			   play_share(play, KINDS, BLOCKED)) *
				  (WINDOW - FRAGMENT);

	if (!play_expect_settled(play, "peak") ||
	    !expect_received(play, "peak", &round->servers, bytes))
		return false;
	ktap_check(play->ktap, *bytes > least,
		   "peak: receive queue bytes: expected more than %lld, actual %lld",
		   least, *bytes);
	return play_expect_meminfo(play, "peak",
				   whose(BOOKS_CLASS_LISTEN, &round->servers));
}

static bool expect_moved(struct play *play, struct round *round,
			 long long bytes)
{
	long long value, left;

	return play_step(play, &round->servers, &value) &&
	       play_expect_sockets(play, "moved",
				   whose(BOOKS_CLASS_OPEN, &round->servers),
				   round->moved) &&
	       expect_received(play, "moved", &round->servers, &left) &&
	       play_expect(play, "moved", "receive queue bytes, as before",
			   bytes, left) &&
	       play_expect_settled(play, "moved");
}

/* One of them goes one step further. */
static bool go_on(struct play *play, const char *phase, struct round *round,
		  struct actor *actor)
{
	long long value;

	return play_step(play, actor, &value) &&
	       expect_received(play, phase, &round->servers, &value) &&
	       expect_received(play, phase, &round->clients, &value) &&
	       play_expect_settled(play, phase);
}

static bool cast_listen(struct play *play, struct round *round)
{
	const struct sctp_sack_info at_once = { .sack_freq = 1 };
	int size = WINDOW, point = POINT, fd;

	loopback_set(&round->server, play->family, play->port);
	round->server.protocol = IPPROTO_SCTP;
	round->server.type = round->way->type;
	fd = loopback_bind(&round->server);
	round->listener = fd;
	return (fd >= 0 &&
		!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) &&
		!setsockopt(fd, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT,
			    &point, sizeof(point)) &&
		!setsockopt(fd, IPPROTO_SCTP, SCTP_DELAYED_SACK, &at_once,
			    sizeof(at_once)) &&
		subscribe(fd, round->told) &&
		(!round->interleaved || interleave(fd)) && !listen(fd, 4096)) ||
	       play_fail(play, "listen: %s", strerror(errno));
}

/* The clients send when the server has made room. */
static bool start(struct play *play, struct round *round)
{
	long long value;
	bool ok = cast_listen(play, round) &&
		  play_start(play, &round->servers, "server", server, round) &&
		  play_start(play, &round->clients, "client", client, round);

	if (round->listener >= 0)
		close(round->listener);
	return ok && play_await(play, &round->servers, &value) &&
	       play_await(play, &round->clients, &value) &&
	       play_step(play, &round->servers, &value) &&
	       play_step(play, &round->clients, &value);
}

static void round_play(struct play *play, const struct way *way,
		       struct round round)
{
	long long pages, bytes;
	bool ok;

	round.way = way;
	round.connections = play->connections;
	round.moved = play->connections / 2;
	ktap_remark(play->ktap, "%s", way->name);
	if (!play_expect_balanced(play, "before") || !play_pages(play, &pages))
		return;
	ok = start(play, &round) && peak(play, &round, &bytes);
	if (ok)
		play_peak(play);
	ok = ok && expect_moved(play, &round, bytes) &&
	     go_on(play, "read", &round, &round.servers) &&
	     go_on(play, "aborted", &round, &round.clients) &&
	     go_on(play, "after close() of the listener", &round,
		   &round.servers);
	actor_kill(&round.clients);
	actor_kill(&round.servers);
	if (ok)
		play_expect_return(play, "after", pages);
}

static void play_all(struct play *play, struct round how)
{
	static const struct way ways[] = {
		{ "accepted", SOCK_STREAM, accept_some, abort_by_close },
		{ "peeled off", SOCK_SEQPACKET, peel_off, abort_by_message },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		round_play(play, &ways[i], how);
}

static void play(struct play *play)
{
	play_all(play, (struct round){ 0 });
}

static void play_interleaved(struct play *play)
{
	if (play_sysctl(play, "net.sctp.intl_enable", "1"))
		play_all(play, (struct round){ .interleaved = true });
}

static void play_told(struct play *play)
{
	play_all(play, (struct round){ .told = true });
}

const struct scenario sctp_large_messages = {
	.name = "sctp-large-messages",
	.summary = "SCTP's messages of many packets: whole, in parts, incomplete, aborted",
	.protocol = IPPROTO_SCTP,
	.connections = 20,
	.pages = 24,
	.play = play,
};

const struct scenario sctp_interleaved = {
	.name = "sctp-interleaved",
	.summary = "the same, with fragments of messages that may come between each other",
	.protocol = IPPROTO_SCTP,
	.connections = 20,
	.pages = 24,
	.play = play_interleaved,
};

/*
 * close() breaks off a delivery in part, and queues what there is to tell about
 * it when it has just emptied the receive queue. That holds the association,
 * which holds the socket: it stays for ever, with a charge (5.10 to 6.12,
 * at least).
 */
const struct scenario sctp_partial_delivery_event = {
	.name = "sctp-partial-delivery-event",
	.summary = "the same, told of deliveries that close() breaks off",
	.protocol = IPPROTO_SCTP,
	.connections = 20,
	.pages = 24,
	.only_named = true,
	.play = play_told,
};
