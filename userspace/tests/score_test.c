// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "array.h"
#include "scenario.h"
#include "tests/helper.h"

static const struct scenario tcp = { .name = "a", .summary = "x" };
static const struct scenario udp = {
	.name = "bb", .summary = "y", .protocol = IPPROTO_UDP,
};

static const struct scenario mixed = {
	.name = "c", .summary = "z", .protocols = "all",
};

static void assert_printed(const struct score *scores, size_t count,
			   const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(score_print(scores, count, out), 0);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void a_row_says_what_was_shown(void **state)
{
	const struct score scores[] = {
		{ .scenario = &tcp, .passed = 2, .readings = 20,
		  .balanced = 20, .asked = true,
		  .blindspot = { .sockets = 5000, .pages = 15000 } },
		{ .scenario = &udp, .passed = 1, .asked = true },
		{ .scenario = &udp, .passed = 1, .asked = true,
		  .blindspot = { .pages = 600 } },
		{ .scenario = &tcp, .passed = 1, .asked = true,
		  .blindspot = { .sockets = 1, .pages = 1 } },
		{ .scenario = &mixed },
	};

	(void)state;
	assert_printed(scores, ARRAY_SIZE(scores),
		"SCENARIO  PROTOCOL  AT REST   UNDER LOAD  HIDDEN FROM SS             WHAT HAPPENS\n"
		"a         TCP       balanced  20/20       5000 sockets, 15000 pages  x\n"
		"bb        UDP       balanced  -           none                       y\n"
		"bb        UDP       balanced  -           600 pages                  y\n"
		"a         TCP       balanced  -           1 socket, 1 page           x\n"
		"c         all       skip      -           -                          z\n");
}

static void the_worst_of_all_readings_counts(void **state)
{
	struct score score = { .scenario = &tcp, .passed = 2 };

	(void)state;
	score_rest(&score, BOOKS_INCOMPLETE);
	score_rest(&score, BOOKS_BALANCED);
	score_load(&score, BOOKS_BALANCED);
	score_load(&score, BOOKS_IN_FLUX);
	score_load(&score, BOOKS_BALANCED);
	assert_printed(&score, 1,
		"SCENARIO  PROTOCOL  AT REST     UNDER LOAD   HIDDEN FROM SS  WHAT HAPPENS\n"
		"a         TCP       incomplete  2/3 in-flux  -               x\n");
}

/* Whatever has been read. */
static void one_failure_is_told_of(void **state)
{
	const struct score score = {
		.scenario = &tcp, .passed = 1, .failed = 1,
	};

	(void)state;
	assert_printed(&score, 1,
		"SCENARIO  PROTOCOL  AT REST  UNDER LOAD  HIDDEN FROM SS  WHAT HAPPENS\n"
		"a         TCP       failed   -           -               x\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_says_what_was_shown),
		cmocka_unit_test(the_worst_of_all_readings_counts),
		cmocka_unit_test(one_failure_is_told_of),
	};

	return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
