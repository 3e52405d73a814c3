// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "peak.h"
#include "scenarios/traffic.h"

#define READINGS 10

/* Only at the first peak of all: a number is that of one situation. */
static void ask_sockdiag(struct play *play)
{
	struct score *score = play->score;
	const char *pool = scenario_pool(play->scenario);
	char *error = NULL;
	int status;

	if (score->asked)
		return;
	status = blindspot_read(&score->blindspot, pool, &error);
	score->asked = !status;
	if (status == -ENOENT)
		ktap_remark(play->ktap, "the kernel has no sock_diag for %s",
			    pool);
	else if (status)
		play_fail(play, "peak: %s", error);
	free(error);
}

/* Readings that each have seen every load move. */
static bool read_under_load(struct play *play, struct traffic *traffic,
			    unsigned int readings,
			    unsigned int verdicts[BOOKS_VERDICTS])
{
	enum books_verdict verdict;
	struct books books;

	for (unsigned int i = 0; i < readings; i++) {
		if (!traffic_await_movement(play, traffic) ||
		    !play_pools(play, false, &books))
			return false;
		verdict = books_worst(&books);
		verdicts[verdict]++;
		score_load(play->score, verdict);
		play_remark_verdicts(play, &books);
		books_free(&books);
	}
	return true;
}

/* What is balanced at rest is so under load; nothing is imbalanced. */
static bool load(struct play *play, enum books_verdict at_rest)
{
	unsigned int readings = play->readings ? play->readings : READINGS;
	unsigned int verdicts[BOOKS_VERDICTS] = { 0 };
	const char *phase = "peak, under load";
	struct traffic traffic;
	bool ok = traffic_start(play, &traffic, moderate_loads) &&
		  read_under_load(play, &traffic, readings, verdicts) &&
		  play_expect(play, phase, "readings that were imbalanced", 0,
			      verdicts[BOOKS_IMBALANCED]) &&
		  (at_rest != BOOKS_BALANCED ||
		   play_expect(play, phase, "readings that were balanced",
			       readings, verdicts[BOOKS_BALANCED]));

	traffic_stop(&traffic);
	return ok;
}

/*
 * Where sockets are counted, that tells: what the others are charged may change,
 * as peers are probed.
 */
static bool has_more(const struct books_pool *is, const struct books_pool *was)
{
	if (is->sockets_allocated == BOOKS_NONE)
		return books_counted_pages(is) > books_counted_pages(was);
	return is->sockets_allocated > was->sockets_allocated;
}

/* Others, say orphans, may have come to their end meanwhile. */
static bool has_no_more(const struct books *after, const struct books *before)
{
	for (size_t i = 0; i < before->n_pools; i++) {
		const struct books_pool *was = &before->pools[i];
		const struct books_pool *is =
			books_find_pool(after, was->name);

		if (is && (is->sockets_found > was->sockets_found ||
			   has_more(is, was)))
			return false;
	}
	return true;
}

/* Its closed sockets may have to wait, say for a grace period. */
static void expect_no_trace(struct play *play, const struct books *before)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	struct books books;
	bool gone;

	do {
		play_pause();
		if (!play_pools(play, false, &books))
			return;
		gone = has_no_more(&books, before);
		books_free(&books);
	} while (!gone && play_clock_ms() < deadline);
	play_expect(play, "peak", "the load has left nothing behind", true,
		    gone);
}

void peak_measure(struct play *play)
{
	struct books before;

	if (!play_pools(play, false, &before))
		return;
	score_rest(play->score, books_worst(&before));
	ask_sockdiag(play);
	if (load(play, books_worst(&before)))
		expect_no_trace(play, &before);
	books_free(&before);
}
