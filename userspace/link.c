// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"

bool link_run(const char *format, ...)
{
	char *command;
	va_list args;
	int length;
	bool done;

	va_start(args, format);
	length = vasprintf(&command, format, args);
	va_end(args);
	if (length < 0)
		return false;
	done = !system(command);
	free(command);
	return done;
}

void link_enter_namespace(struct stage *stage)
{
	if (unshare(CLONE_NEWNET))
		stage_fail(stage, "unshare");
}

bool link_join(const char *here, const char *there, pid_t pid)
{
	return link_run("ip link add %s type veth peer name %s netns %d", here,
			there, pid);
}

bool link_set_up(const char *device, const char *address)
{
	const char *rest = strchr(address, ':') ? "/64 nodad" : "/24";

	return link_run("ip addr add %s%s dev %s && ip link set %s up", address,
			rest, device, device);
}
