// SPDX-License-Identifier: GPL-2.0-only
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../connections.h"
#include "unread.h"

struct cast {
	const struct unread *how;
	struct loopback server;
	int listener;
	unsigned int connections;
	bool reading;		/* release by reading everything */
};

static long long read_everything(struct stage *stage, int fd)
{
	static char data[65536];
	long long bytes = 0;
	ssize_t length;

	while ((length = read(fd, data, sizeof(data))) > 0)
		bytes += length;
	if (length < 0)
		stage_fail(stage, "read");
	return bytes;
}

static long long readable(struct stage *stage, int fd)
{
	int bytes;

	if (ioctl(fd, FIONREAD, &bytes))
		stage_fail(stage, "FIONREAD");
	return bytes;
}

static void receiver(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long bytes = 0;
	int *fds;

	fds = connections_accept(stage, cast->listener, cast->connections, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (cast->how->accepted)
			cast->how->accepted(stage, fds[i]);
	stage_report(stage, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		bytes += readable(stage, fds[i]);
	stage_report(stage, bytes);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (cast->how->resume)
			cast->how->resume(stage, fds[i]);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (cast->how->resumed)
			cast->how->resumed(stage, fds[i]);
	bytes = 0;
	for (unsigned int i = 0; i < cast->connections; i++)
		bytes += read_everything(stage, fds[i]);
	stage_report(stage, bytes);
}

/* Returns how many bytes were sent meanwhile. */
static long long shut_down(struct stage *stage, struct cast *cast, int fd,
			   unsigned int i)
{
	long long bytes = 0;

	if (cast->how->finish)
		bytes = cast->how->finish(stage, fd, i);
	if (shutdown(fd, SHUT_WR))
		stage_fail(stage, "shutdown");
	return bytes;
}

static long long end_all(struct stage *stage, struct cast *cast, int *fds)
{
	long long bytes = 0;

	for (unsigned int i = 0; i < cast->connections; i++) {
		if (cast->reading)
			bytes += shut_down(stage, cast, fds[i], i);
		else
			connection_reset(stage, fds[i]);
	}
	return bytes;
}

static void sender(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	long long bytes = 0;
	int *fds;

	close(cast->listener);
	if (cast->how->prepare)
		cast->how->prepare(stage);
	fds = connections_connect(stage, &cast->server, cast->connections);
	stage_report(stage, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		bytes += cast->how->send(stage, fds[i], i);
	stage_report(stage, bytes);
	stage_report(stage, end_all(stage, cast, fds));
}

/*
 * What was sent waits at one of the ends, and takes at least as much memory as
 * it has bytes.
 */
static bool expect_queued(struct play *play, const struct unread_round *round)
{
	struct whose senders = whose(BOOKS_CLASS_OPEN, &round->sender);
	struct meminfo sent, received;
	struct books_charge charge;
	long long queued;

	if (!play_meminfo(play, "peak", &round->sender, &sent) ||
	    !play_meminfo(play, "peak", &round->receiver, &received) ||
	    !play_charge(play, senders, &charge))
		return false;
	queued = sent.write_queue_bytes + sent.receive_queue_bytes +
		 received.receive_queue_bytes + charge.hidden_bytes;
	ktap_check(play->ktap, queued >= round->sent,
		   "peak: bytes queued, by SO_MEMINFO, and hidden: expected at least the %lld sent, actual %lld",
		   round->sent, queued);
	return queued >= round->sent;
}

static bool peak(struct play *play, const struct unread *how,
		 struct unread_round *round)
{
	struct whose receivers = whose(BOOKS_CLASS_OPEN, &round->receiver);
	struct whose senders = whose(BOOKS_CLASS_OPEN, &round->sender);
	long long n = play->connections;

	return play_expect_sockets(play, "peak", senders, n) &&
	       play_expect_sockets(play, "peak", receivers, n) &&
	       play_expect_balanced(play, "peak") &&
	       play_expect_meminfo(play, "peak", receivers) &&
	       (!how->as_queued ||
		(play_expect_meminfo(play, "peak", senders) &&
		 expect_queued(play, round))) &&
	       play_step(play, &round->receiver, &round->readable) &&
	       (!how->expect || how->expect(play, round));
}

static bool expect_at_rest(struct play *play, const struct unread *how,
			   const struct unread_round *round)
{
	struct whose receivers = whose(BOOKS_CLASS_OPEN, &round->receiver);
	long long most = how->rest * play->connections, actual;

	if (!play_charge_at_rest(play, receivers, &actual))
		return false;
	ktap_check(play->ktap, actual <= most,
		   "after reading: bytes charged to the receiver: expected at most %lld, actual %lld",
		   most, actual);
	return actual <= most;
}

/* Nothing is queued any more. */
static bool expect_released(struct play *play, const struct unread *how,
			    const struct unread_round *round)
{
	struct whose senders = whose(BOOKS_CLASS_OPEN, &round->sender);
	const char *phase = "after reading";
	long long bytes;

	return play_expect_state(play, phase, senders, "FIN_WAIT2",
				 play->connections) &&
	       play_charge_at_rest(play, senders, &bytes) &&
	       play_expect(play, phase, "bytes charged to the sender",
			   how->reserve * play->connections, bytes) &&
	       expect_at_rest(play, how, round) &&
	       play_expect_balanced(play, phase);
}

/* The sender may have to wait for the receiver, to send what it still has. */
static bool release_by_reading(struct play *play, const struct unread *how,
			       struct unread_round *round)
{
	long long more, bytes;

	return play_cue(play, &round->sender) &&
	       play_step(play, &round->receiver, &bytes) &&
	       play_await(play, &round->sender, &more) &&
	       play_expect(play, "after reading", "bytes read of those sent",
			   round->sent + more, bytes) &&
	       expect_released(play, how, round);
}

static bool release_by_reset(struct play *play, struct unread_round *round)
{
	struct whose held = whose(BOOKS_CLASS_CLOSED_HELD, &round->receiver);
	const char *phase = "after the reset";
	long long value;

	return play_step(play, &round->sender, &value) &&
	       play_expect_state(play, phase, held, "CLOSE",
				 play->connections) &&
	       play_expect_sockets(play, phase,
				   whose(BOOKS_CLASS_OPEN, &round->sender),
				   0) &&
	       play_expect_meminfo(play, phase, held) &&
	       play_expect_balanced(play, phase);
}

static bool before(struct play *play, struct unread_round *round)
{
	long long value;

	return play_await(play, &round->receiver, &value) &&
	       play_await(play, &round->sender, &value) &&
	       play_expect_balanced(play, "before") &&
	       play_step(play, &round->sender, &round->sent);
}

static void round_play(struct play *play, const struct unread *how,
		       bool reading)
{
	struct cast cast = { .how = how, .connections = play->connections,
			     .reading = reading };
	struct unread_round round = { 0 };
	bool ok;

	if (!play_listen(play, &cast.server, 4096, &cast.listener))
		return;
	ok = play_start(play, &round.receiver, "receiver", receiver, &cast) &&
	     play_start(play, &round.sender, "sender", sender, &cast);
	close(cast.listener);
	ok = ok && before(play, &round) && peak(play, how, &round);
	if (ok)
		play_peak(play);
	ok = ok && (reading ? release_by_reading(play, how, &round) :
			      release_by_reset(play, &round));
	actor_kill(&round.sender);
	actor_kill(&round.receiver);
	if (ok)
		play_expect_balanced(play, "after");
}

void unread_play(struct play *play, const struct unread *how)
{
	round_play(play, how, true);
	round_play(play, how, false);
}
