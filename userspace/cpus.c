// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>

#include "cpus.h"

static bool go_to(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return !sched_setaffinity(0, sizeof(one), &one);
}

bool cpus_each(void (*deed)(void *arg), void *arg)
{
	cpu_set_t all;
	int code = 0;

	if (sched_getaffinity(0, sizeof(all), &all))
		return false;
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		if (go_to(i))
			deed(arg);
		else
			code = errno;
	}
	if (sched_setaffinity(0, sizeof(all), &all))
		code = errno;
	errno = code;
	return !code;
}
