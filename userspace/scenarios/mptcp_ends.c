// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "../connections.h"
#include "../sockdiag.h"
#include "mptcp_ends.h"

/* MPTCP sends again what is late, on a slow machine for long. */
#define MOTION_PATIENCE_MS (3 * PLAY_PATIENCE_MS)
/* The kernel doubles them. */
#define SNDBUF (16 * 1024)
#define RCVBUF (16 * 1024)

static void set_option(struct stage *stage, int fd, int level, int option,
		       int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		stage_fail(stage, "setsockopt");
}

/* At each cue, sends as long as there is room. */
static void send_on(struct stage *stage, const struct mptcp_ends *ends,
		    const int *fds)
{
	long long bytes = 0;

	for (unsigned int i = 0; i < ends->connections; i++) {
		set_option(stage, fds[i], SOL_SOCKET, SO_SNDBUF, SNDBUF);
		set_option(stage, fds[i], IPPROTO_TCP, TCP_NODELAY, 1);
	}
	for (;;) {
		stage_report(stage, bytes);
		bytes = 0;
		for (unsigned int i = 0; i < ends->connections; i++)
			bytes += connection_fill(stage, fds[i],
						 ends->message);
	}
}

static void server(struct stage *stage, void *arg)
{
	struct mptcp_ends *ends = arg;

	send_on(stage, ends, connections_accept(stage, ends->listener,
						ends->connections, 0));
}

static void client(struct stage *stage, void *arg)
{
	struct mptcp_ends *ends = arg;
	int *fds;

	close(ends->listener);
	fds = connections_connect(stage, &ends->address, ends->connections);
	for (unsigned int i = 0; i < ends->connections; i++)
		set_option(stage, fds[i], SOL_SOCKET, SO_RCVBUF, RCVBUF);
	if (ends->client_sends)
		send_on(stage, ends, fds);
	stage_report(stage, 0);
}

bool mptcp_ends_start(struct play *play, struct mptcp_ends *ends)
{
	long long n = play->connections, value;
	bool ok;

	ends->connections = play->connections;
	if (!play_listen(play, &ends->address, 4096, &ends->listener))
		return false;
	ok = play_start(play, &ends->server, "server", server, ends) &&
	     play_start(play, &ends->client, "client", client, ends);
	close(ends->listener);
	return ok && play_await(play, &ends->server, &value) &&
	       play_await(play, &ends->client, &value) &&
	       play_expect_sockets(play, "connected",
				   whose(BOOKS_CLASS_OPEN, &ends->server),
				   2 * n) &&
	       play_expect_sockets(play, "connected",
				   whose(BOOKS_CLASS_OPEN, &ends->client),
				   2 * n) &&
	       play_expect_balanced(play, "connected");
}

/* Sets *bytes to what both ends took this time. */
static bool send_more(struct play *play, struct mptcp_ends *ends,
		      long long *bytes)
{
	long long more = 0;

	if (!play_step(play, &ends->server, bytes) ||
	    (ends->client_sends && !play_step(play, &ends->client, &more)))
		return false;
	*bytes += more;
	return true;
}

/* By SO_MEMINFO of the sockets of MPTCP, and sock_diag of the subflows. */
static bool witness_bytes(struct play *play, struct mptcp_ends *ends,
			  long long *bytes)
{
	struct meminfo server_sum, client_sum;
	char *error = NULL;

	if (sockdiag_sum_port(loopback_port(&ends->address), bytes, &error)) {
		play_fail(play, "peak: %s", error);
		free(error);
		return false;
	}
	if (!play_meminfo(play, "peak", &ends->server, &server_sum) ||
	    !play_meminfo(play, "peak", &ends->client, &client_sum))
		return false;
	*bytes += meminfo_bytes(&server_sum) + meminfo_bytes(&client_sum);
	return true;
}

static bool booked_bytes(struct play *play, struct mptcp_ends *ends,
			 long long *bytes)
{
	struct books_charge servers, clients;

	if (!play_charge(play, whose(BOOKS_CLASS_OPEN, &ends->server),
			 &servers) ||
	    !play_charge(play, whose(BOOKS_CLASS_OPEN, &ends->client),
			 &clients))
		return false;
	*bytes = books_charge_bytes(&servers) + books_charge_bytes(&clients);
	ktap_remark(play->ktap, "server %lld, client %lld pages",
		    servers.pages, clients.pages);
	return true;
}

/* As long as more fits in there is reason to be patient. */
bool mptcp_ends_fill(struct play *play, struct mptcp_ends *ends)
{
	long long deadline = play_clock_ms() + MOTION_PATIENCE_MS;
	long long taken, expected, actual;

	do {
		play_pause();
		if (!send_more(play, ends, &taken) ||
		    !witness_bytes(play, ends, &expected) ||
		    !booked_bytes(play, ends, &actual))
			return false;
		if (taken)
			deadline = play_clock_ms() + MOTION_PATIENCE_MS;
	} while ((taken || expected != actual) && play_clock_ms() < deadline);
	return play_expect(play, "peak", "bytes that still fit in", 0, taken) &&
	       play_expect(play, "peak",
			   "bytes of both ends, by SO_MEMINFO and sock_diag",
			   expected, actual) &&
	       play_expect_balanced(play, "peak");
}

void mptcp_ends_kill(struct mptcp_ends *ends)
{
	actor_kill(&ends->server);
	actor_kill(&ends->client);
}
