/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_COMMAND_H
#define SKBALANCE_COMMAND_H

#include <getopt.h>
#include <stdbool.h>

#include "books.h"

/* What the process ends with. */
enum exit_status {
	EXIT_BALANCED = 0,	/* balanced, or every scenario passed */
	EXIT_IMBALANCED = 1,	/* imbalanced, or a scenario failed */
	EXIT_USAGE = 2,		/* the arguments or the environment are wrong */
	EXIT_UNDETERMINED = 3,	/* in-flux or incomplete: no verdict possible */
	EXIT_NOTHING_RAN = 4,	/* every scenario was skipped */
};

/* A subcommand. */
struct command {
	const char *name;
	const char *summary;	/* one line for the list in --help */
	/* argv[0] is the name of the subcommand. */
	enum exit_status (*run)(int argc, char **argv);
};

extern const struct command balance_command;
extern const struct command owners_command;
extern const struct command sockets_command;
extern const struct command witness_command;
extern const struct command explain_command;
extern const struct command list_command;
extern const struct command run_command;

/* The options that the reading subcommands share. */
struct reading {
	const char *pool;	/* NULL: all */
	bool live;
	bool json;
	bool help;
};

/* For the table of getopt_long(); the value is the short name. */
#define COMMAND_POOL { "pool", required_argument, NULL, 'p' }
#define COMMAND_LIVE { "live", no_argument, NULL, 'l' }
#define COMMAND_JSON { "json", no_argument, NULL, 'j' }
#define COMMAND_HELP { "help", no_argument, NULL, 'h' }
#define COMMAND_END { NULL, 0, NULL, 0 }

/*
 * getopt_long() without short options, for a subcommand: the value of the next
 * option, or -1 when there are none left, with the operands at optind. '?'
 * for a wrong one, after a line on stderr.
 */
int command_option(int argc, char **argv, const struct option *options);

/* Takes a shared option over into reading; false if value is none of them */
bool command_reading_option(struct reading *reading, int value);

/*
 * Parses the arguments of a subcommand that has shared options only and no
 * operands. False if there is nothing more to do: they are wrong, after a line
 * on stderr, or the help has been printed; *status is what to end with then.
 */
bool command_reading(struct reading *reading, int argc, char **argv,
		     const struct option *options, const char *help,
		     enum exit_status *status);

/* True if there are no operands left; otherwise says so on stderr. */
bool command_no_operands(int argc, char **argv);

/* The exit status that goes with a verdict. */
enum exit_status command_status(enum books_verdict verdict);

#endif
