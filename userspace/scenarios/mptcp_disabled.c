// SPDX-License-Identifier: GPL-2.0-only
/*
 * MPTCP is disabled while a socket of it is there: no more can be made, and what
 * is not made is not counted.
 *
 * Only if named: Linux, from 6.1 to 7.3 at least, takes each out of
 * sockets_allocated that it has not counted in (mptcp_init_sock() fails before it
 * does, and mptcp_destroy() is called nevertheless).
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scenarios.h"

static bool expect_refused(struct play *play)
{
	long long refused = 0;
	int fd;

	for (unsigned int i = 0; i < play->connections; i++) {
		fd = socket(play->family, SOCK_STREAM | SOCK_CLOEXEC,
			    IPPROTO_MPTCP);
		if (fd >= 0)
			close(fd);
		else
			refused += errno == ENOPROTOOPT;
	}
	return play_expect(play, "disabled", "sockets that were refused",
			   play->connections, refused);
}

static void play(struct play *play)
{
	struct loopback server;
	int listener;

	if (!play_listen(play, &server, 1, &listener))
		return;
	if (play_expect_balanced(play, "enabled") &&
	    play_sysctl(play, "net.mptcp.enabled", "0") &&
	    expect_refused(play))
		play_expect_settled(play, "disabled");
	close(listener);
}

const struct scenario mptcp_disabled = {
	.name = "mptcp-disabled",
	.summary = "MPTCP is disabled: a socket that is refused is not counted",
	.protocol = IPPROTO_MPTCP,
	.connections = 20,
	.pages = 1,
	.only_named = true,
	.play = play,
};
