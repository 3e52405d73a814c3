// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- association 1..N ---- itself
 *
 * The first message is lost again and again. Those behind it are acknowledged,
 * wait for it, and fill the window. When it comes there is no room: so one of
 * them is given up, and has to be sent again.
 */
#include <sys/socket.h>

#include "../association.h"
#include "../segment.h"
#include "keeper.h"

#define MARK '!'
#define MESSAGE 100
/* Each is counted with three times its length: so many are too many for RCVBUF. */
#define MESSAGES 60
/* The kernel doubles it. */
#define RCVBUF 3000
/* How often, and how many times, the first one is sent again. */
#define RTO_MS 200
#define PATIENCE 1000

static void prepare(struct stage *stage, int fd)
{
	const struct sctp_assocparams association = {
		.sasoc_asocmaxrxt = PATIENCE,
	};
	const struct sctp_paddrparams path = { .spp_pathmaxrxt = PATIENCE };
	int on = 1;

	association_set_rto(stage, fd, RTO_MS, RTO_MS);
	association_set(stage, fd, SCTP_PEER_ADDR_PARAMS, &path, sizeof(path));
	association_set(stage, fd, SCTP_ASSOCINFO, &association, sizeof(association));
	association_set(stage, fd, SCTP_NODELAY, &on, sizeof(on));
}

/* The other end has no room any more. */
static bool is_closed(int fd)
{
	struct sctp_status status;

	return association_status(fd, &status) && !status.sstat_rwnd;
}

static void fill(struct stage *stage, const struct keeper_ends *ends)
{
	char data[MESSAGE] = { MARK };

	prepare(stage, ends->connected);
	segment_ignore_marked_chunk(stage, ends->accepted, MARK);
	for (unsigned int i = 0; i < MESSAGES; i++) {
		if (send(ends->connected, data, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
			stage_fail(stage, "send");
		data[0] = 0;
	}
}

/* The first of all comes first. */
static void receive(struct stage *stage, int fd, bool first)
{
	char data[MESSAGE];

	if (recv(fd, data, MESSAGE, 0) != MESSAGE ||
	    data[0] != (first ? MARK : 0))
		stage_fail(stage, "recv");
}

/* From all in turn: each waits again and again for what is sent again. */
static void receive_all(struct stage *stage, const struct keeper_cast *cast,
			const struct keeper_ends *all)
{
	for (unsigned int message = 0; message < MESSAGES; message++)
		for (unsigned int i = 0; i < cast->connections; i++)
			receive(stage, all[i].accepted, !message);
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const struct keeper_ends *all;
	int size = RCVBUF;

	if (setsockopt(cast->listener, SOL_SOCKET, SO_RCVBUF, &size,
		       sizeof(size)))
		stage_fail(stage, "SO_RCVBUF");
	all = keeper_connect(stage, cast);
	for (unsigned int i = 0; i < cast->connections; i++)
		fill(stage, &all[i]);
	for (unsigned int i = 0; i < cast->connections; i++)
		association_await(stage, all[i].connected, is_closed);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		segment_heed(stage, all[i].accepted);
	receive_all(stage, cast, all);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "peak") &&
	       play_step(play, keeper, &value) &&
	       play_expect_settled(play, "received");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario sctp_reneged = {
	.name = "sctp-reneged",
	.summary = "SCTP's window is full, but for the message that the others wait for",
	.protocol = IPPROTO_SCTP,
	.connections = 20,
	.pages = 32,
	.play = play,
};
