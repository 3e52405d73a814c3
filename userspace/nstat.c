// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nstat.h"

#define PATH "/proc/self/net/netstat"
#define TCP "TcpExt:"
#define MPTCP "MPTcpExt:"
/* Who waits for more than that waits for ever. */
#define PATIENCE 3000
#define PAUSE_NS 10000000

/* Walks two lines at once: one has the names, the other one the values. */
static long long value_of(char *names, char *values, const char *name)
{
	const char *delimiters = "\n ";
	char *rest_of_names, *rest_of_values;
	const char *key = strtok_r(names, delimiters, &rest_of_names);
	const char *value = strtok_r(values, delimiters, &rest_of_values);

	while (key && value && strcmp(key, name)) {
		key = strtok_r(NULL, delimiters, &rest_of_names);
		value = strtok_r(NULL, delimiters, &rest_of_values);
	}
	return key && value ? strtoll(value, NULL, 10) : -1;
}

static long long read_counter(struct stage *stage, const char *prefix,
			      const char *name)
{
	FILE *file = fopen(PATH, "re");
	char *names = NULL, *values = NULL;
	size_t names_room = 0, values_room = 0;
	long long value = -1;

	if (!file)
		stage_fail(stage, PATH);
	while (value < 0 && getline(&names, &names_room, file) > 0 &&
	       getline(&values, &values_room, file) > 0)
		if (!strncmp(names, prefix, strlen(prefix)))
			value = value_of(names, values, name);
	fclose(file);
	free(names);
	free(values);
	if (value < 0) {
		errno = ENOENT;
		stage_fail(stage, name);
	}
	return value;
}

static void await_counter(struct stage *stage, const char *prefix,
			  const char *name, long long least)
{
	for (int tries = 0; tries < PATIENCE; tries++) {
		if (read_counter(stage, prefix, name) >= least)
			return;
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
	errno = ETIMEDOUT;
	stage_fail(stage, name);
}

long long nstat_tcp(struct stage *stage, const char *name)
{
	return read_counter(stage, TCP, name);
}

void nstat_await_tcp(struct stage *stage, const char *name, long long least)
{
	await_counter(stage, TCP, name, least);
}

long long nstat_mptcp(struct stage *stage, const char *name)
{
	return read_counter(stage, MPTCP, name);
}

void nstat_await_mptcp(struct stage *stage, const char *name, long long least)
{
	await_counter(stage, MPTCP, name, least);
}
