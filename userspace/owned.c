// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "owned.h"

/* Between two looks at whether the thread has ended. */
#define PAUSE_MS 1

/* It cannot be polled unless it does not block. */
static int open_faults(void)
{
	return (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
}

bool owned_works(void)
{
	int fd = open_faults();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void watch_page(struct stage *stage, struct owned *owned)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register watched = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	owned->page = mmap(NULL, page_size(), PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (owned->page == MAP_FAILED)
		stage_fail(stage, "mmap");
	watched.range.start = (uintptr_t)owned->page;
	watched.range.len = page_size();
	owned->faults = open_faults();
	if (owned->faults < 0 || ioctl(owned->faults, UFFDIO_API, &api) ||
	    ioctl(owned->faults, UFFDIO_REGISTER, &watched))
		stage_fail(stage, "userfaultfd");
}

static void forget_page(struct owned *owned)
{
	close(owned->faults);
	munmap(owned->page, page_size());
}

/* Returns NULL, if the byte was sent. */
static void *send_byte(void *arg)
{
	struct owned *owned = arg;

	return send(owned->fd, owned->page, 1, MSG_NOSIGNAL) == 1 ? NULL : arg;
}

/* False: it has ended without the page. */
static bool await_fault(struct stage *stage, const struct owned *owned)
{
	struct pollfd faults = { .fd = owned->faults, .events = POLLIN };
	struct uffd_msg fault;
	void *failed;

	while (!poll(&faults, 1, PAUSE_MS))
		if (!pthread_tryjoin_np(owned->thread, &failed))
			return false;
	if (read(owned->faults, &fault, sizeof(fault)) != sizeof(fault))
		stage_fail(stage, "waiting for a page fault");
	return true;
}

bool owned_try(struct stage *stage, struct owned *owned, int fd)
{
	owned->fd = fd;
	watch_page(stage, owned);
	errno = pthread_create(&owned->thread, NULL, send_byte, owned);
	if (errno)
		stage_fail(stage, "pthread_create");
	if (await_fault(stage, owned))
		return true;
	forget_page(owned);
	return false;
}

void owned_begin(struct stage *stage, struct owned *owned, int fd)
{
	if (!owned_try(stage, owned, fd))
		stage_fail(stage, "send");
}

bool owned_try_end(struct stage *stage, struct owned *owned)
{
	struct uffdio_zeropage page = {
		.range = { (uintptr_t)owned->page, page_size() },
	};
	void *failed;

	if (ioctl(owned->faults, UFFDIO_ZEROPAGE, &page))
		stage_fail(stage, "UFFDIO_ZEROPAGE");
	errno = pthread_join(owned->thread, &failed);
	if (errno)
		stage_fail(stage, "pthread_join");
	forget_page(owned);
	return !failed;
}

void owned_end(struct stage *stage, struct owned *owned)
{
	if (!owned_try_end(stage, owned))
		stage_fail(stage, "send");
}
