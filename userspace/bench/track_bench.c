// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tracker costs: connections made, accepted and reset in a second,
 * with the module loaded without it and with it, in turn. A connection over
 * loopback that carries nothing is all birth and death: nothing could suffer
 * more. Compared is what was measured one after the other: the machine may
 * become slower or faster meanwhile.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "array.h"
#include "bench/measure.h"
#include "command.h"
#include "error.h"
#include "loopback.h"

#define ROUNDS 31
#define CONNECTIONS 500
/* Caches are cold after the kernel's code has been changed. */
#define WARM_UP 100

/* Neither end is left in TIME_WAIT, or there would soon be no more ports. */
static bool connect_once(const struct loopback *server, int listener)
{
	int client = loopback_connect(server);
	int child = client < 0 ? -1 : accept(listener, NULL, NULL);
	bool done = child >= 0 && loopback_linger(client, 0);

	if (client >= 0)
		close(client);
	if (child >= 0)
		close(child);
	return done;
}

/* Connections a second; < 0: it failed. */
static double measure_rate(const struct loopback *server, int listener)
{
	double start = 0;

	for (int i = 0; i < WARM_UP + CONNECTIONS; i++) {
		if (i == WARM_UP)
			start = measure_now_ms();
		if (!connect_once(server, listener))
			return -1;
	}
	return CONNECTIONS * 1e3 / (measure_now_ms() - start);
}

static bool reload(bool track)
{
	char *unload[] = { "modprobe", "-r", "skbalance", NULL };
	char *load[] = { "modprobe", "skbalance",
			 track ? "track=1" : "track=0", NULL };

	if (measure_command(unload) >= 0 && measure_command(load) >= 0)
		return true;
	error_print("cannot load the module with %s", load[2]);
	return false;
}

static bool measure(const struct loopback *server, int listener,
		    double rates[2][ROUNDS])
{
	for (int round = -1; round < ROUNDS; round++) {
		for (int i = 0; i < 2; i++) {
			/* each of them goes first every other time */
			bool track = i ^ (round & 1);
			double rate;

			if (!reload(track))
				return false;
			rate = measure_rate(server, listener);
			if (rate < 0) {
				error_print("cannot connect: %s",
					    strerror(errno));
				return false;
			}
			/* the first round only warms up */
			if (round >= 0)
				rates[track][round] = rate;
		}
	}
	return true;
}

static void print_figures(double rates[2][ROUNDS])
{
	double ratios[ROUNDS], ratio;
	struct table table;

	for (int round = 0; round < ROUNDS; round++)
		ratios[round] = rates[1][round] / rates[0][round];
	ratio = measure_median(ratios, ROUNDS);

	measure_table(&table);
	measure_row(&table, "connections a second", "%.0f",
		    measure_median(rates[0], ROUNDS), NULL, true);
	measure_row(&table, "... with track=1", "%.0f",
		    measure_median(rates[1], ROUNDS), NULL, true);
	measure_row(&table, "with : without", "%.3f", ratio, ">= 0.9",
		    ratio >= 0.9);
	table_print(&table, stdout);
	table_free(&table);
}

/* Where the ends of a connection run side by side, chance decides the rate. */
static bool stay_on_this_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((unsigned int)sched_getcpu(), &cpus);
	return !sched_setaffinity(0, sizeof(cpus), &cpus);
}

int main(void)
{
	static double rates[2][ROUNDS];
	struct loopback server;
	int listener;

	loopback_set(&server, AF_INET, 0);
	listener = loopback_listen(&server, 16);
	if (listener < 0) {
		error_print("cannot listen: %s", strerror(errno));
		return EXIT_USAGE;
	}
	if (!stay_on_this_cpu()) {
		error_print("cannot stay on a CPU: %s", strerror(errno));
		return EXIT_USAGE;
	}
	if (!measure(&server, listener, rates) || !reload(false))
		return EXIT_USAGE;
	print_figures(rates);
	return 0;
}
