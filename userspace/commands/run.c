// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "books.h"
#include "command.h"
#include "error.h"
#include "kmsg.h"
#include "number.h"
#include "room.h"
#include "scenario.h"
#include "sysctl.h"

static const char help[] =
	"Usage: skbalance run [OPTION...] [SCENARIO...]\n"
	"Play scenarios on this kernel (default: all but tcp-sockmap-race and\n"
	"sctp-partial-delivery-event, which kernels fail so far) and balance the books\n"
	"before, at the peak and after. Prints KTAP.\n"
	"Meant for a test machine: it changes sysctls while it runs, and fills memory.\n\n"
	"  --connections N      how many, instead of each scenario's own number\n"
	"  --max-connections N  as many at most, in scenarios that have more\n"
	"  --readings N         how often the books are read under load: by mixed-load,\n"
	"                       exact and live, and for --table\n"
	"  --family 4|6         only over IPv4 or IPv6; default: both\n"
	"  --port PORT          the server's port; default: any free one\n"
	"  --explain            show at the first peak of each scenario what 'skbalance\n"
	"                       explain' says, and of the checks only those that fail\n"
	"  --table              print, instead of KTAP, which goes to standard error, a table:\n"
	"                       each scenario's verdict at rest, how many readings are\n"
	"                       balanced at its peak while other traffic runs, and what ss\n"
	"                       cannot see there\n"
	"  --help               show this help\n\n"
	"Exit status: 0 all passed, 1 a scenario failed, 2 wrong usage or environment,\n"
	"4 nothing ran: all were skipped.";

static const struct option options[] = {
	COMMAND_HELP,
	{ "connections", required_argument, NULL, 'n' },
	{ "max-connections", required_argument, NULL, 'm' },
	{ "readings", required_argument, NULL, 'r' },
	{ "family", required_argument, NULL, 'f' },
	{ "port", required_argument, NULL, 'o' },
	{ "explain", no_argument, NULL, 'e' },
	{ "table", no_argument, NULL, 't' },
	COMMAND_END
};

#define FAMILIES 2

static const struct family {
	sa_family_t family;
	const char *name;
} families[FAMILIES] = {
	{ AF_INET, "ipv4" },
	{ AF_INET6, "ipv6" },
};

struct request {
	const struct scenario *chosen[128];
	size_t n_chosen;
	long long connections;	/* 0: each scenario's own number */
	long long max_connections; /* 0: any */
	long long readings;	/* 0: the scenario's own number */
	long long port;		/* 0: any */
	bool without[FAMILIES];
	bool explain;
	bool table;
	bool help;
};

static bool choose_family(struct request *request, const char *text)
{
	if (strcmp(text, "4") && strcmp(text, "6"))
		return false;
	request->without[0] = *text == '6';
	request->without[1] = *text == '4';
	return true;
}

static bool take_connections(long long *connections)
{
	if (number_parse(connections, optarg, 10, 1000000))
		return true;
	error_print("run: '%s' is no number of connections from 10 to 1000000",
		    optarg);
	return false;
}

static bool take_option(struct request *request, int value)
{
	switch (value) {
	case 'h':
		request->help = true;
		return true;
	case 'e':
		request->explain = true;
		return true;
	case 't':
		request->table = true;
		return true;
	case 'n':
		return take_connections(&request->connections);
	case 'm':
		return take_connections(&request->max_connections);
	case 'r':
		if (number_parse(&request->readings, optarg, 1, 1000000))
			return true;
		error_print("run: '%s' is no number of readings from 1 to 1000000",
			    optarg);
		return false;
	case 'o':
		if (number_parse(&request->port, optarg, 1, 65535))
			return true;
		error_print("run: '%s' is no port from 1 to 65535", optarg);
		return false;
	case 'f':
		if (choose_family(request, optarg))
			return true;
		error_print("run: '%s' is no address family: 4 or 6", optarg);
		return false;
	default:
		return false;
	}
}

static bool choose(struct request *request, const char *name)
{
	const struct scenario *scenario = scenario_find(name);

	if (!scenario)
		error_print("run: unknown scenario '%s': see 'skbalance list'",
			    name);
	else if (request->n_chosen == ARRAY_SIZE(request->chosen))
		error_print("run: too many scenarios");
	else
		request->chosen[request->n_chosen++] = scenario;
	return scenario && request->chosen[request->n_chosen - 1] == scenario;
}

static void choose_usual(struct request *request)
{
	for (size_t i = 0; scenarios[i]; i++)
		if (!scenarios[i]->only_named)
			request->chosen[request->n_chosen++] = scenarios[i];
}

static bool parse(struct request *request, int argc, char **argv)
{
	int value;

	while ((value = command_option(argc, argv, options)) != -1)
		if (!take_option(request, value))
			return false;
	for (int i = optind; i < argc; i++)
		if (!choose(request, argv[i]))
			return false;
	if (optind == argc)
		choose_usual(request);
	return true;
}

static unsigned int connections_of(const struct request *request,
				   const struct scenario *scenario)
{
	long long n = request->connections;

	if (!n)
		n = scenario->connections;
	if (request->max_connections && n > request->max_connections)
		n = request->max_connections;
	return (unsigned int)n;
}

static int check_port(const struct request *request, char **error)
{
	struct loopback server;
	int fd;

	for (size_t f = 0; request->port && f < FAMILIES; f++) {
		loopback_set(&server, families[f].family,
			     (unsigned short)request->port);
		fd = request->without[f] ? -1 : loopback_listen(&server, 1);
		if (fd >= 0)
			close(fd);
		else if (!request->without[f] && errno == EADDRINUSE)
			return error_set(error, EADDRINUSE,
					 "port %lld is in use on %s: choose another one, or none, with --port",
					 request->port, families[f].name);
	}
	return 0;
}

/* Whether everything is there before the first scenario starts. */
static bool prepare(const struct request *request, struct kmsg *kmsg)
{
	struct books books;
	char *error = NULL;
	int code;

	code = books_read(&books, NULL, "balance", false, &error);
	books_free(&books);
	for (size_t i = 0; !code && i < request->n_chosen; i++) {
		unsigned int n = connections_of(request, request->chosen[i]);
		long long pages = (long long)request->chosen[i]->pages * n;

		code = room_check(n, pages, &error);
	}
	if (!code)
		code = check_port(request, &error);
	if (!code && !kmsg_open(kmsg))
		code = error_set(&error, errno, "cannot read /dev/kmsg: %s",
				 strerror(errno));
	if (code)
		error_report(&error);
	return !code;
}

static void report_bug(void *arg, const char *line)
{
	ktap_remark(arg, "kernel: %s", line);
}

static void play(const struct request *request, struct score *score,
		 const struct family *family, struct ktap *ktap,
		 struct kmsg *kmsg, bool explain)
{
	const struct scenario *scenario = score->scenario;
	struct play play = {
		.scenario = scenario,
		.family = family->family,
		.connections = connections_of(request, scenario),
		.port = (unsigned short)request->port,
		.readings = (unsigned int)request->readings,
		.explain = explain,
		.measure = request->table,
		.score = score,
		.ktap = ktap,
	};
	unsigned int bugs;
	char name[96];

	snprintf(name, sizeof(name), "%s %s", scenario->name, family->name);
	if (!loopback_works(family->family, 0)) {
		ktap_test_skip(ktap, name, "the kernel has no such loopback");
		return;
	}
	if (!loopback_works(family->family, scenario->protocol)) {
		ktap_test_skip(ktap, name, "the kernel has no such protocol");
		return;
	}
	ktap_test_start(ktap);
	scenario->play(&play);
	sysctl_restore();
	bugs = kmsg_bugs(kmsg, report_bug, ktap);
	ktap_check(ktap, !bugs,
		   "kernel log: bugs and warnings: expected 0, actual %u", bugs);
	if (play.skipped && !ktap->failed_checks)
		ktap_test_skip(ktap, name, play.skipped);
	else
		ktap_test_end(ktap, name);
}

/* Actors die with us; only the settings need care. */
static void end_by_signal(int number)
{
	sysctl_restore();
	signal(number, SIG_DFL);
	raise(number);
}

/* Over each family, with a screen at the first peak. */
static void play_families(const struct request *request, struct score *score,
			  struct ktap *ktap, struct kmsg *kmsg)
{
	bool explain = request->explain;

	for (size_t f = 0; f < FAMILIES; f++) {
		unsigned int passed = ktap->passed, failed = ktap->failed;

		if (request->without[f])
			continue;
		play(request, score, &families[f], ktap, kmsg, explain);
		score->passed += ktap->passed - passed;
		score->failed += ktap->failed - failed;
		explain = false;
	}
}

/* 0, or -ENOMEM for the table. */
static int run_all(const struct request *request, struct ktap *ktap,
		   struct kmsg *kmsg)
{
	struct score scores[ARRAY_SIZE(request->chosen)] = { 0 };
	unsigned int n = 0;

	for (size_t f = 0; f < FAMILIES; f++)
		n += !request->without[f];
	ktap->brief = request->explain;
	ktap_start(ktap, request->table ? stderr : stdout, n * (unsigned int)request->n_chosen);
	for (size_t i = 0; i < request->n_chosen; i++) {
		scores[i].scenario = request->chosen[i];
		play_families(request, &scores[i], ktap, kmsg);
	}
	ktap_end(ktap);
	if (!request->table)
		return 0;
	return score_print(scores, request->n_chosen, stdout);
}

static enum exit_status run(int argc, char **argv)
{
	struct request request = { 0 };
	struct ktap ktap = { 0 };
	struct kmsg kmsg;
	int code;

	if (!parse(&request, argc, argv))
		return EXIT_USAGE;
	if (request.help) {
		puts(help);
		return EXIT_BALANCED;
	}
	if (!prepare(&request, &kmsg))
		return EXIT_USAGE;
	signal(SIGINT, end_by_signal);
	signal(SIGTERM, end_by_signal);
	signal(SIGHUP, end_by_signal);
	code = run_all(&request, &ktap, &kmsg);
	kmsg_close(&kmsg);
	if (code) {
		error_print("not enough memory");
		return EXIT_USAGE;
	}
	if (ktap.failed)
		return EXIT_IMBALANCED;
	return ktap.passed ? EXIT_BALANCED : EXIT_NOTHING_RAN;
}

const struct command run_command = {
	.name = "run",
	.summary = "play scenarios on this kernel and check the balance",
	.run = run,
};
