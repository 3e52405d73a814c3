/* SPDX-License-Identifier: GPL-2.0-only */
/* A reading of the module's, as a case needs it. */
#ifndef SKBAL_BOOKS_H
#define SKBAL_BOOKS_H

#include "../kmod/balance.h"
#include "../kmod/counter.h"

struct kunit;

struct skbal_books {
	struct skbal_snapshot snap;	/* the last one */
	struct skbal_balance balances[SKBAL_POOLS];
	struct skbal_counters counters;
};

/** skbal_books_make() - read the books
 *
 * Context: may sleep; stops the machine.
 * Return: the reading, for skbal_books_free(); NULL if it failed, which fails
 *	   the test.
 */
struct skbal_books *skbal_books_make(struct kunit *test);
void skbal_books_free(struct skbal_books *books);

/** skbal_books_find() - a socket that the census has met, or NULL */
const struct skbal_socket *skbal_books_find(const struct skbal_books *books,
					    const struct sock *sk);

/** skbal_books_expect() - every pool and every counter must be balanced
 * @when: what the test says if they are not
 */
void skbal_books_expect(struct kunit *test, const struct skbal_books *books,
			const char *when);

#endif /* SKBAL_BOOKS_H */
