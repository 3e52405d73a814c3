// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * Sockets leave a BPF map, of either sort, while it holds back what they have sent,
 * or while what they have sent to themselves, past TCP, is unread. Each way to
 * leave lets go of that.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../bpf.h"
#include "../connections.h"
#include "keeper.h"

#define PAYLOAD 5000

static const struct bpf_sending programs[] = {
	{ .cork = 2 * PAYLOAD },
	{ .verdict = BPF_VERDICT_RECEIVED },
};

static int (*const sorts[])(unsigned int entries) = {
	bpf_sockmap, bpf_sockhash
};

enum { REMOVED, REPLACED, MAP_CLOSED, CLOSED, DISCONNECTED, WAYS };

#define PROGRAMS ARRAY_SIZE(programs)
#define SORTS ARRAY_SIZE(sorts)

static int enter(struct stage *stage, int fd, unsigned int i)
{
	struct bpf_sending program = programs[i / WAYS / SORTS % PROGRAMS];
	int map = sorts[i / WAYS % SORTS](1);

	program.targets = map;
	if (map < 0 || bpf_attach_sending(map, &program) ||
	    bpf_sockmap_add(map, 0, fd))
		stage_fail(stage, "a BPF map");
	return map;
}

static void leave(struct stage *stage, const struct keeper_ends *ends, int map,
		  unsigned int way)
{
	switch (way) {
	case REMOVED:
		if (bpf_sockmap_remove(map, 0))
			stage_fail(stage, "BPF_MAP_DELETE_ELEM");
		break;
	case REPLACED:
		if (bpf_sockmap_add(map, 0, ends->accepted))
			stage_fail(stage, "BPF_MAP_UPDATE_ELEM");
		break;
	case MAP_CLOSED:
		close(map);
		break;
	case CLOSED:
		close(ends->connected);
		break;
	case DISCONNECTED:
		connection_disconnect(stage, ends->connected);
		break;
	}
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const struct keeper_ends *all = keeper_connect(stage, cast);
	int *maps = calloc(cast->connections, sizeof(*maps));

	if (!maps)
		stage_fail(stage, "memory for the maps");
	for (unsigned int i = 0; i < cast->connections; i++) {
		maps[i] = enter(stage, all[i].connected, i);
		connection_send(stage, all[i].connected, PAYLOAD, NULL);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		leave(stage, &all[i], maps[i], i % WAYS);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = { "left", NULL };
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_meminfo(play, "peak",
				   whose(BOOKS_CLASS_OPEN, keeper)) &&
	       play_expect_settled(play, "peak") &&
	       keeper_settle(play, keeper, phases);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (!play_lacks(play, bpf_lacks_for_sending()))
		keeper_play(play, &how, &cast);
}

const struct scenario tcp_sockmap_left = {
	.name = "tcp-sockmap-left",
	.summary = "sockets leave BPF maps that hold back what they have sent, or have it unread",
	.connections = 40,
	.pages = 40,
	.play = play,
};
