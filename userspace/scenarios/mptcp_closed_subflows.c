// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets of MPTCP outlive their subflows, and their processes:
 * - the subflows are reset. The socket of MPTCP keeps one with unread data, in
 *   no table of TCP, where no descriptor leads to either; or, since 6.19, keeps
 *   the data, charged, in a list of its own;
 * - the server dies while its write queues are full: orphans.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mptcp_ends.h"

/*
 * Each is counted with many times its size: the receiver's socket of MPTCP is
 * full long before its window is, and what comes then stays in the subflow.
 */
#define MESSAGE 100

static bool is_closed_subflow(const struct books_socket *socket)
{
	return !strncmp(socket->protocol, "TCP", 3) &&
	       !strcmp(socket->state, "CLOSE") &&
	       socket->receive_queue_bytes > 0;
}

/* In how many of the client's connections unread data has outlived its way in. */
static bool count_kept(struct play *play, const struct mptcp_ends *ends,
		       long long *kept)
{
	struct books books;

	if (!play_books(play, "sockets", &books))
		return false;
	*kept = 0;
	for (size_t i = 0; i < books.n_sockets; i++)
		*kept += books.sockets[i].pid == ends->client.pid &&
			 (books.sockets[i].hidden_bytes > 0 ||
			  is_closed_subflow(&books.sockets[i]));
	books_free(&books);
	return true;
}

/* Resets the client's subflows, of which the server hears. */
static bool reset_subflows(struct play *play, const struct mptcp_ends *ends)
{
	char command[64];

	snprintf(command, sizeof(command), "ss -Kt dport = :%u >/dev/null",
		 loopback_port(&ends->address));
	return !system(command) || play_fail(play, "%s: failed", command);
}

static bool subflows_reset(struct play *play, struct mptcp_ends *ends,
			   long long unread)
{
	const char *phase = "after the reset of the subflows";
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS, kept;
	struct meminfo sum;

	if (!reset_subflows(play, ends))
		return false;
	do {
		play_pause();
		if (!count_kept(play, ends, &kept))
			return false;
	} while (kept < unread && play_clock_ms() < deadline);
	return play_expect(play, phase,
			   "connections of the client whose unread data was kept",
			   unread, kept) &&
	       play_meminfo(play, phase, &ends->client, &sum) &&
	       play_expect(play, phase, "sockets of the client",
			   play->connections, sum.sockets) &&
	       play_expect_settled(play, phase);
}

/*
 * How many of the client's subflows have unread data: none on 7.3, where a
 * window is as small as the room in the socket of MPTCP.
 */
static bool count_unread(struct play *play, const struct mptcp_ends *ends,
			 long long *unread)
{
	long long above = 0;
	struct books books;

	if (!play_books(play, "sockets", &books))
		return false;
	*unread = 0;
	for (size_t i = 0; i < books.n_sockets; i++) {
		const struct books_socket *socket = &books.sockets[i];
		bool subflow = !strncmp(socket->protocol, "TCP", 3);

		if (socket->pid != ends->client.pid ||
		    !socket->receive_queue_bytes)
			continue;
		*unread += subflow;
		above += !subflow;
	}
	books_free(&books);
	ktap_remark(play->ktap, "%lld subflows of the client have unread data",
		    *unread);
	return play_expect(play, "peak",
			   "sockets of MPTCP of the client with unread data",
			   play->connections, above);
}

static bool server_dead(struct play *play, struct mptcp_ends *ends,
			long long orphans)
{
	const char *phase = "after the server's death";

	actor_kill(&ends->server);
	return play_expect_sockets(play, phase, whose(BOOKS_CLASS_ORPHAN, NULL),
				   orphans + 2 * play->connections) &&
	       play_expect_settled(play, phase);
}

static void round_play(struct play *play, bool reset)
{
	struct mptcp_ends ends = { .message = MESSAGE };
	struct books_charge orphans;
	long long pages, unread;
	bool ok = play_expect_balanced(play, "before") &&
		  play_pages(play, &pages) &&
		  play_charge(play, whose(BOOKS_CLASS_ORPHAN, NULL),
			      &orphans) &&
		  mptcp_ends_start(play, &ends) &&
		  mptcp_ends_fill(play, &ends) &&
		  count_unread(play, &ends, &unread);

	if (ok && reset)
		ok = subflows_reset(play, &ends, unread);
	else if (ok)
		ok = server_dead(play, &ends, orphans.sockets);
	if (ok)
		play_peak(play);
	mptcp_ends_kill(&ends);
	if (ok)
		play_expect_return(play, "after", pages);
}

static void play(struct play *play)
{
	if (system("ss -V >/dev/null 2>&1"))
		play_skip(play, "ss (iproute2) is not installed");
	else
		round_play(play, true);
	round_play(play, false);
}

const struct scenario mptcp_closed_subflows = {
	.name = "mptcp-closed-subflows",
	.summary = "MPTCP outlives subflows that were reset, and its processes",
	.protocol = IPPROTO_MPTCP,
	.connections = 20,
	.pages = 200,
	.play = play,
};
