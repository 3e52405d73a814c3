/* SPDX-License-Identifier: GPL-2.0-only */
/* All suites; main.c registers them. */
#ifndef SKBAL_SUITES_H
#define SKBAL_SUITES_H

#include "compat.h"

/*
 * Cases are rows of tables, and find theirs by their name. That works on all
 * kernels, and gives each row a result of its own. Where there is a case for
 * each family its name begins with it.
 */
#define SKBAL_CASE(run, row) { .run_case = run, .name = row }
#define SKBAL_CASES(run, row)		\
	SKBAL_CASE(run, "ipv4_" #row),	\
	SKBAL_CASE(run, "ipv6_" #row)

static inline int skbal_case_family(const struct kunit *test)
{
	return strstarts(test->name, "ipv4_") ? AF_INET : AF_INET6;
}

static inline const char *skbal_case_row_name(const struct kunit *test)
{
	return strstarts(test->name, "ipv") ? test->name + strlen("ipv4_") :
					      test->name;
}

/* What rows begin with. */
struct skbal_row {
	const char *name;
};

static inline const void *skbal_row_find(struct kunit *test, const void *rows,
					 size_t count, size_t size)
{
	const char *name = skbal_case_row_name(test);
	const void *end = rows + count * size;

	for (; rows < end; rows += size)
		if (!strcmp(((const struct skbal_row *)rows)->name, name))
			return rows;
	KUNIT_FAIL(test, "there is no such row");
	return NULL;
}

/* The row of an array, or NULL, which fails the test. */
#define skbal_case_row(test, rows)					\
	skbal_row_find(test, rows, ARRAY_SIZE(rows), sizeof((rows)[0]))

#define SKBAL_ROW_CASES(row, run) SKBAL_CASES(run, row),

/*
 * A suite in which all rows come to the same end. The file has play(), for one
 * row; rows(X, arg) is X(row, arg) for each.
 */
#define SKBAL_SUITE(suite, suite_name, end, rows)			\
static void play_##suite(struct kunit *test)				\
{									\
	play(test, end);						\
}									\
									\
static struct kunit_case suite##_cases[] = {				\
	rows(SKBAL_ROW_CASES, play_##suite)				\
	{}								\
};									\
									\
struct kunit_suite skbal_##suite##_suite = {				\
	.name = "skbalance_" suite_name,				\
	.test_cases = suite##_cases,					\
}

extern struct kunit_suite skbal_linger0_suite;
extern struct kunit_suite skbal_linger1_suite;
extern struct kunit_suite skbal_acknowledged_suite;
extern struct kunit_suite skbal_timeout_suite;
extern struct kunit_suite skbal_retries_suite;
extern struct kunit_suite skbal_abort_suite;
extern struct kunit_suite skbal_disconnect_suite;
extern struct kunit_suite skbal_reset_suite;
extern struct kunit_suite skbal_vanish_suite;
extern struct kunit_suite skbal_keepalive_suite;
extern struct kunit_suite skbal_queue_accept_suite;
extern struct kunit_suite skbal_queue_close_suite;
extern struct kunit_suite skbal_queue_shutdown_suite;
extern struct kunit_suite skbal_queue_abort_suite;
extern struct kunit_suite skbal_queue_disconnect_suite;
extern struct kunit_suite skbal_udp_close_suite;
extern struct kunit_suite skbal_udp_disconnect_suite;
extern struct kunit_suite skbal_udp_abort_suite;
extern struct kunit_suite skbal_many_suite;
extern struct kunit_suite skbal_arithmetic_suite;
extern struct kunit_suite skbal_class_suite;
extern struct kunit_suite skbal_loss_suite;

#endif /* SKBAL_SUITES_H */
