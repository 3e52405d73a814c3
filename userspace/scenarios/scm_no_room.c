// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * One end of each connection, with unread data, is sent over a UNIX socket, and
 * closed. Whoever receives the message has no room for it, or none at all, is
 * gone, or has it twice: in the end no descriptor is left.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../passing.h"
#include "keeper.h"

#define PAYLOAD 1000
/* No memory is there. */
#define NOWHERE ((void *)(uintptr_t)64)

struct room {
	void *control;
	size_t length;
};

/* Of what comes with the message, only what fits is kept. */
static void receive(struct stage *stage, int channel, struct room room,
		    int flags)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room.control,
		.msg_controllen = room.length,
	};

	if (recvmsg(channel, &message, flags) < 0)
		stage_fail(stage, "recvmsg");
}

static void close_received(struct stage *stage, const void *control)
{
	int fd;

	memcpy(&fd, CMSG_DATA((const struct cmsghdr *)control), sizeof(fd));
	if (close(fd))
		stage_fail(stage, "close of what was received");
}

static void without_control(struct stage *stage, int channel)
{
	receive(stage, channel, (struct room){ 0 }, 0);
}

static void with_header_only(struct stage *stage, int channel)
{
	struct cmsghdr header;

	receive(stage, channel, (struct room){ &header, sizeof(header) }, 0);
}

static void to_nowhere(struct stage *stage, int channel)
{
	receive(stage, channel,
		(struct room){ NOWHERE, CMSG_SPACE(sizeof(int)) }, 0);
}

static void peeked_first(struct stage *stage, int channel)
{
	static const int flags[] = { MSG_PEEK, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		union {
			char bytes[CMSG_SPACE(sizeof(int))];
			struct cmsghdr align;
		} control = { 0 };

		receive(stage, channel,
			(struct room){ &control, sizeof(control) }, flags[i]);
		close_received(stage, &control);
	}
}

static void not_at_all(struct stage *stage, int channel)
{
	(void)stage;
	(void)channel;
}

static void (*const ways[])(struct stage *stage, int channel) = {
	without_control, with_header_only, to_nowhere, peeked_first, not_at_all,
};

#define WAYS ((unsigned int)ARRAY_SIZE(ways))

static void pass(struct stage *stage, const struct keeper_ends *ends,
		 unsigned int way)
{
	static const char data[PAYLOAD];
	int channel[2];

	if (send(ends->connected, data, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
		stage_fail(stage, "send");
	passing_pair(stage, channel);
	passing_send(stage, channel[0], ends->accepted);
	ways[way](stage, channel[1]);
	close(channel[0]);
	close(channel[1]);
}

/*
 * Each is reset by its peer, which had something unread. What was not closed,
 * but leaked, is reset then, so that it is in no table either.
 */
static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	const struct keeper_ends *all;

	/* however few there are, each way is gone */
	if (cast->connections < WAYS)
		cast->connections = WAYS;
	all = keeper_connect(stage, cast);
	stage_report(stage, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		pass(stage, &all[i], i % WAYS);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_reset(stage, all[i].connected);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long connections, value;

	return play_await(play, keeper, &connections) &&
	       play_expect_sockets(play, "connected",
				   whose(BOOKS_CLASS_OPEN, keeper),
				   2 * connections) &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "passed") &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "reset") &&
	       play_expect_sockets(play, "reset",
				   whose(BOOKS_CLASS_OPEN, keeper), 0);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario scm_no_room = {
	.name = "scm-no-room",
	.summary = "sent over UNIX sockets, to whoever has no room for descriptors: none is left",
	.connections = 50,
	.pages = 2,
	.play = play,
};
