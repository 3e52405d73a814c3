// SPDX-License-Identifier: GPL-2.0-only
/*
 * All protocols at once, over IPv4 and IPv6: messages of any size, handled by
 * several CPUs, sockets closed with or without a RST, with whatever is in their
 * queues. Meanwhile the books are read again and again: each exact reading is
 * to be balanced, and none without stopping the machine is to be imbalanced.
 */
#include <string.h>

#include "traffic.h"

#define READINGS 50
/* How many readings of the wrong kind are told about. */
#define REMARKS 5

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
		if (!live)
			score_load(play->score, verdict);
		if (verdict > tolerable && remarks++ < REMARKS)
			play_remark_verdicts(play, &books);
		books_free(&books);
	}
	return true;
}

static bool exact(struct play *play, struct traffic *traffic,
		  unsigned int readings)
{
	unsigned int verdicts[BOOKS_VERDICTS];

	return read_often(play, false, readings, verdicts) &&
	       traffic_expect_movement(play, "exact", traffic) &&
	       play_expect(play, "exact", "readings that were balanced",
			   readings, verdicts[BOOKS_BALANCED]);
}

static bool live(struct play *play, struct traffic *traffic, unsigned int readings)
{
	unsigned int verdicts[BOOKS_VERDICTS];

	if (!read_often(play, true, readings, verdicts))
		return false;
	ktap_remark(play->ktap,
		    "live: of %u readings %u balanced, %u in-flux, %u incomplete",
		    readings, verdicts[BOOKS_BALANCED],
		    verdicts[BOOKS_IN_FLUX], verdicts[BOOKS_INCOMPLETE]);
	return traffic_expect_movement(play, "live", traffic) &&
	       play_expect(play, "live", "readings that were imbalanced", 0,
			   verdicts[BOOKS_IMBALANCED]);
}

static void play(struct play *play)
{
	unsigned int readings = play->readings ? play->readings : READINGS;
	struct traffic traffic;
	bool ok;

	if (!play_expect_balanced(play, "before"))
		return;
	play_spread_packets(play);
	ok = traffic_start(play, &traffic, loads) &&
	     exact(play, &traffic, readings) && live(play, &traffic, readings);
	if (ok)
		play_explain(play);
	traffic_stop(&traffic);
	if (ok && play_expect_no_orphans(play, "after"))
		play_expect_settled(play, "after");
}

const struct scenario mixed_load = {
	.name = "mixed-load",
	.summary = "all protocols at once, while the books are read again and again",
	.protocols = "all",
	.connections = 16,
	.pages = 400,
	.play = play,
};
