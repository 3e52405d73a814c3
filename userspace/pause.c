// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "error.h"
#include "number.h"
#include "pause.h"

#define ESTIMATE "pause_estimate_ns "

int pause_refuse(long long estimate_ns, const char *whose, long long max_ns,
		 char **error)
{
	return error_set(error, ETIME,
			 "an exact reading would stop the machine for about %.1f ms, %s allows %.1f ms: --live does not stop it",
			 (double)estimate_ns / 1e6, whose,
			 (double)max_ns / 1e6);
}

int pause_parse(long long *estimate_ns, char *text, char **error)
{
	bool found = false, ended = false;

	for (char *line; !ended && (line = strsep(&text, "\n")) && text;) {
		if (strncmp(line, ESTIMATE, strlen(ESTIMATE)) == 0)
			found = number_parse(estimate_ns,
					     line + strlen(ESTIMATE), 0,
					     INT64_MAX);
		ended = strcmp(line, "end") == 0;
	}
	if (found && ended)
		return 0;
	return error_set(error, EPROTO, "cannot understand pause of the module");
}

int pause_check(long long max_ns, char **error)
{
	long long estimate_ns;
	size_t length;
	char *text;
	int status = debugfs_read(NULL, "pause", false, &text, &length, error);

	if (status)
		return status;
	status = pause_parse(&estimate_ns, text, error);
	free(text);
	if (!status && estimate_ns > max_ns)
		status = pause_refuse(estimate_ns, "--max-pause", max_ns,
				      error);
	return status;
}
