// SPDX-License-Identifier: GPL-2.0-only
/*
 *	            ---- first link, subflow 1..N ---->
 *	sender                                           receiver
 *	            ---- second link, subflow 1..N --->
 *
 * The first link loses what is sent, the second what is answered: the data on
 * the second waits, out of order, for that on the first. Meanwhile some
 * connections lose their first subflow, and send all again on the second; some
 * are shut down, some are disconnected, some are closed by the receiver. Then
 * both links are good again.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../link.h"
#include "../netns.h"
#include "../segment.h"
#include "../sockdiag.h"
#include "ends.h"

enum { CUT, SHUT, DISCONNECTED, CLOSED, KINDS };

/*
 * What is sent on the first subflow, before and after its link loses all: some
 * kernels send 64 KiB on one before they look for another.
 */
#define READ 40000
#define LATE 40000
/* And on the second, while the first is busy. */
#define EARLY 1000
#define EARLY_TIMES 5
#define PAYLOAD (LATE + EARLY * EARLY_TIMES)
#define SNDBUF (256 * 1024)
/* The namespace has no other. */
#define PORT 8000

#define LOSE "tc qdisc add dev %s root netem loss 100%%"
#define HEAL "tc qdisc del dev %s root"
#define LIMITS "ip mptcp limits set subflows 2 add_addr_accepted 1"
/* Where it can be set, one subflow is not given up in favour of the other. */
#define PATIENT "f=/proc/sys/net/mptcp/stale_loss_cnt; [ ! -e $f ] || echo 0 >$f"
/* The other end makes a second subflow to that address. */
#define SIGNAL "ip mptcp endpoint add %s signal"

/*
 * From these addresses there is no way to the peer: a subflow that the sender
 * makes by itself fails at once. IPv4 finds one by any device that is on.
 */
#define ASTRAY "ip link add off1 type veth peer name off2 && " \
	"ip addr add 203.0.113.1/32 dev lo && " \
	"ip mptcp endpoint add 203.0.113.1 dev off1 subflow"
#define ASTRAY_IPV6 "ip addr add 2001:db8:3::1/128 dev lo nodad && " \
	"ip mptcp endpoint add 2001:db8:3::1 dev lo subflow"

enum { LEFT, RIGHT };

/* A link: its devices, of the sender and of the receiver, and their addresses. */
struct path {
	const char *devices[2];
	const char *ipv4[2], *ipv6[2];
};

static const struct path paths[] = {
	{ { "left1", "right1" }, { "192.0.2.1", "192.0.2.2" },
	  { "2001:db8:1::1", "2001:db8:1::2" } },
	{ { "left2", "right2" }, { "198.51.100.1", "198.51.100.2" },
	  { "2001:db8:2::1", "2001:db8:2::2" } },
};

struct cast {
	struct loopback server;	/* at the first link */
	struct loopback listener; /* at both */
	unsigned int connections;
	pid_t receiver;		/* whose namespace is to be joined */
};

static const char *address_of(const struct cast *cast, int path, int end)
{
	return cast->server.address.ss_family == AF_INET6 ?
		       paths[path].ipv6[end] : paths[path].ipv4[end];
}

static void place(struct loopback *server, sa_family_t family,
		  const char *address)
{
	loopback_set(server, family, PORT);
	server->protocol = IPPROTO_MPTCP;
	loopback_place(server, address);
}

static void place_all(struct cast *cast, sa_family_t family)
{
	cast->server.address.ss_family = family;
	place(&cast->server, family, address_of(cast, 0, RIGHT));
	place(&cast->listener, family, family == AF_INET6 ? "::" : "0.0.0.0");
}

/* Turns on both devices of an end. */
static bool set_up(const struct cast *cast, int end)
{
	for (int i = 0; i < (int)ARRAY_SIZE(paths); i++)
		if (!link_set_up(paths[i].devices[end],
				 address_of(cast, i, end)))
			return false;
	return true;
}

/* The sender fills the first data with it: they may be accepted in any order. */
static unsigned int receive_kind(struct stage *stage, int fd)
{
	char kind;

	if (recv(fd, &kind, 1, MSG_PEEK) != 1)
		stage_fail(stage, "recv");
	connection_receive(stage, fd, READ);
	return (unsigned int)kind;
}

static unsigned int *receive_kinds(struct stage *stage, const struct cast *cast,
				   const int *fds)
{
	unsigned int *kinds = calloc(cast->connections, sizeof(*kinds));

	if (!kinds)
		stage_fail(stage, "memory for the kinds");
	for (unsigned int i = 0; i < cast->connections; i++)
		kinds[i] = receive_kind(stage, fds[i]);
	return kinds;
}

static void receive(struct stage *stage, int fd, unsigned int kind)
{
	char byte;

	if (kind != CUT && kind != SHUT)
		return;
	connection_receive(stage, fd, PAYLOAD);
	if (kind == SHUT && recv(fd, &byte, 1, 0) != 0)
		stage_fail(stage, "the end of the data");
}

/* How many have nothing to be read. */
static long long count_waiting(const struct cast *cast, const int *fds)
{
	long long waiting = 0;
	char byte;

	for (unsigned int i = 0; i < cast->connections; i++)
		waiting += recv(fds[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
			   errno == EAGAIN;
	return waiting;
}

static void receiver(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	unsigned int *kinds;
	int listener, *fds;

	link_enter_namespace(stage);
	stage_report(stage, 0);
	if (!set_up(cast, RIGHT))
		stage_fail(stage, "ip addr");
	listener = loopback_listen(&cast->listener, (int)cast->connections);
	if (listener < 0)
		stage_fail(stage, "listen");
	stage_report(stage, link_run(LIMITS));
	fds = connections_accept(stage, listener, cast->connections, 0);
	stage_report(stage, 0);
	stage_report(stage, link_run(SIGNAL, address_of(cast, 1, RIGHT)));
	close(listener);
	kinds = receive_kinds(stage, cast, fds);
	stage_report(stage, 0);
	stage_report(stage, link_run(LOSE, paths[1].devices[RIGHT]));
	stage_report(stage, count_waiting(cast, fds));
	for (unsigned int i = 0; i < cast->connections; i++)
		if (kinds[i] == CLOSED)
			connection_reset(stage, fds[i]);
	stage_report(stage, 0);
	stage_report(stage, link_run(HEAL, paths[1].devices[RIGHT]));
	for (unsigned int i = 0; i < cast->connections; i++)
		receive(stage, fds[i], kinds[i]);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (kinds[i] != CLOSED)
			close(fds[i]);
	stage_report(stage, 0);
}

static bool join(const struct cast *cast)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (!link_join(paths[i].devices[LEFT], paths[i].devices[RIGHT],
			       cast->receiver))
			return false;
	return set_up(cast, LEFT);
}

static bool set_path_manager(const struct cast *cast)
{
	bool ipv6 = cast->server.address.ss_family == AF_INET6;

	return link_run(LIMITS) && link_run(PATIENT) &&
	       (ipv6 ? link_run(ASTRAY_IPV6) : link_run(ASTRAY));
}

static void prepare(struct stage *stage, int fd)
{
	int size = SNDBUF, one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		stage_fail(stage, "setsockopt");
}

static void send_once(struct stage *stage, int fd, size_t size,
		      unsigned int kind)
{
	char data[LATE];

	memset(data, (int)kind, size);
	if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		stage_fail(stage, "send");
}

static void send_payload(struct stage *stage, int fd, unsigned int kind)
{
	send_once(stage, fd, LATE, kind);
	for (unsigned int i = 0; i < EARLY_TIMES; i++)
		send_once(stage, fd, EARLY, kind);
}

/*
 * False: the kernel cannot destroy sockets. The first subflow has the addresses
 * of the socket of MPTCP.
 */
static bool end(struct stage *stage, int fd, unsigned int kind)
{
	if (kind == CUT)
		return sockdiag_destroy(fd);
	if (kind == SHUT && shutdown(fd, SHUT_WR))
		stage_fail(stage, "shutdown");
	if (kind == DISCONNECTED)
		connection_disconnect(stage, fd);
	return true;
}

static void sender(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long ended = 0;
	int *fds;

	link_enter_namespace(stage);
	stage_report(stage, join(cast));
	stage_report(stage, set_path_manager(cast));
	fds = connections_connect(stage, &cast->server, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		prepare(stage, fds[i]);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		send_once(stage, fds[i], READ, i % KINDS);
	stage_report(stage, 0);
	/* the first subflow is the idle one, and so the first to be sent on */
	for (unsigned int i = 0; i < cast->connections; i++)
		segment_await_acknowledged(stage, fds[i]);
	stage_report(stage, link_run(LOSE, paths[0].devices[LEFT]));
	for (unsigned int i = 0; i < cast->connections; i++)
		send_payload(stage, fds[i], i % KINDS);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		ended += end(stage, fds[i], i % KINDS);
	stage_report(stage, ended);
	stage_report(stage, link_run(HEAL, paths[0].devices[LEFT]));
	for (unsigned int i = 0; i < cast->connections; i++)
		close(fds[i]);
	stage_report(stage, 0);
}

struct round {
	struct cast cast;
	struct ends ends;
};

static bool expect_open(struct play *play, const struct round *round,
			const char *phase, long long sockets)
{
	return play_expect_sockets(play, phase,
				   whose(BOOKS_CLASS_OPEN, &round->ends.sender),
				   sockets) &&
	       play_expect_sockets(play, phase,
				   whose(BOOKS_CLASS_OPEN, &round->ends.receiver),
				   sockets);
}

/* At both ends each has a socket of MPTCP and a subflow, then one more. */
static bool connect_all(struct play *play, struct round *round)
{
	long long value, able[2];

	if (!play_step(play, &round->ends.receiver, &able[RIGHT]) ||
	    !play_step(play, &round->ends.sender, &able[LEFT]))
		return false;
	if (!able[LEFT] || !able[RIGHT])
		return play_skip(play, "ip(8) cannot set the path manager");
	return play_cue(play, &round->ends.receiver) &&
	       play_step(play, &round->ends.sender, &value) &&
	       play_await(play, &round->ends.receiver, &value) &&
	       expect_open(play, round, "connected", 2 * play->connections) &&
	       play_step(play, &round->ends.receiver, &value) &&
	       play_expect(play, "joined", "addresses signalled", 1, value) &&
	       expect_open(play, round, "joined", 3 * play->connections);
}

static bool send_all(struct play *play, struct round *round)
{
	long long lossy[2], value;

	if (!play_cue(play, &round->ends.receiver) ||
	    !play_step(play, &round->ends.sender, &value) ||
	    !play_await(play, &round->ends.receiver, &value) ||
	    !play_step(play, &round->ends.receiver, &lossy[RIGHT]) ||
	    !play_step(play, &round->ends.sender, &lossy[LEFT]))
		return false;
	if (!lossy[LEFT] || !lossy[RIGHT])
		return play_skip(play, "there is no tc(8), or no netem");
	return play_step(play, &round->ends.sender, &value);
}

/* Bytes of the sockets of MPTCP by SO_MEMINFO, of the subflows by sock_diag. */
static bool witness_bytes(struct play *play, const struct actor *actor,
			  long long *bytes)
{
	unsigned int netns = netns_of_process(actor->pid);
	struct sockdiag diag;
	struct meminfo sum;
	char *error = NULL;

	if (!play_meminfo(play, "peak", actor, &sum))
		return false;
	*bytes = meminfo_bytes(&sum);
	if (sockdiag_read(&diag, IPPROTO_TCP, &error)) {
		play_fail(play, "peak: %s", error);
		free(error);
	}
	for (size_t i = 0; i < diag.n_sockets; i++)
		if (diag.sockets[i].netns == netns)
			*bytes += sockdiag_socket_bytes(&diag.sockets[i]);
	sockdiag_free(&diag);
	return !error;
}

/* The two are of different moments: what is lost is sent again. */
static bool expect_witnessed(struct play *play, const struct actor *actor)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	struct books_charge charge;
	long long bytes;

	do {
		play_pause();
		if (!witness_bytes(play, actor, &bytes) ||
		    !play_charge(play, whose(BOOKS_CLASS_OPEN, actor), &charge))
			return false;
	} while (books_charge_bytes(&charge) != bytes &&
		 play_clock_ms() < deadline);
	return play_expect(play, "peak",
			   "bytes charged, by SO_MEMINFO and sock_diag", bytes,
			   books_charge_bytes(&charge));
}

/* What comes early is in no queue of a subflow. */
static bool expect_early(struct play *play, const struct actor *receiver)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	long long least = (long long)play->connections * EARLY;
	struct meminfo sum;

	do {
		play_pause();
		if (!play_meminfo(play, "peak", receiver, &sum))
			return false;
	} while (sum.receive_queue_bytes < least && play_clock_ms() < deadline);
	ktap_check(play->ktap, sum.receive_queue_bytes >= least,
		   "peak: receive queue bytes of MPTCP: expected at least the %lld that come early, actual %lld",
		   least, sum.receive_queue_bytes);
	return sum.receive_queue_bytes >= least;
}

static bool peak(struct play *play, struct round *round)
{
	long long waiting;

	return expect_early(play, &round->ends.receiver) &&
	       play_step(play, &round->ends.receiver, &waiting) &&
	       play_expect(play, "peak", "connections with nothing to be read",
			   play->connections, waiting) &&
	       expect_open(play, round, "peak", 3 * play->connections) &&
	       expect_witnessed(play, &round->ends.sender) &&
	       expect_witnessed(play, &round->ends.receiver) &&
	       play_expect_balanced(play, "peak");
}

/* What a disconnected socket had in its queue is gone at once. */
static bool expect_purged(struct play *play, const struct actor *sender,
			  long long queued)
{
	long long most = queued - play_share(play, KINDS, DISCONNECTED) *
				  PAYLOAD;
	struct meminfo sum;

	if (!play_meminfo(play, "ended", sender, &sum))
		return false;
	ktap_check(play->ktap, sum.write_queue_bytes <= most,
		   "ended: write queue bytes of MPTCP: expected at most %lld, actual %lld",
		   most, sum.write_queue_bytes);
	return sum.write_queue_bytes <= most;
}

static bool end_all(struct play *play, struct round *round)
{
	struct meminfo before;
	long long value, ended;

	if (!play_meminfo(play, "peak", &round->ends.sender, &before) ||
	    !play_step(play, &round->ends.sender, &ended))
		return false;
	if (ended < play->connections)
		return play_skip(play, "the kernel cannot destroy subflows");
	return expect_purged(play, &round->ends.sender,
			     before.write_queue_bytes) &&
	       play_step(play, &round->ends.receiver, &value) &&
	       play_expect_settled(play, "ended");
}

static bool heal(struct play *play, struct round *round)
{
	long long value, healed[2];

	return play_step(play, &round->ends.sender, &healed[LEFT]) &&
	       play_step(play, &round->ends.receiver, &healed[RIGHT]) &&
	       play_expect(play, "healed", "links", 2,
			   healed[LEFT] + healed[RIGHT]) &&
	       /* it has received all, or else has failed */
	       play_step(play, &round->ends.receiver, &value) &&
	       play_expect_settled(play, "healed");
}

static bool close_all(struct play *play, struct round *round)
{
	long long value;

	return play_step(play, &round->ends.sender, &value) &&
	       play_step(play, &round->ends.receiver, &value) &&
	       play_expect_no_orphans(play, "closed");
}

static void play(struct play *play)
{
	struct round round = { .cast.connections = play->connections };
	long long pages;
	bool ok;

	place_all(&round.cast, play->family);
	ok = play_expect_balanced(play, "before") && play_pages(play, &pages) &&
	     ends_start(play, &round.ends, receiver, sender, &round.cast,
			&round.cast.receiver) &&
	     connect_all(play, &round) &&
	     send_all(play, &round) && peak(play, &round);
	if (ok)
		play_peak(play);
	ok = ok && end_all(play, &round) && heal(play, &round) &&
	     close_all(play, &round);
	ends_kill(&round.ends);
	if (ok)
		play_expect_return(play, "after", pages);
}

const struct scenario mptcp_two_subflows = {
	.name = "mptcp-two-subflows",
	.summary = "MPTCP over two links: data out of order, subflows lost",
	.protocol = IPPROTO_MPTCP,
	.connections = 20,
	.pages = 64,
	.play = play,
};
