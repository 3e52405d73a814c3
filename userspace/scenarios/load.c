// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define PAIRS 8
/* The largest message, which is as good as never read at once. */
#define LARGEST 16384
/* One step of so many ends a pair, and another one takes its place. */
#define LIFE 200
/* After so many steps others have their turn. */
#define BURST 32
#define PAUSE_NS 2000000

/* Two connected sockets, or one to be sent to and one to send with. */
struct pair {
	int fds[2];
};

struct load_state {
	struct stage *stage;
	const struct load *load;
	struct loopback server;
	int listener;		/* or -1 */
	struct pair pairs[PAIRS];
	char *data;		/* LARGEST bytes, in pages of their own */
	unsigned int seed;
};

static unsigned int choose(struct load_state *state, unsigned int count)
{
	return (unsigned int)rand_r(&state->seed) % count;
}

static void connect_pair(struct load_state *state, struct pair *pair)
{
	int on = 1;

	pair->fds[0] = loopback_connect(&state->server);
	if (pair->fds[0] < 0)
		stage_fail(state->stage, "connect");
	pair->fds[1] = accept(state->listener, NULL, NULL);
	if (pair->fds[1] < 0)
		stage_fail(state->stage, "accept");
	if (state->load->zerocopy)
		for (int i = 0; i < 2; i++)
			setsockopt(pair->fds[i], SOL_SOCKET, SO_ZEROCOPY, &on,
				   sizeof(on));
}

/* A bound socket, and one that is connected to it. */
static void bind_pair(struct load_state *state, struct pair *pair)
{
	struct loopback receiver = state->server;

	pair->fds[1] = loopback_bind(&receiver);
	if (pair->fds[1] < 0)
		stage_fail(state->stage, "bind");
	pair->fds[0] = loopback_connect(&receiver);
	if (pair->fds[0] < 0)
		stage_fail(state->stage, "connect");
}

static void open_pair(struct load_state *state, struct pair *pair)
{
	if (state->listener >= 0)
		connect_pair(state, pair);
	else
		bind_pair(state, pair);
}

/* With whatever is in its queues, by a RST or not. */
static void close_pair(struct load_state *state, struct pair *pair)
{
	unsigned int first = choose(state, 2);

	if (choose(state, 2))
		loopback_linger(pair->fds[first], 0);
	close(pair->fds[first]);
	close(pair->fds[!first]);
}

/* What fails, because the other end has left or is full, is part of it. */
static void send_some(struct load_state *state, int fd)
{
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	if (state->load->zerocopy)
		flags |= MSG_ZEROCOPY;
	(void)!send(fd, state->data, 1 + choose(state, LARGEST), flags);
}

static void receive_some(struct load_state *state, int fd)
{
	static char data[LARGEST];

	(void)!recv(fd, data, 1 + choose(state, LARGEST), MSG_DONTWAIT);
	if (state->load->zerocopy)
		(void)!recv(fd, data, sizeof(data),
			    MSG_DONTWAIT | MSG_ERRQUEUE);
}

static void exchange(struct load_state *state)
{
	struct pair *pair = &state->pairs[choose(state, PAIRS)];
	unsigned int side = choose(state, 2);

	if (!choose(state, LIFE)) {
		close_pair(state, pair);
		open_pair(state, pair);
	} else if (choose(state, 2)) {
		send_some(state, pair->fds[side]);
	} else {
		receive_some(state, pair->fds[side]);
	}
}

static void come_and_go(struct load_state *state)
{
	struct pair *pair = &state->pairs[choose(state, PAIRS)];

	close_pair(state, pair);
	open_pair(state, pair);
	send_some(state, pair->fds[0]);
}

const struct load loads[] = {
	{ "load-tcp", IPPROTO_TCP, false, exchange },
	{ "load-zerocopy", IPPROTO_TCP, true, exchange },
	{ "load-connect", IPPROTO_TCP, false, come_and_go },
	{ "load-udp", IPPROTO_UDP, false, exchange },
	{ "load-mptcp", IPPROTO_MPTCP, false, exchange },
	{ "load-sctp", IPPROTO_SCTP, false, exchange },
	{ 0 },
};

const struct load moderate_loads[] = {
	{ "load-connect", IPPROTO_TCP, false, come_and_go },
	{ "load-udp", IPPROTO_UDP, false, exchange },
	{ 0 },
};

void load_run(struct stage *stage, const struct load *load, sa_family_t family,
	      unsigned int *steps)
{
	struct load_state state = {
		.stage = stage, .load = load, .listener = -1,
	};

	state.data = mmap(NULL, LARGEST, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (state.data == MAP_FAILED)
		stage_fail(stage, "mmap");
	loopback_set(&state.server, family, 0);
	state.server.protocol = load->protocol;
	if (load->protocol != IPPROTO_UDP) {
		state.listener = loopback_listen(&state.server, PAIRS);
		if (state.listener < 0)
			stage_fail(stage, "listen");
	}
	for (int i = 0; i < PAIRS; i++)
		open_pair(&state, &state.pairs[i]);
	stage_report(stage, PAIRS);
	for (;;) {
		for (int i = 0; i < BURST; i++)
			load->step(&state);
		__atomic_fetch_add(steps, BURST, __ATOMIC_RELAXED);
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
}
