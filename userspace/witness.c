// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "error.h"
#include "roster.h"
#include "witness.h"

#define MAX_ROUNDS 4

/* An unseen socket, until they are grouped. */
struct unseen {
	const struct books_socket *socket;
	enum witness_reason reason;
};

/* The three readings of one round, and what is being found out. */
struct round {
	struct witness *witness;
	struct roster before, seen, after;
	struct unseen *unseen;
	size_t n_unseen;
};

const char *witness_reason_text(enum witness_reason reason)
{
	static const char *const texts[WITNESS_REASONS] = {
		[WITNESS_CLOSED] = "in state CLOSE: in no hash table",
		[WITNESS_RESET] =
			"reset before it was accepted: in no hash table",
		[WITNESS_MPTCP] = "of MPTCP: not in the tables of TCP",
		[WITNESS_UNREACHABLE] = "in no table: only the tracker knows it",
		[WITNESS_NETNS] = "its network namespace cannot be entered",
		[WITNESS_NO_REASON] = "it should be seen",
	};

	return texts[reason];
}

long long witness_pages(const struct witness *witness,
			const struct witness_tally *tally)
{
	return books_pages(&witness->after, tally->bytes);
}

static void add(struct witness_tally *tally, long long bytes)
{
	tally->sockets++;
	tally->bytes += bytes;
}

/* What sock_diag should tell: it also counts what by design is not charged */
static long long visible_bytes(const struct books_socket *socket)
{
	return socket->charged_bytes + socket->bypassed_bytes +
	       socket->error_queue_bytes + socket->zerocopy_bytes;
}

static int dispute(struct witness *witness, enum witness_dispute_kind kind,
		   const struct roster_entry *entry, long long book_bytes,
		   long long seen_bytes)
{
	struct witness_dispute *new = array_append(&witness->disputes,
						   &witness->n_disputes,
						   sizeof(*new));

	if (!new)
		return -ENOMEM;
	*new = (struct witness_dispute){
		.kind = kind,
		.netns = entry->netns,
		.local = entry->local,
		.remote = entry->remote,
		.inode = entry->inode,
		.book_bytes = book_bytes,
		.seen_bytes = seen_bytes,
	};
	return 0;
}

/* A socket that sock_diag sees: is it in the books, with the same bytes? */
static int check_seen(struct round *round, const struct roster_entry *entry)
{
	const struct roster_entry *before = roster_find(&round->before, entry);
	const struct roster_entry *after = roster_find(&round->after, entry);
	long long bytes = sockdiag_socket_bytes(entry->seen);
	struct witness *witness = round->witness;
	long long booked;

	if (after)
		add(&witness->seen[after->booked->class], bytes);
	if (!before && !after) {
		add(&witness->unbooked, bytes);
		return dispute(witness, WITNESS_UNBOOKED, entry, 0, bytes);
	}
	if (!before || !after ||
	    visible_bytes(before->booked) != visible_bytes(after->booked)) {
		witness->moving++;
		return 0;
	}
	booked = visible_bytes(after->booked);
	if (booked == bytes)
		return 0;
	return dispute(witness, WITNESS_DIFFERS, entry, booked, bytes);
}

static bool was_asked(const struct sockdiag *diag, unsigned int netns)
{
	for (size_t i = 0; i < diag->n_namespaces; i++)
		if (diag->namespaces[i] == netns)
			return true;
	return false;
}

static enum witness_reason find_reason(const struct witness *witness,
				       const struct roster_entry *entry)
{
	const struct books_socket *socket = entry->booked;

	if (strncmp(socket->protocol, "MPTCP", 5) == 0)
		return WITNESS_MPTCP;
	if (socket->class == BOOKS_CLASS_UNREACHABLE)
		return WITNESS_UNREACHABLE;
	if (strcmp(socket->state, "CLOSE") == 0)
		return socket->class == BOOKS_CLASS_ACCEPT_QUEUE ?
			WITNESS_RESET : WITNESS_CLOSED;
	if (!was_asked(&witness->diag, entry->netns))
		return WITNESS_NETNS;
	return WITNESS_NO_REASON;
}

/* A socket in the books: is it seen, and if not, why? */
static int check_booked(struct round *round, const struct roster_entry *entry)
{
	const struct books_socket *socket = entry->booked;
	struct witness *witness = round->witness;
	struct unseen *unseen;

	add(&witness->booked[socket->class], socket->charged_bytes);
	if (roster_find(&round->seen, entry))
		return 0;
	if (!roster_find(&round->before, entry)) {
		witness->moving++;
		return 0;
	}
	add(&witness->unseen, socket->charged_bytes);
	unseen = array_append(&round->unseen, &round->n_unseen,
			      sizeof(*unseen));
	if (!unseen)
		return -ENOMEM;
	*unseen = (struct unseen){ socket, find_reason(witness, entry) };
	if (unseen->reason != WITNESS_NO_REASON)
		return 0;
	return dispute(witness, WITNESS_UNSEEN, entry, visible_bytes(socket),
		       0);
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* Equal if they belong to the same group. */
static int compare_unseen(const void *a, const void *b)
{
	const struct unseen *left = a, *right = b;
	const struct books_socket *l = left->socket, *r = right->socket;
	int order;

	if (left->reason != right->reason)
		return left->reason < right->reason ? -1 : 1;
	if (l->class != r->class)
		return l->class < r->class ? -1 : 1;
	if (l->pid != r->pid)
		return l->pid < r->pid ? -1 : 1;
	order = compare_text(l->comm, r->comm);
	return order ? order : compare_text(l->listener, r->listener);
}

static int compare_groups(const void *a, const void *b)
{
	const struct witness_tally *left =
		&((const struct witness_group *)a)->tally;
	const struct witness_tally *right =
		&((const struct witness_group *)b)->tally;

	if (left->bytes != right->bytes)
		return left->bytes > right->bytes ? -1 : 1;
	if (left->sockets != right->sockets)
		return left->sockets > right->sockets ? -1 : 1;
	return 0;
}

static int group_unseen(struct round *round)
{
	struct witness *witness = round->witness;
	struct unseen *unseen = round->unseen;
	struct witness_group *group = NULL;

	if (!round->n_unseen)
		return 0;
	qsort(unseen, round->n_unseen, sizeof(*unseen), compare_unseen);
	for (size_t i = 0; i < round->n_unseen; i++) {
		if (!i || compare_unseen(&unseen[i - 1], &unseen[i]) != 0) {
			group = array_append(&witness->groups,
					     &witness->n_groups,
					     sizeof(*group));
			if (!group)
				return -ENOMEM;
			group->example = unseen[i].socket;
			group->reason = unseen[i].reason;
		}
		add(&group->tally, unseen[i].socket->charged_bytes);
	}
	qsort(witness->groups, witness->n_groups, sizeof(*group),
	      compare_groups);
	return 0;
}

static int compare_rosters(struct round *round)
{
	int status = 0;

	for (size_t i = 0; !status && i < round->seen.count; i++)
		status = check_seen(round, &round->seen.entries[i]);
	for (size_t i = 0; !status && i < round->after.count; i++)
		status = check_booked(round, &round->after.entries[i]);
	return status ? status : group_unseen(round);
}

int witness_compare(struct witness *witness)
{
	struct round round = { .witness = witness };
	int status = roster_of_books(&round.before, &witness->before);

	if (!status)
		status = roster_of_sockdiag(&round.seen, &witness->diag);
	if (!status)
		status = roster_of_books(&round.after, &witness->after);
	if (!status)
		status = compare_rosters(&round);
	roster_free(&round.before);
	roster_free(&round.seen);
	roster_free(&round.after);
	free(round.unseen);
	witness->verdict = witness->n_disputes || witness->diag.interrupted ?
		WITNESS_UNSETTLED : WITNESS_AGREES;
	return status;
}

static int compare_disputes(const void *a, const void *b)
{
	const struct witness_dispute *left = a, *right = b;
	int order;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->netns != right->netns)
		return left->netns < right->netns ? -1 : 1;
	if (left->inode != right->inode)
		return left->inode < right->inode ? -1 : 1;
	if (left->book_bytes != right->book_bytes)
		return left->book_bytes < right->book_bytes ? -1 : 1;
	if (left->seen_bytes != right->seen_bytes)
		return left->seen_bytes < right->seen_bytes ? -1 : 1;
	order = endpoint_compare(&left->local, &right->local);
	return order ? order : endpoint_compare(&left->remote, &right->remote);
}

/*
 * Keeps the disputes that the sorted ones of the round before have too, if
 * there are any: then it is a contradiction.
 */
static void confirm(struct witness *witness,
		    const struct witness_dispute *earlier, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < witness->n_disputes; i++) {
		struct witness_dispute same = witness->disputes[i];

		if (!bsearch(&same, earlier, count, sizeof(*earlier),
			     compare_disputes))
			continue;
		witness->disputes[i] = witness->disputes[kept];
		witness->disputes[kept++] = same;
	}
	if (!kept || witness->diag.interrupted)
		return;
	witness->n_disputes = kept;
	witness->verdict = WITNESS_CONTRADICTS;
}

/* Forgets what a round found out, but not the last reading of the books. */
static void forget(struct witness *witness)
{
	struct books after = witness->after;
	unsigned int rounds = witness->rounds;

	witness->after = (struct books){ 0 };
	witness_free(witness);
	witness->before = after;
	witness->rounds = rounds;
}

/*
 * Asks sock_diag, reads the books once more, compares, and looks for the
 * disputes of the round before, which become those of this one.
 */
static int run_round(struct witness *witness, bool live, char **error)
{
	struct witness_dispute *earlier = witness->disputes;
	size_t n_earlier = witness->n_disputes;
	int status;

	witness->disputes = NULL;
	witness->n_disputes = 0;
	forget(witness);
	witness->rounds++;
	status = sockdiag_read(&witness->diag, IPPROTO_TCP, error);
	if (!status)
		status = books_read(&witness->after, "tcp", "sockets", live,
				    error);
	if (!status && witness_compare(witness))
		status = error_set(error, ENOMEM, "not enough memory");
	if (!status && witness->n_disputes) {
		if (n_earlier)
			confirm(witness, earlier, n_earlier);
		qsort(witness->disputes, witness->n_disputes,
		      sizeof(*witness->disputes), compare_disputes);
	}
	free(earlier);
	return status;
}

int witness_read(struct witness *witness, bool live, char **error)
{
	int status;

	*witness = (struct witness){ .verdict = WITNESS_UNSETTLED };
	status = books_read(&witness->after, "tcp", "sockets", live, error);
	while (!status && witness->rounds < MAX_ROUNDS &&
	       witness->verdict == WITNESS_UNSETTLED)
		status = run_round(witness, live, error);
	return status;
}

void witness_free(struct witness *witness)
{
	books_free(&witness->before);
	sockdiag_free(&witness->diag);
	books_free(&witness->after);
	free(witness->groups);
	free(witness->disputes);
	*witness = (struct witness){ 0 };
}
