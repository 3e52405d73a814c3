// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "actor.h"

static void report_twice(struct stage *stage, void *arg)
{
	stage_report(stage, *(long long *)arg);
	stage_report(stage, 2);
}

static void reports_and_cues_alternate(void **state)
{
	long long value = 1, arg = 1LL << 40;
	struct actor actor;

	(void)state;
	assert_true(actor_start(&actor, "reporter", report_twice, &arg));
	assert_true(actor_await(&actor, &value));
	assert_int_equal(value, 1LL << 40);
	assert_true(actor_cue(&actor));
	assert_true(actor_await(&actor, &value));
	assert_int_equal(value, 2);
	assert_true(actor_cue(&actor));
	assert_false(actor_await(&actor, &value));
	assert_non_null(strstr(actor.error, "died before its report"));
	actor_kill(&actor);
}

static void close_nothing(struct stage *stage, void *arg)
{
	(void)arg;
	close(-1);
	stage_fail(stage, "close");
}

static void failures_are_told(void **state)
{
	struct actor actor;
	long long value;

	(void)state;
	assert_true(actor_start(&actor, "failure", close_nothing, NULL));
	assert_false(actor_await(&actor, &value));
	assert_string_equal(actor.error, "failure: close: Bad file descriptor");
	actor_kill(&actor);
}

static void stand_still(struct stage *stage, void *arg)
{
	(void)arg;
	pause();
	stage_report(stage, 1);
}

static void standstill_is_told(void **state)
{
	struct actor actor;
	long long value;

	(void)state;
	assert_true(actor_start(&actor, "sleeper", stand_still, NULL));
	actor.patience_s = 1;
	assert_false(actor_await(&actor, &value));
	assert_non_null(strstr(actor.error, "has done nothing for 1 s"));
	actor_kill(&actor);
}

/* Three seconds of work, with a patience of one. */
static void work(struct stage *stage, void *arg)
{
	(void)arg;
	for (time_t end = time(NULL) + 3; time(NULL) < end;)
		;
	stage_report(stage, 3);
}

static void work_is_waited_for(void **state)
{
	struct actor actor;
	long long value = 0;

	(void)state;
	assert_true(actor_start(&actor, "worker", work, NULL));
	actor.patience_s = 1;
	assert_true(actor_await(&actor, &value));
	assert_int_equal(value, 3);
	actor_kill(&actor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_and_cues_alternate),
		cmocka_unit_test(failures_are_told),
		cmocka_unit_test(standstill_is_told),
		cmocka_unit_test(work_is_waited_for),
	};

	return cmocka_run_group_tests_name("actor", tests, NULL, NULL);
}
