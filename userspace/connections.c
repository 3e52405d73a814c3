// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "connections.h"

static int *allocate(struct stage *stage, unsigned int count)
{
	int *fds = calloc(count, sizeof(*fds));

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	return fds;
}

int *connections_connect(struct stage *stage, const struct loopback *server,
			 unsigned int count)
{
	int *fds = allocate(stage, count);

	for (unsigned int i = 0; i < count; i++) {
		fds[i] = loopback_connect(server);
		if (fds[i] < 0)
			stage_fail(stage, "connect");
	}
	return fds;
}

int *connections_accept(struct stage *stage, int listener, unsigned int count,
			int flags)
{
	int *fds = allocate(stage, count);

	for (unsigned int i = 0; i < count; i++) {
		fds[i] = accept4(listener, NULL, NULL, flags);
		if (fds[i] < 0)
			stage_fail(stage, "accept");
	}
	return fds;
}
