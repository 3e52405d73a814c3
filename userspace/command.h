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

/* The options that the reading subcommands share, and what others they have */
struct reading {
	const char *pool;	/* NULL: all */
	const char *max_pause;	/* ms; NULL: as long as it takes */
	bool live;
	bool json;
	bool help;
	/* Takes over an option that is not shared, with its value in optarg. */
	int (*set)(void *target, int option, char **error);
	void *target;
};

/* For the table of getopt_long(); the value is the short name. */
#define COMMAND_POOL { "pool", required_argument, NULL, 'p' }
#define COMMAND_LIVE { "live", no_argument, NULL, 'l' }
#define COMMAND_MAX_PAUSE { "max-pause", required_argument, NULL, 'm' }
#define COMMAND_JSON { "json", no_argument, NULL, 'j' }
#define COMMAND_HELP { "help", no_argument, NULL, 'h' }
#define COMMAND_END { NULL, 0, NULL, 0 }

/*
 * getopt_long() without short options, for a subcommand: the value of the next
 * option, or -1 when there are none left, with the operands at optind. '?'
 * for a wrong one, after a line on stderr.
 */
int command_option(int argc, char **argv, const struct option *options);

/* How each subcommand's help ends its list of options. */
#define COMMAND_HELP_READING \
	"  --live          read without stopping the machine\n" \
	"  --max-pause MS  do not stop it for longer: fail instead\n" \
	"  --json          print one JSON object\n" \
	"  --help          show this help\n"

/*
 * Parses the arguments of a subcommand that takes no operands, and asks the
 * module whether the pause would be too long. False if there is nothing more
 * to do: they are wrong, after a line on stderr, or the help has been printed.
 * *status is what to end with then, and EXIT_BALANCED otherwise.
 */
bool command_reading(struct reading *reading, int argc, char **argv,
		     const struct option *options, const char *help,
		     enum exit_status *status);

/* True if there are no operands left; otherwise says so on stderr. */
bool command_no_operands(int argc, char **argv);

/* The exit status that goes with a verdict. */
enum exit_status command_status(enum books_verdict verdict);

#endif
