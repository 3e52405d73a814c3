// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets of SCTP connect to an address at which nobody answers, not even for the
 * link: the kernel tells itself so over loopback, by ICMP, which finds their
 * associations. They go on trying; some are closed before they have given up.
 */
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "../connections.h"
#include "../link.h"
#include "keeper.h"

static const struct unreachable {
	const char *here, *there;
	const char *impatient;	/* asks for the link's address once */
	int level, errors;	/* the option by which a socket is told */
} unreachables[] = {
	{ "192.0.2.1", "192.0.2.2",
	  "echo 1 >/proc/sys/net/ipv4/neigh/left/mcast_solicit",
	  IPPROTO_IP, IP_RECVERR },
	{ "2001:db8::1", "2001:db8::2",
	  "echo 1 >/proc/sys/net/ipv6/neigh/left/mcast_solicit",
	  IPPROTO_IPV6, IPV6_RECVERR },
};

static const struct unreachable *unreachable_of(const struct play *play)
{
	return &unreachables[play->family == AF_INET6];
}

/* The other end of the link is up, but has no address. */
static bool make_link(const struct unreachable *how)
{
	return link_run("ip link add left type veth peer name right") &&
	       link_run("ip link set right up") &&
	       link_set_up("left", how->here) && link_run("%s", how->impatient);
}

static int connect_one(struct stage *stage, const struct play *play)
{
	const struct unreachable *how = unreachable_of(play);
	struct loopback nobody;
	int fd;

	loopback_set(&nobody, play->family, play->port);
	loopback_place(&nobody, how->there);
	nobody.protocol = IPPROTO_SCTP;
	fd = loopback_connect_nonblocking(&nobody);
	if (fd < 0)
		stage_fail(stage, "connect");
	connection_set(stage, fd, how->level, how->errors, 1);
	return fd;
}

static void await_error(struct stage *stage, int fd)
{
	struct pollfd error = { .fd = fd };

	if (poll(&error, 1, PLAY_PATIENCE_MS) != 1 ||
	    !(error.revents & POLLERR))
		stage_fail(stage, "waiting for an error by ICMP");
}

static void keeper(struct stage *stage, void *arg)
{
	const struct play *play = arg;
	unsigned int n = play->connections;
	int *fds = calloc(n, sizeof(*fds));

	if (!fds)
		stage_fail(stage, "memory for the descriptors");
	if (!loopback_unshare(CLONE_NEWNET))
		stage_fail(stage, "unshare");
	stage_report(stage, make_link(unreachable_of(play)));
	for (unsigned int i = 0; i < n; i++)
		fds[i] = connect_one(stage, play);
	for (unsigned int i = 0; i < n; i++)
		await_error(stage, fds[i]);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < n; i += 2)
		close(fds[i]);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = { "told", "some closed", NULL };
	long long able;

	if (!play_await(play, keeper, &able))
		return false;
	if (!able)
		return play_skip(play, "there is no ip(8), or no veth");
	return keeper_settle(play, keeper, phases) &&
	       play_expect_sockets(play, "some closed",
				   whose(BOOKS_CLASS_OPEN, keeper),
				   play_share(play, 2, 1));
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };

	keeper_play_alone(play, &how, play);
}

const struct scenario sctp_unreachable_peers = {
	.name = "sctp-unreachable-peers",
	.summary = "connections to an address at which nobody answers, told so by ICMP",
	.protocol = IPPROTO_SCTP,
	.connections = 20,
	.pages = 1,
	.play = play,
};
