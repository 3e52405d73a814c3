// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself (listens)
 *
 * A listener wants to be told of IPv6 options, and has one itself: each child
 * gets a copy. The child also keeps the packet that its handshake began with,
 * or ended with where there was a cookie: charged, in no queue, until another
 * one comes. It is accepted or not, and ends with that packet, with another one
 * or with none.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "keeper.h"

/* Of <linux/in6.h>, which cannot be included beside <netinet/in.h>. */
#define IPV6_FLOWINFO 11
/* Any but 0. */
#define TRAFFIC_CLASS 4
#define BACKLOG 4096

/*
 *	QUEUED		not accepted
 *	QUEUED_RESET	likewise, and its client has gone
 *	UNTOUCHED	accepted, as are the following
 *	CLOSED		and closed
 *	REPLACED	another packet with options comes
 *	DROPPED		one without any
 */
enum kind { QUEUED, QUEUED_RESET, UNTOUCHED, CLOSED, REPLACED, DROPPED, KINDS };

struct listener {
	struct loopback server;
	int fd;
};

static void want_options(struct stage *stage, int fd)
{
	/* a header of eight bytes, all of it padding */
	static const unsigned char option[8] = { 0, 0, 1, 4 };

	connection_set(stage, fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	connection_set(stage, fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	connection_set(stage, fd, IPPROTO_IPV6, IPV6_FLOWINFO, 1);
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, option, sizeof(option)))
		stage_fail(stage, "IPV6_HOPOPTS");
}

/* Whose children nobody accepts. */
static void listen_only(struct stage *stage, struct listener *listener)
{
	loopback_set(&listener->server, AF_INET6, 0);
	listener->fd = loopback_listen(&listener->server, BACKLOG);
	if (listener->fd < 0)
		stage_fail(stage, "listen");
}

static bool is_queued(enum kind kind)
{
	return kind == QUEUED || kind == QUEUED_RESET;
}

static void connect_all(struct stage *stage, const struct keeper_cast *cast,
			const struct listener *queue, struct keeper_ends *all)
{
	for (unsigned int i = 0; i < cast->connections; i++) {
		if (is_queued(i % KINDS))
			all[i].connected = loopback_connect(&queue->server);
		else
			connection_make(stage, &cast->server, cast->listener,
					&all[i].connected, &all[i].accepted);
		if (all[i].connected < 0)
			stage_fail(stage, "connect");
	}
}

static void pass_byte(struct stage *stage, const struct keeper_ends *ends)
{
	char byte = 0;

	if (send(ends->connected, &byte, 1, MSG_NOSIGNAL) != 1 ||
	    recv(ends->accepted, &byte, 1, 0) != 1)
		stage_fail(stage, "send, recv");
}

static void go_on(struct stage *stage, const struct keeper_ends *ends,
		  enum kind kind)
{
	switch (kind) {
	case QUEUED_RESET:
		connection_reset(stage, ends->connected);
		break;
	case CLOSED:
		connection_reset(stage, ends->accepted);
		break;
	case REPLACED:
		connection_set(stage, ends->connected, IPPROTO_IPV6,
			       IPV6_TCLASS, TRAFFIC_CLASS);
		pass_byte(stage, ends);
		break;
	case DROPPED:
		/* a label would be an option, too */
		connection_set(stage, ends->connected, IPPROTO_IPV6,
			       IPV6_AUTOFLOWLABEL, 0);
		pass_byte(stage, ends);
		break;
	default:
		break;
	}
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	struct keeper_ends *all = calloc(cast->connections, sizeof(*all));
	struct listener queue;

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	listen_only(stage, &queue);
	want_options(stage, queue.fd);
	want_options(stage, cast->listener);
	connect_all(stage, cast, &queue, all);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		go_on(stage, &all[i], i % KINDS);
	stage_report(stage, 0);
	close(queue.fd);
	stage_report(stage, 0);
}

/* So many sockets keep a packet, so many children are queued. */
static bool expect(struct play *play, const char *phase,
		   const struct actor *keeper, long long packets,
		   long long queued)
{
	return play_expect_sockets(play, phase,
				   whose(BOOKS_CLASS_ACCEPT_QUEUE, keeper),
				   queued) &&
	       play_expect_settled(play, phase) &&
	       keeper_expect_queues(play, phase, keeper, packets);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long queued = play_share(play, KINDS, QUEUED) +
			   play_share(play, KINDS, QUEUED_RESET);
	long long gone = play_share(play, KINDS, CLOSED);
	long long left = play->connections - gone -
			 play_share(play, KINDS, DROPPED), value;

	return play_await(play, keeper, &value) &&
	       expect(play, "first packet", keeper, play->connections,
		      queued) &&
	       play_expect_meminfo(play, "first packet", open) &&
	       play_step(play, keeper, &value) &&
	       expect(play, "later packets", keeper, left, queued) &&
	       play_expect_state(play, "later packets", closed, "CLOSE", gone) &&
	       play_step(play, keeper, &value) &&
	       expect(play, "listener closed", keeper, left - queued, 0) &&
	       play_expect_state(play, "listener closed", closed, "CLOSE",
				 gone + play_share(play, KINDS, QUEUED));
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (play->family != AF_INET6) {
		play_skip(play, "IPv4 has no such options");
		return;
	}
	ktap_remark(play->ktap, "without cookies");
	if (play_sysctl(play, "net.ipv4.tcp_syncookies", "1"))
		keeper_play(play, &how, &cast);
	ktap_remark(play->ktap, "with cookies");
	if (play_sysctl(play, "net.ipv4.tcp_syncookies", "2"))
		keeper_play(play, &how, &cast);
}

const struct scenario tcp_ipv6_children = {
	.name = "tcp-ipv6-children",
	.summary = "children inherit IPv6 options, and keep the packet that they began with",
	.connections = 30,
	.pages = 1,
	.play = play,
};
