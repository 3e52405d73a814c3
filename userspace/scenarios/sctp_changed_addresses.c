// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- association 1..N ---- itself
 *
 * The socket that has connected gets a second address, and tells its peer
 * (ASCONF), who sends to it. The address goes again, while what was sent there
 * is not acknowledged; or the peer does not hear of it. All of it is signed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../association.h"
#include "../connections.h"
#include "../link.h"
#include "../segment.h"
#include "keeper.h"

#define MESSAGE 1000
#define MESSAGES 12
/* How often something is sent again, or asked. */
#define RTO_MS 200
#define HEARTBEAT_MS 100
#define PATIENCE 1000
/* Both in the network of loopback. */
#define SECOND_ADDRESS "127.0.0.2"
#define SECOND_ADDRESS6 "fd00::2"
#define SETTING "echo 1 >/proc/sys/net/sctp/"
#define DATA_CHUNK 0

struct kind {
	/* Before the books are read, and after that; may be NULL. */
	void (*begin)(struct stage *stage, const struct keeper_ends *ends);
	void (*end)(struct stage *stage, const struct keeper_ends *ends);
};

static struct sockaddr_storage second_of(struct stage *stage, int fd)
{
	struct sockaddr_storage address = connection_name(stage, fd);

	if (address.ss_family == AF_INET)
		inet_pton(AF_INET, SECOND_ADDRESS,
			  &((struct sockaddr_in *)&address)->sin_addr);
	else
		inet_pton(AF_INET6, SECOND_ADDRESS6,
			  &((struct sockaddr_in6 *)&address)->sin6_addr);
	return address;
}

static void change(struct stage *stage, const struct keeper_ends *ends,
		   int option)
{
	struct sockaddr_storage address = second_of(stage, ends->connected);

	association_set(stage, ends->connected, option, &address,
			address.ss_family == AF_INET ?
				sizeof(struct sockaddr_in) :
				sizeof(struct sockaddr_in6));
}

/* How many addresses its peer has. */
static __u32 addresses_of_peer(int fd)
{
	union {
		struct sctp_getaddrs addresses;
		char bytes[1024];
	} answer = { 0 };
	socklen_t length = sizeof(answer);

	if (getsockopt(fd, IPPROTO_SCTP, SCTP_GET_PEER_ADDRS, &answer, &length))
		return 0;
	return answer.addresses.addr_num;
}

static bool has_one(int fd)
{
	return addresses_of_peer(fd) == 1;
}

static bool has_two(int fd)
{
	return addresses_of_peer(fd) == 2;
}

static void add(struct stage *stage, const struct keeper_ends *ends)
{
	change(stage, ends, SCTP_SOCKOPT_BINDX_ADD);
	association_await(stage, ends->accepted, has_two);
}

/* The peer has sent something there, and got an answer. */
static void await_active(struct stage *stage, const struct keeper_ends *ends)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	struct sctp_paddrinfo info;
	socklen_t length;

	do {
		info = (struct sctp_paddrinfo){
			.spinfo_address = second_of(stage, ends->connected),
		};
		length = sizeof(info);
		if (getsockopt(ends->accepted, IPPROTO_SCTP,
			       SCTP_GET_PEER_ADDR_INFO, &info, &length) ||
		    play_clock_ms() > deadline)
			stage_fail(stage, "SCTP_GET_PEER_ADDR_INFO");
		play_pause();
	} while (info.spinfo_state != SCTP_ACTIVE);
}

static void send_all(struct stage *stage, int fd)
{
	static const char data[MESSAGE];

	for (unsigned int i = 0; i < MESSAGES; i++)
		if (send(fd, data, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
			stage_fail(stage, "send");
}

/* From now on the peer sends to the second address, and is not heard. */
static void send_there(struct stage *stage, const struct keeper_ends *ends)
{
	const struct sctp_prim primary = {
		.ssp_addr = second_of(stage, ends->connected),
	};

	add(stage, ends);
	await_active(stage, ends);
	association_set(stage, ends->accepted, SCTP_PRIMARY_ADDR, &primary,
			sizeof(primary));
	segment_ignore(stage, ends->connected);
	send_all(stage, ends->accepted);
}

static void add_unheard(struct stage *stage, const struct keeper_ends *ends)
{
	segment_ignore(stage, ends->accepted);
	change(stage, ends, SCTP_SOCKOPT_BINDX_ADD);
	send_all(stage, ends->connected);
}

static void take_away(struct stage *stage, const struct keeper_ends *ends)
{
	change(stage, ends, SCTP_SOCKOPT_BINDX_REM);
	association_await(stage, ends->accepted, has_one);
}

/* What was sent to the address comes to the other one. */
static void move(struct stage *stage, const struct keeper_ends *ends)
{
	take_away(stage, ends);
	segment_heed(stage, ends->connected);
	connection_receive(stage, ends->connected, MESSAGES * MESSAGE);
}

static void receive_there(struct stage *stage, const struct keeper_ends *ends)
{
	segment_heed(stage, ends->connected);
	connection_receive(stage, ends->connected, MESSAGES * MESSAGE);
}

static void hear(struct stage *stage, const struct keeper_ends *ends)
{
	segment_heed(stage, ends->accepted);
	association_await(stage, ends->accepted, has_two);
	connection_receive(stage, ends->accepted, MESSAGES * MESSAGE);
	take_away(stage, ends);
}

static void reset(struct stage *stage, const struct keeper_ends *ends)
{
	connection_reset(stage, ends->connected);
}

static const struct kind kinds[] = {
	{ add, take_away },
	{ send_there, move },
	{ send_there, take_away },
	{ send_there, receive_there },
	{ send_there, reset },
	{ add_unheard, hear },
	{ add_unheard, reset },
	{ add_unheard, NULL },
};

#define KINDS ((unsigned int)ARRAY_SIZE(kinds))

static void prepare(struct stage *stage, int fd)
{
	const struct sctp_assocparams association = {
		.sasoc_asocmaxrxt = PATIENCE,
	};
	const struct sctp_paddrparams path = {
		.spp_pathmaxrxt = PATIENCE,
		.spp_hbinterval = HEARTBEAT_MS,
		.spp_flags = SPP_HB_ENABLE,
	};
	const struct sctp_authchunk data = { .sauth_chunk = DATA_CHUNK };

	association_set_rto(stage, fd, RTO_MS, RTO_MS);
	association_set(stage, fd, SCTP_ASSOCINFO, &association,
			sizeof(association));
	association_set(stage, fd, SCTP_PEER_ADDR_PARAMS, &path, sizeof(path));
	association_set(stage, fd, SCTP_AUTH_CHUNK, &data, sizeof(data));
	/* whoever reads a message is told of the next one */
	connection_set(stage, fd, IPPROTO_SCTP, SCTP_RECVNXTINFO, 1);
	connection_set(stage, fd, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1);
}

/* It is bound to one address, not to all. */
static void make(struct stage *stage, const struct keeper_cast *cast,
		 struct keeper_ends *ends)
{
	struct loopback client;

	loopback_set(&client, cast->server.address.ss_family, 0);
	client.protocol = IPPROTO_SCTP;
	ends->connected = loopback_bind(&client);
	if (ends->connected < 0)
		stage_fail(stage, "bind");
	prepare(stage, ends->connected);
	keeper_join(stage, cast, ends);
}

/* Sockets take it over when they are made. */
static bool configure(void)
{
	return link_run("ip addr add " SECOND_ADDRESS6 "/128 dev lo nodad") &&
	       link_run(SETTING "auth_enable") &&
	       link_run(SETTING "addip_enable");
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	struct keeper_ends *all;

	/* however few there are, each kind is met */
	if (cast->connections < KINDS)
		cast->connections = KINDS;
	all = calloc(cast->connections, sizeof(*all));
	if (!all)
		stage_fail(stage, "memory for the descriptors");
	keeper_enter_namespace(stage, cast, 1);
	stage_report(stage, configure());
	close(cast->listener);
	cast->listener = loopback_listen(&cast->server, 1);
	if (cast->listener < 0)
		stage_fail(stage, "listen");
	prepare(stage, cast->listener);
	for (unsigned int i = 0; i < cast->connections; i++)
		make(stage, cast, &all[i]);
	for (unsigned int i = 0; i < cast->connections; i++)
		kinds[i % KINDS].begin(stage, &all[i]);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (kinds[i % KINDS].end)
			kinds[i % KINDS].end(stage, &all[i]);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = { "peak", "changed", NULL };
	long long able;

	if (!play_await(play, keeper, &able))
		return false;
	if (!able)
		return play_skip(play, "there is no ip(8)");
	return keeper_settle(play, keeper, phases);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario sctp_changed_addresses = {
	.name = "sctp-changed-addresses",
	.summary = "SCTP's sockets get a second address and lose it, with data sent there",
	.protocol = IPPROTO_SCTP,
	.connections = 24,
	.pages = 16,
	.play = play,
};
