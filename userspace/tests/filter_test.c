// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "tests/helper.h"

static long long pids[] = { 312, 313 };

static const struct books_socket example = {
	.protocol = "TCP",
	.class = BOOKS_CLASS_CLOSED_HELD,
	.state = "CLOSE_WAIT",
	.local = "127.0.0.1:40000",
	.remote = "[::1]:8000",
	.pid = 312,
	.holders = { pids, 2 },
	.uid = 1000,
};

typedef int setter(struct filter *filter, const char *text, char **error);

/* Whether the condition, which must be well-formed, matches the example. */
static bool matches(setter *set, const char *text)
{
	struct filter filter = FILTER_ANY;
	char *error;

	assert_int_equal(set(&filter, text, &error), 0);
	return filter_match(&filter, &example);
}

static void assert_refused(setter *set, const char *text,
			   const char *expected)
{
	struct filter filter = FILTER_ANY;
	char *error;

	assert_int_equal(set(&filter, text, &error), -EINVAL);
	assert_string_equal(error, expected);
	free(error);
}

static void no_condition_matches_all(void **state)
{
	struct filter filter = FILTER_ANY;

	(void)state;
	assert_true(filter_match(&filter, &example));
}

static void class_is_a_condition(void **state)
{
	(void)state;
	assert_true(matches(filter_set_class, "closed-held"));
	assert_false(matches(filter_set_class, "open"));
	assert_refused(filter_set_class, "closed",
		       "unknown class 'closed': there is open listen accept-queue closed-held orphan kernel fd-in-flight unreachable abandoned");
}

static void state_is_a_condition(void **state)
{
	(void)state;
	assert_true(matches(filter_set_state, "CLOSE_WAIT"));
	assert_true(matches(filter_set_state, "close-wait"));
	assert_false(matches(filter_set_state, "CLOSE"));
	assert_refused(filter_set_state, "CLOSED",
		       "unknown state 'CLOSED': there is ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING NEW_SYN_RECV");
}

static void any_holder_matches(void **state)
{
	(void)state;
	assert_true(matches(filter_set_pid, "312"));
	assert_true(matches(filter_set_pid, "313"));
	assert_false(matches(filter_set_pid, "31"));
	assert_refused(filter_set_pid, "0", "'0' is no process id");
	assert_refused(filter_set_pid, "x", "'x' is no process id");
}

static void either_port_matches(void **state)
{
	(void)state;
	assert_true(matches(filter_set_port, "40000"));
	assert_true(matches(filter_set_port, "8000"));
	assert_false(matches(filter_set_port, "800"));
	assert_refused(filter_set_port, "65536",
		       "'65536' is no port: 0 to 65535");
}

static void uid_is_a_condition(void **state)
{
	(void)state;
	assert_true(matches(filter_set_uid, "1000"));
	assert_false(matches(filter_set_uid, "0"));
	assert_refused(filter_set_uid, "4294967296",
		       "'4294967296' is no user id");
}

static void protocol_is_a_condition(void **state)
{
	struct filter filter = FILTER_ANY;

	(void)state;
	filter.protocol = "tcp";
	assert_true(filter_match(&filter, &example));
	filter.protocol = "TCPv6";
	assert_false(filter_match(&filter, &example));
}

static void all_conditions_must_match(void **state)
{
	struct filter filter = FILTER_ANY;
	char *error;

	(void)state;
	filter_set_class(&filter, "closed-held", &error);
	filter_set_port(&filter, "8000", &error);
	assert_true(filter_match(&filter, &example));
	filter_set_pid(&filter, "1", &error);
	assert_false(filter_match(&filter, &example));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_condition_matches_all),
		cmocka_unit_test(class_is_a_condition),
		cmocka_unit_test(state_is_a_condition),
		cmocka_unit_test(any_holder_matches),
		cmocka_unit_test(either_port_matches),
		cmocka_unit_test(uid_is_a_condition),
		cmocka_unit_test(protocol_is_a_condition),
		cmocka_unit_test(all_conditions_must_match),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
