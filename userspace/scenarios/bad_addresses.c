// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * What is sent begins in memory that there is and ends where there is none, and
 * so does the room for what is received: each time the kernel has charged a
 * socket for something that then fails, and has to take it back.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../association.h"
#include "../connections.h"
#include "keeper.h"

#define GOOD (64 * 1024)
#define PAYLOAD 1000
/* TCP_FASTOPEN of client and server, without cookies, for every listener. */
#define FASTOPEN "1543"

struct cast {
	struct keeper_cast keeper;
	int protocol;
	/* GOOD bytes, and as many that cannot be read or written */
	char *memory;
};

static char *bad(const struct cast *cast)
{
	return cast->memory + GOOD;
}

static void map_memory(struct stage *stage, struct cast *cast)
{
	cast->memory = mmap(NULL, 2 * GOOD, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (cast->memory == MAP_FAILED || mprotect(bad(cast), GOOD, PROT_NONE))
		stage_fail(stage, "mmap");
}

/* A part may have been sent. Of which size it is depends on the protocol. */
static void send_faulty(struct stage *stage, const struct cast *cast, int fd,
			size_t good, int flags)
{
	ssize_t sent = send(fd, bad(cast) - good, good + PAYLOAD,
			    flags | MSG_NOSIGNAL);

	if (sent > (ssize_t)good || (sent < 0 && errno != EFAULT))
		stage_fail(stage, "send from a bad address");
}

static void send_good(struct stage *stage, const struct cast *cast, int fd,
		      int flags)
{
	if (send(fd, cast->memory, PAYLOAD, flags | MSG_NOSIGNAL) != PAYLOAD)
		stage_fail(stage, "send");
}

/* Where nothing waits to be sent, then behind something. */
static void send_all(struct stage *stage, const struct cast *cast, int fd)
{
	static const size_t sizes[] = { 0, PAYLOAD, GOOD / 2 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		send_faulty(stage, cast, fd, sizes[i], 0);
	if (cast->protocol == IPPROTO_SCTP)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		send_good(stage, cast, fd, MSG_MORE);
		send_faulty(stage, cast, fd, sizes[i], MSG_MORE);
		send_faulty(stage, cast, fd, sizes[i], 0);
	}
}

/* Pages that are not copied, in front of one that is not there. */
static void send_zerocopy(struct stage *stage, const struct cast *cast, int fd)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)))
		return;
	send_faulty(stage, cast, fd, 0, MSG_ZEROCOPY);
	send_faulty(stage, cast, fd, GOOD / 2, MSG_ZEROCOPY);
	send_good(stage, cast, fd, MSG_MORE);
	send_faulty(stage, cast, fd, PAYLOAD, MSG_ZEROCOPY);
	send_faulty(stage, cast, fd, GOOD / 2, MSG_ZEROCOPY);
}

/* SCTP takes the message for received then. */
static void receive_faulty(struct stage *stage, const struct cast *cast, int fd)
{
	if (recv(fd, bad(cast), PAYLOAD, MSG_PEEK) >= 0 || errno != EFAULT)
		stage_fail(stage, "recv with MSG_PEEK to a bad address");
	if (recv(fd, bad(cast), PAYLOAD, 0) >= 0 || errno != EFAULT)
		stage_fail(stage, "recv to a bad address");
	if (recv(fd, bad(cast) - PAYLOAD / 2, PAYLOAD, 0) < 0 &&
	    errno != EFAULT)
		stage_fail(stage, "recv to a bad address");
}

/* A connection whose first segment was to have data with it. */
static void send_first(struct stage *stage, const struct cast *cast,
		       size_t good)
{
	const struct loopback *server = &cast->keeper.server;
	int fd = socket(server->address.ss_family, SOCK_STREAM, 0), accepted;

	if (fd < 0)
		stage_fail(stage, "socket");
	if (sendto(fd, bad(cast) - good, good + PAYLOAD,
		   MSG_FASTOPEN | MSG_NOSIGNAL,
		   (const struct sockaddr *)&server->address,
		   server->length) < 0 &&
	    errno != EFAULT)
		stage_fail(stage, "MSG_FASTOPEN");
	accepted = accept(cast->keeper.listener, NULL, NULL);
	if (accepted < 0)
		stage_fail(stage, "accept");
	connection_reset(stage, accepted);
	close(fd);
}

static void send_all_first(struct stage *stage, const struct cast *cast)
{
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		send_first(stage, cast, i % 2 * PAYLOAD);
}

/* Accepted, but nobody is told: closed. */
static void accept_faulty(struct stage *stage, const struct cast *cast)
{
	const struct keeper_cast *keeper = &cast->keeper;
	int fd = loopback_connect(&keeper->server);
	socklen_t length = sizeof(struct sockaddr_storage);

	if (fd < 0)
		stage_fail(stage, "connect");
	if (accept(keeper->listener, (struct sockaddr *)bad(cast), &length) >=
		    0 ||
	    errno != EFAULT)
		stage_fail(stage, "accept to a bad address");
	close(fd);
}

static void peel_off_faulty(struct stage *stage, const struct cast *cast)
{
	struct loopback server = cast->keeper.server;
	int fd, accepted;

	server.type = SOCK_SEQPACKET;
	connection_make(stage, &server, cast->keeper.listener, &fd, &accepted);
	association_peel_off_untold(stage, fd);
	close(fd);
	close(accepted);
}

static void keeper(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	const struct keeper_ends *all;

	map_memory(stage, cast);
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		accept_faulty(stage, cast);
	if (cast->protocol == IPPROTO_SCTP)
		peel_off_faulty(stage, cast);
	/* that of MPTCP is TCP's, and SCTP has none */
	if (!cast->protocol)
		send_all_first(stage, cast);
	all = keeper_connect(stage, &cast->keeper);
	for (unsigned int i = 0; i < cast->keeper.connections; i++) {
		send_all(stage, cast, all[i].connected);
		send_zerocopy(stage, cast, all[i].connected);
		send_good(stage, cast, all[i].connected, 0);
		send_good(stage, cast, all[i].connected, 0);
		receive_faulty(stage, cast, all[i].accepted);
	}
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "peak");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast = { .protocol = play->scenario->protocol };

	if (play_sysctl(play, "net.ipv4.tcp_fastopen", FASTOPEN))
		keeper_play(play, &how, &cast.keeper);
}

const struct scenario tcp_bad_addresses = {
	.name = "tcp-bad-addresses",
	.summary = "what is sent or received ends where no memory is: taken back",
	.connections = 30,
	.pages = 100,
	.play = play,
};

const struct scenario mptcp_bad_addresses = {
	.name = "mptcp-bad-addresses",
	.summary = "the same with MPTCP",
	.protocol = IPPROTO_MPTCP,
	.connections = 30,
	.pages = 100,
	.play = play,
};

const struct scenario sctp_bad_addresses = {
	.name = "sctp-bad-addresses",
	.summary = "the same with SCTP",
	.protocol = IPPROTO_SCTP,
	.connections = 30,
	.pages = 100,
	.play = play,
};
