// SPDX-License-Identifier: GPL-2.0-only
/*
 *	sender ---- association 1..N ----> receiver (does not read)
 *
 * The senders fill their write queues with small messages, then close. The
 * kernel counts each chunk's own structure in the write queue, too, but does
 * not charge it. Played with one-to-one sockets, accepted or not, and with
 * one-to-many sockets: then a single one receives everything.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../array.h"
#include "../association.h"
#include "../connections.h"
#include "../link.h"
#include "scenarios.h"

#define MESSAGE 100
/* The kernel doubles them. */
#define SNDBUF (16 * 1024)
#define RCVBUF (32 * 1024)
#define RTO_MS 1000

struct way {
	const char *name;
	int type;		/* SOCK_... of the sockets */
	bool accepted;
};

struct cast {
	const struct way *way;
	struct loopback server;
	int listener;
	unsigned int connections;
	int *fds;
	long long *messages;	/* that each socket has taken */
};

static void receiver(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	if (cast->way->accepted)
		connections_accept(stage, cast->listener, cast->connections, 0);
	stage_report(stage, 0);
}

static long long fill(struct stage *stage, const struct cast *cast, int fd)
{
	static const char data[MESSAGE];
	long long messages = 0;

	while (sendto(fd, data, sizeof(data), MSG_NOSIGNAL | MSG_DONTWAIT,
		      (const struct sockaddr *)&cast->server.address,
		      cast->server.length) > 0)
		messages++;
	if (errno != EAGAIN)
		stage_fail(stage, "sendto");
	return messages;
}

static void ask(struct stage *stage, int fd, int option, void *answer,
		socklen_t length)
{
	if (getsockopt(fd, IPPROTO_SCTP, option, answer, &length))
		stage_fail(stage, "getsockopt of SCTP");
}

/* A one-to-many socket wants to hear which of its associations is meant. */
static sctp_assoc_t association_of(struct stage *stage, const struct cast *cast,
				   int fd)
{
	struct { __u32 count; sctp_assoc_t first; } answer = { 0 };

	if (cast->way->type == SOCK_SEQPACKET)
		ask(stage, fd, SCTP_GET_ASSOC_ID_LIST, &answer, sizeof(answer));
	return answer.first;
}

/* The chunks that wait to be sent or acknowledged. Each message makes one. */
static long long chunks_of(struct stage *stage, const struct cast *cast,
			   unsigned int i)
{
	struct sctp_assoc_stats stats = { 0 };
	struct sctp_status status = { 0 };

	status.sstat_assoc_id = association_of(stage, cast, cast->fds[i]);
	stats.sas_assoc_id = status.sstat_assoc_id;
	ask(stage, cast->fds[i], SCTP_STATUS, &status, sizeof(status));
	ask(stage, cast->fds[i], SCTP_GET_ASSOC_STATS, &stats, sizeof(stats));
	return cast->messages[i] - (long long)stats.sas_oodchunks +
	       status.sstat_unackdata;
}

static void connect_all(struct stage *stage, struct cast *cast)
{
	int size = SNDBUF;

	cast->fds = calloc(cast->connections, sizeof(*cast->fds));
	cast->messages = calloc(cast->connections, sizeof(*cast->messages));
	if (!cast->fds || !cast->messages)
		stage_fail(stage, "memory for the sockets");
	for (unsigned int i = 0; i < cast->connections; i++) {
		cast->fds[i] = loopback_connect(&cast->server);
		if (cast->fds[i] < 0)
			stage_fail(stage, "connect");
		setsockopt(cast->fds[i], SOL_SOCKET, SO_SNDBUF, &size,
			   sizeof(size));
		/*
		 * What was lost in the rush is sent again before
		 * read_at_rest() loses patience.
		 */
		association_set_rto_of(stage, cast->fds[i],
				       association_of(stage, cast,
						      cast->fds[i]),
				       RTO_MS, RTO_MS);
	}
}

/*
 * At each cue it tops up the write queues, and reports the chunks in them, or
 * -1 as long as there was room.
 */
static void sender(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long taken, chunks, more;

	close(cast->listener);
	connect_all(stage, cast);
	for (;;) {
		taken = 0;
		chunks = 0;
		for (unsigned int i = 0; i < cast->connections; i++) {
			more = fill(stage, cast, cast->fds[i]);
			cast->messages[i] += more;
			taken += more;
		}
		for (unsigned int i = 0; i < cast->connections; i++)
			chunks += chunks_of(stage, cast, i);
		stage_report(stage, taken ? -1 : chunks);
	}
}

struct round {
	const struct way *way;
	struct cast cast;
	struct actor receiver, sender;
	long long pages;	/* before */
};

/* What the senders' sockets are charged, and say of themselves, at rest. */
struct reading {
	struct books_charge charge;
	struct meminfo sum;
	long long chunks;
};

/* From so many bytes on a receiver takes nothing more. */
static long long room(const struct play *play, const struct round *round)
{
	return 2LL * RCVBUF * (round->way->accepted ? play->connections : 1);
}

/*
 * All queues are full, and nothing moved while the books were read. As long as
 * more comes in there is reason to be patient.
 */
static bool read_at_rest(struct play *play, struct round *round,
			 struct reading *reading)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	struct whose senders = whose(BOOKS_CLASS_OPEN, &round->sender);
	long long before, held = 0;
	struct meminfo received;

	if (!play_step(play, &round->sender, &reading->chunks))
		return false;
	do {
		before = reading->chunks;
		if (!play_charge(play, senders, &reading->charge) ||
		    !play_meminfo(play, "peak", &round->sender,
				  &reading->sum) ||
		    !play_meminfo(play, "peak", &round->receiver, &received) ||
		    !play_step(play, &round->sender, &reading->chunks))
			return false;
		if (before >= 0 && before == reading->chunks &&
		    received.receive_queue_bytes >= room(play, round))
			return true;
		if (received.receive_queue_bytes > held) {
			held = received.receive_queue_bytes;
			deadline = play_clock_ms() + PLAY_PATIENCE_MS;
		}
		play_pause();
	} while (play_clock_ms() < deadline);
	return play_fail(play,
			 "peak: the queues did not fill up and come to rest: %lld chunks, then %lld; %lld bytes received, room for %lld",
			 before, reading->chunks, held, room(play, round));
}

/* What is queued but not charged is the same for each chunk. */
static bool expect_overhead(struct play *play, const struct reading *reading)
{
	long long overhead = reading->sum.write_queue_bytes -
			     reading->charge.write_queue_bytes;

	ktap_remark(play->ktap, "%lld chunks, %lld bytes of overhead",
		    reading->chunks, overhead);
	ktap_check(play->ktap,
		   reading->chunks > 0 && overhead > reading->chunks &&
			   overhead % reading->chunks == 0,
		   "peak: bytes queued but not charged: expected a multiple of %lld chunks, actual %lld",
		   reading->chunks, overhead);
	return play_expect(play, "peak", "receive queue bytes, by SO_MEMINFO",
			   reading->sum.receive_queue_bytes,
			   reading->charge.receive_queue_bytes) &&
	       play_expect(play, "peak", "forward alloc bytes, by SO_MEMINFO",
			   reading->sum.forward_alloc_bytes,
			   reading->charge.forward_alloc_bytes);
}

/* One that listens holds what came for those that are not accepted. */
static bool expect_received(struct play *play, struct round *round)
{
	bool own = round->way->accepted;
	enum books_class class = own ? BOOKS_CLASS_OPEN : BOOKS_CLASS_LISTEN;
	struct whose receivers = whose(class, &round->receiver);
	struct books_charge charge;
	struct meminfo sum;

	return play_expect_sockets(play, "peak", receivers,
				   own ? play->connections : 1) &&
	       play_meminfo(play, "peak", &round->receiver, &sum) &&
	       play_charge(play, receivers, &charge) &&
	       play_expect(play, "peak", "receive queue bytes, by SO_MEMINFO",
			   sum.receive_queue_bytes,
			   charge.receive_queue_bytes);
}

/* By sock_diag, as far as ss(8) can: more than there is room for in one answer. */
static bool list_all(struct play *play)
{
	return link_run("ss -Sain >/dev/null 2>&1 || true") ||
	       play_fail(play, "peak: the shell");
}

static bool peak(struct play *play, struct round *round,
		 struct reading *reading)
{
	return play_expect_sockets(play, "peak",
				   whose(BOOKS_CLASS_OPEN, &round->sender),
				   play->connections) &&
	       read_at_rest(play, round, reading) &&
	       expect_overhead(play, reading) &&
	       expect_received(play, round) && list_all(play) &&
	       play_expect_balanced(play, "peak");
}

/*
 * The kernel goes on for the senders: what is queued stays charged, less those
 * chunks that the receiver takes after all when they are sent again.
 */
static bool closed(struct play *play, struct round *round,
		   const struct reading *peak)
{
	const char *phase = "after the senders' close";
	struct whose orphans = whose(BOOKS_CLASS_ORPHAN, NULL);
	long long most = peak->charge.write_queue_bytes, now;
	struct books_charge charge;

	actor_kill(&round->sender);
	if (!play_expect_sockets(play, phase, orphans, play->connections) ||
	    !play_charge(play, orphans, &charge))
		return false;
	now = charge.write_queue_bytes;
	ktap_check(play->ktap,
		   now > 0 && now <= most && now % (most / peak->chunks) == 0,
		   "%s: write queue bytes: expected those of whole chunks, %lld at most, actual %lld",
		   phase, most, now);
	return play_expect_settled(play, phase);
}

static bool before(struct play *play, struct round *round)
{
	return play_expect_sockets(play, "before",
				   whose(BOOKS_CLASS_ORPHAN, NULL), 0) &&
	       play_pages(play, &round->pages) &&
	       play_expect_balanced(play, "before");
}

/* A listening socket of the type; what it accepts inherits the buffer. */
static bool cast_listen(struct play *play, struct cast *cast)
{
	int size = RCVBUF;

	loopback_set(&cast->server, play->family, play->port);
	cast->server.protocol = IPPROTO_SCTP;
	cast->server.type = cast->way->type;
	cast->listener = loopback_bind(&cast->server);
	return (cast->listener >= 0 &&
		!setsockopt(cast->listener, SOL_SOCKET, SO_RCVBUF, &size,
			    sizeof(size)) &&
		!listen(cast->listener, 4096)) ||
	       play_fail(play, "listen: %s", strerror(errno));
}

static bool start(struct play *play, struct round *round)
{
	long long value;
	bool ok = cast_listen(play, &round->cast) &&
		  play_start(play, &round->receiver, "receiver", receiver,
			     &round->cast) &&
		  play_start(play, &round->sender, "sender", sender,
			     &round->cast);

	if (round->cast.listener >= 0)
		close(round->cast.listener);
	return ok && play_await(play, &round->receiver, &value) &&
	       play_await(play, &round->sender, &value);
}

static void round_play(struct play *play, const struct way *way)
{
	struct round round = {
		.way = way,
		.cast = { .way = way, .connections = play->connections,
			  .listener = -1 },
	};
	struct reading reading;
	bool ok;

	ktap_remark(play->ktap, "%s", way->name);
	ok = before(play, &round) && start(play, &round) &&
	     peak(play, &round, &reading);
	if (ok)
		play_peak(play);
	ok = ok && closed(play, &round, &reading);
	actor_kill(&round.sender);
	actor_kill(&round.receiver);
	if (ok)
		play_expect_return(play, "after", round.pages);
}

static void play(struct play *play)
{
	static const struct way ways[] = {
		{ "one-to-one sockets", SOCK_STREAM, true },
		{ "one-to-one sockets, not accepted", SOCK_STREAM, false },
		{ "one-to-many sockets", SOCK_SEQPACKET, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		round_play(play, &ways[i]);
}

const struct scenario sctp_frozen_peer = {
	.name = "sctp-frozen-peer",
	.summary = "full queues of SCTP, accepted or not, closed with data pending",
	.protocol = IPPROTO_SCTP,
	.connections = 50,
	.pages = 40,
	.play = play,
};
