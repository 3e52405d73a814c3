// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper (in a cgroup) ==== connection 1..N, datagrams ==== itself
 *
 * BPF programs of the cgroup permit nothing: no socket is made, bound or connected,
 * and no packet goes out or comes in, one after the other. What is half done is
 * taken back; what was sent stays queued, and comes when it is permitted.
 */
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "../array.h"
#include "../bpf.h"
#include "../connections.h"
#include "keeper.h"

#define PAYLOAD 1000

static const struct protocol {
	int type, number;
} protocols[] = {
	{ SOCK_STREAM, IPPROTO_TCP },
	{ SOCK_DGRAM, IPPROTO_UDP },
	{ SOCK_DGRAM, IPPROTO_UDPLITE },
	{ SOCK_STREAM, IPPROTO_SCTP },
	{ SOCK_SEQPACKET, IPPROTO_SCTP },
	{ SOCK_STREAM, IPPROTO_MPTCP },
};

/* So many of them are bound and connected: TCP and UDP. */
#define BOUND 2

struct cast {
	struct keeper_confined confined;
	struct keeper_ends *all;
};

static sa_family_t family_of(const struct cast *cast)
{
	return cast->confined.keeper.server.address.ss_family;
}

static bool is_permitted(struct stage *stage, const char *what, bool done)
{
	if (!done && errno != EPERM)
		stage_fail(stage, what);
	return done;
}

/* The kernel may not have the protocol at all. */
static bool make(struct stage *stage, const struct cast *cast, unsigned int i)
{
	const struct protocol *protocol = &protocols[i % ARRAY_SIZE(protocols)];

	(void)stage;
	return socket(family_of(cast), protocol->type, protocol->number) >= 0;
}

static int make_bound(struct stage *stage, const struct cast *cast,
		      unsigned int i)
{
	const struct protocol *protocol = &protocols[i % BOUND];
	int fd = socket(family_of(cast), protocol->type, protocol->number);

	if (fd < 0)
		stage_fail(stage, "socket");
	return fd;
}

static bool bind_one(struct stage *stage, const struct cast *cast,
		     unsigned int i)
{
	struct loopback own;

	loopback_set(&own, family_of(cast), 0);
	return is_permitted(stage, "bind",
			    !bind(make_bound(stage, cast, i),
				  (const struct sockaddr *)&own.address,
				  own.length));
}

static bool connect_one(struct stage *stage, const struct cast *cast,
			unsigned int i)
{
	const struct loopback *server = &cast->confined.keeper.server;

	return is_permitted(stage, "connect",
			    !connect(make_bound(stage, cast, i),
				     (const struct sockaddr *)&server->address,
				     server->length));
}

/* Of a stream any number of bytes is taken; of datagrams none, or it goes astray. */
static bool send_one(struct stage *stage, const struct cast *cast,
		     unsigned int i)
{
	static const char data[PAYLOAD];
	const struct loopback *server = &cast->confined.keeper.server;
	int fd = make_bound(stage, cast, 1);

	connection_send(stage, cast->all[i].connected, PAYLOAD, NULL);
	return is_permitted(stage, "sendto",
			    sendto(fd, data, PAYLOAD, 0,
				   (const struct sockaddr *)&server->address,
				   server->length) == PAYLOAD);
}

static const struct refusal {
	const char *phase;
	enum bpf_attach_type over_ipv4, over_ipv6;
	/* whether it was permitted; what could be made is kept */
	bool (*try)(struct stage *stage, const struct cast *cast,
		    unsigned int i);
	bool sent;		/* permitted to the sender, who does not know */
} refusals[] = {
	{ "not made", BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET_SOCK_CREATE,
	  make, .sent = false },
	{ "not bound", BPF_CGROUP_INET4_POST_BIND, BPF_CGROUP_INET6_POST_BIND,
	  bind_one, .sent = false },
	{ "not connected", BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT,
	  connect_one, .sent = false },
	{ "not sent to", BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG,
	  send_one, .sent = false },
	{ "not out", BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_EGRESS,
	  send_one, .sent = false },
	{ "not in", BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_INGRESS, send_one,
	  .sent = true },
};

/* What TCP was given while it was not permitted: "not sent to" is permitted. */
#define SENDINGS 3

static void try_all(struct stage *stage, const struct cast *cast,
		    const struct refusal *refusal)
{
	enum bpf_attach_type where =
		family_of(cast) == AF_INET6 ? refusal->over_ipv6 :
					      refusal->over_ipv4;
	long long done = 0;

	if (bpf_attach_refusing(cast->confined.directory, where))
		stage_fail(stage, "a program that refuses");
	for (unsigned int i = 0; i < cast->confined.keeper.connections; i++)
		done += refusal->try(stage, cast, i);
	stage_report(stage, done);
	if (bpf_detach(cast->confined.directory, where))
		stage_fail(stage, "BPF_PROG_DETACH");
}

static void keeper(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	confinement_enter(stage, &cast->confined.confinement);
	keeper_enter_namespace(stage, &cast->confined.keeper, 4096);
	cast->all = keeper_connect(stage, &cast->confined.keeper);
	for (size_t k = 0; k < ARRAY_SIZE(refusals); k++)
		try_all(stage, cast, &refusals[k]);
	for (unsigned int i = 0; i < cast->confined.keeper.connections; i++)
		connection_receive(stage, cast->all[i].accepted,
				   SENDINGS * PAYLOAD);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose all = whose(BOOKS_CLASS_OPEN, keeper);
	long long n = play->connections, value;

	if (!play_await(play, keeper, &value))
		return false;
	for (size_t k = 0; k < ARRAY_SIZE(refusals); k++) {
		const struct refusal *refusal = &refusals[k];

		if (!play_expect(play, refusal->phase, "permitted",
				 refusal->sent ? n : 0, value) ||
		    !play_expect_sockets(play, refusal->phase, all, 2 * n) ||
		    !play_expect_settled(play, refusal->phase) ||
		    !play_step(play, keeper, &value))
			return false;
	}
	return play_expect_settled(play, "all is permitted");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast;

	keeper_play_confined(play, &how, &cast.confined);
}

const struct scenario refused_by_programs = {
	.name = "refused-by-programs",
	.summary = "BPF programs permit no socket, address, connection or packet: taken back",
	.protocols = "all",
	.connections = 48,
	.pages = 4,
	.play = play,
};
