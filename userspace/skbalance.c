// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "array.h"
#include "command.h"
#include "error.h"
#include "version.h"

static const struct command *const commands[] = {
	&balance_command,
	&owners_command,
	&sockets_command,
	&witness_command,
	&explain_command,
	&list_command,
	&run_command,
};

static void print_help(void)
{
	puts("Usage: skbalance SUBCOMMAND [OPTION...]\n"
	     "Balance the kernel's socket memory: every page has an owner, or is lost.\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-9s  %s\n", commands[i]->name,
		       commands[i]->summary);
	puts("\n  --help     show this help; 'skbalance SUBCOMMAND --help' shows more\n"
	     "  --version  show the version\n\n"
	     "Exit status: 0 balanced or all passed, 1 imbalanced or a scenario failed,\n"
	     "2 wrong usage or environment, 3 undetermined, 4 nothing ran.");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static enum exit_status run(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		error_print("no subcommand: see 'skbalance --help'");
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0) {
		print_help();
		return EXIT_BALANCED;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("skbalance " VERSION);
		return EXIT_BALANCED;
	}
	command = find_command(argv[1]);
	if (!command) {
		error_print("unknown %s '%s': see 'skbalance --help'",
			    argv[1][0] == '-' ? "option" : "subcommand",
			    argv[1]);
		return EXIT_USAGE;
	}
	return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	enum exit_status status;

	/* a reader that has gone is an error to report, not to die of */
	signal(SIGPIPE, SIG_IGN);
	status = run(argc, argv);
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		error_print("cannot write to standard output%s%s",
			    errno ? ": " : "", errno ? strerror(errno) : "");
		return EXIT_USAGE;
	}
	return status;
}
