// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "command.h"
#include "error.h"
#include "number.h"
#include "pause.h"

/* Why getopt_long() returned '?' for argument, with val in optopt or 0 */
static const char *describe_wrong(const struct option *options, int val)
{
	for (; val && options->name; options++)
		if (options->val == val)
			return "takes no value";
	return "is unknown or ambiguous";
}

int command_option(int argc, char **argv, const struct option *options)
{
	int value;

	opterr = 0;
	value = getopt_long(argc, argv, ":", options, NULL);
	if (value == ':')
		error_print("%s: option '%s' needs a value: see 'skbalance %s --help'",
			    argv[0], argv[optind - 1], argv[0]);
	else if (value == '?')
		error_print("%s: option '%s' %s: see 'skbalance %s --help'",
			    argv[0], argv[optind - 1],
			    describe_wrong(options, optopt), argv[0]);
	return value == ':' ? '?' : value;
}

static int reading_option(struct reading *reading, int value, char **error)
{
	switch (value) {
	case 'p':
		reading->pool = optarg;
		return 0;
	case 'm':
		reading->max_pause = optarg;
		return 0;
	case 'l':
		reading->live = true;
		return 0;
	case 'j':
		reading->json = true;
		return 0;
	case 'h':
		reading->help = true;
		return 0;
	default:
		return reading->set(reading->target, value, error);
	}
}

bool command_no_operands(int argc, char **argv)
{
	if (optind >= argc)
		return true;
	error_print("%s: unexpected argument '%s': see 'skbalance %s --help'",
		    argv[0], argv[optind], argv[0]);
	return false;
}

static bool parse_reading(struct reading *reading, int argc, char **argv,
			  const struct option *options)
{
	char *error;
	int value;

	while ((value = command_option(argc, argv, options)) != -1) {
		if (value == '?')
			return false;
		if (reading_option(reading, value, &error)) {
			error_report(&error);
			return false;
		}
	}
	return command_no_operands(argc, argv);
}

/* A live reading does not stop the machine, however long it takes. */
static int check_pause(const struct reading *reading, char **error)
{
	long long ms;

	if (!reading->max_pause)
		return 0;
	if (!number_parse(&ms, reading->max_pause, 0, INT_MAX))
		return error_set(error, EINVAL, "'%s' is no time in ms",
				 reading->max_pause);
	return reading->live ? 0 : pause_check(ms * 1000000, error);
}

bool command_reading(struct reading *reading, int argc, char **argv,
		     const struct option *options, const char *help,
		     enum exit_status *status)
{
	char *error;

	*status = EXIT_USAGE;
	if (!parse_reading(reading, argc, argv, options))
		return false;
	if (!reading->help && check_pause(reading, &error)) {
		error_report(&error);
		return false;
	}
	*status = EXIT_BALANCED;
	if (reading->help)
		puts(help);
	return !reading->help;
}

enum exit_status command_status(enum books_verdict verdict)
{
	switch (verdict) {
	case BOOKS_BALANCED:
		return EXIT_BALANCED;
	case BOOKS_IMBALANCED:
		return EXIT_IMBALANCED;
	default:
		return EXIT_UNDETERMINED;
	}
}
