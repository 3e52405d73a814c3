// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>

#include "books.h"
#include "compat.h"

struct skbal_books *skbal_books_make(struct kunit *test)
{
	struct skbal_books *books = kzalloc(sizeof(*books), GFP_KERNEL);
	int taken = -ENOMEM;

	if (books) {
		books->snap.only = SKBAL_POOL_NONE;
		skbal_pools_get(books->snap.protos);
		taken = skbal_balance_settle(&books->snap, SKBAL_POOL_NONE,
					     books->balances, &books->counters);
		skbal_pools_put(books->snap.protos);
	}
	if (taken > 0)
		return books;
	KUNIT_FAIL(test, "the books cannot be read: %d", taken);
	if (books)
		skbal_books_free(books);
	return NULL;
}

void skbal_books_free(struct skbal_books *books)
{
	skbal_counters_free(&books->counters);
	skbal_snapshot_free(&books->snap);
	kfree(books);
}

const struct skbal_socket *skbal_books_find(const struct skbal_books *books,
					    const struct sock *sk)
{
	size_t i;

	for (i = 0; i < books->snap.sockets.used; i++) {
		const struct skbal_socket *socket =
			skbal_snapshot_socket(&books->snap, i);

		if (socket->sk == sk)
			return socket;
	}
	return NULL;
}

void skbal_books_expect(struct kunit *test, const struct skbal_books *books,
			const char *when)
{
	enum skbal_pool_id id;
	size_t i;

	for (id = 0; id < SKBAL_POOLS; id++) {
		const struct skbal_balance *balance = &books->balances[id];

		if (balance->verdict != SKBAL_BALANCED)
			KUNIT_FAIL(test, "%s: %s is %s by %lld bytes: %s", when,
				   skbal_pool_names[id],
				   skbal_verdict_names[balance->verdict],
				   balance->unaccounted, balance->reason);
	}
	for (i = 0; i < books->counters.count; i++) {
		const struct skbal_counter *row = &books->counters.rows[i];

		if (row->verdict != SKBAL_BALANCED)
			KUNIT_FAIL(test, "%s: %s %s is %lld, but there are %lld",
				   when, row->name, row->protocol, row->kernel,
				   row->census);
	}
}
