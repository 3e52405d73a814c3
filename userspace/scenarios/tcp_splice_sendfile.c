// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data that is not copied: some connections are fed from a file with sendfile(),
 * others from a pipe with splice(), in which each page is full, or has so little
 * that more of them come at once than fit into a packet. The pages belong to the
 * file or the pipe, but other than with MSG_ZEROCOPY they are charged; a page of
 * the sender's, in the packet before they come, is charged with them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "../connections.h"
#include "unread.h"

#define CHUNK (64 * 1024)
/* Of a page; and so many pages at once. */
#define PIECE 100
#define PAGES 64
/* Of what comes in pieces; the kernel doubles it. */
#define SNDBUF (32 * 1024)

enum { BY_FILE, BEHIND_OWN_PAGE, BY_PIPE, BY_PIECES, WAYS };

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

/* It waits for more, and is not charged. */
static long long send_own_page(struct stage *stage, int fd)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) ||
	    send(fd, chunk, PIECE, MSG_ZEROCOPY | MSG_MORE) != PIECE)
		stage_fail(stage, "MSG_ZEROCOPY");
	return PIECE;
}

/* The pipe may still be full. */
static void fill_pipe(struct stage *stage, int pipe, size_t piece)
{
	while (write(pipe, chunk, piece) > 0)
		;
	if (errno != EAGAIN)
		stage_fail(stage, "write");
}

/* flags: of the pipe; piece: what is written to it at once. */
static long long send_pipe(struct stage *stage, int fd, int flags, size_t piece)
{
	long long bytes = 0;
	ssize_t sent;
	int ends[2];

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC | flags) ||
	    fcntl(ends[1], F_SETPIPE_SZ,
		  (int)(PAGES * sysconf(_SC_PAGESIZE))) < 0)
		stage_fail(stage, "pipe2");
	do {
		fill_pipe(stage, ends[1], piece);
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
	if (i % WAYS == BY_FILE)
		return send_file(stage, fd);
	if (i % WAYS == BEHIND_OWN_PAGE)
		return send_own_page(stage, fd) + send_file(stage, fd);
	if (i % WAYS == BY_PIPE)
		return send_pipe(stage, fd, 0, CHUNK);
	connection_set_buffers(stage, fd, SNDBUF);
	/* each write(2) gets a page of its own */
	return send_pipe(stage, fd, O_DIRECT, PIECE);
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
	.connections = 21,
	.pages = 2048,
	.play = play,
};
