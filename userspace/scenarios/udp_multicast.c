// SPDX-License-Identifier: GPL-2.0-only
/*
 *	sender ----> group ----> member 1..N
 *
 * Datagrams that are sent to a group: each member gets a copy. All copies share
 * their data, but each is charged in full; unless the member has no room, or
 * does not want it. Played with few members at each port and with many, which
 * the kernel looks for in different tables.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../segment.h"
#include "datagrams.h"

#define GROUP_IPV4 "239.255.1.1"
#define GROUP_IPV6 "ff05::101"
#define GROUP_IPV6_BITS 8
#define FEW 5
#define SIZE 1000
#define COUNT 20
#define RCVBUF (64 * 1024)
/* The kernel doubles it. */
#define NARROW (4 * 1024)

/* Members. */
enum { OF_GROUP, OF_ANY, FULL, DEAF, LEAVING, KINDS };

struct cast {
	const struct play *play;
	unsigned int members;
	unsigned int at_port;	/* how many at each */
};

static void set_group(struct loopback *address, sa_family_t family)
{
	loopback_set(address, family, 0);
	address->protocol = IPPROTO_UDP;
	address->shared = true;
	loopback_place(address, family == AF_INET ? GROUP_IPV4 : GROUP_IPV6);
}

/* The same port of all addresses. */
static void set_any(struct loopback *address)
{
	loopback_place(address, address->address.ss_family == AF_INET ?
					"0.0.0.0" : "::");
}

/* IPv6 has no way for groups on loopback, if it is not told. */
static void make_route(struct stage *stage)
{
	struct in6_rtmsg route = {
		.rtmsg_dst_len = GROUP_IPV6_BITS,
		.rtmsg_metric = 1,
		.rtmsg_flags = RTF_UP | RTF_LOCAL,
		.rtmsg_ifindex = (int)if_nametoindex("lo"),
	};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET6, GROUP_IPV6, &route.rtmsg_dst);
	if (fd < 0 || ioctl(fd, SIOCADDRT, &route))
		stage_fail(stage, "SIOCADDRT");
	close(fd);
}

static int open_sender(struct stage *stage, const struct play *play)
{
	int fd = datagrams_sender(stage, play);

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo")))
		stage_fail(stage, "SO_BINDTODEVICE");
	return fd;
}

static void join(struct stage *stage, const struct datagrams *member,
		 const struct loopback *group)
{
	bool v4 = group->address.ss_family == AF_INET;
	struct group_req request = {
		.gr_interface = if_nametoindex("lo"),
		.gr_group = group->address,
	};

	if (setsockopt(member->fd, v4 ? IPPROTO_IP : IPPROTO_IPV6,
		       MCAST_JOIN_GROUP, &request, sizeof(request)))
		stage_fail(stage, "MCAST_JOIN_GROUP");
}

/* The first at a port chooses which it is. */
static void open_member(struct stage *stage, struct datagrams *member,
			struct loopback *group, unsigned int kind)
{
	int rcvbuf = kind == FULL ? NARROW : RCVBUF;
	struct loopback *address = &member->address;

	*member = (struct datagrams){ .address = *group, .size = SIZE };
	if (kind == OF_ANY || kind == FULL)
		set_any(address);
	member->fd = loopback_bind(address);
	if (member->fd < 0)
		stage_fail(stage, "bind");
	if (setsockopt(member->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf,
		       sizeof(rcvbuf)))
		stage_fail(stage, "SO_RCVBUF");
	if (kind == DEAF)
		segment_ignore(stage, member->fd);
	if (!loopback_port(group))
		*group = *address;
	join(stage, member, group);
}

/* Whether that many copies are what one of its kind gets. */
static bool is_right(unsigned int kind, long long copies)
{
	if (kind == FULL)
		return copies > 0 && copies < COUNT;
	return copies == (kind == DEAF ? 0 : COUNT);
}

/* Returns how many bytes a port's members have; the first has got all. */
static long long settle_all(struct stage *stage, struct datagrams *members,
			    unsigned int count)
{
	long long bytes = 0;

	for (unsigned int i = 0; i < count; i++) {
		members[i].truesize = members[0].truesize;
		datagrams_settle(stage, &members[i], COUNT);
		if (!is_right(i % KINDS, members[i].queued)) {
			errno = EPROTO;
			stage_fail(stage, "a member's share of the datagrams");
		}
		bytes += datagrams_bytes(&members[i]);
	}
	return bytes;
}

static long long fill_port(struct stage *stage, const struct cast *cast,
			   int from, struct datagrams *members,
			   unsigned int count)
{
	struct loopback group;

	set_group(&group, cast->play->family);
	for (unsigned int i = 0; i < count; i++)
		open_member(stage, &members[i], &group, i % KINDS);
	datagrams_send(stage, from, &members[0], COUNT);
	return settle_all(stage, members, count);
}

static long long end(struct stage *stage, struct datagrams *member,
		     unsigned int kind)
{
	if (kind == LEAVING) {
		close(member->fd);
		member->queued = 0;
	} else if (kind == OF_GROUP || kind == FULL) {
		datagrams_receive(stage, member, member->queued);
	}
	return datagrams_bytes(member);
}

static void members(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct datagrams *all = calloc(cast->members, sizeof(*all));
	long long bytes = 0;
	int from;

	if (!all)
		stage_fail(stage, "memory for the sockets");
	if (!loopback_unshare(CLONE_NEWNET))
		stage_fail(stage, "unshare");
	if (cast->play->family == AF_INET6)
		make_route(stage);
	from = open_sender(stage, cast->play);
	for (unsigned int i = 0; i < cast->members; i += cast->at_port)
		bytes += fill_port(stage, cast, from, &all[i], cast->at_port);
	close(from);
	stage_report(stage, bytes);
	bytes = 0;
	for (unsigned int i = 0; i < cast->members; i++)
		bytes += end(stage, &all[i], i % cast->at_port % KINDS);
	stage_report(stage, bytes);
}

static bool expect_queued(struct play *play, const char *phase,
			  const struct actor *members, long long sockets,
			  long long bytes)
{
	struct whose all = whose(BOOKS_CLASS_OPEN, members);
	struct books_charge charge;

	return play_expect_sockets(play, phase, all, sockets) &&
	       play_expect_settled(play, phase) &&
	       play_charge(play, all, &charge) &&
	       play_expect(play, phase, "bytes queued, from the datagrams",
			   bytes, charge.receive_queue_bytes) &&
	       play_expect_meminfo(play, phase, all);
}

static bool end_all(struct play *play, const struct cast *cast,
		    struct actor *actor)
{
	unsigned int ports = cast->members / cast->at_port;
	unsigned int left = ports * (cast->at_port / KINDS);
	long long bytes;

	return play_step(play, actor, &bytes) &&
	       expect_queued(play, "ended", actor, cast->members - left, bytes);
}

static void round_play(struct play *play, unsigned int at_port)
{
	struct cast cast = {
		.play = play,
		.members = play->connections - play->connections % at_port,
		.at_port = at_port,
	};
	struct actor actor = { 0 };
	long long pages, bytes;
	bool ok;

	ktap_remark(play->ktap, "%u members at each port", at_port);
	ok = play_expect_balanced(play, "before") && play_pages(play, &pages) &&
	     play_start(play, &actor, "members", members, &cast) &&
	     play_await(play, &actor, &bytes) &&
	     expect_queued(play, "peak", &actor, cast.members, bytes);
	if (ok)
		play_peak(play);
	ok = ok && end_all(play, &cast, &actor);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}

static void play(struct play *play)
{
	if (play->connections > FEW)
		round_play(play, FEW);
	round_play(play, play->connections);
}

const struct scenario udp_multicast = {
	.name = "udp-multicast",
	.summary = "a datagram for many sockets: each is charged its copy",
	.protocol = IPPROTO_UDP,
	.connections = 50,
	.pages = 16,
	.play = play,
};
