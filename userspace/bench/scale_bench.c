// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a million sockets cost, each of them, against ten thousand: how long
 * the machine is stopped, how long the command takes, and memory. Of the pauses
 * the shortest is taken: whatever else the host of a virtual machine does makes
 * one longer, and nothing makes it shorter.
 */
#include <stdio.h>
#include <string.h>

#include "bench/crowd.h"
#include "bench/measure.h"
#include "books.h"
#include "command.h"
#include "error.h"

#define FEW 10000
#define MANY 1000000
#define RUNS 9

/* What each socket costs where there are so many. */
struct cost {
	double sockets;
	double pause_us;
	double balance_bytes;
	double owners_bytes;
	double owners_s;	/* of the whole command, for all sockets */
};

static bool read_header(struct books_header *header, double *sockets,
			const char *pool, const char *file)
{
	struct books books;
	char *error;
	int status = books_read(&books, pool, file, false, &error);

	if (status) {
		error_report(&error);
	} else {
		*header = books.header;
		*sockets = (double)books.pools[0].sockets_found;
	}
	books_free(&books);
	return !status;
}

static bool measure_once(struct cost *cost, double *owners_s)
{
	char *owners[] = { "skbalance", "owners", NULL };
	struct books_header header;
	double pause_us;

	if (!read_header(&header, &cost->sockets, NULL, "balance"))
		return false;
	pause_us = (double)header.pause_ns / 1e3 / cost->sockets;
	if (!cost->pause_us || pause_us < cost->pause_us)
		cost->pause_us = pause_us;
	cost->balance_bytes = (double)header.snapshot_bytes / cost->sockets;
	if (!read_header(&header, &cost->sockets, "tcp", "owners"))
		return false;
	cost->owners_bytes = (double)header.snapshot_bytes / cost->sockets;
	*owners_s = measure_command(owners) / 1e3;
	if (*owners_s >= 0)
		return true;
	error_print("skbalance owners failed");
	return false;
}

static bool measure(struct cost *cost)
{
	double owners_s[RUNS];

	for (int i = 0; i < RUNS; i++)
		if (!measure_once(cost, &owners_s[i]))
			return false;
	cost->owners_s = measure_median(owners_s, RUNS);
	return true;
}

/* A slow machine is to say how slow it is. */
static bool allow_any_pause(void)
{
	static const char path[] =
		"/sys/module/skbalance/parameters/max_pause_ms";
	FILE *file = fopen(path, "we");
	bool done = file && fputs("600000", file) >= 0;

	if (file && fclose(file))
		done = false;
	if (!done)
		error_print("cannot write %s", path);
	return done;
}

static void print_figures(const struct cost *few, const struct cost *many)
{
	double ratio = many->pause_us / few->pause_us;
	struct table table;

	measure_table(&table);
	measure_row(&table, "few sockets", "%.0f", few->sockets, NULL, true);
	measure_row(&table, "many sockets", "%.0f", many->sockets, NULL, true);
	measure_row(&table, "machine stopped for one of few (us)", "%.2f",
		    few->pause_us, NULL, true);
	measure_row(&table, "... for one of many (us)", "%.2f", many->pause_us,
		    NULL, true);
	measure_row(&table, "many : few", "%.2f", ratio, "<= 1.5",
		    ratio <= 1.5);
	measure_row(&table, "skbalance owners, few (s)", "%.2f", few->owners_s,
		    NULL, true);
	measure_row(&table, "skbalance owners, many (s)", "%.2f", many->owners_s,
		    "<= 5", many->owners_s <= 5);
	measure_row(&table, "balance, many (bytes a socket)", "%.0f",
		    many->balance_bytes, "<= 128", many->balance_bytes <= 128);
	measure_row(&table, "owners, many (bytes a socket)", "%.0f",
		    many->owners_bytes, "<= 128", many->owners_bytes <= 128);
	table_print(&table, stdout);
	table_free(&table);
}

int main(void)
{
	struct cost few = {}, many = {};

	if (!allow_any_pause())
		return EXIT_USAGE;
	crowd_make("tcp", FEW);
	if (!measure(&few))
		return EXIT_USAGE;
	crowd_make("tcp", MANY - FEW);
	if (!measure(&many))
		return EXIT_USAGE;
	print_figures(&few, &many);
	return 0;
}
