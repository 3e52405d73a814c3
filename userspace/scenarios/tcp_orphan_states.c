// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process of its own user and cgroup closes its connections and exits. Its
 * peer is deaf from some moment on, which differs, so orphans stay behind in
 * every state in which there can be one. No process has them, but user and
 * cgroup are known. Then the peer hears again.
 *
 *	peer <---- connection 1..N ---- leaver (closes, exits)
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../confinement.h"
#include "../connections.h"
#include "../segment.h"
#include "../sockdiag.h"
#include "scenarios.h"

#define UID 12345
#define PAYLOAD 1000
/* Above 60 an orphan is kept in FIN_WAIT2, at first. */
#define LONG_FIN_TIMEOUT 110
#define TRIES 100

/*
 *	FIN_WAIT1	the peer is deaf
 *	FIN_WAIT2	it hears, and does not close
 *	CLOSING		it is deaf, then closes as well
 *	LAST_ACK	it has closed, then is deaf
 *	TIME_WAIT	it hears, but FIN_WAIT2 is not kept: no socket is left
 */
enum kind { FIN_WAIT1, FIN_WAIT2, CLOSING, LAST_ACK, TIME_WAIT, KINDS };

/* In which there is an orphan. */
static const char *const states[TIME_WAIT] = {
	"FIN_WAIT1", "FIN_WAIT2", "CLOSING", "LAST_ACK",
};

static struct confinement confinement;

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
};

static void become_someone_else(struct stage *stage)
{
	if (confinement.path[0])
		confinement_enter(stage, &confinement);
	setfsuid(UID);
	/* which has cleared it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void leave(struct stage *stage, int fd, enum kind kind)
{
	static const char data[PAYLOAD];
	int timeout = LONG_FIN_TIMEOUT;

	if (kind == FIN_WAIT2 &&
	    setsockopt(fd, IPPROTO_TCP, TCP_LINGER2, &timeout, sizeof(timeout)))
		stage_fail(stage, "TCP_LINGER2");
	if (kind != FIN_WAIT2 && kind != TIME_WAIT &&
	    send(fd, data, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
		stage_fail(stage, "send");
	close(fd);
}

static void leaver(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	int *fds;

	close(cast->listener);
	become_someone_else(stage);
	fds = connections_connect(stage, &cast->server, cast->connections);
	/* the peer is told by the first byte */
	for (unsigned int i = 0; i < cast->connections; i++)
		if (send(fds[i], &(char){ (char)(i % KINDS) }, 1, 0) != 1)
			stage_fail(stage, "send");
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		leave(stage, fds[i], i % KINDS);
	stage_report(stage, 0);
}

static void shut_down(struct stage *stage, int fd)
{
	if (shutdown(fd, SHUT_WR))
		stage_fail(stage, "shutdown");
}

static void before_leaving(struct stage *stage, int fd, enum kind kind)
{
	if (kind == LAST_ACK) {
		shut_down(stage, fd);
		segment_await_state(stage, fd, TCP_FIN_WAIT2);
	}
	if (kind == FIN_WAIT1 || kind == CLOSING || kind == LAST_ACK)
		segment_ignore(stage, fd);
}

static void hear_again(struct stage *stage, int fd, enum kind kind)
{
	if (kind == FIN_WAIT1 || kind == CLOSING || kind == LAST_ACK)
		segment_heed(stage, fd);
	if (kind == FIN_WAIT1 || kind == FIN_WAIT2 || kind == TIME_WAIT)
		shut_down(stage, fd);
}

static void peer(struct stage *stage, void *arg)
{
	struct cast *cast = arg;
	int *fds = connections_accept(stage, cast->listener, cast->connections,
				      0);
	char *kinds = calloc(cast->connections, 1);

	for (unsigned int i = 0; i < cast->connections; i++) {
		if (!kinds || read(fds[i], &kinds[i], 1) != 1)
			stage_fail(stage, "read");
		before_leaving(stage, fds[i], kinds[i]);
	}
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		if (kinds[i] == CLOSING)
			shut_down(stage, fds[i]);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		hear_again(stage, fds[i], kinds[i]);
	stage_report(stage, 0);
}

struct round {
	struct cast cast;
	struct actor peer, leaver;
};

/* Whose they were: told by user and cgroup. */
static bool is_theirs(const struct books_socket *socket)
{
	return socket->class == BOOKS_CLASS_ORPHAN && socket->uid == UID &&
	       (!confinement.path[0] || socket->cgroup == confinement.id);
}

struct orphans {
	long long count[TIME_WAIT];
	long long others;	/* in another state */
	long long bytes;
};

static void orphan_add(struct orphans *orphans,
		       const struct books_socket *socket)
{
	size_t i = 0;

	orphans->bytes += socket->charged_bytes;
	while (i < TIME_WAIT && strcmp(socket->state, states[i]))
		i++;
	if (i < TIME_WAIT)
		orphans->count[i]++;
	else
		orphans->others++;
}

static bool read_orphans(struct play *play, struct orphans *orphans)
{
	struct books books;

	*orphans = (struct orphans){ 0 };
	if (!play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++)
		if (is_theirs(&books.sockets[i]))
			orphan_add(orphans, &books.sockets[i]);
	books_free(&books);
	return true;
}

/* Waits for so many in each state; 0: for none at all. */
static bool expect_orphans(struct play *play, const char *phase,
			   const long long expected[TIME_WAIT])
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	struct orphans orphans;
	char what[64];
	bool ok;

	do {
		if (!read_orphans(play, &orphans))
			return false;
		ok = !orphans.others &&
		     !memcmp(orphans.count, expected, sizeof(orphans.count));
		if (!ok)
			play_pause();
	} while (!ok && play_clock_ms() < deadline);
	for (size_t i = 0; i < TIME_WAIT; i++) {
		snprintf(what, sizeof(what), "orphans of the user in %s",
			 states[i]);
		play_expect(play, phase, what, expected[i], orphans.count[i]);
	}
	return play_expect(play, phase, "orphans of the user in other states",
			   0, orphans.others) && ok;
}

/*
 * Both ends, as sock_diag sees them: all are hashed. The two readings are of
 * different moments, and the orphans try again.
 */
static bool expect_sockdiag(struct play *play, const struct round *round)
{
	long long expected = 0, actual = -1;
	struct orphans orphans;
	struct books_charge peers;
	char *error = NULL;

	for (int i = 0; i < TRIES && expected != actual; i++) {
		if (sockdiag_sum_port(loopback_port(&round->cast.server),
				      &expected, &error)) {
			play_fail(play, "peak: %s", error);
			free(error);
			return false;
		}
		if (!read_orphans(play, &orphans) ||
		    !play_charge(play, whose(BOOKS_CLASS_OPEN, &round->peer),
				 &peers))
			return false;
		actual = orphans.bytes + books_charge_bytes(&peers);
	}
	return play_expect(play, "peak", "bytes of both ends, by sock_diag",
			   expected, actual);
}

static bool peak(struct play *play, struct round *round)
{
	long long expected[TIME_WAIT], value;

	for (unsigned int i = 0; i < TIME_WAIT; i++)
		expected[i] = play_share(play, KINDS, i);
	return play_await(play, &round->leaver, &value) &&
	       play_await(play, &round->peer, &value) &&
	       play_step(play, &round->leaver, &value) &&
	       play_cue(play, &round->leaver) &&
	       play_step(play, &round->peer, &value) &&
	       expect_orphans(play, "peak", expected) &&
	       expect_sockdiag(play, round) &&
	       play_expect_balanced(play, "peak");
}

static bool release(struct play *play, struct round *round)
{
	static const long long none[TIME_WAIT];
	const char *phase = "after the peer has heard";
	long long value;

	return play_step(play, &round->peer, &value) &&
	       expect_orphans(play, phase, none) &&
	       play_expect_balanced(play, phase);
}

static void play(struct play *play)
{
	struct round round = { .cast.connections = play->connections };
	bool ok;

	if (!play_listen(play, &round.cast.server, 4096, &round.cast.listener))
		return;
	confinement_make(&confinement, "skbalance-orphans");
	ok = play_expect_balanced(play, "before") &&
	     play_start(play, &round.peer, "peer", peer, &round.cast) &&
	     play_start(play, &round.leaver, "leaver", leaver, &round.cast);
	close(round.cast.listener);
	ok = ok && peak(play, &round);
	if (ok)
		play_peak(play);
	ok = ok && release(play, &round);
	actor_kill(&round.leaver);
	actor_kill(&round.peer);
	if (ok)
		play_expect_settled(play, "after");
	confinement_remove(&confinement);
}

const struct scenario tcp_orphan_states = {
	.name = "tcp-orphan-states",
	.summary = "orphans in each closing state, whose process is gone: user and cgroup named",
	.connections = 50,
	.pages = 4,
	.play = play,
};
