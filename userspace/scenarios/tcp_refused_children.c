// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself (listens)
 *
 * A child gets a copy of what its listener has, for which the kernel may refuse
 * the memory: of a filter before anybody knows the child, of a key (TCP-MD5)
 * after that. Half made, it is taken back each time that the client is heard;
 * the clients are connected already. When there is room, the children come.
 */
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "../nstat.h"
#include "../signature.h"
#include "keeper.h"

#define PAYLOAD 1000
#define BACKLOG 4096
/* Of the filter: it takes 8 bytes for each. */
#define INSTRUCTIONS 1000
/* What filters and keys may take, in bytes: nothing, and enough. */
#define ROOM "net.core.optmem_max"
#define NO_ROOM "1"
#define ENOUGH "131072"

enum kind { LARGE_FILTER, KEYED, KINDS };

struct cast {
	struct keeper_cast keeper;
	struct loopback servers[KINDS];
	int listeners[KINDS];
	unsigned int kinds;	/* that this kernel has */
};

/* Lets everything pass. */
static void attach_filter(struct stage *stage, int fd)
{
	struct sock_filter code[INSTRUCTIONS];
	struct sock_fprog program = { INSTRUCTIONS, code };

	for (unsigned int i = 0; i < INSTRUCTIONS; i++)
		code[i] = (struct sock_filter)
			BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)))
		stage_fail(stage, "SO_ATTACH_FILTER");
}

static void listen_all(struct stage *stage, struct cast *cast)
{
	sa_family_t family = cast->keeper.server.address.ss_family;

	close(cast->keeper.listener);
	for (unsigned int k = 0; k < KINDS; k++) {
		struct loopback *server = &cast->servers[k];

		loopback_set(server, family, 0);
		cast->listeners[k] = loopback_listen(server, BACKLOG);
		if (cast->listeners[k] < 0)
			stage_fail(stage, "listen");
	}
	attach_filter(stage, cast->listeners[LARGE_FILTER]);
	cast->kinds = signature_require(cast->listeners[KEYED],
					&cast->servers[KEYED]) ?
			      KINDS : KEYED;
}

/* Without a key of its own nobody would answer it in the end. */
static int open_one(struct stage *stage, const struct cast *cast,
		    enum kind kind)
{
	const struct loopback *server = &cast->servers[kind];
	int fd = socket(server->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC,
			0);

	if (fd < 0 || !loopback_linger(fd, 0) ||
	    (kind == KEYED && !signature_require(fd, server)))
		stage_fail(stage, "socket");
	return fd;
}

static int *open_all(struct stage *stage, const struct cast *cast)
{
	unsigned int connections = cast->keeper.connections;
	int *fds = calloc(connections, sizeof(*fds));

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < connections; i++)
		fds[i] = open_one(stage, cast, i % cast->kinds);
	return fds;
}

static void connect_all(struct stage *stage, const struct cast *cast,
			const int *fds)
{
	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		const struct loopback *server = &cast->servers[i % cast->kinds];

		if (connect(fds[i], (const struct sockaddr *)&server->address,
			    server->length))
			stage_fail(stage, "connect");
	}
}

static void send_all(struct stage *stage, const struct cast *cast,
		     const int *fds)
{
	static const char data[PAYLOAD];

	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		if (send(fds[i], data, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
			stage_fail(stage, "send");
}

static void accept_all(struct stage *stage, const struct cast *cast)
{
	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		int fd = accept4(cast->listeners[i % cast->kinds], NULL, NULL,
				 SOCK_CLOEXEC);

		if (fd < 0 || !loopback_linger(fd, 0))
			stage_fail(stage, "accept");
	}
}

static void keeper(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long drops;
	int *fds;

	listen_all(stage, cast);
	fds = open_all(stage, cast);
	stage_report(stage, 0);
	drops = nstat_tcp(stage, "ListenDrops");
	connect_all(stage, cast, fds);
	/* before 6.2 a child did without the key */
	nstat_await_tcp(stage, "ListenDrops",
			drops + cast->keeper.connections / cast->kinds);
	stage_report(stage, 0);
	send_all(stage, cast, fds);
	accept_all(stage, cast);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long n = play->connections, value;

	return play_await(play, keeper, &value) &&
	       play_sysctl(play, ROOM, NO_ROOM) &&
	       play_step(play, keeper, &value) &&
	       play_expect_state(play, "refused", open, "ESTABLISHED", n) &&
	       play_expect_settled(play, "refused") &&
	       play_sysctl(play, ROOM, ENOUGH) &&
	       play_step(play, keeper, &value) &&
	       play_expect_state(play, "accepted", open, "ESTABLISHED", 2 * n) &&
	       play_expect_settled(play, "accepted") &&
	       play_expect_meminfo(play, "accepted", open);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast;

	keeper_play(play, &how, &cast.keeper);
}

const struct scenario tcp_refused_children = {
	.name = "tcp-refused-children",
	.summary = "no memory for what a child inherits: half made, it is taken back",
	.connections = 50,
	.pages = 2,
	.play = play,
};
