// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ==== MPTCP connection 1..N ==== itself
 *
 * A process manages the paths of each connection: it announces addresses, makes
 * subflows and destroys them. Much of what it asks for is refused, and all of it
 * where the kernel manages the paths. Each time a connection was looked up.
 */
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../array.h"
#include "../connections.h"
#include "../link.h"
#include "../pathmanager.h"
#include "keeper.h"

/* Who manages the paths. */
enum { KERNEL, PROCESS, KINDS };

#define MANAGED "echo %d >/proc/sys/net/mptcp/pm_type"

/* The namespace has no others. */
#define PORT 8000
/* Of the subflow of the i-th connection that is made by and by. */
#define FIRST_PORT 20000

/* The connections are from the first address to the first; the last is no own one. */
enum { FIRST, SECOND, THIRD, ASTRAY, ADDRESSES };

static const char *const ipv4[ADDRESSES] = { "127.0.0.1", "127.0.0.2",
					     "127.0.0.3", "203.0.113.1" };
static const char *const ipv6[ADDRESSES] = { "::1", "2001:db8::2",
					     "2001:db8::3", "2001:db8:3::1" };

/* The remote end is always the first address, where the listener is. */
static const struct telling {
	const char *phase;
	unsigned char command;
	unsigned char id;	/* of the local end */
	unsigned int address;	/* its own */
	unsigned int flags;
	bool alone;		/* there is no remote end */
	bool list;		/* nor a local one: of all addresses */
	bool accepted;		/* told to the end that was accepted */
	bool astray;		/* to none that there is */
	enum { WORKS, FAILS, DEPENDS } outcome;
	int subflows;		/* which a connection then has more, at both ends */
} tellings[] = {
	{ .phase = "made from no address", .command = MPTCP_PM_CMD_SUBFLOW_CREATE,
	  .id = 2, .address = ASTRAY, .outcome = FAILS },
	{ .phase = "subflow made", .command = MPTCP_PM_CMD_SUBFLOW_CREATE,
	  .id = 2, .address = SECOND, .subflows = 1 },
	{ .phase = "made with an id in use", .id = 2, .address = THIRD,
	  .command = MPTCP_PM_CMD_SUBFLOW_CREATE, .outcome = FAILS },
	{ .phase = "made for no connection", .id = 4, .address = THIRD,
	  .command = MPTCP_PM_CMD_SUBFLOW_CREATE, .astray = true,
	  .outcome = FAILS },
	{ .phase = "backup", .command = MPTCP_PM_CMD_SET_FLAGS, .id = 2,
	  .address = SECOND, .flags = MPTCP_PM_ADDR_FLAG_BACKUP,
	  .outcome = DEPENDS },
	{ .phase = "announced", .command = MPTCP_PM_CMD_ANNOUNCE, .id = 3,
	  .address = THIRD, .flags = MPTCP_PM_ADDR_FLAG_SIGNAL, .alone = true,
	  .accepted = true },
	{ .phase = "announced again", .command = MPTCP_PM_CMD_ANNOUNCE,
	  .id = 3, .address = THIRD, .flags = MPTCP_PM_ADDR_FLAG_SIGNAL,
	  .alone = true, .accepted = true },
	{ .phase = "asked for", .command = MPTCP_PM_CMD_GET_ADDR, .id = 3,
	  .address = THIRD, .alone = true, .accepted = true,
	  .outcome = DEPENDS },
	{ .phase = "asked for an unknown one", .command = MPTCP_PM_CMD_GET_ADDR,
	  .id = 9, .address = THIRD, .alone = true, .accepted = true,
	  .outcome = DEPENDS },
	{ .phase = "all asked for", .command = MPTCP_PM_CMD_GET_ADDR,
	  .alone = true, .list = true, .accepted = true, .outcome = DEPENDS },
	{ .phase = "announced without a flag", .id = 4, .address = SECOND,
	  .command = MPTCP_PM_CMD_ANNOUNCE, .alone = true, .accepted = true,
	  .outcome = FAILS },
	{ .phase = "announced with an id in use", .id = 3, .address = SECOND,
	  .command = MPTCP_PM_CMD_ANNOUNCE, .alone = true, .accepted = true,
	  .flags = MPTCP_PM_ADDR_FLAG_SIGNAL, .outcome = FAILS },
	{ .phase = "an unknown one removed", .command = MPTCP_PM_CMD_REMOVE,
	  .id = 9, .alone = true, .accepted = true, .outcome = FAILS },
	{ .phase = "removed", .command = MPTCP_PM_CMD_REMOVE, .id = 3,
	  .alone = true, .accepted = true },
	{ .phase = "an unknown one destroyed", .address = THIRD,
	  .command = MPTCP_PM_CMD_SUBFLOW_DESTROY, .outcome = FAILS },
	{ .phase = "subflow destroyed", .address = SECOND,
	  .command = MPTCP_PM_CMD_SUBFLOW_DESTROY, .subflows = -1 },
	{ .phase = "first one removed", .command = MPTCP_PM_CMD_REMOVE,
	  .alone = true, .outcome = DEPENDS },
};

static struct sockaddr_storage address_of(sa_family_t family,
					  unsigned int which, unsigned int port)
{
	struct loopback place;

	loopback_set(&place, family, (unsigned short)port);
	loopback_place(&place, family == AF_INET6 ? ipv6[which] : ipv4[which]);
	return place.address;
}

/* Those of 127.0.0.0/8 are all there. */
static bool set_up(sa_family_t family)
{
	if (!link_run("ip mptcp limits set subflows 8 add_addr_accepted 8"))
		return false;
	for (unsigned int i = SECOND; family == AF_INET6 && i < ASTRAY; i++)
		if (!link_run("ip addr add %s/128 dev lo nodad", ipv6[i]))
			return false;
	return link_run(MANAGED, PROCESS);
}

static void make(struct stage *stage, const struct keeper_cast *cast,
		 struct keeper_ends *all)
{
	sa_family_t family = cast->server.address.ss_family;
	struct loopback server = cast->server;
	int listener;

	loopback_set(&server, family, PORT);
	server.protocol = IPPROTO_MPTCP;
	listener = loopback_listen(&server, 4096);
	if (listener < 0)
		stage_fail(stage, "listen");
	for (unsigned int i = 0; i < cast->connections; i++) {
		link_run(MANAGED, i % KINDS == PROCESS);
		connection_make(stage, &server, listener, &all[i].connected,
				&all[i].accepted);
		connection_exchange(stage, all[i].connected,
				    all[i].accepted);
	}
}

static bool tell(struct stage *stage, const struct pathmanager *manager,
		 const struct telling *telling, sa_family_t family,
		 const struct keeper_ends *ends, unsigned int i)
{
	struct sockaddr_storage remote = address_of(family, FIRST, PORT);
	struct pathmanager_end local = {
		.address = address_of(family, telling->address,
				      telling->alone ? 0 : FIRST_PORT + i),
		.id = telling->id,
		.flags = telling->flags,
	};
	int fd = telling->accepted ? ends->accepted : ends->connected;
	unsigned int token = telling->astray ? 0 : pathmanager_token(stage, fd);

	return pathmanager_tell(manager, telling->command, token,
				telling->list ? NULL : &local,
				telling->alone ? NULL : &remote);
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	sa_family_t family = cast->server.address.ss_family;
	struct keeper_ends *all = calloc(cast->connections, sizeof(*all));
	struct pathmanager manager;
	long long done;

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	if (!loopback_unshare(CLONE_NEWNET))
		stage_fail(stage, "unshare");
	stage_report(stage, pathmanager_open(&manager) && set_up(family));
	make(stage, cast, all);
	stage_report(stage, 0);
	for (size_t k = 0; k < ARRAY_SIZE(tellings); k++) {
		done = 0;
		for (unsigned int i = 0; i < cast->connections; i++)
			done += tell(stage, &manager, &tellings[k], family,
				     &all[i], i);
		stage_report(stage, done);
	}
}

static bool tell_all(struct play *play, struct actor *keeper)
{
	long long n = play->connections, done;
	long long managed = play_share(play, KINDS, PROCESS), subflows = 0;

	for (size_t k = 0; k < ARRAY_SIZE(tellings); k++) {
		const struct telling *telling = &tellings[k];

		subflows += telling->subflows * managed;
		if (!play_step(play, keeper, &done) ||
		    (telling->outcome != DEPENDS &&
		     !play_expect(play, telling->phase, "commands obeyed",
				  telling->outcome == WORKS ? managed : 0,
				  done)) ||
		    (telling->subflows &&
		     !play_expect_sockets(play, telling->phase,
					  whose(BOOKS_CLASS_OPEN, keeper),
					  4 * n + 2 * subflows)) ||
		    !play_expect_settled(play, telling->phase))
			return false;
	}
	return true;
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long value, able;

	if (!play_await(play, keeper, &able))
		return false;
	if (!able)
		return play_skip(play, "no process can manage the paths of MPTCP here");
	return play_step(play, keeper, &value) &&
	       play_expect_settled(play, "connected") && tell_all(play, keeper);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario mptcp_told_paths = {
	.name = "mptcp-told-paths",
	.summary = "a process manages the subflows of MPTCP: made, announced, removed, and much refused",
	.protocol = IPPROTO_MPTCP,
	.connections = 20,
	.pages = 32,
	.play = play,
};
