// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ==== MPTCP connection 1..N ==== itself
 *
 * What the path manager is told reaches connections that are there, whatever
 * their state: each gets subflows, or none, and loses them again.
 */
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../array.h"
#include "../connections.h"
#include "../link.h"
#include "keeper.h"

/*
 * Nothing sent yet; both ends have; with a peer of TCP; managed by a process; made
 * while none might have a subflow, which is refused when the peer has made it.
 */
enum { UNUSED, USED, FALLEN_BACK, BY_PROCESS, UNWILLING, KINDS };

/* The namespace has no others. */
#define PORT 8000
#define TCP_PORT 8001

/* What was not heard is signalled again after a second, not after two minutes. */
#define AGAIN_MS 1500
#define AGAIN "f=/proc/sys/net/mptcp/add_addr_timeout; [ ! -e $f ] || echo 1 >$f"

#define FEW_LIMITS "ip mptcp limits set subflows 1 add_addr_accepted 1"
#define NO_SUBFLOWS "ip mptcp limits set subflows 0 add_addr_accepted 0"

/* 2: the listener sends them always, and keeps nothing of a handshake. */
#define COOKIES(how) "echo " #how " >/proc/sys/net/ipv4/tcp_syncookies && "

/* As far as there is tc(8), and ss(8) knows MPTCP. */
#define LOSE "tc qdisc add dev lo root netem loss 100%% 2>/dev/null; "
#define HEAL "tc qdisc del dev lo root 2>/dev/null || true"
#define LISTED "ss -Main >/dev/null 2>&1 || true"

#define MANAGED "f=/proc/sys/net/mptcp/pm_type; [ ! -e $f ] || echo %d >$f"

/* The connections are from the first address to the first. */
static const char *const ipv4[] = {
	"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5",
};

static const char *const ipv6[] = {
	"::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8::5",
};

enum telling {
	LIMITS, ADD, ADD_BY_COOKIE, SIGNAL, SIGNAL_UNHEARD, HEARD, LIST, BACKUP,
	ADD_FIRST, REMOVE, REMOVE_FIRST, FLUSH, TELLINGS
};

static const struct {
	const char *phase;
	const char *command;	/* with %s it gets an address: */
	unsigned int address;
} tellings[TELLINGS] = {
	[LIMITS] = {
		.phase = "limits",
		.command = "ip mptcp limits set subflows 8 add_addr_accepted 8",
	},
	[ADD] = {
		.phase = "subflow added",
		.command = "ip mptcp endpoint add %s id 2 dev lo subflow",
		.address = 1,
	},
	[ADD_BY_COOKIE] = {
		.phase = "subflow added, by SYN cookies",
		.command = COOKIES(2) "ip mptcp endpoint add %s id 4 dev lo subflow",
		.address = 3,
	},
	[SIGNAL] = {
		.phase = "address signalled",
		.command = COOKIES(1) "ip mptcp endpoint add %s id 3 dev lo signal",
		.address = 2,
	},
	[SIGNAL_UNHEARD] = {
		.phase = "address signalled that nobody hears",
		.command = LOSE "ip mptcp endpoint add %s id 5 dev lo signal",
		.address = 4,
	},
	[HEARD] = {
		.phase = "heard again",
		.command = HEAL,
	},
	[LIST] = {
		.phase = "listed by sock_diag",
		.command = LISTED,
	},
	[BACKUP] = {
		.phase = "backup",
		.command = "ip mptcp endpoint change id 2 backup",
	},
	[ADD_FIRST] = {
		.phase = "first address added",
		.command = "ip mptcp endpoint add %s id 1 dev lo subflow",
	},
	[REMOVE] = {
		.phase = "subflow removed",
		.command = "ip mptcp endpoint delete id 2",
	},
	[REMOVE_FIRST] = {
		.phase = "first address removed",
		.command = "ip mptcp endpoint delete id 0 %s",
	},
	[FLUSH] = {
		.phase = "all removed",
		.command = "ip mptcp endpoint flush",
	},
};

static const char *address_of(sa_family_t family, unsigned int which)
{
	return family == AF_INET6 ? ipv6[which] : ipv4[which];
}

/*
 * Only connections that are made within limits ever accept an address. Those of
 * 127.0.0.0/8 are all there.
 */
static bool set_up(sa_family_t family)
{
	if (!link_run(AGAIN) || !link_run(FEW_LIMITS))
		return false;
	if (family != AF_INET6)
		return true;
	for (size_t i = 1; i < ARRAY_SIZE(ipv6); i++)
		if (!link_run("ip addr add %s/128 dev lo nodad", ipv6[i]))
			return false;
	return true;
}

/* A listener at all addresses: subflows come to others than the first. */
static int listen_at(struct stage *stage, sa_family_t family,
		     unsigned short port, int protocol)
{
	struct loopback server;
	int listener;

	loopback_set(&server, family, port);
	server.protocol = protocol;
	loopback_place(&server, family == AF_INET6 ? "::" : "0.0.0.0");
	listener = loopback_listen(&server, 4096);
	if (listener < 0)
		stage_fail(stage, "listen");
	return listener;
}

static void make(struct stage *stage, const struct keeper_cast *cast,
		 struct keeper_ends *all)
{
	sa_family_t family = cast->server.address.ss_family;
	struct loopback server = cast->server;
	int listener = listen_at(stage, family, PORT, IPPROTO_MPTCP);
	int tcp_listener = listen_at(stage, family, TCP_PORT, 0);

	for (unsigned int i = 0; i < cast->connections; i++) {
		unsigned int kind = i % KINDS;

		loopback_set(&server, family,
			     kind == FALLEN_BACK ? TCP_PORT : PORT);
		server.protocol = IPPROTO_MPTCP;
		link_run(MANAGED, kind == BY_PROCESS);
		link_run(kind == UNWILLING ? NO_SUBFLOWS : FEW_LIMITS);
		connection_make(stage, &server,
				kind == FALLEN_BACK ? tcp_listener : listener,
				&all[i].connected, &all[i].accepted);
		if (kind != UNUSED)
			connection_exchange(stage, all[i].connected,
					    all[i].accepted);
	}
	link_run(MANAGED, 0);
	link_run(FEW_LIMITS);
}

/* Nobody tells when the kernel has signalled it again. */
static void await_timers(void)
{
	long long end = play_clock_ms() + AGAIN_MS;

	while (play_clock_ms() < end)
		play_pause();
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	sa_family_t family = cast->server.address.ss_family;
	struct keeper_ends *all = calloc(cast->connections, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	if (!loopback_unshare(CLONE_NEWNET))
		stage_fail(stage, "unshare");
	stage_report(stage, set_up(family));
	make(stage, cast, all);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < TELLINGS; i++) {
		if (i == HEARD)
			await_timers();
		stage_report(stage,
			     link_run(tellings[i].command,
				      address_of(family, tellings[i].address)));
	}
}

static bool count_sockets(struct play *play, const struct actor *keeper,
			  long long *sockets)
{
	struct books_charge charge;

	if (!play_charge(play, whose(BOOKS_CLASS_OPEN, keeper), &charge))
		return false;
	*sockets = charge.sockets;
	return true;
}

/*
 * At least so many connections have one more subflow, that is a socket at both
 * ends. *sockets is how many there were, then how many there are.
 */
static bool expect_joined(struct play *play, const struct actor *keeper,
			  const char *phase, long long connections,
			  long long *sockets)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	long long least = *sockets + 2 * connections;

	do {
		play_pause();
		if (!count_sockets(play, keeper, sockets))
			return false;
	} while (*sockets < least && play_clock_ms() < deadline);
	ktap_check(play->ktap, *sockets >= least,
		   "%s: sockets: expected at least %lld, actual %lld", phase,
		   least, *sockets);
	return *sockets >= least;
}

/*
 * All that are in use get the subflow. The address is signalled by both ends,
 * and not all of that is heard.
 */
static bool expect_more(struct play *play, const struct actor *keeper,
			enum telling told, long long *sockets)
{
	switch (told) {
	case ADD:
	case ADD_BY_COOKIE:
		return expect_joined(play, keeper, tellings[told].phase,
				     play_share(play, KINDS, USED), sockets);
	case SIGNAL:
		return expect_joined(play, keeper, tellings[told].phase, 1,
				     sockets);
	default:
		return true;
	}
}

static bool tell(struct play *play, struct actor *keeper)
{
	long long sockets, told;
	const char *phase;

	if (!count_sockets(play, keeper, &sockets))
		return false;
	for (enum telling i = 0; i < TELLINGS; i++) {
		phase = tellings[i].phase;
		if (!play_step(play, keeper, &told))
			return false;
		if (!play_expect(play, phase, "commands", 1, told) ||
		    !expect_more(play, keeper, i, &sockets) ||
		    !play_expect_settled(play, phase))
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
		return play_skip(play, "ip(8) cannot set the path manager");
	return play_step(play, keeper, &value) &&
	       play_expect_settled(play, "connected") && tell(play, keeper);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario mptcp_path_manager = {
	.name = "mptcp-path-manager",
	.summary = "MPTCP's connections get subflows and lose them, as the path manager is told",
	.protocol = IPPROTO_MPTCP,
	.connections = 25,
	.pages = 32,
	.play = play,
};
