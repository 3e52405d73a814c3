// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data that is not copied: half of the connections are fed from a file with
 * sendfile(), the others from a pipe with splice(). The pages belong to the
 * file or the pipe, but other than with MSG_ZEROCOPY they are charged.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "unread.h"

#define CHUNK (64 * 1024)

static char chunk[CHUNK];

static int make_file(struct stage *stage)
{
	int file = memfd_create("sendfile", MFD_CLOEXEC);

	if (file < 0 || write(file, chunk, CHUNK) != CHUNK)
		stage_fail(stage, "memfd_create");
	return file;
}

/* sendfile() blocks in the pipe that it uses unless the socket does not. */
static void set_nonblocking(struct stage *stage, int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		stage_fail(stage, "fcntl");
}

static long long send_file(struct stage *stage, int fd)
{
	static int file = -1;
	long long bytes = 0;
	off_t offset = 0;
	ssize_t sent;

	if (file < 0)
		file = make_file(stage);
	while ((sent = sendfile(fd, file, &offset, CHUNK)) > 0) {
		bytes += sent;
		offset = 0;
	}
	if (errno != EAGAIN)
		stage_fail(stage, "sendfile");
	return bytes;
}

static long long send_pipe(struct stage *stage, int fd)
{
	long long bytes = 0;
	ssize_t sent;
	int ends[2];

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC))
		stage_fail(stage, "pipe2");
	do {
		/* the pipe may still be full */
		if (write(ends[1], chunk, CHUNK) < 0 && errno != EAGAIN)
			stage_fail(stage, "write");
		sent = splice(ends[0], NULL, fd, NULL, CHUNK,
			      SPLICE_F_NONBLOCK);
		bytes += sent > 0 ? sent : 0;
	} while (sent > 0);
	if (errno != EAGAIN)
		stage_fail(stage, "splice");
	close(ends[0]);
	close(ends[1]);
	return bytes;
}

static long long send_pages(struct stage *stage, int fd, unsigned int i)
{
	set_nonblocking(stage, fd);
	return i % 2 ? send_file(stage, fd) : send_pipe(stage, fd);
}

static void play(struct play *play)
{
	unread_play(play, &(struct unread){
		.send = send_pages,
		.as_queued = true,
	});
}

const struct scenario tcp_splice_sendfile = {
	.name = "tcp-splice-sendfile",
	.summary = "pages of a file or a pipe wait for a peer: not copied, but charged",
	.connections = 20,
	.pages = 2048,
	.play = play,
};
