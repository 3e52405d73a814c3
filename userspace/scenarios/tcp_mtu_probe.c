// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * The connections begin with small segments, and probe for larger ones while
 * they transfer (RFC 4821): a probe is made of what waits in the write queue,
 * and charged anew.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "keeper.h"

#define BASE_MSS "512"
/* How often a connection's queues are filled and read, at most. */
#define TRANSFERS 100

static unsigned int mss_of(struct stage *stage, int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length))
		stage_fail(stage, "TCP_INFO");
	return info.tcpi_snd_mss;
}

/* Whether a probe has come through. */
static bool transfer(struct stage *stage, int from, int to)
{
	unsigned int mss = mss_of(stage, from);

	for (unsigned int i = 0; i < TRANSFERS; i++) {
		connection_receive(stage, to,
				   connection_fill(stage, from,
						   CONNECTION_LARGEST));
		if (mss_of(stage, from) > mss)
			return true;
	}
	return false;
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	long long probed = 0;

	for (unsigned int i = 0; i < cast->connections; i++) {
		int from, to;

		connection_make(stage, &cast->server, cast->listener, &from,
				&to);
		probed += transfer(stage, from, to);
		connection_fill(stage, from, CONNECTION_LARGEST);
	}
	close(cast->listener);
	stage_report(stage, probed);
}

static bool peak(struct play *play, struct actor *keeper)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long probed;

	return play_await(play, keeper, &probed) &&
	       play_expect(play, "peak", "connections that have probed",
			   play->connections, probed) &&
	       play_expect_sockets(play, "peak", open,
				   2 * play->connections) &&
	       play_expect_settled(play, "peak") &&
	       play_expect_meminfo(play, "peak", open);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, peak };
	struct keeper_cast cast;

	if (play_sysctl(play, "net.ipv4.tcp_mtu_probing", "2") &&
	    play_sysctl(play, "net.ipv4.tcp_base_mss", BASE_MSS))
		keeper_play(play, &how, &cast);
}

const struct scenario tcp_mtu_probe = {
	.name = "tcp-mtu-probe",
	.summary = "connections probe for larger segments, made of what waits",
	.connections = 20,
	.pages = 1500,
	.play = play,
};
