// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "association.h"
#include "scenario.h"

void association_set(struct stage *stage, int fd, int option,
		     const void *value, size_t length)
{
	if (setsockopt(fd, IPPROTO_SCTP, option, value, (socklen_t)length))
		stage_fail(stage, "setsockopt of SCTP");
}

void association_set_rto_of(struct stage *stage, int fd, sctp_assoc_t which,
			    unsigned int min_ms, unsigned int max_ms)
{
	const struct sctp_rtoinfo rto = {
		.srto_assoc_id = which,
		.srto_initial = max_ms,
		.srto_max = max_ms,
		.srto_min = min_ms,
	};

	association_set(stage, fd, SCTP_RTOINFO, &rto, sizeof(rto));
}

void association_set_rto(struct stage *stage, int fd, unsigned int min_ms,
			 unsigned int max_ms)
{
	association_set_rto_of(stage, fd, 0, min_ms, max_ms);
}

void association_set_fragment(struct stage *stage, int fd, unsigned int bytes)
{
	const struct sctp_assoc_value fragment = { .assoc_value = bytes };

	association_set(stage, fd, SCTP_MAXSEG, &fragment, sizeof(fragment));
}

static struct sctp_assoc_ids *associations_of(struct stage *stage, int fd)
{
	struct sctp_assoc_ids *associations;
	socklen_t length = sizeof(__u32);
	__u32 count;

	if (getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER, &count,
		       &length))
		stage_fail(stage, "SCTP_GET_ASSOC_NUMBER");
	length = sizeof(*associations) + count * sizeof(sctp_assoc_t);
	associations = malloc(length);
	if (!associations)
		stage_fail(stage, "memory for the associations");
	if (getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, associations,
		       &length))
		stage_fail(stage, "SCTP_GET_ASSOC_ID_LIST");
	return associations;
}

int *association_peel_off(struct stage *stage, int fd, unsigned int count)
{
	struct sctp_assoc_ids *associations = associations_of(stage, fd);
	int *fds = calloc(count, sizeof(*fds));
	sctp_peeloff_arg_t peel;
	socklen_t length;

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < count; i++) {
		length = sizeof(peel);
		peel.associd = associations->gaids_assoc_id[i];
		fds[i] = getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF,
				    &peel, &length);
		if (fds[i] < 0)
			stage_fail(stage, "SCTP_SOCKOPT_PEELOFF");
	}
	free(associations);
	return fds;
}

bool association_try_peel_off_untold(int fd, sctp_assoc_t which)
{
	socklen_t length = sizeof(sctp_peeloff_arg_t);
	sctp_peeloff_arg_t *peel = mmap(NULL, length, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool untold;

	if (peel == MAP_FAILED)
		return false;
	peel->associd = which;
	untold = !mprotect(peel, length, PROT_READ) &&
		 getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF, peel,
			    &length) < 0 &&
		 errno == EFAULT;
	munmap(peel, length);
	return untold;
}

void association_peel_off_untold(struct stage *stage, int fd)
{
	struct sctp_assoc_ids *associations = associations_of(stage, fd);

	if (!association_try_peel_off_untold(fd, associations->gaids_assoc_id[0]))
		stage_fail(stage, "SCTP_SOCKOPT_PEELOFF to read-only memory");
	free(associations);
}

ssize_t association_send(int fd, const struct loopback *to, const void *data,
			 size_t length, const struct sctp_sndinfo *info,
			 int flags)
{
	union {
		char bytes[CMSG_SPACE(sizeof(*info))];
		struct cmsghdr header;
	} control = {
		.header = {
			.cmsg_level = IPPROTO_SCTP,
			.cmsg_type = SCTP_SNDINFO,
			.cmsg_len = CMSG_LEN(sizeof(*info)),
		},
	};
	struct iovec part = { (void *)(uintptr_t)data, length };
	struct sockaddr_storage address;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
	};

	if (to) {
		address = to->address;
		message.msg_name = &address;
		message.msg_namelen = to->length;
	}
	if (info) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		memcpy(CMSG_DATA(&control.header), info, sizeof(*info));
	}
	return sendmsg(fd, &message, flags | MSG_NOSIGNAL);
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
