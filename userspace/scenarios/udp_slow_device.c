// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket is closed while packets it has sent wait in a slow device's queue.
 * They keep it alive: it is in no table and no process has it, but what it
 * received is still charged. It can be known that a socket is missing, so the
 * verdict is undetermined, not imbalanced; until the queue is dropped. Played
 * with a queue that takes references to the sockets, and with one in which
 * nothing but what they have still to send keeps them.
 */
#include <errno.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../array.h"
#include "../link.h"
#include "datagrams.h"

#define DATAGRAMS 20
#define READINGS 2

#define DELAY_S 200

/* Nothing gets through before the queue is deleted, which drops it. */
static const struct slow {
	const char *name;
	const char *options;
	bool timed;		/* the packets say when they are to be sent */
} slows[] = {
	{ "netem", "delay 200s limit 100000", false },
	{ "fq", "horizon 1000s", true },
};

struct cast {
	const struct play *play;
	const struct slow *slow;
	unsigned int sockets;
};

/* The control message of one that is to be sent later. */
static void set_time(struct stage *stage, int fd, struct msghdr *message)
{
	const struct sock_txtime how = { .clockid = CLOCK_MONOTONIC };
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	struct timespec now;
	unsigned long long then;

	if (setsockopt(fd, SOL_SOCKET, SO_TXTIME, &how, sizeof(how)))
		stage_fail(stage, "SO_TXTIME");
	clock_gettime(CLOCK_MONOTONIC, &now);
	then = (unsigned long long)(now.tv_sec + DELAY_S) * 1000000000;
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_TXTIME;
	control->cmsg_len = CMSG_LEN(sizeof(then));
	memcpy(CMSG_DATA(control), &then, sizeof(then));
}

/* A packet to itself, which will not come. */
static void send_slowly(struct stage *stage, struct datagrams *self,
			const struct slow *slow)
{
	union {
		char bytes[CMSG_SPACE(sizeof(unsigned long long))];
		struct cmsghdr aligned;
	} control = { 0 };
	struct iovec part = { .iov_base = "x", .iov_len = 1 };
	struct msghdr message = {
		.msg_name = &self->address.address,
		.msg_namelen = self->address.length,
		.msg_iov = &part,
		.msg_iovlen = 1,
	};

	if (slow->timed) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		set_time(stage, self->fd, &message);
	}
	if (sendmsg(self->fd, &message, 0) != 1)
		stage_fail(stage, "sendmsg");
}

static void sender(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct datagrams *all = calloc(cast->sockets, sizeof(*all));
	int from;

	if (!all)
		stage_fail(stage, "memory for the sockets");
	/* a loopback device of its own, which may become slow */
	if (!loopback_unshare(CLONE_NEWNET))
		stage_fail(stage, "unshare");
	from = datagrams_sender(stage, cast->play);
	for (unsigned int i = 0; i < cast->sockets; i++) {
		datagrams_open(stage, &all[i], cast->play, 1000, 1 << 18);
		datagrams_send(stage, from, &all[i], DATAGRAMS);
	}
	stage_report(stage, link_run("tc qdisc add dev lo root %s %s",
				     cast->slow->name, cast->slow->options));
	for (unsigned int i = 0; i < cast->sockets; i++)
		send_slowly(stage, &all[i], cast->slow);
	for (unsigned int i = 0; i < cast->sockets; i++)
		close(all[i].fd);
	stage_report(stage, 0);
	stage_report(stage, link_run("tc qdisc del dev lo root"));
}

/*
 * The pool's verdicts while the closed sockets are kept alive. A reading takes
 * seconds then, as what is missing may only be late: each tells of all that is
 * expected.
 */
static bool expect_undetermined(struct play *play, const struct actor *actor,
				long long *pages)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, actor);
	unsigned int verdicts[BOOKS_VERDICTS] = { 0 };
	const struct books_pool *pool;
	struct books books;
	long long sockets = 0;

	for (int i = 0; i < READINGS; i++) {
		if (!play_books(play, "owners", &books))
			return false;
		sockets = play_charge_in(&books, open).sockets;
		pool = &books.pools[0];
		verdicts[pool->verdict]++;
		*pages = books_counted_pages(pool);
		if (i == 0)
			ktap_remark(play->ktap, "%s: %s",
				    books_verdict_name(pool->verdict),
				    pool->reason);
		books_free(&books);
	}
	return play_expect(play, "peak", "open sockets of sender", 1,
			   sockets) &&
	       play_expect(play, "peak", "readings that were balanced", 0,
			   verdicts[BOOKS_BALANCED]) &&
	       play_expect(play, "peak", "readings that were imbalanced", 0,
			   verdicts[BOOKS_IMBALANCED]) &&
	       play_expect(play, "peak", "readings that were undetermined",
			   READINGS,
			   verdicts[BOOKS_INCOMPLETE] +
				   verdicts[BOOKS_IN_FLUX]);
}

static bool peak(struct play *play, struct actor *actor)
{
	struct books_charge charge;
	long long value, full, slow;

	return play_charge(play, whose(BOOKS_CLASS_OPEN, actor), &charge) &&
	       play_expect_meminfo(play, "open",
				   whose(BOOKS_CLASS_OPEN, actor)) &&
	       play_expect_balanced(play, "open") && play_pages(play, &full) &&
	       play_step(play, actor, &value) &&
	       expect_undetermined(play, actor, &slow) &&
	       play_expect(play, "peak", "pages charged, as before the close",
			   full, slow);
}

/* Returns whether the kernel has such a queue. */
static bool round_play(struct play *play, const struct slow *slow)
{
	struct cast cast = {
		.play = play,
		.slow = slow,
		.sockets = play->connections,
	};
	struct actor actor = { 0 };
	long long pages, has = true, value;
	bool ok;

	ktap_remark(play->ktap, "with %s", slow->name);
	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) &&
	     play_start(play, &actor, "sender", sender, &cast) &&
	     play_await(play, &actor, &has) && has && peak(play, &actor);
	if (ok)
		play_peak(play);
	ok = ok && play_step(play, &actor, &value) &&
	     play_expect(play, "after", "queues deleted", 1, value);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
	return has;
}

static void play(struct play *play)
{
	bool any = false;

	for (unsigned int i = 0; i < ARRAY_SIZE(slows); i++)
		any |= round_play(play, &slows[i]);
	if (!any)
		play_skip(play, "there is no tc(8), or neither netem nor fq");
}

const struct scenario udp_slow_device = {
	.name = "udp-slow-device",
	.summary = "closed, but alive until its packets have left: undetermined",
	.protocol = IPPROTO_UDP,
	.connections = 20,
	.pages = 32,
	.play = play,
};

const struct scenario udplite_slow_device = {
	.name = "udplite-slow-device",
	.summary = "the same with UDP-Lite",
	.protocol = IPPROTO_UDPLITE,
	.connections = 20,
	.pages = 32,
	.play = play,
};
