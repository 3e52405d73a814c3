// SPDX-License-Identifier: GPL-2.0-only
/*
 * One socket with the largest receive buffer there is, filled, then closed.
 * Kernels with CVE-2025-22058 take a datagram too many, and lose 2 GiB at the
 * close (an int overflows): the books stay imbalanced for ever.
 *
 * The datagrams are one file's pages, spliced again and again, each counted
 * whenever it is queued: 2 GiB of them fit any machine. Where the kernel
 * copies what is spliced (before 6.5, mostly), it takes 4 GiB of memory; with
 * less, the buffer is filled as far as half of it goes.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "../room.h"
#include "datagrams.h"

#define SIZE 60000
/* How many datagrams to send before looking how much memory is left. */
#define BATCH 64

/* Written, because splicing a hole makes new pages before 6.5. */
static int make_file(struct stage *stage)
{
	static const char data[SIZE];
	int fd = memfd_create("datagram", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, SIZE) != SIZE)
		stage_fail(stage, "memfd_create");
	return fd;
}

static int connect_to(struct stage *stage, const struct play *play,
		      const struct datagrams *to)
{
	int fd = datagrams_sender(stage, play);

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

/* Until one is dropped, or the memory is half used. */
static void fill(struct stage *stage, const struct play *play,
		 const struct datagrams *to, struct meminfo *info)
{
	int fd = connect_to(stage, play, to), file = make_file(stage);
	long long least = room_available_kib() / 2;

	do {
		for (int i = 0; i < BATCH; i++)
			splice_one(stage, fd, file);
		if (!meminfo_of_socket(to->fd, info))
			stage_fail(stage, "SO_MEMINFO");
	} while (!info->drops && room_available_kib() > least);
	close(fd);
	close(file);
}

static void hoarder(struct stage *stage, void *arg)
{
	const struct play *play = arg;
	struct datagrams to;
	struct meminfo info;
	int size = INT_MAX;

	datagrams_open(stage, &to, play, SIZE, size);
	if (setsockopt(to.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		stage_fail(stage, "SO_RCVBUFFORCE");
	fill(stage, play, &to, &info);
	stage_report(stage, 0);
	close(to.fd);
	stage_report(stage, 0);
}

/* A datagram is counted with less than twice its size. */
static bool peak(struct play *play, const struct actor *actor)
{
	struct meminfo sum;

	if (!play_meminfo(play, "peak", actor, &sum))
		return false;
	if (sum.drops)
		ktap_check(play->ktap,
			   sum.receive_queue_bytes > INT_MAX - 2 * SIZE,
			   "peak: bytes queued: expected %d, but for a datagram, actual %lld",
			   INT_MAX, sum.receive_queue_bytes);
	else
		ktap_remark(play->ktap, "too little memory for more than this");
	return play_expect_meminfo(play, "peak",
				   whose(BOOKS_CLASS_OPEN, actor)) &&
	       play_expect_balanced(play, "peak");
}

static void play(struct play *play)
{
	struct actor actor = { 0 };
	long long pages, value;
	bool ok = play_sysctl(play, "net.ipv4.udp_mem",
			      "2000000 2000000 2000000") &&
		  play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) &&
		  play_start(play, &actor, "hoarder", hoarder, play) &&
		  play_await(play, &actor, &value) && peak(play, &actor);

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
