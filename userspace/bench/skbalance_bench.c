// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a reading costs: time against ss(8) and /proc/net/tcp, how long the
 * machine is stopped for each socket, and memory. Files are read by this
 * process, commands are timed as whole processes; all in turn, on the same
 * sockets. Medians are compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actor.h"
#include "bench/measure.h"
#include "books.h"
#include "command.h"
#include "error.h"
#include "loopback.h"
#include "room.h"
#include "sysctl.h"
#include "table.h"

#define RUNS 21
#define CONNECTIONS 5000
/* How many readings must leave the machine's memory as it was. */
#define READINGS 100

/* The time to open, read and close a file; < 0: it failed. */
static double time_file(const char *path)
{
	static char buffer[65536];
	double start = measure_now_ms();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -1;
	while ((length = read(fd, buffer, sizeof(buffer))) > 0)
		;
	close(fd);
	return length < 0 ? -1 : measure_now_ms() - start;
}

struct contender {
	const char *name;
	char *argv[4];		/* a command, or only the path of a file */
	double times[RUNS];
	double median;
};

enum { BALANCE, PROC, SS, SS_VERSION, COMMAND, CONTENDERS };

static double time_contender(const struct contender *contender)
{
	return contender->argv[0][0] == '/' ? time_file(contender->argv[0]) :
					      measure_command(contender->argv);
}

static bool race(struct contender contenders[CONTENDERS])
{
	for (int run = -1; run < RUNS; run++) {
		for (int i = 0; i < CONTENDERS; i++) {
			double ms = time_contender(&contenders[i]);

			if (ms < 0) {
				error_print("%s failed: %s",
					    contenders[i].name,
					    strerror(errno));
				return false;
			}
			/* the first round only warms up */
			if (run >= 0)
				contenders[i].times[run] = ms;
		}
	}
	for (int i = 0; i < CONTENDERS; i++)
		contenders[i].median = measure_median(contenders[i].times, RUNS);
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
	cost->pause_us = measure_median(pauses, RUNS);
	return true;
}

/* How much memory is gone after many readings of all sockets, in KiB. */
static bool measure_kept(double *kib)
{
	long long before = 0;
	struct books books;

	for (int i = -1; i < READINGS; i++) {
		if (!read_books(&books, NULL, "balance"))
			return false;
		books_free(&books);
		if (i < 0)
			before = room_available_kib();
	}
	*kib = (double)(before - room_available_kib());
	return true;
}

/*
 * Connections between two actors, so that this process has few descriptors:
 * what it starts would have to copy and close them all.
 */
struct crowd {
	struct loopback server_address;
	int listener;
	struct actor server, client;
};

/* Accepts what the client connects, from one cue to the next. */
static void server(struct stage *stage, void *arg)
{
	struct crowd *crowd = arg;

	stage_report(stage, 0);
	while (accept(crowd->listener, NULL, NULL) >= 0)
		;
	stage_fail(stage, "accept");
}

static void client(struct stage *stage, void *arg)
{
	struct crowd *crowd = arg;

	close(crowd->listener);
	for (long long i = 0; ; i++) {
		if (i == CONNECTIONS / 4 || i == CONNECTIONS)
			stage_report(stage, i);
		if (loopback_connect(&crowd->server_address) < 0)
			stage_fail(stage, "connect");
	}
}

static bool crowd_start(struct crowd *crowd)
{
	long long value;

	loopback_set(&crowd->server_address, AF_INET, 0);
	crowd->listener = loopback_listen(&crowd->server_address, 4096);
	if (crowd->listener < 0) {
		error_print("cannot listen: %s", strerror(errno));
		return false;
	}
	if (!actor_start(&crowd->server, "bench-server", server, crowd) ||
	    !actor_await(&crowd->server, &value) ||
	    !actor_cue(&crowd->server)) {
		error_print("%s", crowd->server.error);
		return false;
	}
	if (!actor_start(&crowd->client, "bench-client", client, crowd)) {
		error_print("%s", crowd->client.error);
		return false;
	}
	close(crowd->listener);
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

/* Waits until the client has its next portion of connections. */
static bool crowd_await(struct crowd *crowd)
{
	bool accepted = false;
	long long value;

	if (!actor_await(&crowd->client, &value)) {
		error_print("%s", crowd->client.error);
		return false;
	}
	while (!accepted)
		if (!all_accepted(&accepted))
			return false;
	return true;
}

static void print_figures(const struct contender *c, const struct cost *few,
			  const struct cost *many, double kept_kib)
{
	double slope = (many->pause_us - few->pause_us) /
		       (many->sockets - few->sockets);
	double each = many->pause_us / many->sockets;
	double ss = c[SS].median / c[BALANCE].median;
	double proc = c[PROC].median / c[BALANCE].median;
	double bytes = many->bytes / many->sockets;
	struct table table;

	measure_table(&table);
	measure_row(&table, "sockets", "%.0f", many->sockets, NULL, true);
	for (int i = 0; i < CONTENDERS; i++)
		measure_row(&table, c[i].name, "%.1f", c[i].median, NULL, true);
	measure_row(&table, "ss : balance", "%.1f", ss, ">= 30", ss >= 30);
	measure_row(&table, "ss without its start : balance", "%.1f",
		    (c[SS].median - c[SS_VERSION].median) / c[BALANCE].median,
		    NULL, true);
	measure_row(&table, "/proc/net/tcp : balance", "%.1f", proc, ">= 10",
		    proc >= 10);
	measure_row(&table, "machine stopped (us)", "%.0f", many->pause_us, NULL,
		    true);
	measure_row(&table, "... for a socket (us)", "%.2f", each, "<= 1",
		    each <= 1);
	measure_row(&table, "... for one more socket (us)", "%.2f", slope, "<= 1",
		    slope <= 1);
	measure_row(&table, "memory while reading (bytes a socket)", "%.0f", bytes,
		    "<= 128", bytes <= 128);
	measure_row(&table, "memory kept by 100 readings (KiB a reading)", "%.0f",
		    kept_kib / READINGS, "0", kept_kib / READINGS < 10);
	table_print(&table, stdout);
	table_free(&table);
}

int main(void)
{
	static struct contender contenders[CONTENDERS] = {
		[BALANCE] = { .name = "read balance (ms)",
			      .argv = { "/sys/kernel/debug/skbalance/balance" } },
		[PROC] = { .name = "read /proc/net/tcp (ms)",
			   .argv = { "/proc/net/tcp" } },
		[SS] = { .name = "ss -tanm (ms)", .argv = { "ss", "-tanm" } },
		[SS_VERSION] = { .name = "ss -V (ms)", .argv = { "ss", "-V" } },
		[COMMAND] = { .name = "skbalance balance (ms)",
			      .argv = { "skbalance", "balance" } },
	};
	static struct crowd crowd;
	struct cost few, many;
	double kept_kib;
	char *error;

	if (room_check(CONNECTIONS, 0, &error)) {
		error_report(&error);
		return EXIT_USAGE;
	}
	if (!crowd_start(&crowd) || !crowd_await(&crowd) || !measure(&few) ||
	    !actor_cue(&crowd.client) || !crowd_await(&crowd) ||
	    !race(contenders) || !measure(&many) || !measure_kept(&kept_kib))
		return EXIT_USAGE;
	print_figures(contenders, &few, &many, kept_kib);
	actor_kill(&crowd.client);
	actor_kill(&crowd.server);
	return 0;
}
