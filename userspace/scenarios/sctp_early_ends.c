// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- association 1..N ---- itself
 *
 * Messages are queued before there is anybody who takes them: the peer does not
 * answer, or is not heard. Then the association ends, comes about from both
 * sides at once, or its peer forgets all about it and begins anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../association.h"
#include "../connections.h"
#include "../segment.h"
#include "keeper.h"

#define MESSAGE 1000
#define MESSAGES 12
/* How often something is sent again. */
#define RTO_MS 200
/* Who shuts down gives up after five times that. */
#define RTO_MAX_MS 60000
/* How often, where nobody answers: for ever, or not. */
#define PATIENCE 1000
#define ATTEMPTS 2

/* Types of chunks, RFC 9260. */
#define SHUTDOWN_ACK 8
#define COOKIE_ECHO 10

struct early {
	struct loopback server;
	int fd;
	int peer;		/* who listens, or was accepted */
	bool impatient;		/* gives up soon */
};

struct kind {
	void (*begin)(struct stage *stage, struct early *early);
	void (*end)(struct stage *stage, struct early *early);
};

/* Of a one-to-many socket. */
static bool has_associations(int fd, __u32 expected)
{
	socklen_t length = sizeof(__u32);
	__u32 count;

	return !getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER, &count,
			   &length) && count == expected;
}

static bool is_gone(int fd)
{
	return has_associations(fd, 0);
}

/* Before the peer has answered it cannot be told from others by its number. */
static bool is_asked_for(int fd)
{
	struct sctp_status status;

	return has_associations(fd, 1) && !association_status(fd, &status);
}

static bool is_in(int fd, enum sctp_sstat_state state)
{
	struct sctp_status status;

	return association_status(fd, &status) &&
	       status.sstat_state == (__s32)state;
}

static bool is_half_made(int fd)
{
	return is_in(fd, SCTP_COOKIE_ECHOED);
}

static bool is_shut(int fd)
{
	return is_in(fd, SCTP_SHUTDOWN_ACK_SENT);
}

static bool is_acknowledged(int fd)
{
	struct sctp_status status;

	return association_status(fd, &status) &&
	       status.sstat_state == SCTP_ESTABLISHED &&
	       !status.sstat_unackdata;
}

static void prepare(struct stage *stage, int fd, bool impatient)
{
	const struct sctp_initmsg attempts = {
		.sinit_max_attempts = impatient ? ATTEMPTS : PATIENCE,
	};
	const struct sctp_assocparams association = {
		.sasoc_asocmaxrxt = PATIENCE,
	};
	const struct sctp_paddrparams path = { .spp_pathmaxrxt = PATIENCE };

	association_set_rto(stage, fd, RTO_MS, RTO_MS);
	association_set(stage, fd, SCTP_INITMSG, &attempts, sizeof(attempts));
	association_set(stage, fd, SCTP_ASSOCINFO, &association,
			sizeof(association));
	association_set(stage, fd, SCTP_PEER_ADDR_PARAMS, &path, sizeof(path));
}

/* A socket that is bound to a port, any if *at has none. */
static int bound(struct stage *stage, struct loopback *at, int type)
{
	int fd;

	at->type = type;
	fd = loopback_bind(at);
	if (fd < 0)
		stage_fail(stage, "bind");
	prepare(stage, fd, false);
	return fd;
}

static int unbound(struct stage *stage, const struct early *early, int type)
{
	int fd = socket(early->server.address.ss_family, type | SOCK_CLOEXEC,
			IPPROTO_SCTP);

	if (fd < 0)
		stage_fail(stage, "socket");
	prepare(stage, fd, early->impatient);
	return fd;
}

/* What port it is to have is chosen when it is bound. */
static void choose(struct loopback *at, const struct early *early)
{
	loopback_set(at, early->server.address.ss_family, 0);
	at->protocol = IPPROTO_SCTP;
}

static void listen_anew(struct stage *stage, struct early *early)
{
	choose(&early->server, early);
	early->peer = bound(stage, &early->server, SOCK_STREAM);
	if (listen(early->peer, 1))
		stage_fail(stage, "listen");
}

/* To that address, or to the peer. */
static void send_all(struct stage *stage, int fd, const struct loopback *to)
{
	static const char data[MESSAGE];

	for (unsigned int i = 0; i < MESSAGES; i++)
		if (association_send(fd, to, data, MESSAGE, NULL,
				     MSG_DONTWAIT) != MESSAGE)
			stage_fail(stage, "sendmsg");
}

static void begin(struct stage *stage, struct early *early,
		  bool (*is_so)(int fd))
{
	early->fd = unbound(stage, early, SOCK_SEQPACKET);
	send_all(stage, early->fd, &early->server);
	if (!early->impatient)
		association_await(stage, early->fd, is_so);
}

static void ask(struct stage *stage, struct early *early)
{
	listen_anew(stage, early);
	segment_ignore(stage, early->peer);
	begin(stage, early, is_asked_for);
}

static void make_half(struct stage *stage, struct early *early)
{
	listen_anew(stage, early);
	segment_ignore_chunk(stage, early->peer, COOKIE_ECHO);
	begin(stage, early, is_half_made);
}

static void ask_nobody(struct stage *stage, struct early *early)
{
	listen_anew(stage, early);
	close(early->peer);
	early->impatient = true;
	begin(stage, early, NULL);
}

/* Both want it at the same time, and at first neither is heard. */
static void ask_each_other(struct stage *stage, struct early *early)
{
	struct loopback client;

	choose(&client, early);
	early->fd = bound(stage, &client, SOCK_SEQPACKET);
	segment_ignore(stage, early->fd);
	choose(&early->server, early);
	early->peer = bound(stage, &early->server, SOCK_SEQPACKET);
	segment_ignore(stage, early->peer);
	send_all(stage, early->fd, &early->server);
	send_all(stage, early->peer, &client);
	association_await(stage, early->fd, is_asked_for);
	association_await(stage, early->peer, is_asked_for);
}

static void connect_to(struct stage *stage, struct early *early)
{
	if (connect(early->fd, (const struct sockaddr *)&early->server.address,
		    early->server.length))
		stage_fail(stage, "connect");
}

/* It asks, and goes on asking. */
static void begin_to_connect(struct stage *stage, struct early *early)
{
	if (fcntl(early->fd, F_SETFL, O_NONBLOCK) ||
	    !connect(early->fd,
		     (const struct sockaddr *)&early->server.address,
		     early->server.length) ||
	    errno != EINPROGRESS)
		stage_fail(stage, "connect");
}

static void establish(struct stage *stage, struct early *early)
{
	int listener;

	listen_anew(stage, early);
	listener = early->peer;
	early->fd = unbound(stage, early, SOCK_STREAM);
	association_set_rto(stage, early->fd, RTO_MS, RTO_MAX_MS);
	connect_to(stage, early);
	early->peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (early->peer < 0)
		stage_fail(stage, "accept");
	close(listener);
}

/* The peer has still something to send, which is not acknowledged. */
static void establish_busy(struct stage *stage, struct early *early)
{
	establish(stage, early);
	segment_ignore(stage, early->peer);
	send_all(stage, early->peer, NULL);
}

/* All but the last word is said. */
static void establish_shut(struct stage *stage, struct early *early)
{
	establish(stage, early);
	segment_ignore_chunk(stage, early->fd, SHUTDOWN_ACK);
	if (shutdown(early->fd, SHUT_WR))
		stage_fail(stage, "shutdown");
	association_await(stage, early->peer, is_shut);
}

/* To two ports at once, which no association can have. */
static void connect_to_two(struct stage *stage, struct early *early)
{
	const struct sockaddr_storage *first = &early->server.address;
	socklen_t length = early->server.length;
	unsigned char both[2 * sizeof(*first)];
	struct loopback second;

	listen_anew(stage, early);
	choose(&second, early);
	memcpy(both, first, length);
	memcpy(both + length, &second.address, length);
	early->fd = unbound(stage, early, SOCK_SEQPACKET);
	if (!setsockopt(early->fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, both,
			2 * length) ||
	    errno != EINVAL || !is_gone(early->fd))
		stage_fail(stage, "SCTP_SOCKOPT_CONNECTX");
}

static void close_it(struct stage *stage, struct early *early)
{
	(void)stage;
	close(early->fd);
}

static void reset(struct stage *stage, struct early *early)
{
	connection_reset(stage, early->fd);
}

static void reset_peer(struct stage *stage, struct early *early)
{
	connection_reset(stage, early->peer);
}

static void abort_it(struct stage *stage, struct early *early)
{
	const struct sctp_sndinfo info = { .snd_flags = SCTP_ABORT };

	if (association_send(early->fd, &early->server, NULL, 0, &info, 0))
		stage_fail(stage, "SCTP_ABORT");
	association_await(stage, early->fd, is_gone);
}

static void give_up(struct stage *stage, struct early *early)
{
	association_await(stage, early->fd, is_gone);
}

/* What is sent again meets nobody, who says so. */
static void leave(struct stage *stage, struct early *early)
{
	close(early->peer);
	association_await(stage, early->fd, is_gone);
}

static void meet(struct stage *stage, struct early *early)
{
	segment_heed(stage, early->fd);
	segment_heed(stage, early->peer);
	association_await(stage, early->fd, is_acknowledged);
	association_await(stage, early->peer, is_acknowledged);
}

/*
 * The peer does not hear of the end, nor that what it sends again meets nobody,
 * but of the same port once more.
 */
static void restart(struct stage *stage, struct early *early)
{
	struct loopback client = early->server;

	client.address = connection_name(stage, early->fd);
	connection_reset(stage, early->fd);
	early->fd = bound(stage, &client, SOCK_STREAM);
	begin_to_connect(stage, early);
	segment_heed(stage, early->peer);
	association_await(stage, early->fd, is_acknowledged);
	send_all(stage, early->fd, NULL);
	send_all(stage, early->peer, NULL);
	association_await(stage, early->fd, is_acknowledged);
	association_await(stage, early->peer, is_acknowledged);
}

static void stay(struct stage *stage, struct early *early)
{
	(void)stage;
	(void)early;
}

static const struct kind kinds[] = {
	{ ask, close_it },
	{ ask, reset },
	{ ask, abort_it },
	{ ask, give_up },
	{ ask, stay },
	{ ask_nobody, give_up },
	{ make_half, close_it },
	{ make_half, reset },
	{ make_half, abort_it },
	{ make_half, give_up },
	{ make_half, leave },
	{ ask_each_other, meet },
	{ ask_each_other, reset },
	{ establish_busy, restart },
	{ establish_shut, reset },
	{ establish_shut, reset_peer },
	{ connect_to_two, close_it },
};

#define KINDS ((unsigned int)ARRAY_SIZE(kinds))

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	struct early *all;

	/* however few there are, each kind is met */
	if (cast->connections < KINDS)
		cast->connections = KINDS;
	all = calloc(cast->connections, sizeof(*all));
	if (!all)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->connections; i++) {
		all[i].server = cast->server;
		all[i].impatient = kinds[i % KINDS].end == give_up;
		kinds[i % KINDS].begin(stage, &all[i]);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		kinds[i % KINDS].end(stage, &all[i]);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = { "ended", NULL };
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "peak") &&
	       keeper_settle(play, keeper, phases);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario sctp_early_ends = {
	.name = "sctp-early-ends",
	.summary = "SCTP has messages queued for associations that are not made, or begin anew",
	.protocol = IPPROTO_SCTP,
	.connections = 34,
	.pages = 16,
	.play = play,
};
