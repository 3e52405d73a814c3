// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a reading costs: time against ss(8) and /proc/net/tcp, how long the
 * machine is stopped for each socket, and memory. All commands are timed as
 * whole processes, in turn, on the same sockets; medians are compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actor.h"
#include "array.h"
#include "books.h"
#include "command.h"
#include "error.h"
#include "limits.h"
#include "loopback.h"
#include "sysctl.h"
#include "table.h"

#define RUNS 11
#define CONNECTIONS 5000
/* How many readings must leave the machine's memory as it was. */
#define READINGS 100

extern char **environ;

static double now_ms(void)
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

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

/* The time of a whole process, its output thrown away; < 0: it failed. */
static double time_command(char *const *argv)
{
	posix_spawn_file_actions_t actions;
	double start = now_ms();
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	errno = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (errno || waitpid(pid, &status, 0) < 0 || status)
		return -1;
	return now_ms() - start;
}

struct contender {
	char *argv[4];
	double times[RUNS];
	double median;
};

enum { BALANCE, COMMAND, PROC, SS, CONTENDERS };

static bool race(struct contender contenders[CONTENDERS])
{
	for (int run = -1; run < RUNS; run++) {
		for (int i = 0; i < CONTENDERS; i++) {
			double ms = time_command(contenders[i].argv);

			if (ms < 0) {
				error_print("%s failed", contenders[i].argv[0]);
				return false;
			}
			/* the first round only warms up */
			if (run >= 0)
				contenders[i].times[run] = ms;
		}
	}
	for (int i = 0; i < CONTENDERS; i++)
		contenders[i].median = median(contenders[i].times, RUNS);
	return true;
}

/* What one number of sockets costs. */
struct cost {
	double sockets;
	double pause_us;
	double bytes;		/* of the snapshot */
};

static bool read_books(struct books *books, const char *pool, const char *file)
{
	char *error;

	if (!books_read(books, pool, file, false, &error))
		return true;
	books_free(books);
	error_report(&error);
	return false;
}

static bool measure(struct cost *cost)
{
	double pauses[RUNS];
	struct books books;

	for (int i = 0; i < RUNS; i++) {
		if (!read_books(&books, NULL, "balance"))
			return false;
		pauses[i] = (double)books.header.pause_ns / 1e3;
		cost->sockets = (double)books.pools[0].sockets_found;
		cost->bytes = (double)books.header.snapshot_bytes;
		books_free(&books);
	}
	cost->pause_us = median(pauses, RUNS);
	return true;
}

static double available_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	double kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %lf", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

/* How much memory is gone after many readings of all sockets, in KiB. */
static bool measure_kept(double *kib)
{
	double before = 0;
	struct books books;

	for (int i = -1; i < READINGS; i++) {
		if (!read_books(&books, NULL, "balance"))
			return false;
		books_free(&books);
		if (i < 0)
			before = available_kib();
	}
	*kib = before - available_kib();
	return true;
}

/* Connections to ourselves: the client's ends here, the server's in an actor */
struct crowd {
	struct loopback server;
	int listener;
	struct actor actor;
	int fds[CONNECTIONS];
	unsigned int count;
};

static void accept_forever(struct stage *stage, void *arg)
{
	struct crowd *crowd = arg;

	stage_report(stage, 0);
	while (accept(crowd->listener, NULL, NULL) >= 0)
		;
	stage_fail(stage, "accept");
}

static bool crowd_start(struct crowd *crowd)
{
	long long value;

	loopback_set(&crowd->server, AF_INET, 0);
	crowd->listener = loopback_listen(&crowd->server, 4096);
	if (crowd->listener < 0 ||
	    !actor_start(&crowd->actor, "bench-server", accept_forever, crowd) ||
	    !actor_await(&crowd->actor, &value) || !actor_cue(&crowd->actor)) {
		error_print("cannot start the server: %s", strerror(errno));
		return false;
	}
	return true;
}

/* Whether the accept queue is empty: every connection has both descriptors. */
static bool all_accepted(bool *accepted)
{
	struct books books;

	if (!read_books(&books, NULL, "balance"))
		return false;
	*accepted =
		!books.pools[0].classes[BOOKS_CLASS_ACCEPT_QUEUE].sockets;
	books_free(&books);
	return true;
}

static bool crowd_grow(struct crowd *crowd, unsigned int count)
{
	bool accepted = false;

	while (crowd->count < count) {
		int fd = loopback_connect(&crowd->server);

		if (fd < 0) {
			error_print("connect: %s", strerror(errno));
			return false;
		}
		crowd->fds[crowd->count++] = fd;
	}
	while (!accepted)
		if (!all_accepted(&accepted))
			return false;
	return true;
}

static void add_row(struct table *table, const char *what, const char *format,
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

static void print_figures(const struct contender *c, const struct cost *few,
			  const struct cost *many, double kept_kib)
{
	static const struct table_column columns[] = {
		{ "WHAT", false }, { "MEASURED", true }, { "REQUIRED", true },
		{ "", false },
	};
	double slope = (many->pause_us - few->pause_us) /
		       (many->sockets - few->sockets);
	double each = many->pause_us / many->sockets;
	double ss = c[SS].median / c[BALANCE].median;
	double proc = c[PROC].median / c[BALANCE].median;
	double bytes = many->bytes / many->sockets;
	struct table table;

	table_init(&table, columns, ARRAY_SIZE(columns));
	add_row(&table, "sockets", "%.0f", many->sockets, NULL, true);
	add_row(&table, "cat balance (ms)", "%.1f", c[BALANCE].median, NULL,
		true);
	add_row(&table, "skbalance balance (ms)", "%.1f", c[COMMAND].median,
		NULL, true);
	add_row(&table, "cat /proc/net/tcp (ms)", "%.1f", c[PROC].median, NULL,
		true);
	add_row(&table, "ss -tanm (ms)", "%.1f", c[SS].median, NULL, true);
	add_row(&table, "ss : cat balance", "%.1f", ss, ">= 30", ss >= 30);
	add_row(&table, "/proc/net/tcp : cat balance", "%.1f", proc, ">= 10",
		proc >= 10);
	add_row(&table, "machine stopped (us)", "%.0f", many->pause_us, NULL,
		true);
	add_row(&table, "... for a socket (us)", "%.2f", each, "<= 1",
		each <= 1);
	add_row(&table, "... for one more socket (us)", "%.2f", slope, "<= 1",
		slope <= 1);
	add_row(&table, "memory while reading (bytes a socket)", "%.0f", bytes,
		"<= 128", bytes <= 128);
	add_row(&table, "memory kept by 100 readings (KiB a reading)", "%.0f",
		kept_kib / READINGS, "0", kept_kib / READINGS < 10);
	table_print(&table, stdout);
	table_free(&table);
}

int main(void)
{
	static struct contender contenders[CONTENDERS] = {
		[BALANCE] = { { "cat", "/sys/kernel/debug/skbalance/balance" } },
		[COMMAND] = { { "skbalance", "balance" } },
		[PROC] = { { "cat", "/proc/net/tcp" } },
		[SS] = { { "ss", "-tanm" } },
	};
	static struct crowd crowd;
	struct cost few, many;
	double kept_kib;
	char *error;

	if (limits_check(CONNECTIONS, 0, &error)) {
		error_report(&error);
		return EXIT_USAGE;
	}
	if (!crowd_start(&crowd) || !crowd_grow(&crowd, CONNECTIONS / 4) ||
	    !measure(&few) || !crowd_grow(&crowd, CONNECTIONS) ||
	    !measure(&many) || !race(contenders) || !measure_kept(&kept_kib))
		return EXIT_USAGE;
	print_figures(contenders, &few, &many, kept_kib);
	actor_kill(&crowd.actor);
	return 0;
}
