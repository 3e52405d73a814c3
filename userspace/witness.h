/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_WITNESS_H
#define SKBALANCE_WITNESS_H

#include "books.h"
#include "sockdiag.h"

/*
 * The second witness: what sock_diag(7) tells about TCP, held against the
 * books of pool tcp. The books are read before and after, so that a socket
 * that came, went or changed meanwhile is not taken for a contradiction; and
 * a contradiction counts when a second round shows the same one.
 */

enum witness_verdict {
	WITNESS_AGREES,		/* on all that sock_diag can see */
	WITNESS_UNSETTLED,	/* contradictions, but other ones each time */
	WITNESS_CONTRADICTS,
};

/* Why sock_diag does not see a socket that is in the books. */
enum witness_reason {
	WITNESS_CLOSED,		/* TCP_CLOSE is in no hash table */
	WITNESS_RESET,		/* the same, before it was accepted */
	WITNESS_MPTCP,		/* in no table of TCP */
	WITNESS_UNREACHABLE,	/* in no hash table: the tracker found it */
	WITNESS_NETNS,		/* its network namespace was not asked */
	WITNESS_NO_REASON,	/* it should be seen: a contradiction */
	WITNESS_REASONS
};

struct witness_tally {
	long long sockets;
	long long bytes;	/* queues and forward alloc */
};

/* Unseen sockets that have all of this in common. */
struct witness_group {
	const struct books_socket *example; /* of class, state, owner */
	enum witness_reason reason;
	struct witness_tally tally;
};

enum witness_dispute_kind {
	WITNESS_UNSEEN,		/* hashed by the books, not seen */
	WITNESS_UNBOOKED,	/* seen, not in the books */
	WITNESS_DIFFERS,	/* in both, with other bytes */
};

/* A contradiction about one socket. */
struct witness_dispute {
	enum witness_dispute_kind kind;
	unsigned int netns;
	struct endpoint local;
	struct endpoint remote;
	uint32_t inode;
	long long book_bytes;	/* 0 if not in the books */
	long long seen_bytes;	/* 0 if not seen */
};

struct witness {
	enum witness_verdict verdict;
	struct books before;
	struct sockdiag diag;
	struct books after;	/* what the rest is about */
	struct witness_tally booked[BOOKS_CLASSES];
	struct witness_tally seen[BOOKS_CLASSES]; /* those in the books */
	struct witness_tally unbooked; /* seen, in neither reading */
	struct witness_tally unseen;
	size_t moving;		/* came, went or changed meanwhile */
	struct witness_group *groups; /* unseen sockets, largest first */
	size_t n_groups;
	struct witness_dispute *disputes;
	size_t n_disputes;
	unsigned int rounds;
};

/*
 * Reads the books, asks sock_diag, and compares. Errors as of books_read()
 * and sockdiag_read(). The witness is to be freed in any case.
 */
int witness_read(struct witness *witness, bool live, char **error);

/*
 * Compares the two readings of the books and the dump that the witness
 * already holds: one round. Fills the rest; the verdict is agrees if there
 * is no dispute, else unsettled. 0 or -ENOMEM.
 */
int witness_compare(struct witness *witness);

void witness_free(struct witness *witness);

/* One line in plain words: "in state CLOSE: in no hash table". */
const char *witness_reason_text(enum witness_reason reason);

/* What the tally adds up to in pages, rounded to the nearest. */
long long witness_pages(const struct witness *witness,
			const struct witness_tally *tally);

#endif
