// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets in BPF maps. Of four kinds one is corked: what is sent waits in the map's
 * part of the socket, charged, but in no queue. Two receive what they send, past
 * TCP: it is read in pieces, or lost as the socket leaves the map. The others
 * are in a map that decides nothing.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bpf.h"
#include "../connections.h"
#include "unread.h"

#define CORK 20000
#define PART 5000
#define PIECE 1000

enum { CORKED, READ, REMOVED, PLAIN, KINDS };

/* Of each socket. */
static int *maps;

static int attach_cork(int map)
{
	return bpf_attach_sending(map, &(struct bpf_sending){ .cork = CORK });
}

static int attach_echo(int map)
{
	return bpf_attach_sending(map, &(struct bpf_sending){
		.verdict = BPF_VERDICT_RECEIVED,
		.targets = map,
	});
}

/* The redirected socket is that of key 0, so each has a map of its own. */
static int map_socket(struct stage *stage, int fd, unsigned int kind)
{
	int map = bpf_sockmap(1);

	if (map < 0)
		stage_fail(stage, "BPF_MAP_TYPE_SOCKMAP");
	if (kind == CORKED && attach_cork(map))
		stage_fail(stage, "bpf_msg_cork_bytes");
	if ((kind == READ || kind == REMOVED) && attach_echo(map))
		stage_fail(stage, "bpf_msg_redirect_map");
	if (bpf_sockmap_add(map, 0, fd))
		stage_fail(stage, "BPF_MAP_UPDATE_ELEM");
	return map;
}

static long long send_mapped(struct stage *stage, int fd, unsigned int i)
{
	static const char data[PART];

	maps = reallocarray(maps, i + 1, sizeof(*maps));
	if (!maps)
		stage_fail(stage, "memory for the maps");
	maps[i] = map_socket(stage, fd, i % KINDS);
	if (i % KINDS == PLAIN)
		return connection_fill(stage, fd, CONNECTION_CHUNK);
	if (send(fd, data, PART, MSG_NOSIGNAL) != PART)
		stage_fail(stage, "send");
	return PART;
}

static void read_pieces(struct stage *stage, int fd)
{
	static char data[PIECE];

	for (unsigned int i = 0; i < PART / PIECE; i++)
		if (recv(fd, data, PIECE, 0) != PIECE)
			stage_fail(stage, "recv");
}

/*
 * Completes what is corked, and ends what was redirected: the receiver will not
 * get that.
 */
static long long finish(struct stage *stage, int fd, unsigned int i)
{
	static char data[CORK - PART];

	switch (i % KINDS) {
	case CORKED:
		if (send(fd, data, CORK - PART, MSG_NOSIGNAL) != CORK - PART)
			stage_fail(stage, "send");
		return CORK - PART;
	case READ:
		read_pieces(stage, fd);
		return -PART;
	case REMOVED:
		if (bpf_sockmap_remove(maps[i], 0))
			stage_fail(stage, "BPF_MAP_DELETE_ELEM");
		return -PART;
	default:
		return 0;
	}
}

static bool expect(struct play *play, const struct unread_round *round)
{
	long long corked = play_share(play, KINDS, CORKED);
	long long redirected = play_share(play, KINDS, READ) +
			       play_share(play, KINDS, REMOVED);
	long long hidden = 0, queued = 0;
	struct books books;

	if (!play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++) {
		const struct books_socket *socket = &books.sockets[i];

		if (!books_socket_held_by(socket, round->sender.pid))
			continue;
		hidden += socket->hidden_bytes == PART;
		queued += socket->receive_queue_bytes == PART;
	}
	books_free(&books);
	/* what is redirected counts as received since 54f89b3178d5 (6.13) */
	if (!queued)
		hidden -= redirected;
	return play_expect(play, "peak",
			   "sockets with hidden bytes of a cork",
			   corked, hidden) &&
	       play_expect(play, "peak",
			   "sockets whose receive queue is what they sent to themselves",
			   queued ? redirected : 0, queued);
}

static void play(struct play *play)
{
	if (!play_lacks(play, bpf_lacks_for_sending()))
		unread_play(play, &(struct unread){
			.send = send_mapped,
			.finish = finish,
			.expect = expect,
			.as_queued = true,
		});
}

const struct scenario tcp_sockmap = {
	.name = "tcp-sockmap",
	.summary = "a BPF map holds back what is sent: charged beside the queues",
	.connections = 30,
	.pages = 1400,
	.play = play,
};
