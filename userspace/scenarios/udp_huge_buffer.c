// SPDX-License-Identifier: GPL-2.0-only
/*
 * One socket with the largest receive buffer there is, filled, then closed.
 * Kernels with CVE-2025-22058 take a datagram too many, and lose 2 GiB at the
 * close (an int overflows): the books stay imbalanced for ever.
 *
 * The datagrams are one file's pages, spliced again and again, each counted
 * whenever it is queued: 2 GiB of them fit any machine. Where the kernel
 * copies what is spliced (over IPv6 until 6.4), the buffer is filled as far as
 * there is memory.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "../limits.h"
#include "datagrams.h"

#define SIZE 60000
/* Of the memory there is, what copies may take. */
#define SHARE 3

struct cast {
	const struct play *play;
	long long limit;	/* bytes to be queued at most */
};

static int make_file(struct stage *stage)
{
	int fd = memfd_create("datagram", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, SIZE))
		stage_fail(stage, "memfd_create");
	return fd;
}

static int connect_to(struct stage *stage, const struct cast *cast,
		      const struct datagrams *to)
{
	int fd = datagrams_sender(stage, cast->play);

	if (connect(fd, (const struct sockaddr *)&to->address.address,
		    to->address.length))
		stage_fail(stage, "connect");
	return fd;
}

static void splice_one(struct stage *stage, int fd, int file)
{
	off_t offset = 0;

	if (sendfile(fd, file, &offset, SIZE) != SIZE)
		stage_fail(stage, "sendfile");
}

static void fill(struct stage *stage, const struct cast *cast,
		 const struct datagrams *to, struct meminfo *info)
{
	int fd = connect_to(stage, cast, to), file = make_file(stage);

	do {
		splice_one(stage, fd, file);
		if (!meminfo_of_socket(to->fd, info))
			stage_fail(stage, "SO_MEMINFO");
	} while (!info->drops && info->receive_queue_bytes < cast->limit);
	close(fd);
	close(file);
}

static void hoarder(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct datagrams to;
	struct meminfo info;
	int size = INT_MAX;

	datagrams_open(stage, &to, cast->play, SIZE, size);
	if (setsockopt(to.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		stage_fail(stage, "SO_RCVBUFFORCE");
	fill(stage, cast, &to, &info);
	stage_report(stage, info.receive_queue_bytes);
	close(to.fd);
	stage_report(stage, 0);
}

static bool peak(struct play *play, struct actor *actor, long long limit)
{
	struct whose whose = { BOOKS_CLASS_OPEN, actor };
	long long bytes;

	if (!play_await(play, actor, &bytes))
		return false;
	/* a datagram is counted with less than twice its size */
	ktap_check(play->ktap, bytes > limit - 2 * SIZE,
		   "peak: bytes queued: expected up to %lld, but for a datagram, actual %lld",
		   limit, bytes);
	return play_expect_meminfo(play, "peak", whose) &&
	       play_expect_balanced(play, "peak");
}

static long long choose_limit(const struct play *play)
{
	long long available = limits_available_kib() * 1024 / SHARE;

	return play->family == AF_INET || available > INT_MAX ? INT_MAX :
								available;
}

static void play(struct play *play)
{
	struct cast cast = { .play = play, .limit = choose_limit(play) };
	struct actor actor = { 0 };
	long long pages, value;
	bool ok = play_sysctl(play, "net.ipv4.udp_mem",
			      "2000000 2000000 2000000") &&
		  play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) &&
		  play_start(play, &actor, "hoarder", hoarder, &cast) &&
		  peak(play, &actor, cast.limit);

	if (ok)
		play_peak(play);
	ok = ok && play_step(play, &actor, &value);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario udp_huge_buffer = {
	.name = "udp-huge-buffer",
	.summary = "2 GiB in one receive buffer, then closed (CVE-2025-22058)",
	.protocol = IPPROTO_UDP,
	.connections = 1,
	.play = play,
};

const struct scenario udplite_huge_buffer = {
	.name = "udplite-huge-buffer",
	.summary = "the same with UDP-Lite",
	.protocol = IPPROTO_UDPLITE,
	.connections = 1,
	.play = play,
};
