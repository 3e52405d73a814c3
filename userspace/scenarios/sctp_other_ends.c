// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- association 1..N ---- itself
 *
 * The senders' write queues are full, the receivers' windows closed. Then each
 * association goes on in another way: it is shut down, closed, peeled off, or
 * some of its messages are given up. One receiver does not want to hear
 * anything any more, one misses the beginnings of messages, and one sender uses
 * a stream that its peer does not have. Played once more with fragments that may
 * come between each other, ordered and not.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../association.h"
#include "../connections.h"
#include "../link.h"
#include "../segment.h"
#include "keeper.h"

#define MESSAGE 100
/* Comes in so many fragments that there is no room for the last ones. */
#define LARGE 12000
#define FRAGMENT 500
/* As large as a packet, so that it is lost without others. */
#define WHOLE_PACKET 1400
#define SMALL_PACKETS "ip link set dev lo mtu 1500 gso_max_size 1500"
/* Every message begins with this byte. */
#define MARK 'M'
/* More than fit. */
#define MESSAGES 1000
/* The kernel doubles them. */
#define SNDBUF 16384
#define RCVBUF 3000
/* How often something is sent again. */
#define RTO_MS 200
/* How long a message may wait. */
#define LIFETIME_MS 1
/* The more, the sooner it is given up for others. */
#define UNIMPORTANT 10

struct kind {
	int type;		/* SOCK_... of the sender */
	size_t size;		/* of a message */
	unsigned int fragment;	/* of it; 0: FRAGMENT */
	int policy;		/* SCTP_PR_...: when messages are given up */
	__u32 value;		/* and of what */
	/* Before anything is sent; may be NULL. */
	void (*prepare)(struct stage *stage, const struct keeper_ends *ends);
	/* When the write queue is full; may be NULL. */
	void (*end)(struct stage *stage, const struct keeper_cast *cast,
		    struct keeper_ends *ends);
};

/* info: NULL: as it is by default. Returns what send() does. */
static ssize_t send_message(const struct keeper_cast *cast, int fd,
			    const struct sctp_sndinfo *info, size_t length)
{
	static const char data[LARGE] = { MARK };

	return association_send(fd, &cast->server, data, length, info,
				MSG_DONTWAIT);
}

static void drain(int fd)
{
	char data[MESSAGE];

	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
}

/* Which messages were given up, before or after they were sent. */
static struct sctp_prstatus given_up(struct stage *stage, int fd)
{
	struct sctp_status association;
	struct sctp_prstatus status = { .sprstat_policy = SCTP_PR_SCTP_ALL };
	socklen_t length = sizeof(status);

	if (!association_status(fd, &association))
		stage_fail(stage, "SCTP_STATUS");
	status.sprstat_assoc_id = association.sstat_assoc_id;
	if (getsockopt(fd, IPPROTO_SCTP, SCTP_PR_ASSOC_STATUS, &status,
		       &length))
		stage_fail(stage, "SCTP_PR_ASSOC_STATUS");
	return status;
}

/* Waits until some are; the receiver makes room meanwhile. */
static void await_given_up(struct stage *stage,
			   const struct keeper_ends *ends, bool receives)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	struct sctp_prstatus all = given_up(stage, ends->connected);

	while (!all.sprstat_abandoned_unsent && !all.sprstat_abandoned_sent) {
		if (play_clock_ms() > deadline)
			stage_fail(stage, "no message was given up");
		if (receives)
			drain(ends->accepted);
		play_pause();
		all = given_up(stage, ends->connected);
	}
}

static void stop_receiving(struct stage *stage, const struct keeper_ends *ends)
{
	if (shutdown(ends->accepted, SHUT_RD))
		stage_fail(stage, "shutdown");
}

static void lose_all(struct stage *stage, const struct keeper_ends *ends)
{
	segment_ignore(stage, ends->accepted);
}

static void lose_beginnings(struct stage *stage, const struct keeper_ends *ends)
{
	segment_ignore_marked_chunk(stage, ends->accepted, MARK);
}

static void shut_down(struct stage *stage, const struct keeper_cast *cast,
		      struct keeper_ends *ends)
{
	(void)cast;
	if (shutdown(ends->connected, SHUT_WR))
		stage_fail(stage, "shutdown");
}

static void close_sender(struct stage *stage, const struct keeper_cast *cast,
			 struct keeper_ends *ends)
{
	(void)stage;
	(void)cast;
	close(ends->connected);
}

static void close_receiver(struct stage *stage, const struct keeper_cast *cast,
			   struct keeper_ends *ends)
{
	(void)stage;
	(void)cast;
	close(ends->accepted);
}

static void expire(struct stage *stage, const struct keeper_cast *cast,
		   struct keeper_ends *ends)
{
	(void)cast;
	await_given_up(stage, ends, true);
}

/* A part of the message has been delivered, or lost; the rest will not come. */
static void expire_in_part(struct stage *stage, const struct keeper_cast *cast,
			   struct keeper_ends *ends)
{
	(void)cast;
	await_given_up(stage, ends, false);
}

static void retransmit_in_vain(struct stage *stage,
			       const struct keeper_cast *cast,
			       struct keeper_ends *ends)
{
	(void)cast;
	await_given_up(stage, ends, false);
	segment_heed(stage, ends->accepted);
}

/* What is more important takes the room of others, those last that were not sent. */
static void send_important(struct stage *stage, const struct keeper_cast *cast,
			   struct keeper_ends *ends)
{
	struct sctp_default_prinfo info = { .pr_policy = SCTP_PR_SCTP_PRIO };

	association_set(stage, ends->connected, SCTP_DEFAULT_PRINFO, &info,
			sizeof(info));
	/* some may still fit, if others have been acknowledged since */
	for (unsigned int i = 0; i < MESSAGES; i++) {
		send_message(cast, ends->connected, NULL, MESSAGE);
		if (given_up(stage, ends->connected).sprstat_abandoned_unsent)
			return;
	}
	stage_fail(stage, "no message was given up for another");
}

static void peel_off(struct stage *stage, const struct keeper_cast *cast,
		     struct keeper_ends *ends)
{
	const int *fds = association_peel_off(stage, ends->connected, 1);

	(void)cast;
	close(ends->connected);
	ends->connected = fds[0];
}

static bool has_sent_again(int fd)
{
	struct sctp_assoc_stats stats = { 0 };
	socklen_t length = sizeof(stats);
	struct sctp_status status;

	if (!association_status(fd, &status))
		return false;
	stats.sas_assoc_id = status.sstat_assoc_id;
	return !getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_STATS, &stats,
			   &length) &&
	       stats.sas_rtxchunks;
}

/* When the first is, all others that were lost wait for their turn. */
static void peel_off_retransmitting(struct stage *stage,
				    const struct keeper_cast *cast,
				    struct keeper_ends *ends)
{
	association_await(stage, ends->connected, has_sent_again);
	peel_off(stage, cast, ends);
	segment_heed(stage, ends->accepted);
}

static void send_flags(struct stage *stage, const struct keeper_cast *cast,
		       const struct keeper_ends *ends, __u16 flags)
{
	const struct sctp_sndinfo info = { .snd_flags = flags };

	if (send_message(cast, ends->connected, &info, 0))
		stage_fail(stage, "sendmsg without data");
}

static void send_eof(struct stage *stage, const struct keeper_cast *cast,
		     struct keeper_ends *ends)
{
	send_flags(stage, cast, ends, SCTP_EOF);
}

static void send_abort(struct stage *stage, const struct keeper_cast *cast,
		       struct keeper_ends *ends)
{
	send_flags(stage, cast, ends, SCTP_ABORT);
}

static const struct kind kinds[] = {
	{ .type = SOCK_STREAM, .size = MESSAGE, .prepare = stop_receiving },
	{ .type = SOCK_STREAM, .size = MESSAGE, .end = shut_down },
	{ .type = SOCK_STREAM, .size = MESSAGE, .end = close_sender },
	{ .type = SOCK_STREAM, .size = MESSAGE, .end = close_receiver },
	{ .type = SOCK_STREAM, .size = MESSAGE, .policy = SCTP_PR_SCTP_TTL,
	  .value = LIFETIME_MS, .end = expire },
	{ .type = SOCK_STREAM, .size = LARGE, .policy = SCTP_PR_SCTP_TTL,
	  .value = LIFETIME_MS, .end = expire_in_part },
	{ .type = SOCK_STREAM, .size = LARGE, .policy = SCTP_PR_SCTP_TTL,
	  .value = LIFETIME_MS, .prepare = lose_all, .end = expire_in_part },
	{ .type = SOCK_STREAM, .size = MESSAGE, .policy = SCTP_PR_SCTP_RTX,
	  .prepare = lose_all, .end = retransmit_in_vain },
	{ .type = SOCK_STREAM, .size = LARGE, .fragment = WHOLE_PACKET,
	  .policy = SCTP_PR_SCTP_RTX, .prepare = lose_beginnings,
	  .end = retransmit_in_vain },
	{ .type = SOCK_STREAM, .size = MESSAGE, .policy = SCTP_PR_SCTP_PRIO,
	  .value = UNIMPORTANT, .end = send_important },
	{ .type = SOCK_SEQPACKET, .size = MESSAGE, .end = peel_off },
	/* with fragments that are acknowledged, and charged like the others */
	{ .type = SOCK_SEQPACKET, .size = LARGE, .end = peel_off },
	{ .type = SOCK_SEQPACKET, .size = MESSAGE, .prepare = lose_all,
	  .end = peel_off_retransmitting },
	{ .type = SOCK_SEQPACKET, .size = MESSAGE, .end = send_eof },
	{ .type = SOCK_SEQPACKET, .size = MESSAGE, .end = send_abort },
};

#define KINDS ((unsigned int)ARRAY_SIZE(kinds))

struct cast {
	struct keeper_cast keeper;
	bool interleaved;	/* come the fragments, if both ends ask for it */
};

static bool allow_interleaving(void)
{
	return link_run("echo 1 >/proc/sys/net/sctp/intl_enable");
}

static void interleave(struct stage *stage, int fd)
{
	const struct sctp_assoc_value supported = { .assoc_value = 1 };
	int level = 1;

	association_set(stage, fd, SCTP_FRAGMENT_INTERLEAVE, &level,
			sizeof(level));
	association_set(stage, fd, SCTP_INTERLEAVING_SUPPORTED, &supported,
			sizeof(supported));
}

static void send_unordered(struct stage *stage, int fd)
{
	const struct sctp_sndinfo info = { .snd_flags = SCTP_UNORDERED };

	association_set(stage, fd, SCTP_DEFAULT_SNDINFO, &info, sizeof(info));
}

static void prepare(struct stage *stage, const struct kind *kind,
		    const struct keeper_ends *ends)
{
	const struct sctp_default_prinfo info = {
		.pr_policy = (__u16)kind->policy,
		.pr_value = kind->value,
	};
	/* what is lost for long, as on a slow machine, is no reason to end it */
	const struct sctp_assocparams patient = { .sasoc_asocmaxrxt = 1000 };
	int on = 1;

	association_set(stage, ends->connected, SCTP_ASSOCINFO, &patient,
			sizeof(patient));
	association_set_fragment(stage, ends->connected,
				 kind->fragment ? kind->fragment : FRAGMENT);
	association_set_rto(stage, ends->connected, RTO_MS, RTO_MS);
	association_set(stage, ends->connected, SCTP_NODELAY, &on, sizeof(on));
	association_set(stage, ends->connected, SCTP_DEFAULT_PRINFO, &info,
			sizeof(info));
	connection_set_buffers(stage, ends->connected, SNDBUF);
	if (kind->prepare)
		kind->prepare(stage, ends);
}

static void fill(const struct keeper_cast *cast, int fd, size_t size)
{
	for (unsigned int i = 0; i < MESSAGES; i++)
		if (send_message(cast, fd, NULL, size) < 0)
			return;
}

static void connect_to(struct stage *stage, const struct cast *cast,
		       const struct kind *kind, struct keeper_ends *ends)
{
	const struct loopback *server = &cast->keeper.server;

	ends->connected = socket(server->address.ss_family,
				 kind->type | SOCK_CLOEXEC, IPPROTO_SCTP);
	if (ends->connected < 0)
		stage_fail(stage, "socket");
	if (cast->interleaved)
		interleave(stage, ends->connected);
	if (connect(ends->connected, (const struct sockaddr *)&server->address,
		    server->length))
		stage_fail(stage, "connect");
	ends->accepted = accept4(cast->keeper.listener, NULL, NULL,
				 SOCK_CLOEXEC);
	if (ends->accepted < 0)
		stage_fail(stage, "accept");
}

/* Where the fragments are interleaved, each kind in turn is unordered. */
static void make(struct stage *stage, const struct cast *cast, unsigned int i,
		 struct keeper_ends *ends)
{
	const struct kind *kind = &kinds[i % KINDS];

	connect_to(stage, cast, kind, ends);
	/* what prepare() sets is kept beside that */
	if (cast->interleaved && i / KINDS % 2)
		send_unordered(stage, ends->connected);
	prepare(stage, kind, ends);
	fill(&cast->keeper, ends->connected, kind->size);
}

/* The message is queued before the peer says how many streams it has. */
static void send_on_missing_stream(struct stage *stage,
				   const struct keeper_cast *cast)
{
	const struct sctp_sndinfo info = { .snd_sid = 5 };
	int fd = socket(cast->server.address.ss_family, SOCK_SEQPACKET,
			IPPROTO_SCTP);

	if (fd < 0)
		stage_fail(stage, "socket");
	if (send_message(cast, fd, &info, MESSAGE) != MESSAGE)
		stage_fail(stage, "sendmsg that connects");
	if (accept(cast->listener, NULL, NULL) < 0)
		stage_fail(stage, "accept");
}

/* And those who close what nobody hears give up soon: not after five minutes. */
static void limit(struct stage *stage, const struct keeper_cast *cast)
{
	const struct sctp_initmsg one = { .sinit_max_instreams = 1 };
	int size = RCVBUF;

	association_set(stage, cast->listener, SCTP_INITMSG, &one, sizeof(one));
	association_set_rto(stage, cast->listener, RTO_MS, RTO_MS);
	if (setsockopt(cast->listener, SOL_SOCKET, SO_RCVBUF, &size,
		       sizeof(size)))
		stage_fail(stage, "SO_RCVBUF");
}

static void make_all(struct stage *stage, const struct cast *cast,
		     struct keeper_ends *all)
{
	limit(stage, &cast->keeper);
	if (cast->interleaved)
		interleave(stage, cast->keeper.listener);
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		make(stage, cast, i, &all[i]);
	/* where they are interleaved the streams are known before */
	if (!cast->interleaved)
		send_on_missing_stream(stage, &cast->keeper);
}

static void keeper(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct keeper_cast *keeper = &cast->keeper;
	unsigned int least = cast->interleaved ? 2 * KINDS : KINDS;
	struct keeper_ends *all;

	/* however few there are, each end is met */
	if (keeper->connections < least)
		keeper->connections = least;
	all = calloc(keeper->connections, sizeof(*all));
	if (!all)
		stage_fail(stage, "memory for the descriptors");
	keeper_enter_namespace(stage, keeper, 4096);
	stage_report(stage, link_run(SMALL_PACKETS) &&
		     (!cast->interleaved || allow_interleaving()));
	make_all(stage, cast, all);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < keeper->connections; i++)
		if (kinds[i % KINDS].end)
			kinds[i % KINDS].end(stage, keeper, &all[i]);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < keeper->connections; i++)
		drain(all[i].accepted);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = { "peak", "ended", "read", NULL };
	long long able;

	if (!play_await(play, keeper, &able))
		return false;
	if (!able)
		return play_skip(play, "there is no ip(8)");
	return keeper_settle(play, keeper, phases);
}

static void play_with(struct play *play, struct cast cast)
{
	static const struct keeper how = { keeper, go_through };

	keeper_play(play, &how, &cast.keeper);
}

static void play(struct play *play)
{
	play_with(play, (struct cast){ 0 });
}

static void play_interleaved(struct play *play)
{
	play_with(play, (struct cast){ .interleaved = true });
}

const struct scenario sctp_other_ends = {
	.name = "sctp-other-ends",
	.summary = "full associations of SCTP are shut down, closed, peeled off; messages given up",
	.protocol = IPPROTO_SCTP,
	.connections = 26,
	.pages = 32,
	.play = play,
};

const struct scenario sctp_interleaved_ends = {
	.name = "sctp-interleaved-ends",
	.summary = "the same, with fragments of messages that may come between each other",
	.protocol = IPPROTO_SCTP,
	.connections = 26,
	.pages = 32,
	.play = play_interleaved,
};
