// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that are sent as a row of segments (UDP_SEGMENT) pass the loopback
 * device in one piece. It is queued like that, or cut up into datagrams that
 * are charged one by one, trimmed or dropped. They are peeked at one after the
 * other, which changes nothing; then some are read, a few of them in vain.
 */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../segment.h"
#include "datagrams.h"

#define SEGMENT 1000
#define SEGMENTS 20
#define MESSAGE (SEGMENTS * SEGMENT)
#define MESSAGES 2
#define TRIMMED_TO 100
/* The kernel doubles them. */
#define RCVBUF (128 * 1024)
#define NARROW (8 * 1024)
#define DELIVERY_MS 10000

enum { WHOLE, CUT, TRIMMED, DROPPED, FULL, KINDS };

/* How long the datagrams are that are queued. */
static const int lengths[KINDS] = {
	[WHOLE] = MESSAGE,
	[CUT] = SEGMENT,
	[TRIMMED] = TRIMMED_TO,
	[DROPPED] = SEGMENT,
	[FULL] = SEGMENT,
};

struct cast {
	const struct play *play;
	unsigned int sockets;
};

/* One of many sockets. */
struct target {
	struct datagrams to;
	unsigned int kind;
	long long peeked;	/* datagrams */
	long long bytes;	/* queued, as the kernel counts them */
};

/* What the filter is given begins with the header. */
static void trim(struct stage *stage, int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_RET | BPF_K, sizeof(struct udphdr) + TRIMMED_TO),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)))
		stage_fail(stage, "SO_ATTACH_FILTER");
}

static void target_open(struct stage *stage, struct target *target,
			const struct play *play, unsigned int kind)
{
	int rcvbuf = kind == FULL ? NARROW : RCVBUF;
	int fd;

	*target = (struct target){ .kind = kind };
	datagrams_open(stage, &target->to, play, MESSAGE, rcvbuf);
	fd = target->to.fd;
	/* peeks go on where the last one has ended */
	connection_set(stage, fd, SOL_SOCKET, SO_PEEK_OFF, 0);
	if (kind == WHOLE)
		connection_set(stage, fd, IPPROTO_UDP, UDP_GRO, 1);
	else if (kind == TRIMMED)
		trim(stage, fd);
	else if (kind == DROPPED)
		segment_ignore(stage, fd);
}

/* Looks at one datagram more; only a part of it is given. */
static bool peek(struct stage *stage, struct target *target)
{
	char data[TRIMMED_TO / 2];
	ssize_t length = recv(target->to.fd, data, sizeof(data),
			      MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	if (length < 0 && errno == EAGAIN)
		return false;
	if (length != lengths[target->kind])
		stage_fail(stage, "peeking");
	target->peeked++;
	return true;
}

/* Waits until all of so many messages are either queued or dropped. */
static void await(struct stage *stage, struct target *target,
		  long long messages)
{
	long long deadline = play_clock_ms() + DELIVERY_MS;
	long long all = messages * (target->kind == WHOLE ? 1 : SEGMENTS);
	struct meminfo info;

	do {
		while (peek(stage, target))
			;
		if (!meminfo_of_socket(target->to.fd, &info))
			stage_fail(stage, "SO_MEMINFO");
		target->bytes = info.receive_queue_bytes;
		if (target->peeked + info.drops == all)
			return;
	} while (play_clock_ms() < deadline);
	errno = ETIMEDOUT;
	stage_fail(stage, "delivery of a message");
}

static void send_message(struct stage *stage, int from,
			 const struct target *target)
{
	static const char data[MESSAGE];

	if (sendto(from, data, MESSAGE, 0,
		   (const struct sockaddr *)&target->to.address.address,
		   target->to.address.length) != MESSAGE)
		stage_fail(stage, "sendto");
}

/* Whether the loopback device does not cut up what is sent. */
static bool passes_whole(struct stage *stage, const struct play *play, int from)
{
	static char data[MESSAGE];
	struct target target;
	ssize_t length;

	target_open(stage, &target, play, WHOLE);
	send_message(stage, from, &target);
	length = recv(target.to.fd, data, MESSAGE, 0);
	close(target.to.fd);
	return length == MESSAGE;
}

/* Whether so many datagrams are there as come of a kind. */
static bool is_right(const struct target *target)
{
	if (target->kind == DROPPED)
		return !target->peeked;
	if (target->kind == WHOLE)
		return target->peeked == MESSAGES;
	if (target->kind == FULL)
		return target->peeked &&
		       target->peeked < (long long)MESSAGES * SEGMENTS;
	return target->peeked == (long long)MESSAGES * SEGMENTS;
}

/* Each message is counted as much as the first, unless some of it is lost. */
static void fill(struct stage *stage, int from, struct target *target)
{
	long long first;

	send_message(stage, from, target);
	await(stage, target, 1);
	first = target->bytes;
	for (int i = 1; i < MESSAGES; i++)
		send_message(stage, from, target);
	await(stage, target, MESSAGES);
	if (!is_right(target) ||
	    (target->kind != FULL && target->bytes != MESSAGES * first)) {
		errno = EPROTO;
		stage_fail(stage, "what has come of the messages");
	}
}

/* The first datagram is lost, because its reader has no valid address. */
static void drain(struct stage *stage, struct target *target)
{
	int fd = target->to.fd;
	ssize_t length;
	char byte;

	if (target->kind != DROPPED &&
	    (recv(fd, (void *)1, MESSAGE, MSG_DONTWAIT) >= 0 ||
	     errno != EFAULT))
		stage_fail(stage, "recv at no valid address");
	for (long long i = 1; i < target->peeked; i++) {
		length = recv(fd, &byte, 1, MSG_TRUNC | MSG_DONTWAIT);
		if (length != lengths[target->kind])
			stage_fail(stage, "recv");
	}
	target->bytes = 0;
}

static void receiver(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct target *all = calloc(cast->sockets, sizeof(*all));
	int from = datagrams_sender(stage, cast->play);
	long long bytes = 0, unread = 0;

	if (!all)
		stage_fail(stage, "memory for the sockets");
	connection_set(stage, from, IPPROTO_UDP, UDP_SEGMENT, SEGMENT);
	stage_report(stage, passes_whole(stage, cast->play, from));
	for (unsigned int i = 0; i < cast->sockets; i++) {
		target_open(stage, &all[i], cast->play, i % KINDS);
		fill(stage, from, &all[i]);
		bytes += all[i].bytes;
	}
	close(from);
	stage_report(stage, bytes);
	for (unsigned int i = 0; i < cast->sockets; i++) {
		if (i / KINDS % 2)
			drain(stage, &all[i]);
		unread += all[i].bytes;
	}
	stage_report(stage, unread);
}

static void play(struct play *play)
{
	struct cast cast = { .play = play, .sockets = play->connections };
	struct actor actor = { 0 };
	long long pages, bytes, whole;
	bool ok = play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) &&
		  play_start(play, &actor, "receiver", receiver, &cast) &&
		  play_await(play, &actor, &whole) &&
		  (whole || play_skip(play, "loopback cuts up rows of segments")) &&
		  play_step(play, &actor, &bytes) &&
		  datagrams_expect_queued(play, "peak", &actor, bytes);

	if (ok)
		play_peak(play);
	ok = ok && play_step(play, &actor, &bytes) &&
	     datagrams_expect_queued(play, "read", &actor, bytes);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario udp_segments = {
	.name = "udp-segments",
	.summary = "rows of segments, cut up, trimmed, dropped; peeked at, read in vain",
	.protocol = IPPROTO_UDP,
	.connections = 50,
	.pages = 40,
	.play = play,
};
