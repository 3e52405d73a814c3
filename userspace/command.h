/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_COMMAND_H
#define SKBALANCE_COMMAND_H

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

#endif
