// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "sockstat.h"

#define PATH "/proc/thread-self/net/sockstat"

int sockstat_parse(struct sockstat *stat, FILE *file, char **error)
{
	char *line = NULL;
	size_t room = 0;
	int found = 0;

	while (found < 5 && getline(&line, &room, file) > 0)
		found = sscanf(line,
			       "TCP: inuse %lld orphan %lld tw %lld alloc %lld mem %lld",
			       &stat->inuse, &stat->orphan, &stat->tw,
			       &stat->alloc, &stat->mem);
	free(line);
	if (found == 5)
		return 0;
	return error_set(error, EPROTO, "cannot understand " PATH);
}

/* IPv6 may be off: then there is no such line, or no such file. */
static void read_ipv6(struct sockstat *stat)
{
	FILE *file = fopen(PATH "6", "re");
	char *line = NULL;
	size_t room = 0;

	if (!file)
		return;
	while (getline(&line, &room, file) > 0)
		if (sscanf(line, "TCP6: inuse %lld", &stat->inuse6) == 1)
			break;
	free(line);
	fclose(file);
}

int sockstat_read(struct sockstat *stat, char **error)
{
	FILE *file = fopen(PATH, "re");
	int status;

	*stat = (struct sockstat){ 0 };
	if (!file)
		return error_set(error, errno, "cannot open " PATH ": %s",
				 strerror(errno));
	status = sockstat_parse(stat, file, error);
	fclose(file);
	if (!status)
		read_ipv6(stat);
	return status;
}
