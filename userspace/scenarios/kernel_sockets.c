// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's NFS server listens, in a network namespace of its own, at
 * sockets that the kernel has made and no process holds. Without a thread, what
 * arrives waits there unread, or to be accepted; to unmount the server's file
 * system closes them, data and all. With a thread it accepts and answers, but
 * the clients ignore that: the answers wait in write queues.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../connections.h"
#include "../segment.h"
#include "../transport.h"
#include "at_port.h"

/* Where the file system is mounted, for the actor only. */
#define NFSD "/tmp"
#define PORT 2049

/* The server listens over IPv4 and IPv6. */
#define LISTENING 2

/* To do nothing, as NFS 4 (RFC 5531), and what says that it was done. */
#define CALL 44
#define ANSWER 28

struct cast {
	struct loopback server;
	unsigned int connections;
	bool answers;		/* the server has a thread */
};

static void enter_namespaces(struct stage *stage)
{
	if (!loopback_unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		stage_fail(stage, "unshare");
}

/* Each file takes one order for every time that it is opened. */
static bool order(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool ok = dprintf(fd, "%s\n", text) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Old versions want a portmapper; the oldest is often not even known. */
static void start_server(struct stage *stage, const struct cast *cast)
{
	char port[16];

	snprintf(port, sizeof(port), "%s %d",
		 transport_of(cast->server.protocol)->pool, PORT);
	order(NFSD "/versions", "-2");
	if (!order(NFSD "/versions", "-3") || !order(NFSD "/portlist", port) ||
	    (cast->answers && !order(NFSD "/threads", "1")))
		stage_fail(stage, "the NFS server");
}

static void call(struct stage *stage, const struct cast *cast, int fd)
{
	const uint32_t words[CALL / 4] = {
		htonl(0x80000000 | (CALL - 4)),	/* all of it */
		htonl(1), htonl(0),	/* the first, a call */
		htonl(2), htonl(100003), htonl(4), /* of RPC 2, for NFS 4 */
	};

	if (cast->answers)
		segment_ignore(stage, fd);
	if (send(fd, words, CALL, MSG_NOSIGNAL) != CALL)
		stage_fail(stage, "send");
	if (!cast->answers && !cast->server.protocol)
		segment_await_acknowledged(stage, fd);
}

static void reset(struct stage *stage, const struct cast *cast,
		  const int *fds)
{
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_reset(stage, fds[i]);
}

/* Reports whether there is an NFS server. */
static void client(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	int *fds;

	enter_namespaces(stage);
	stage_report(stage, !mount("nfsd", NFSD, "nfsd", 0, NULL));
	start_server(stage, cast);
	stage_report(stage, 0);
	fds = connections_connect(stage, &cast->server, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		call(stage, cast, fds[i]);
	stage_report(stage, 0);
	if (cast->answers)
		reset(stage, cast, fds);
	else if (umount(NFSD))
		stage_fail(stage, "umount");
	stage_report(stage, 0);
}

/* What there is at the peak; when the server answers is its own affair. */
static void set_peak(const struct cast *cast, struct at_port *ours)
{
	long long n = cast->connections;

	if (cast->answers) {
		ours->kernel += n;
		ours->writing = 1;
	} else if (!cast->server.protocol) {
		ours->queued = n;
	}
}

static bool listening(struct play *play, struct actor *clients,
		      struct at_port *ours)
{
	long long there;

	if (!play_await(play, clients, &there))
		return false;
	if (!there)
		return play_skip(play, "the kernel has no NFS server");
	return play_step(play, clients, &there) &&
	       at_port_find(play, ours, clients) &&
	       at_port_expect(play, "listening", ours);
}

static bool peak(struct play *play, const struct cast *cast,
		 struct actor *clients, const struct at_port *ours,
		 long long pages)
{
	long long least = cast->answers ? ANSWER : CALL * cast->connections;
	long long value;

	if (!play_step(play, clients, &value) ||
	    !at_port_expect(play, "peak", ours) ||
	    !at_port_expect_pages(play, "peak", ours, least, clients, pages))
		return false;
	play_peak(play);
	return true;
}

static bool meet(struct play *play, struct cast *cast, struct actor *clients)
{
	struct at_port ours = {
		.protocol = cast->server.protocol,
		.port = PORT,
		.listener = play->family == AF_INET ? "0.0.0.0" : "[::]",
		.kernel = LISTENING,
	};
	struct at_port after;
	long long pages, value;

	if (!play_expect_balanced(play, "before") ||
	    !play_pages(play, &pages) ||
	    !play_start(play, clients, "client", client, cast) ||
	    !listening(play, clients, &ours))
		return false;
	after = ours;
	after.kernel = cast->answers ? LISTENING : 0;
	set_peak(cast, &ours);
	if (!peak(play, cast, clients, &ours, pages) ||
	    !play_step(play, clients, &value) ||
	    !at_port_expect(play, "ended", &after))
		return false;
	actor_kill(clients);
	return play_expect_return(play, "after", pages);
}

static void play_with(struct play *play, bool answers)
{
	struct cast cast = {
		.connections = play->connections,
		.answers = answers,
	};
	struct actor clients = { 0 };

	loopback_set(&cast.server, play->family, PORT);
	cast.server.protocol = play->scenario->protocol;
	meet(play, &cast, &clients);
	actor_kill(&clients);
}

static void play_unread(struct play *play)
{
	play_with(play, false);
}

static void play_answers(struct play *play)
{
	play_with(play, true);
}

const struct scenario kernel_sockets = {
	.name = "kernel-sockets",
	.summary = "connections wait for an NFS server without a thread: held by no process",
	.connections = 50,
	.pages = 2,
	.play = play_unread,
};

const struct scenario udp_kernel_sockets = {
	.name = "udp-kernel-sockets",
	.summary = "datagrams wait for an NFS server without a thread: held by no process",
	.protocol = IPPROTO_UDP,
	.connections = 50,
	.pages = 2,
	.play = play_unread,
};

const struct scenario kernel_connections = {
	.name = "kernel-connections",
	.summary = "an NFS server's answers wait for their clients: held by no process",
	.connections = 50,
	.pages = 2,
	.play = play_answers,
};
