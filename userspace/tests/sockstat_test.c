// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "sockstat.h"
#include "tests/helper.h"

static int parse(struct sockstat *stat, const char *text, char **error)
{
	FILE *file = fmemopen((char *)text, strlen(text), "r");
	int status;

	assert_non_null(file);
	*stat = (struct sockstat){ 0 };
	status = sockstat_parse(stat, file, error);
	fclose(file);
	return status;
}

static void numbers_are_read(void **state)
{
	struct sockstat stat;
	char *error;

	(void)state;
	assert_int_equal(parse(&stat,
		"sockets: used 294\n"
		"TCP: inuse 1 orphan 2 tw 3 alloc 4 mem 5\n"
		"UDP: inuse 6 mem 7\n", &error), 0);
	assert_int_equal(stat.inuse, 1);
	assert_int_equal(stat.orphan, 2);
	assert_int_equal(stat.tw, 3);
	assert_int_equal(stat.alloc, 4);
	assert_int_equal(stat.mem, 5);
}

static void other_text_is_refused(void **state)
{
	static const char *const bad[] = {
		"\n",
		"sockets: used 294\n",
		"TCP: inuse 1 orphan 2 tw 3 alloc 4 mem\n",
		"TCP: inuse 1 orphan x tw 3 alloc 4 mem 5\n",
	};
	struct sockstat stat;
	char *error;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(parse(&stat, bad[i], &error), -EPROTO);
		free(error);
	}
}

static void this_kernel_is_read(void **state)
{
	struct sockstat stat;
	char *error;

	(void)state;
	assert_int_equal(sockstat_read(&stat, &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(other_text_is_refused),
		cmocka_unit_test(this_kernel_is_read),
	};

	return cmocka_run_group_tests_name("sockstat", tests, NULL, NULL);
}
