// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "command.h"
#include "error.h"

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

bool command_reading_option(struct reading *reading, int value)
{
	switch (value) {
	case 'p':
		reading->pool = optarg;
		return true;
	case 'l':
		reading->live = true;
		return true;
	case 'j':
		reading->json = true;
		return true;
	case 'h':
		reading->help = true;
		return true;
	default:
		return false;
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
	int value;

	while ((value = command_option(argc, argv, options)) != -1)
		if (!command_reading_option(reading, value))
			return false;
	return command_no_operands(argc, argv);
}

bool command_reading(struct reading *reading, int argc, char **argv,
		     const struct option *options, const char *help,
		     enum exit_status *status)
{
	*status = EXIT_USAGE;
	if (!parse_reading(reading, argc, argv, options))
		return false;
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
