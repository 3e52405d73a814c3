// SPDX-License-Identifier: GPL-2.0-only
/* Makes crowds of sockets, descriptors, threads, and runs a command among them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/crowd.h"
#include "number.h"

static bool make_asked(char *text)
{
	char *number = strchr(text, '=');
	long long count;

	if (!number || !number_parse(&count, number + 1, 1, 10000000))
		return false;
	*number = '\0';
	return crowd_make(text, count);
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int run(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(*argv, argv);
		die(*argv);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char *argv[])
{
	while (*++argv && strcmp(*argv, "--")) {
		if (make_asked(*argv))
			continue;
		fprintf(stderr, "skbalance-crowd: %s: expected tcp|descriptors|threads|names|churn=NUMBER\n",
			*argv);
		return 2;
	}
	if (argc < 3 || !*argv || !*++argv) {
		fprintf(stderr, "usage: skbalance-crowd KIND=NUMBER... -- COMMAND\n");
		return 2;
	}
	return run(argv);
}
