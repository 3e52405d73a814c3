// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uring.h"

#define ENTRIES 8

static void *map(int fd, size_t size, off_t offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, fd, offset);
}

bool uring_open(struct uring *ring)
{
	struct io_uring_params params = { 0 };
	char *sq, *cq;

	ring->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &params);
	if (ring->fd < 0)
		return false;
	sq = map(ring->fd, params.sq_off.array + ENTRIES * sizeof(unsigned int),
		 IORING_OFF_SQ_RING);
	cq = map(ring->fd, params.cq_off.cqes +
			   params.cq_entries * sizeof(*ring->cqes),
		 IORING_OFF_CQ_RING);
	ring->sqes = map(ring->fd, ENTRIES * sizeof(*ring->sqes),
			 IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || ring->sqes == MAP_FAILED)
		return false;
	ring->sq_tail = (unsigned int *)(sq + params.sq_off.tail);
	ring->sq_mask = (unsigned int *)(sq + params.sq_off.ring_mask);
	ring->sq_array = (unsigned int *)(sq + params.sq_off.array);
	ring->cq_head = (unsigned int *)(cq + params.cq_off.head);
	ring->cq_tail = (unsigned int *)(cq + params.cq_off.tail);
	ring->cq_mask = (unsigned int *)(cq + params.cq_off.ring_mask);
	ring->cqes = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
	return true;
}

bool uring_register(struct uring *ring, unsigned int what, const void *arg,
		    unsigned int count)
{
	return syscall(SYS_io_uring_register, ring->fd, what, arg, count) >= 0;
}

bool uring_knows(struct uring *ring, unsigned int operation)
{
	struct io_uring_probe *probe;
	bool known;

	probe = calloc(1, sizeof(*probe) + 256 * sizeof(probe->ops[0]));
	known = probe &&
		uring_register(ring, IORING_REGISTER_PROBE, probe, 256) &&
		operation < probe->ops_len &&
		probe->ops[operation].flags & IO_URING_OP_SUPPORTED;
	free(probe);
	return known;
}

/* Takes the next completion; false if there is none. */
static bool reap(struct uring *ring, struct io_uring_cqe *cqe)
{
	unsigned int head = *ring->cq_head;

	if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		return false;
	*cqe = ring->cqes[head & *ring->cq_mask];
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

static bool enter(struct uring *ring, unsigned int submit, unsigned int wait)
{
	return syscall(SYS_io_uring_enter, ring->fd, submit, wait,
		       IORING_ENTER_GETEVENTS, NULL, 0) >= 0 ||
	       errno == EINTR;
}

int uring_do(struct uring *ring, const struct io_uring_sqe *request)
{
	unsigned int tail = *ring->sq_tail, slot = tail & *ring->sq_mask;
	struct io_uring_cqe cqe;

	ring->sqes[slot] = *request;
	ring->sq_array[slot] = slot;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	if (!enter(ring, 1, 1))
		return -1;
	for (;;) {
		while (reap(ring, &cqe)) {
			if (cqe.flags & IORING_CQE_F_NOTIF)
				continue;
			if (cqe.res >= 0)
				return cqe.res;
			errno = -cqe.res;
			return -1;
		}
		if (!enter(ring, 0, 1))
			return -1;
	}
}
