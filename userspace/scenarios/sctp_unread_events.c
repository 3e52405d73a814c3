// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- association 1..N ---- itself
 *
 * All sockets want to be told of everything that happens to their associations,
 * which waits to be read as data does, and is charged likewise: messages that
 * were not sent, deliveries that were broken off, streams that were added or
 * begin anew. Half of the sockets read it, the others are closed before.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../association.h"
#include "../connections.h"
#include "../segment.h"
#include "keeper.h"

#define MESSAGE 1000
/* In so many pieces. */
#define LARGE (12 * MESSAGE)
/* From so many bytes on a message is delivered in part. */
#define POINT (2 * MESSAGE)
/* More than are sent as long as none is acknowledged. */
#define MESSAGES 12
/* How often something is sent again. */
#define RTO_MS 200
#define STREAMS 2
/* Less than a large message needs; the kernel doubles it. */
#define RCVBUF (8 * MESSAGE)

/* Which socket is told of what. */
struct told {
	bool accepted;		/* or the one that has connected */
	int event;		/* SCTP_... */
};

struct kind {
	int type;		/* SOCK_... of the one that connects */
	void (*happen)(struct stage *stage, const struct keeper_cast *cast,
		       struct keeper_ends *ends);
	struct told told[2];
};

static void send_all(struct stage *stage, const struct keeper_cast *cast,
		     int fd, size_t length, unsigned int count)
{
	static const char data[LARGE];

	for (unsigned int i = 0; i < count; i++)
		if (association_send(fd, &cast->server, data, length, NULL,
				     0) != (ssize_t)length)
			stage_fail(stage, "sendmsg");
}

static bool is_gone(int fd)
{
	struct sctp_status status;

	return !association_status(fd, &status);
}

/* Nothing of it is acknowledged, so most of it is not even sent. */
static void abort_unsent(struct stage *stage, const struct keeper_cast *cast,
			 struct keeper_ends *ends)
{
	segment_ignore(stage, ends->accepted);
	send_all(stage, cast, ends->connected, MESSAGE, MESSAGES);
	connection_reset(stage, ends->accepted);
	ends->accepted = -1;
	association_await(stage, ends->connected, is_gone);
}

static void abort_own_unsent(struct stage *stage,
			     const struct keeper_cast *cast,
			     struct keeper_ends *ends)
{
	const struct sctp_sndinfo info = { .snd_flags = SCTP_ABORT };

	segment_ignore(stage, ends->accepted);
	send_all(stage, cast, ends->connected, LARGE, 1);
	if (association_send(ends->connected, &cast->server, NULL, 0, &info, 0))
		stage_fail(stage, "SCTP_ABORT");
	association_await(stage, ends->connected, is_gone);
}

/* But for one chunk that asks whether there is room again. */
static bool is_held_up(int fd)
{
	struct sctp_status status;

	return association_status(fd, &status) && status.sstat_unackdata == 1 &&
	       !status.sstat_rwnd;
}

/* The message is so large that the window closes before it ends. */
static void abort_delivery(struct stage *stage, const struct keeper_cast *cast,
			   struct keeper_ends *ends)
{
	send_all(stage, cast, ends->connected, LARGE, 1);
	association_await(stage, ends->connected, is_held_up);
	connection_reset(stage, ends->connected);
	ends->connected = -1;
	association_await(stage, ends->accepted, is_gone);
}

/* The last request may still be under way. */
static void request(struct stage *stage, int fd, int option, const void *value,
		    size_t length)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	while (setsockopt(fd, IPPROTO_SCTP, option, value, (socklen_t)length)) {
		if ((errno != EINPROGRESS && errno != EAGAIN) ||
		    play_clock_ms() > deadline)
			stage_fail(stage, "asking the peer");
		play_pause();
	}
}

static sctp_assoc_t id_of(struct stage *stage, int fd)
{
	struct sctp_status status;

	if (!association_status(fd, &status))
		stage_fail(stage, "SCTP_STATUS");
	return status.sstat_assoc_id;
}

static void add_streams(struct stage *stage, int fd)
{
	const struct sctp_add_streams streams = {
		.sas_assoc_id = id_of(stage, fd),
		.sas_instrms = STREAMS,
		.sas_outstrms = STREAMS,
	};

	request(stage, fd, SCTP_ADD_STREAMS, &streams, sizeof(streams));
}

/* flags: SCTP_STREAM_RESET_...; of all streams, or of the first one. */
static void reset_streams(struct stage *stage, int fd, __u16 flags,
			  unsigned int count)
{
	union {
		struct sctp_reset_streams streams;
		char bytes[sizeof(struct sctp_reset_streams) + sizeof(__u16)];
	} reset = {
		.streams = {
			.srs_assoc_id = id_of(stage, fd),
			.srs_flags = flags,
			.srs_number_streams = (__u16)count,
		},
	};

	request(stage, fd, SCTP_RESET_STREAMS, &reset,
		sizeof(reset.streams) + count * sizeof(__u16));
}

static void reset_association(struct stage *stage, int fd)
{
	sctp_assoc_t id = id_of(stage, fd);

	request(stage, fd, SCTP_RESET_ASSOC, &id, sizeof(id));
}

/* When one is answered the next one can be made. */
static void reset_all(struct stage *stage, const struct keeper_cast *cast,
		      struct keeper_ends *ends)
{
	const __u16 both = SCTP_STREAM_RESET_OUTGOING |
			   SCTP_STREAM_RESET_INCOMING;
	int fd = ends->connected;

	send_all(stage, cast, fd, MESSAGE, 1);
	reset_streams(stage, fd, SCTP_STREAM_RESET_OUTGOING, 1);
	reset_streams(stage, fd, SCTP_STREAM_RESET_INCOMING, 0);
	reset_streams(stage, fd, both, 0);
	reset_association(stage, fd);
	reset_streams(stage, fd, SCTP_STREAM_RESET_INCOMING, 1);
}

static void add_twice(struct stage *stage, const struct keeper_cast *cast,
		      struct keeper_ends *ends)
{
	(void)cast;
	add_streams(stage, ends->connected);
	add_streams(stage, ends->connected);
	add_streams(stage, ends->accepted);
}

/* At first the peer gets neither the request nor what was sent before. */
static void reset_again(struct stage *stage, const struct keeper_cast *cast,
			struct keeper_ends *ends)
{
	send_all(stage, cast, ends->connected, MESSAGE, 1);
	segment_ignore(stage, ends->accepted);
	send_all(stage, cast, ends->connected, MESSAGE, 1);
	reset_streams(stage, ends->connected, SCTP_STREAM_RESET_OUTGOING, 0);
	segment_heed(stage, ends->accepted);
	reset_association(stage, ends->connected);
}

/* It is asked for again and again, until all ends. */
static void request_in_vain(struct stage *stage, const struct keeper_cast *cast,
			    struct keeper_ends *ends)
{
	(void)cast;
	segment_ignore(stage, ends->accepted);
	add_streams(stage, ends->connected);
}

#define CONNECTED(event) { false, event }
#define ACCEPTED(event) { true, event }

static const struct kind kinds[] = {
	{ SOCK_STREAM, abort_unsent,
	  { CONNECTED(SCTP_SEND_FAILED_EVENT),
	    CONNECTED(SCTP_SEND_FAILED) } },
	{ SOCK_SEQPACKET, abort_own_unsent,
	  { CONNECTED(SCTP_SEND_FAILED_EVENT),
	    CONNECTED(SCTP_SEND_FAILED) } },
	{ SOCK_STREAM, abort_delivery,
	  { ACCEPTED(SCTP_PARTIAL_DELIVERY_EVENT),
	    ACCEPTED(SCTP_ADAPTATION_INDICATION) } },
	{ SOCK_STREAM, reset_all,
	  { ACCEPTED(SCTP_STREAM_RESET_EVENT),
	    ACCEPTED(SCTP_ASSOC_RESET_EVENT) } },
	{ SOCK_STREAM, add_twice,
	  { ACCEPTED(SCTP_STREAM_CHANGE_EVENT),
	    CONNECTED(SCTP_STREAM_CHANGE_EVENT) } },
	{ SOCK_SEQPACKET, reset_again,
	  { ACCEPTED(SCTP_STREAM_RESET_EVENT),
	    CONNECTED(SCTP_ADAPTATION_INDICATION) } },
	{ SOCK_STREAM, request_in_vain,
	  { CONNECTED(SCTP_ADAPTATION_INDICATION),
	    ACCEPTED(SCTP_ADAPTATION_INDICATION) } },
};

#define KINDS ((unsigned int)ARRAY_SIZE(kinds))

/* Before there is an association, which takes it over. */
static void prepare(struct stage *stage, int fd)
{
	const struct sctp_assoc_value on = { .assoc_value = 1 };
	const struct sctp_assoc_value all = {
		.assoc_value = SCTP_ENABLE_STRRESET_MASK,
	};
	const struct sctp_setadaptation adaptation = { .ssb_adaptation_ind = 1 };
	struct sctp_event_subscribe events;
	unsigned int point = POINT;

	memset(&events, 1, sizeof(events));
	association_set(stage, fd, SCTP_EVENTS, &events, sizeof(events));
	association_set(stage, fd, SCTP_RECONFIG_SUPPORTED, &on, sizeof(on));
	association_set(stage, fd, SCTP_ENABLE_STREAM_RESET, &all, sizeof(all));
	association_set(stage, fd, SCTP_ADAPTATION_LAYER, &adaptation,
			sizeof(adaptation));
	association_set(stage, fd, SCTP_PARTIAL_DELIVERY_POINT, &point,
			sizeof(point));
	association_set_rto(stage, fd, RTO_MS, RTO_MS);
	association_set_fragment(stage, fd, MESSAGE);
}

static void make(struct stage *stage, const struct keeper_cast *cast,
		 const struct kind *kind, struct keeper_ends *ends)
{
	ends->connected = socket(cast->server.address.ss_family,
				 kind->type | SOCK_CLOEXEC, IPPROTO_SCTP);
	if (ends->connected < 0)
		stage_fail(stage, "socket");
	prepare(stage, ends->connected);
	keeper_join(stage, cast, ends);
}

/* Reads all that is there. Returns a bit for each kind of event. */
static unsigned int read_events(int fd)
{
	static union {
		union sctp_notification event;
		char bytes[2 * LARGE];
	} data;
	struct iovec part = { &data, sizeof(data) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	unsigned int events = 0;

	while (recvmsg(fd, &message, MSG_DONTWAIT) > 0)
		if (message.msg_flags & MSG_NOTIFICATION)
			events |= 1U << (data.event.sn_header.sn_type -
					 SCTP_SN_TYPE_BASE);
	return events;
}

static void expect_told(struct stage *stage, const struct kind *kind,
			const struct keeper_ends *ends)
{
	unsigned int connected = read_events(ends->connected);
	unsigned int accepted = read_events(ends->accepted);

	for (size_t i = 0; i < ARRAY_SIZE(kind->told); i++) {
		const struct told *told = &kind->told[i];

		errno = ENOMSG;
		if (!((told->accepted ? accepted : connected) >>
		      (told->event - SCTP_SN_TYPE_BASE) & 1))
			stage_fail(stage, "what there was to be told");
	}
}

/* Those that are closed with all that they were told, each kind in turn. */
static bool is_unread(unsigned int i)
{
	return i / KINDS % 2;
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	struct keeper_ends *all;

	/* however few there are, of each kind one is read, and one is not */
	if (cast->connections < 2 * KINDS)
		cast->connections = 2 * KINDS;
	all = calloc(cast->connections, sizeof(*all));
	if (!all)
		stage_fail(stage, "memory for the descriptors");
	prepare(stage, cast->listener);
	connection_set(stage, cast->listener, SOL_SOCKET, SO_RCVBUF, RCVBUF);
	for (unsigned int i = 0; i < cast->connections; i++)
		make(stage, cast, &kinds[i % KINDS], &all[i]);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		kinds[i % KINDS].happen(stage, cast, &all[i]);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (!is_unread(i))
			expect_told(stage, &kinds[i % KINDS], &all[i]);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++) {
		if (!is_unread(i))
			continue;
		close(all[i].connected);
		close(all[i].accepted);
	}
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = { "told", "read", "closed", NULL };
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "connected") &&
	       keeper_settle(play, keeper, phases);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario sctp_unread_events = {
	.name = "sctp-unread-events",
	.summary = "SCTP's sockets are told of all that happens: what they read, and what not",
	.protocol = IPPROTO_SCTP,
	.connections = 28,
	.pages = 32,
	.play = play,
};
