// SPDX-License-Identifier: GPL-2.0-only
/*
 * All protocols at once, over IPv4 and IPv6: messages of any size, sockets
 * closed with or without a RST, with whatever is in their queues. Meanwhile
 * the books are read again and again: each exact reading is to be balanced,
 * and none without stopping the machine is to be imbalanced.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load.h"

#define READINGS 50
/* The loads of all protocols, over both families. */
#define LOADS 16
/* How many readings of the wrong kind are told about. */
#define REMARKS 5

/* A load of one family. */
struct part {
	const struct load *load;
	sa_family_t family;
	unsigned int *steps;	/* that it has made, in shared memory */
	unsigned int before;
	struct actor actor;
};

struct round {
	struct part parts[LOADS];
	unsigned int count;
	unsigned int *steps;
};

static void player(struct stage *stage, void *arg)
{
	struct part *part = arg;

	/* leave the processors to who reads */
	setpriority(PRIO_PROCESS, 0, 5);
	load_run(stage, part->load, part->family, part->steps);
}

static bool kernel_has(int protocol, sa_family_t family)
{
	struct loopback server;
	int fd;

	loopback_set(&server, family, 0);
	server.protocol = protocol;
	fd = loopback_bind(&server);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void add(struct play *play, struct round *round,
		const struct load *load, sa_family_t family)
{
	if (!kernel_has(load->protocol, family)) {
		ktap_remark(play->ktap, "the kernel cannot do %s over IPv%d",
			    load->name, family == AF_INET ? 4 : 6);
		return;
	}
	round->parts[round->count] = (struct part){
		.load = load, .family = family,
		.steps = &round->steps[round->count],
	};
	round->count++;
}

static bool start(struct play *play, struct round *round)
{
	long long value;
	bool ok = true;

	for (unsigned int i = 0; ok && i < round->count; i++)
		ok = play_start(play, &round->parts[i].actor,
				round->parts[i].load->name, player,
				&round->parts[i]) &&
		     play_await(play, &round->parts[i].actor, &value);
	for (unsigned int i = 0; ok && i < round->count; i++)
		ok = play_cue(play, &round->parts[i].actor);
	return ok;
}

static unsigned int steps_of(const struct part *part)
{
	return __atomic_load_n(part->steps, __ATOMIC_RELAXED);
}

/* A load that stands still has failed, and tells why. */
static bool expect_movement(struct play *play, const char *phase,
			    struct round *round)
{
	unsigned int moving = 0, steps = 0;
	long long value;

	for (unsigned int i = 0; i < round->count; i++) {
		struct part *part = &round->parts[i];

		if (steps_of(part) == part->before &&
		    !play_await(play, &part->actor, &value))
			return false;
		moving += steps_of(part) != part->before;
		steps += steps_of(part) - part->before;
		part->before = steps_of(part);
	}
	ktap_remark(play->ktap, "%s: %u steps of the loads", phase, steps);
	return play_expect(play, phase, "loads that did something",
			   round->count, moving);
}

static void remark_verdicts(struct play *play, const struct books *books)
{
	for (size_t i = 0; i < books->n_pools; i++)
		if (books->pools[i].verdict != BOOKS_BALANCED)
			ktap_remark(play->ktap, "%s: %s: %s",
				    books->pools[i].name,
				    books_verdict_name(books->pools[i].verdict),
				    books->pools[i].reason);
	for (size_t i = 0; i < books->n_counters; i++)
		ktap_remark(play->ktap, "%s of %s: %s: kernel %lld, census %lld",
			    books->counters[i].name,
			    books->counters[i].protocol ?
				    books->counters[i].protocol : "all",
			    books_verdict_name(books->counters[i].verdict),
			    books->counters[i].kernel,
			    books->counters[i].census);
}

/* How many readings had which verdict, the most severe of all pools. */
static bool read_often(struct play *play, bool live, unsigned int readings,
		       unsigned int verdicts[BOOKS_VERDICTS])
{
	enum books_verdict tolerable = live ? BOOKS_INCOMPLETE : BOOKS_BALANCED;
	enum books_verdict verdict;
	unsigned int remarks = 0;
	struct books books;

	memset(verdicts, 0, BOOKS_VERDICTS * sizeof(*verdicts));
	for (unsigned int i = 0; i < readings; i++) {
		if (!play_pools(play, live, &books))
			return false;
		verdict = books_worst(&books);
		verdicts[verdict]++;
		if (verdict > tolerable && remarks++ < REMARKS)
			remark_verdicts(play, &books);
		books_free(&books);
	}
	return true;
}

static bool exact(struct play *play, struct round *round,
		  unsigned int readings)
{
	unsigned int verdicts[BOOKS_VERDICTS];

	return read_often(play, false, readings, verdicts) &&
	       expect_movement(play, "exact", round) &&
	       play_expect(play, "exact", "readings that were balanced",
			   readings, verdicts[BOOKS_BALANCED]);
}

static bool live(struct play *play, struct round *round, unsigned int readings)
{
	unsigned int verdicts[BOOKS_VERDICTS];

	if (!read_often(play, true, readings, verdicts))
		return false;
	ktap_remark(play->ktap,
		    "live: of %u readings %u balanced, %u in-flux, %u incomplete",
		    readings, verdicts[BOOKS_BALANCED],
		    verdicts[BOOKS_IN_FLUX], verdicts[BOOKS_INCOMPLETE]);
	return expect_movement(play, "live", round) &&
	       play_expect(play, "live", "readings that were imbalanced", 0,
			   verdicts[BOOKS_IMBALANCED]);
}

static void play(struct play *play)
{
	unsigned int readings = play->readings ? play->readings : READINGS;
	struct round round = { 0 };
	bool ok;

	round.steps = mmap(NULL, LOADS * sizeof(*round.steps),
			   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	if (round.steps == MAP_FAILED) {
		play_fail(play, "mmap: %s", strerror(errno));
		return;
	}
	for (const struct load *load = loads; load->name; load++) {
		add(play, &round, load, AF_INET);
		add(play, &round, load, AF_INET6);
	}
	ok = play_expect_balanced(play, "before") && start(play, &round) &&
	     exact(play, &round, readings) && live(play, &round, readings);
	if (ok)
		play_peak(play);
	for (unsigned int i = 0; i < round.count; i++)
		actor_kill(&round.parts[i].actor);
	if (ok)
		play_expect_settled(play, "after");
	munmap(round.steps, LOADS * sizeof(*round.steps));
}

const struct scenario mixed_load = {
	.name = "mixed-load",
	.summary = "all protocols at once, while the books are read again and again",
	.connections = 16,
	.pages = 400,
	.play = play,
};
