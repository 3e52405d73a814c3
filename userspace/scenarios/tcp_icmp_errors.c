// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * ICMP says of what was sent, and waits in the write queue, that nobody gets it:
 * an established connection goes on, one that is being made is given up, with
 * what it has to send; or that it is too large: it is sent again, in parts. The
 * keeper has a network namespace of its own, where routes may become narrow.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../icmp.h"
#include "../nstat.h"
#include "../owned.h"
#include "../segment.h"
#include "keeper.h"

/* In one segment, as long as loopback lets it; and what waits for its end. */
#define LARGE 40000
#define SMALL 10000
/* What goes with the SYN. */
#define FIRST 500
/* Nobody listens there, in a namespace of one's own. */
#define NOBODY 1
/* To what routes become narrow: each connection hears of something less. */
#define WIDEST 30000
#define NARROWEST 1500
/* How long an error may take to come. */
#define ERROR_MS 10000

struct kind {
	const char *name;
	enum icmp_complaint complaint;
	int error;		/* SO_ERROR; 0: the segments are to be smaller */
	bool connecting;	/* by now */
	bool asked_for;		/* with IP_RECVERR: reported by the next call */
	bool owned;		/* by a thread, at that moment */
	bool read;		/* is the error queue */
};

static const struct kind kinds[] = {
	{ "no host: noted", ICMP_NO_HOST, .error = EHOSTUNREACH },
	{ "a bad header: reported", ICMP_BAD_HEADER, .error = EPROTO,
	  .asked_for = true },
	{ "too large", .complaint = ICMP_TOO_LARGE },
	{ "too large, while the socket is owned", ICMP_TOO_LARGE,
	  .owned = true },
	{ "too large, with the SYN", ICMP_TOO_LARGE, .connecting = true },
	{ "no port: given up", ICMP_NO_PORT, .error = ECONNREFUSED,
	  .connecting = true, .asked_for = true, .read = true },
	{ "no host: given up", ICMP_NO_HOST, .error = EHOSTUNREACH,
	  .connecting = true, .asked_for = true },
};

#define KINDS ARRAY_SIZE(kinds)

struct cast {
	struct keeper_cast keeper;
	struct loopback nobody;
	bool can_own;
};

static const struct kind *kind_of(unsigned int i)
{
	return &kinds[i % KINDS];
}

static void isolate(struct stage *stage, struct cast *cast)
{
	sa_family_t family = cast->keeper.server.address.ss_family;

	keeper_enter_namespace(stage, &cast->keeper, 1);
	loopback_set(&cast->nobody, family, NOBODY);
}

static void ask_for_errors(struct stage *stage, const struct cast *cast, int fd)
{
	bool v4 = cast->nobody.address.ss_family == AF_INET;
	int on = 1;

	if (setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6,
		       v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof(on)))
		stage_fail(stage, "IP_RECVERR");
}

static void send_bytes(struct stage *stage, int fd, ssize_t bytes)
{
	static const char data[LARGE];

	if (send(fd, data, (size_t)bytes, MSG_NOSIGNAL) != bytes)
		stage_fail(stage, "send");
}

/* The peer does not acknowledge anything. Reset, nobody waits for that. */
static void establish(struct stage *stage, const struct cast *cast,
		      const struct kind *kind, struct keeper_ends *ends)
{
	connection_make(stage, &cast->keeper.server, cast->keeper.listener,
			&ends->connected, &ends->accepted);
	if (!loopback_linger(ends->connected, 0) ||
	    !loopback_linger(ends->accepted, 0))
		stage_fail(stage, "SO_LINGER");
	if (kind->asked_for)
		ask_for_errors(stage, cast, ends->connected);
	segment_ignore(stage, ends->accepted);
	send_bytes(stage, ends->connected, LARGE);
	send_bytes(stage, ends->connected, SMALL);
}

/* Data goes with the SYN; that it is refused is not heard. */
static void begin_to_connect(struct stage *stage, const struct cast *cast,
			     const struct kind *kind, struct keeper_ends *ends)
{
	static const char data[FIRST];
	const struct loopback *nobody = &cast->nobody;
	int fd = socket(nobody->address.ss_family, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on,
				 sizeof(on)))
		stage_fail(stage, "TCP_FASTOPEN_NO_COOKIE");
	if (kind->asked_for)
		ask_for_errors(stage, cast, fd);
	segment_ignore(stage, fd);
	if (sendto(fd, data, FIRST, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&nobody->address,
		   nobody->length) != FIRST)
		stage_fail(stage, "MSG_FASTOPEN");
	*ends = (struct keeper_ends){ fd, -1 };
}

static struct keeper_ends *begin_all(struct stage *stage,
				     const struct cast *cast)
{
	unsigned int connections = cast->keeper.connections;
	struct keeper_ends *all = calloc(connections, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < connections; i++)
		if (kind_of(i)->connecting)
			begin_to_connect(stage, cast, kind_of(i), &all[i]);
		else
			establish(stage, cast, kind_of(i), &all[i]);
	close(cast->keeper.listener);
	return all;
}

/* Once: the error is gone then. */
static int error_of(struct stage *stage, int fd)
{
	int error;
	socklen_t length = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length))
		stage_fail(stage, "SO_ERROR");
	return error;
}

/* What is noted only, in case that the connection fails, is no event. */
static bool is_reported(int fd)
{
	struct pollfd event = { .fd = fd };

	return poll(&event, 1, 0) == 1 && (event.revents & POLLERR);
}

static bool hears(struct stage *stage, const struct kind *kind, int fd,
		  unsigned int mtu)
{
	if (!kind->error)
		return segment_path_mtu(stage, fd) == mtu;
	if (kind->asked_for && !is_reported(fd))
		return false;
	return error_of(stage, fd) == kind->error;
}

/* Waits a while for the error. */
static bool has_heard(struct stage *stage, const struct kind *kind, int fd,
		      unsigned int mtu)
{
	long long deadline = play_clock_ms() + ERROR_MS;
	bool heard;

	while (!(heard = hears(stage, kind, fd, mtu)) &&
	       play_clock_ms() < deadline)
		play_pause();
	return heard;
}

/* That it comes while the socket is owned is told by another, which is lost. */
static void complain_while_owned(struct stage *stage, int fd,
				 const struct icmp_quotation *quotation,
				 unsigned int mtu)
{
	long long lost = nstat_tcp(stage, "LockDroppedIcmps");
	struct owned owned;

	owned_begin(stage, &owned, fd);
	icmp_complain(stage, quotation, ICMP_TOO_LARGE, mtu);
	icmp_complain(stage, quotation, ICMP_NO_HOST, 0);
	nstat_await_tcp(stage, "LockDroppedIcmps", lost + 1);
	owned_end(stage, &owned);
}

/* Whether the error has come. */
static bool complain(struct stage *stage, const struct cast *cast,
		     unsigned int i, int fd)
{
	const struct kind *kind = kind_of(i);
	struct icmp_quotation quotation =
		icmp_quote_sent(stage, fd, kind->connecting ?
					   &cast->nobody : &cast->keeper.server);
	unsigned int mtu = WIDEST - (WIDEST - NARROWEST) * i /
					    cast->keeper.connections;

	if (kind->owned && cast->can_own)
		complain_while_owned(stage, fd, &quotation, mtu);
	else
		icmp_complain(stage, &quotation, kind->complaint, mtu);
	return has_heard(stage, kind, fd, mtu);
}

/* Reports how many have heard of it, for each kind. */
static void complain_to_all(struct stage *stage, const struct cast *cast,
			    const struct keeper_ends *all)
{
	unsigned int connections = cast->keeper.connections;
	long long heard[KINDS] = { 0 };

	/* some errors let a connection try again at once */
	for (unsigned int i = 0; i < connections; i++)
		if (!kind_of(i)->connecting)
			segment_await_backoff(stage, all[i].connected);
	for (unsigned int i = 0; i < connections; i++)
		heard[i % KINDS] += complain(stage, cast, i, all[i].connected);
	for (unsigned int k = 0; k < KINDS; k++)
		stage_report(stage, heard[k]);
	stage_report(stage, nstat_tcp(stage, "LockDroppedIcmps"));
}

static void read_errors(struct stage *stage, const struct cast *cast,
			const struct keeper_ends *all)
{
	char data[FIRST];

	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		if (kind_of(i)->read &&
		    recv(all[i].connected, data, sizeof(data),
			 MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			stage_fail(stage, "recv of an error");
}

static bool is_delivered(unsigned int i)
{
	return !kind_of(i)->connecting && i / KINDS % 2 == 0;
}

/* Every other connection has all that was sent delivered in the end. */
static void deliver(struct stage *stage, const struct cast *cast,
		    const struct keeper_ends *all)
{
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		if (is_delivered(i))
			segment_heed(stage, all[i].accepted);
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		if (is_delivered(i))
			connection_receive(stage, all[i].accepted,
					   LARGE + SMALL +
					   (kind_of(i)->owned && cast->can_own));
}

static void keeper(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	struct keeper_ends *all;

	isolate(stage, cast);
	all = begin_all(stage, cast);
	stage_report(stage, 0);
	complain_to_all(stage, cast, all);
	read_errors(stage, cast, all);
	stage_report(stage, 0);
	deliver(stage, cast, all);
	stage_report(stage, 0);
}

/* How many connections are of a kind that is so. */
static long long count(const struct play *play,
		       bool (*is_so)(const struct kind *kind))
{
	long long connections = 0;

	for (unsigned int k = 0; k < KINDS; k++)
		if (is_so(&kinds[k]))
			connections += play_share(play, KINDS, k);
	return connections;
}

static bool is_established(const struct kind *kind)
{
	return !kind->connecting;
}

static bool is_given_up(const struct kind *kind)
{
	return kind->connecting && kind->error;
}

static bool is_unread(const struct kind *kind)
{
	return is_given_up(kind) && !kind->read;
}

static bool is_owned(const struct kind *kind)
{
	return kind->owned;
}

/* Both ends of those that are established, and one of the others. */
static bool begun(struct play *play, struct actor *keeper)
{
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_sockets(play, "sent", open,
				   play->connections +
				   count(play, is_established)) &&
	       play_expect_meminfo(play, "sent", open) &&
	       play_expect_settled(play, "sent");
}

static bool expect_heard(struct play *play, struct actor *keeper)
{
	long long value;

	for (unsigned int k = 0; k < KINDS; k++)
		if (!play_step(play, keeper, &value) ||
		    !play_expect(play, kinds[k].name,
				 "connections that have heard of it",
				 play_share(play, KINDS, k), value))
			return false;
	return play_step(play, keeper, &value) &&
	       play_expect(play, "sent", "errors lost, of sockets that were owned",
			   owned_works() ? count(play, is_owned) : 0, value);
}

/* What the keeper's sockets hold, whatever has become of them. */
struct holdings {
	long long errors;	/* sockets that have some */
	long long received;	/* bytes, errors among them, as SO_MEMINFO has it */
	long long to_be_sent;
};

static bool read_holdings(struct play *play, const struct actor *keeper,
			  struct holdings *holdings)
{
	struct books books;

	*holdings = (struct holdings){ 0 };
	if (!play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++) {
		const struct books_socket *socket = &books.sockets[i];

		if (!books_socket_held_by(socket, keeper->pid))
			continue;
		holdings->errors += socket->error_queue_bytes > 0;
		holdings->received += socket->error_queue_bytes +
				      socket->receive_queue_bytes;
		holdings->to_be_sent += socket->write_queue_bytes;
	}
	books_free(&books);
	return true;
}

/* The segments that are sent again may be split between the two readings. */
static bool expect_holdings(struct play *play, const struct actor *keeper)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	struct holdings holdings;
	struct meminfo sum;

	do {
		play_pause();
		if (!play_meminfo(play, "heard", keeper, &sum) ||
		    !read_holdings(play, keeper, &holdings))
			return false;
	} while (sum.write_queue_bytes != holdings.to_be_sent &&
		 play_clock_ms() < deadline);
	return play_expect(play, "heard", "sockets with an error to be read",
			   count(play, is_unread), holdings.errors) &&
	       play_expect(play, "heard", "bytes received, by SO_MEMINFO",
			   sum.receive_queue_bytes, holdings.received) &&
	       play_expect(play, "heard", "write queue bytes, by SO_MEMINFO",
			   sum.write_queue_bytes, holdings.to_be_sent);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	struct whose closed = whose(BOOKS_CLASS_CLOSED_HELD, keeper);
	struct whose open = whose(BOOKS_CLASS_OPEN, keeper);
	long long value;

	return begun(play, keeper) && expect_heard(play, keeper) &&
	       play_step(play, keeper, &value) &&
	       play_expect_state(play, "heard", closed, "CLOSE",
				 count(play, is_given_up)) &&
	       expect_holdings(play, keeper) &&
	       play_expect_settled(play, "heard") &&
	       play_step(play, keeper, &value) &&
	       play_expect_state(play, "delivered", open, "ESTABLISHED",
				 2 * count(play, is_established)) &&
	       play_expect_settled(play, "delivered");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast = { .can_own = owned_works() };

	keeper_play(play, &how, &cast.keeper);
}

const struct scenario tcp_icmp_errors = {
	.name = "tcp-icmp-errors",
	.summary = "ICMP errors come for what waits in write queues, and for a SYN with data",
	.connections = 35,
	.pages = 64,
	.play = play,
};
