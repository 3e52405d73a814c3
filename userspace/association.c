// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sys/socket.h>

#include "association.h"
#include "scenario.h"

void association_set(struct stage *stage, int fd, int option,
		     const void *value, size_t length)
{
	if (setsockopt(fd, IPPROTO_SCTP, option, value, (socklen_t)length))
		stage_fail(stage, "setsockopt of SCTP");
}

/* A one-to-many socket wants to hear which of its associations is meant. */
static sctp_assoc_t association_of(int fd)
{
	struct { __u32 count; sctp_assoc_t first; } answer = { 0 };
	socklen_t length = sizeof(answer);

	if (getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, &answer,
		       &length))
		return 0;
	return answer.first;
}

bool association_status(int fd, struct sctp_status *status)
{
	socklen_t length = sizeof(*status);

	*status = (struct sctp_status){ .sstat_assoc_id = association_of(fd) };
	return !getsockopt(fd, IPPROTO_SCTP, SCTP_STATUS, status, &length);
}

void association_await(struct stage *stage, int fd, bool (*is_so)(int fd))
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	while (!is_so(fd)) {
		if (play_clock_ms() > deadline) {
			errno = ETIMEDOUT;
			stage_fail(stage, "waiting for an association");
		}
		play_pause();
	}
}
