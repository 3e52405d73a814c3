// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "bench/measure.h"

extern char **environ;

double measure_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double measure_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

double measure_command(char *const *argv)
{
	posix_spawn_file_actions_t actions;
	double start = measure_now_ms();
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	errno = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (errno || waitpid(pid, &status, 0) < 0 || status)
		return -1;
	return measure_now_ms() - start;
}

void measure_table(struct table *table)
{
	static const struct table_column columns[] = {
		{ "WHAT", false }, { "MEASURED", true }, { "REQUIRED", true },
		{ "", false },
	};

	table_init(table, columns, ARRAY_SIZE(columns));
}

void measure_row(struct table *table, const char *what, const char *format,
		 double value, const char *required, bool met)
{
	char text[32];

	snprintf(text, sizeof(text), format, value);
	table_row(table);
	table_text(table, what);
	table_text(table, text);
	table_text(table, required);
	table_text(table, required ? met ? "met" : "MISSED" : NULL);
}
