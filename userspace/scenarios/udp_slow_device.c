// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket is closed while packets it has sent wait in a slow device's queue.
 * They keep it alive: it is in no table and no process has it, but what it
 * received is still charged. It can be known that a socket is missing, so the
 * verdict is undetermined, not imbalanced; until the queue is dropped.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datagrams.h"

#define DATAGRAMS 20
#define READINGS 2

/* Nothing gets through before the queue is deleted, which drops it. */
#define SLOW "tc qdisc add dev lo root netem delay 200s limit 100000"
#define NO_LONGER_SLOW "tc qdisc del dev lo root"

struct cast {
	const struct play *play;
	unsigned int sockets;
};

static void run(struct stage *stage, const char *command)
{
	errno = 0;
	if (system(command))
		stage_fail(stage, command);
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
	stage_report(stage, cast->sockets);
	run(stage, SLOW);
	for (unsigned int i = 0; i < cast->sockets; i++)
		if (sendto(all[i].fd, "x", 1, 0,
			   (struct sockaddr *)&all[i].address.address,
			   all[i].address.length) != 1)
			stage_fail(stage, "sendto");
	for (unsigned int i = 0; i < cast->sockets; i++)
		close(all[i].fd);
	stage_report(stage, 0);
	run(stage, NO_LONGER_SLOW);
	stage_report(stage, 0);
}

/* The pool's verdicts while the closed sockets are kept alive. */
static bool expect_undetermined(struct play *play, long long *pages)
{
	unsigned int verdicts[BOOKS_VERDICTS] = { 0 };
	const struct books_pool *pool;
	struct books books;

	for (int i = 0; i < READINGS; i++) {
		if (!play_books(play, "balance", &books))
			return false;
		pool = &books.pools[0];
		verdicts[pool->verdict]++;
		*pages = books_counted_pages(pool);
		if (i == 0)
			ktap_remark(play->ktap, "%s: %s",
				    books_verdict_name(pool->verdict),
				    pool->reason);
		books_free(&books);
	}
	return play_expect(play, "peak", "readings that were balanced", 0,
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

	return play_await(play, actor, &value) &&
	       play_charge(play, whose(BOOKS_CLASS_OPEN, actor), &charge) &&
	       play_expect_meminfo(play, "open",
				   whose(BOOKS_CLASS_OPEN, actor)) &&
	       play_expect_balanced(play, "open") && play_pages(play, &full) &&
	       play_step(play, actor, &value) &&
	       play_expect_sockets(play, "peak",
				   whose(BOOKS_CLASS_OPEN, actor), 1) &&
	       expect_undetermined(play, &slow) &&
	       play_expect(play, "peak", "pages charged, as before the close",
			   full, slow);
}

static void play(struct play *play)
{
	struct cast cast = { .play = play, .sockets = play->connections };
	struct actor actor = { 0 };
	long long pages, value;
	bool ok;

	if (system("tc -V >/dev/null 2>&1")) {
		play_skip(play, "tc (iproute2) is not installed");
		return;
	}
	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) &&
	     play_start(play, &actor, "sender", sender, &cast) &&
	     peak(play, &actor);
	if (ok)
		play_peak(play);
	ok = ok && play_step(play, &actor, &value);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
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
