// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "command.h"
#include "error.h"
#include "explain.h"

static const char help[] =
	"Usage: skbalance explain [OPTION...]\n"
	"Explain on one screen what /proc/net/sockstat shows about TCP: what is really\n"
	"charged, who holds it, why ss cannot see it, and whether anything is lost.\n\n"
	COMMAND_HELP_READING "\n"
	"Exit status: 0 balanced, 1 imbalanced, 2 wrong usage or environment,\n"
	"3 undetermined: in-flux or incomplete.";

static const struct option options[] = {
	COMMAND_LIVE, COMMAND_MAX_PAUSE, COMMAND_JSON, COMMAND_HELP, COMMAND_END
};

static enum exit_status run(int argc, char **argv)
{
	struct reading reading = { 0 };
	enum books_verdict verdict;
	enum exit_status status;
	char *error;

	if (!command_reading(&reading, argc, argv, options, help, &status))
		return status;
	if (explain_print(stdout, reading.live, reading.json, &verdict,
			  &error)) {
		error_report(&error);
		return EXIT_USAGE;
	}
	return command_status(verdict);
}

const struct command explain_command = {
	.name = "explain",
	.summary = "one screen: what is charged, who holds it, is it lost",
	.run = run,
};
