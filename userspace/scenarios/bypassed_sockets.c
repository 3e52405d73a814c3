// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that were made while net.core.bypass_prot_mem was 1 do not charge
 * the pool, and stay so when it is 0 again; the children of a listener are as
 * it is. Ordinary ones beside them are charged as ever.
 */
#include <string.h>
#include <unistd.h>

#include "../connections.h"
#include "unread.h"

#define SYSCTL "net.core.bypass_prot_mem"

/* Small, so that both queues of a connection are soon full. */
#define BUFFER 16384

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
};

static void limit(struct stage *stage, int fd, int option)
{
	int bytes = BUFFER;

	if (setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof(bytes)))
		stage_fail(stage, "SO_RCVBUF, SO_SNDBUF");
}

static long long connect_and_fill(struct stage *stage, struct cast *cast)
{
	int *fds = connections_connect(stage, &cast->server, cast->connections);
	long long bytes = 0;

	for (unsigned int i = 0; i < cast->connections; i++) {
		limit(stage, fds[i], SO_SNDBUF);
		bytes += connection_fill(stage, fds[i], CONNECTION_CHUNK);
	}
	return bytes;
}

/* Has both ends of connections, and later the server's end of a guest's. */
static void host(struct stage *stage, void *arg)
{
	struct cast *cast = arg;

	limit(stage, cast->listener, SO_RCVBUF);
	stage_report(stage, connect_and_fill(stage, cast));
	connections_accept(stage, cast->listener, cast->connections, 0);
	stage_report(stage, 0);
	connections_accept(stage, cast->listener, cast->connections, 0);
	stage_report(stage, 0);
}

static void guest(struct stage *stage, void *arg)
{
	stage_report(stage, connect_and_fill(stage, arg));
}

struct round {
	struct cast ordinary, bypassed;
	struct actor charged, exempt, guest;
	long long pages;	/* charged to others */
	long long sent;		/* over the connections within exempt */
};

/* What the processes' own sockets say. */
struct witnesses {
	struct meminfo charged, exempt, guest;
};

/* What the books say at one moment. */
struct account {
	long long pages;	/* in the counter */
	long long bypassed_pages;
	long long sockets, bytes; /* of exempt, that bypass */
	long long charged_bytes; /* of these */
	long long others;	/* sockets that bypass, too */
};

static bool ask(struct play *play, const char *phase, const struct round *round,
		struct witnesses *ret)
{
	*ret = (struct witnesses){ 0 };
	return play_meminfo(play, phase, &round->charged, &ret->charged) &&
	       play_meminfo(play, phase, &round->exempt, &ret->exempt) &&
	       (!round->guest.pid ||
		play_meminfo(play, phase, &round->guest, &ret->guest));
}

static void add_socket(struct account *account, const struct round *round,
		       const struct books_socket *socket)
{
	if (!books_socket_is(socket, "bypassed"))
		return;
	if (!books_socket_held_by(socket, round->exempt.pid)) {
		account->others++;
		return;
	}
	account->sockets++;
	account->bytes += socket->bypassed_bytes;
	account->charged_bytes += socket->charged_bytes;
}

static bool read_account(struct play *play, const struct round *round,
			 struct account *ret)
{
	const struct books_pool *pool;
	struct books books;

	if (!play_books(play, "sockets", &books))
		return false;
	pool = &books.pools[0];
	*ret = (struct account){
		.pages = books_counted_pages(pool),
		.bypassed_pages = pool->bypassed_pages,
	};
	for (size_t i = 0; i < books.n_sockets; i++)
		add_socket(ret, round, &books.sockets[i]);
	books_free(&books);
	return true;
}

/* Once nothing moves: probes and retransmissions may still change a queue. */
static bool read_still(struct play *play, const char *phase,
		       const struct round *round, struct witnesses *witnesses,
		       struct account *account)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	struct witnesses after;

	do {
		if (!ask(play, phase, round, witnesses) ||
		    !read_account(play, round, account) ||
		    !ask(play, phase, round, &after))
			return false;
		if (!memcmp(&after, witnesses, sizeof(after)))
			return true;
		play_pause();
	} while (play_clock_ms() < deadline);
	return play_fail(play, "%s: the queues do not come to rest", phase);
}

/* ends: of connections, that exempt has; its listener bypasses, too. */
static bool expect_account(struct play *play, const char *phase,
			   const struct round *round, long long ends)
{
	long long page = sysconf(_SC_PAGESIZE), bytes;
	struct witnesses witnesses;
	struct account account;

	if (!read_still(play, phase, round, &witnesses, &account))
		return false;
	bytes = meminfo_bytes(&witnesses.exempt);
	ktap_check(play->ktap, bytes >= round->sent,
		   "%s: bytes that bypass, by SO_MEMINFO: expected at least the %lld sent, actual %lld",
		   phase, round->sent, bytes);
	return bytes >= round->sent &&
	       play_expect(play, phase, "sockets that bypass the counter",
			   ends + 1, account.sockets) &&
	       play_expect(play, phase, "others that do", 0, account.others) &&
	       play_expect(play, phase, "bytes charged to them", 0,
			   account.charged_bytes) &&
	       play_expect(play, phase, "bytes that bypass, by SO_MEMINFO",
			   bytes, account.bytes) &&
	       play_expect(play, phase, "bytes of the pages that bypass", bytes,
			   account.bypassed_pages * page) &&
	       play_expect(play, phase, "bytes in the counter, by SO_MEMINFO",
			   meminfo_bytes(&witnesses.charged) +
				   meminfo_bytes(&witnesses.guest),
			   (account.pages - round->pages) * page);
}

static bool expect(struct play *play, const char *phase,
		   const struct round *round, long long ends)
{
	struct whose exempt = whose(BOOKS_CLASS_OPEN, &round->exempt);
	struct whose charged = whose(BOOKS_CLASS_OPEN, &round->charged);

	return play_expect_sockets(play, phase, exempt, ends) &&
	       expect_account(play, phase, round, ends) &&
	       play_expect_meminfo(play, phase, charged) &&
	       play_expect_balanced(play, phase);
}

static bool start_host(struct play *play, struct actor *actor, const char *name,
		       struct cast *cast, const char *bypass, long long *sent)
{
	long long value;
	bool ok;

	if (!play_sysctl(play, SYSCTL, bypass) ||
	    !play_listen(play, &cast->server, 4096, &cast->listener))
		return false;
	ok = play_start(play, actor, name, host, cast);
	close(cast->listener);
	return ok && play_await(play, actor, sent) &&
	       play_step(play, actor, &value);
}

/* Both kinds, made one after the other. */
static bool start(struct play *play, struct round *round)
{
	long long value;

	return play_expect_balanced(play, "before") &&
	       play_pages(play, &round->pages) &&
	       start_host(play, &round->charged, "charged", &round->ordinary,
			  "0", &value) &&
	       start_host(play, &round->exempt, "exempt", &round->bypassed,
			  "1", &round->sent);
}

/* The guest's own ends are ordinary, the others are as their listener is. */
static bool visit(struct play *play, struct round *round)
{
	long long value;

	return play_start(play, &round->guest, "guest", guest,
			  &round->bypassed) &&
	       play_await(play, &round->guest, &value) &&
	       play_step(play, &round->exempt, &value);
}

static bool meet(struct play *play, struct round *round)
{
	long long n = play->connections;

	return start(play, round) &&
	       expect(play, "turned on", round, 2 * n) &&
	       play_sysctl(play, SYSCTL, "0") &&
	       expect(play, "turned off", round, 2 * n) &&
	       visit(play, round) &&
	       expect(play, "peak", round, 3 * n);
}

static void play(struct play *play)
{
	struct round round = {
		.ordinary.connections = play->connections,
		.bypassed.connections = play->connections,
	};
	bool ok;

	if (access("/proc/sys/net/core/bypass_prot_mem", F_OK)) {
		play_skip(play, "the kernel has no " SYSCTL);
		return;
	}
	ok = meet(play, &round);
	if (ok)
		play_peak(play);
	actor_kill(&round.guest);
	actor_kill(&round.exempt);
	actor_kill(&round.charged);
	if (ok)
		play_expect_return(play, "after", round.pages);
}

const struct scenario bypassed_sockets = {
	.name = "bypassed-sockets",
	.summary = "made under net.core.bypass_prot_mem: in no counter, listed apart",
	.connections = 50,
	.pages = 48,
	.play = play,
};
