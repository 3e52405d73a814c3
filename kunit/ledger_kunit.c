// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger itself: what it makes of snapshots that are written down here, so
 * that each number is known beforehand.
 */
#include <linux/sizes.h>
#include <linux/string.h>
#include <net/tcp_states.h>

#include "../kmod/balance.h"
#include "prove.h"
#include "suites.h"

#define PAGE 4096
#define SOCKETS 3

/* The protocols of these snapshots. */
enum { TCP, UDP, SCTP, MPTCP, PROTOCOLS };

struct row {
	const char *name;
	enum skbal_pool_id pool;
	unsigned int page_shift;	/* 0: pages of 4 KiB */
	s64 memory_allocated, percpu;	/* pages */
	s64 allocated;			/* sockets; 0: as many as there are, */
	unsigned int closed;		/* without so many */
	u64 packets_waiting;
	u64 moved_bytes, moved_pages, churn;
	struct skbal_socket sockets[SOCKETS];	/* as long as they are charged */
	unsigned int nr_sockets;
	/* what the ledger must say */
	enum skbal_verdict verdict;
	s64 unaccounted;
	u64 fractional;
	s64 bypassed;
	u64 bound;
};

#define CHARGED(fwd, wq, rq, ...) {					\
	.charge = {							\
		.forward_alloc = fwd, .write_queue = wq, .receive_queue = rq, \
	}, __VA_ARGS__							\
}

#define WHOLE CHARGED(1096, 0, 3000)

static const struct row rows[] = {
	{
		.name = "nothing",
	}, {
		.name = "one_page",
		.memory_allocated = 1,
		.sockets = { WHOLE }, .nr_sockets = 1,
	}, {
		.name = "all_queues",
		.memory_allocated = 3,
		.sockets = { { .charge = { 96, 4000, 8000, 192, 77, 5000 } } },
		.nr_sockets = 1,
	}, {
		/* more was given back on this CPU than it has taken */
		.name = "reserve_negative",
		.memory_allocated = 100, .percpu = -97,
		.sockets = { WHOLE, WHOLE, WHOLE }, .nr_sockets = 3,
	}, {
		.name = "reserve_only",
		.percpu = 2,
		.sockets = { WHOLE, WHOLE }, .nr_sockets = 2,
	}, {
		.name = "counter_negative",
		.memory_allocated = -255, .percpu = 256,
		.sockets = { WHOLE }, .nr_sockets = 1,
	}, {
		.name = "sum_negative",
		.memory_allocated = -3, .percpu = 1,
		.verdict = SKBAL_IMBALANCED, .unaccounted = -2 * PAGE,
	}, {
		.name = "pages_of_64k",
		.page_shift = 16, .memory_allocated = 5, .percpu = -3,
		.sockets = {
			CHARGED(5536, 0, 60000), CHARGED(0, SZ_64K, 0),
		}, .nr_sockets = 2,
	}, {
		/* would be whole if pages were of 4 KiB */
		.name = "pages_of_64k_fractional",
		.page_shift = 16, .memory_allocated = 1,
		.sockets = { CHARGED(PAGE, 0, 0) }, .nr_sockets = 1,
		.verdict = SKBAL_IMBALANCED, .unaccounted = SZ_64K - PAGE,
		.fractional = 1,
	}, {
		.name = "pages_of_64k_lost",
		.page_shift = 16, .memory_allocated = 2,
		.sockets = { CHARGED(0, SZ_64K, 0) }, .nr_sockets = 1,
		.verdict = SKBAL_IMBALANCED, .unaccounted = SZ_64K,
	}, {
		.name = "page_lost",
		.memory_allocated = 2,
		.sockets = { WHOLE }, .nr_sockets = 1,
		.verdict = SKBAL_IMBALANCED, .unaccounted = PAGE,
	}, {
		.name = "page_added",
		.memory_allocated = 1,
		.sockets = { WHOLE, WHOLE }, .nr_sockets = 2,
		.verdict = SKBAL_IMBALANCED, .unaccounted = -PAGE,
	}, {
		.name = "byte_lost",
		.memory_allocated = 1,
		.sockets = { CHARGED(1095, 0, 3000) }, .nr_sockets = 1,
		.verdict = SKBAL_IMBALANCED, .unaccounted = 1, .fractional = 1,
	}, {
		/* nothing is missing in all, but each of them is wrong */
		.name = "two_halves",
		.memory_allocated = 1,
		.sockets = { CHARGED(2048, 0, 0), CHARGED(2048, 0, 0) },
		.nr_sockets = 2,
		.verdict = SKBAL_IMBALANCED, .fractional = 2,
	}, {
		.name = "forward_alloc_negative",
		.memory_allocated = 1,
		.sockets = { CHARGED(-1000, 0, 5096) }, .nr_sockets = 1,
	}, {
		.name = "charge_negative",
		.memory_allocated = -1,
		.sockets = { CHARGED(-PAGE, 0, 0) }, .nr_sockets = 1,
	}, {
		.name = "receive_queue_of_3_gib",
		.pool = SKBAL_POOL_UDP, .memory_allocated = 3 << 18,
		.sockets = { CHARGED(0, 0, 3U << 30, .protocol = UDP) },
		.nr_sockets = 1, .allocated = SKBAL_NOT_COUNTED,
	}, {
		.name = "more_than_4_gib",
		.memory_allocated = 3 << 18,
		.sockets = {
			CHARGED(0, 1 << 30, 0), CHARGED(0, 1 << 30, 0),
			CHARGED(0, 1 << 30, 0),
		}, .nr_sockets = 3,
	}, {
		.name = "socket_missing",
		.memory_allocated = 2, .allocated = 2,
		.sockets = { WHOLE }, .nr_sockets = 1,
		.verdict = SKBAL_INCOMPLETE, .unaccounted = PAGE,
	}, {
		.name = "socket_not_counted",
		.memory_allocated = 2, .allocated = 1,
		.sockets = { WHOLE, WHOLE }, .nr_sockets = 2,
		.verdict = SKBAL_IMBALANCED,
	}, {
		.name = "sockets_uncounted",
		.memory_allocated = 1, .allocated = -1,
		.sockets = { WHOLE }, .nr_sockets = 1,
		.verdict = SKBAL_IMBALANCED,
	}, {
		.name = "sockets_not_counted_by_udp",
		.pool = SKBAL_POOL_UDP, .memory_allocated = 1,
		.sockets = { CHARGED(PAGE, 0, 0, .protocol = UDP) },
		.nr_sockets = 1, .allocated = SKBAL_NOT_COUNTED,
	}, {
		.name = "other_pools_apart",
		.memory_allocated = 1,
		.sockets = {
			WHOLE, CHARGED(PAGE, 0, 0, .protocol = UDP),
		}, .nr_sockets = 2, .allocated = 1,
	}, {
		/* SCTP does not count what is closed, but still charged */
		.name = "sctp_closed",
		.pool = SKBAL_POOL_SCTP, .memory_allocated = 2,
		.sockets = {
			CHARGED(PAGE, 0, 0, .protocol = SCTP),
			CHARGED(PAGE, 0, 0, .protocol = SCTP,
				.flags = SKBAL_DEAD),
		}, .nr_sockets = 2, .closed = 1,
	}, {
		.name = "destroyed_but_kept",
		.sockets = {
			CHARGED(0, 0, 0, .state = TCP_CLOSE,
				.flags = SKBAL_DEAD | SKBAL_TRACKED),
		}, .nr_sockets = 1, .closed = 1,
	}, {
		.name = "opaque",
		.memory_allocated = 2,
		.sockets = { CHARGED(PAGE, 0, 0, .flags = SKBAL_OPAQUE) },
		.nr_sockets = 1,
		.verdict = SKBAL_INCOMPLETE, .unaccounted = PAGE,
	}, {
		.name = "opaque_fraction",
		.memory_allocated = 1,
		.sockets = { CHARGED(1000, 0, 0, .flags = SKBAL_OPAQUE) },
		.nr_sockets = 1,
		.verdict = SKBAL_INCOMPLETE, .unaccounted = PAGE - 1000,
	}, {
		.name = "opaque_owes",
		.sockets = { CHARGED(PAGE, 0, 0, .flags = SKBAL_OPAQUE) },
		.nr_sockets = 1,
		.verdict = SKBAL_IMBALANCED, .unaccounted = -PAGE,
	}, {
		.name = "bypassed",
		.memory_allocated = 1,
		.sockets = {
			WHOLE, CHARGED(PAGE, 0, PAGE, .flags = SKBAL_BYPASSED),
		}, .nr_sockets = 2,
		.bypassed = 2 * PAGE,
	}, {
		/* it lends bytes to its subflows, or has them of these */
		.name = "mptcp_lends",
		.memory_allocated = 2,
		.sockets = {
			CHARGED(4000, 0, 0, .protocol = MPTCP),
			CHARGED(4192, 0, 0, .protocol = MPTCP),
		}, .nr_sockets = 2,
	}, {
		.name = "mptcp_lost",
		.memory_allocated = 2,
		.sockets = { CHARGED(4000, 0, 0, .protocol = MPTCP) },
		.nr_sockets = 1,
		.verdict = SKBAL_IMBALANCED, .unaccounted = 2 * PAGE - 4000,
	}, {
		.name = "packets_waiting",
		.pool = SKBAL_POOL_UDP, .memory_allocated = 1,
		.packets_waiting = 4, .allocated = SKBAL_NOT_COUNTED,
		.verdict = SKBAL_INCOMPLETE, .unaccounted = PAGE,
	}, {
		.name = "packets_of_tcp",
		.memory_allocated = 1, .packets_waiting = 4,
		.verdict = SKBAL_IMBALANCED, .unaccounted = PAGE,
	}, {
		.name = "moved_within_bound",
		.memory_allocated = 2, .moved_bytes = 96, .moved_pages = 1,
		.sockets = { WHOLE }, .nr_sockets = 1,
		.verdict = SKBAL_IN_FLUX, .unaccounted = PAGE,
		.bound = PAGE + 96,
	}, {
		.name = "moved_beyond_bound",
		.memory_allocated = 3, .moved_pages = 1,
		.sockets = { WHOLE }, .nr_sockets = 1,
		.verdict = SKBAL_IMBALANCED, .unaccounted = 2 * PAGE,
		.bound = PAGE,
	}, {
		.name = "moving_fraction",
		.memory_allocated = 1, .moved_bytes = PAGE,
		.sockets = { CHARGED(1000, 0, 0, .flags = SKBAL_MOVING) },
		.nr_sockets = 1,
		.verdict = SKBAL_IN_FLUX, .unaccounted = PAGE - 1000,
		.bound = PAGE,
	}, {
		.name = "churn",
		.memory_allocated = 1, .allocated = 2, .churn = 1,
		.sockets = { WHOLE }, .nr_sockets = 1,
		.verdict = SKBAL_IN_FLUX,
	}, {
		.name = "churn_exceeded",
		.memory_allocated = 1, .allocated = 3, .churn = 1,
		.sockets = { WHOLE }, .nr_sockets = 1,
		.verdict = SKBAL_INCOMPLETE,
	},
};

static const struct skbal_protocol protocols[PROTOCOLS] = {
	[TCP] = { .name = "TCP", .pool = SKBAL_POOL_TCP },
	[UDP] = { .name = "UDP", .pool = SKBAL_POOL_UDP },
	[SCTP] = { .name = "SCTP", .pool = SKBAL_POOL_SCTP },
	[MPTCP] = { .name = "MPTCP", .pool = SKBAL_POOL_TCP, .mptcp = true },
};

static void snapshot_init(struct skbal_snapshot *snap,
			  struct skbal_socket *sockets, unsigned int nr_sockets)
{
	unsigned int i;

	memset(snap, 0, sizeof(*snap));
	snap->page_shift = ilog2(PAGE);
	memcpy(snap->protocols, protocols, sizeof(protocols));
	snap->nr_protocols = PROTOCOLS;
	snap->sockets.items = sockets;
	snap->sockets.used = nr_sockets;
	for (i = 0; i < SKBAL_POOLS; i++)
		snap->sockets_allocated[i] = SKBAL_NOT_COUNTED;
}

static void row_write(const struct row *row, struct skbal_snapshot *snap,
		      struct skbal_socket *sockets)
{
	memcpy(sockets, row->sockets, sizeof(row->sockets));
	snapshot_init(snap, sockets, row->nr_sockets);
	if (row->page_shift)
		snap->page_shift = row->page_shift;
	snap->pools[row->pool].memory_allocated = row->memory_allocated;
	snap->pools[row->pool].percpu = row->percpu;
	snap->packets_waiting = row->packets_waiting;
	snap->moved_bytes[row->pool] = row->moved_bytes;
	snap->moved_pages[row->pool] = row->moved_pages;
	snap->churn[row->pool] = row->churn;
	snap->sockets_allocated[row->pool] =
		row->allocated ?: row->nr_sockets - row->closed;
}

/* Not on the stack: they are large. */
struct workspace {
	struct skbal_snapshot snap;
	struct skbal_socket sockets[SOCKETS];
	struct skbal_balance balances[SKBAL_POOLS];
};

static void arithmetic(struct kunit *test)
{
	struct workspace *work = kunit_kzalloc(test, sizeof(*work), GFP_KERNEL);
	const struct row *row = skbal_case_row(test, rows);
	const struct skbal_balance *balance;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, work);
	if (!row)
		return;
	row_write(row, &work->snap, work->sockets);
	if (skbal_prove_by(test, "a page that the row knows nothing of"))
		work->snap.pools[row->pool].percpu++;
	skbal_balance_all(&work->snap, work->balances);
	balance = &work->balances[row->pool];
	KUNIT_EXPECT_STREQ(test, skbal_verdict_names[balance->verdict],
			   skbal_verdict_names[row->verdict]);
	KUNIT_EXPECT_EQ(test, balance->unaccounted, row->unaccounted);
	KUNIT_EXPECT_EQ(test, balance->fractional, row->fractional);
	KUNIT_EXPECT_EQ(test, balance->bypassed, row->bypassed);
	KUNIT_EXPECT_EQ(test, balance->bound, row->bound);
}

/* What is known of a socket, and the class that it is in. */
static const struct class_row {
	const char *name;
	enum skbal_class class;
	unsigned int flags;
	u8 state;
} classes[] = {
	{ "open", SKBAL_OPEN,
	  .flags = SKBAL_HASHED | SKBAL_HELD, .state = TCP_ESTABLISHED },
	{ "listen", SKBAL_LISTEN,
	  .flags = SKBAL_HASHED | SKBAL_HELD, .state = TCP_LISTEN },
	{ "accept_queue", SKBAL_ACCEPT_QUEUE,
	  .flags = SKBAL_HASHED | SKBAL_QUEUED | SKBAL_SOCKETLESS | SKBAL_FILE,
	  .state = TCP_ESTABLISHED },
	{ "accept_queue_reset", SKBAL_ACCEPT_QUEUE,
	  .flags = SKBAL_QUEUED | SKBAL_FILE, .state = TCP_CLOSE },
	{ "closed_held", SKBAL_CLOSED_HELD,
	  .flags = SKBAL_HELD, .state = TCP_CLOSE },
	{ "closed_but_bound", SKBAL_OPEN,
	  .flags = SKBAL_HASHED | SKBAL_HELD, .state = TCP_CLOSE },
	{ "orphan", SKBAL_ORPHAN,
	  .flags = SKBAL_HASHED | SKBAL_DEAD | SKBAL_SOCKETLESS | SKBAL_FILE,
	  .state = TCP_FIN_WAIT1 },
	{ "requested", SKBAL_ORPHAN,
	  .flags = SKBAL_REQUESTED | SKBAL_DEAD | SKBAL_SOCKETLESS | SKBAL_FILE,
	  .state = TCP_CLOSE },
	{ "kernel", SKBAL_KERNEL,
	  .flags = SKBAL_HASHED, .state = TCP_ESTABLISHED },
	{ "kernel_with_file", SKBAL_KERNEL,
	  .flags = SKBAL_HASHED | SKBAL_KERN | SKBAL_FILE,
	  .state = TCP_ESTABLISHED },
	{ "passed", SKBAL_FD_IN_FLIGHT,
	  .flags = SKBAL_PASSED | SKBAL_FILE, .state = TCP_CLOSE },
	{ "registered", SKBAL_FD_IN_FLIGHT,
	  .flags = SKBAL_HASHED | SKBAL_REGISTERED | SKBAL_FILE,
	  .state = TCP_ESTABLISHED },
	{ "file_without_descriptor", SKBAL_FD_IN_FLIGHT,
	  .flags = SKBAL_HASHED | SKBAL_FILE, .state = TCP_ESTABLISHED },
	{ "passed_and_held", SKBAL_OPEN,
	  .flags = SKBAL_HASHED | SKBAL_PASSED | SKBAL_HELD,
	  .state = TCP_ESTABLISHED },
	{ "adrift", SKBAL_UNREACHABLE,
	  .flags = SKBAL_TRACKED | SKBAL_ADRIFT, .state = TCP_CLOSE },
	{ "adrift_but_hashed", SKBAL_KERNEL,
	  .flags = SKBAL_TRACKED | SKBAL_ADRIFT | SKBAL_HASHED,
	  .state = TCP_ESTABLISHED },
	{ "abandoned", SKBAL_ABANDONED,
	  .flags = SKBAL_HASHED | SKBAL_SOCKETLESS | SKBAL_FILE,
	  .state = TCP_CLOSE_WAIT },
	{ "subflow", SKBAL_FD_IN_FLIGHT,
	  .flags = SKBAL_HASHED | SKBAL_SOCKETLESS | SKBAL_FILE | SKBAL_SUBFLOW,
	  .state = TCP_ESTABLISHED },
};

static void classification(struct kunit *test)
{
	struct workspace *work = kunit_kzalloc(test, sizeof(*work), GFP_KERNEL);
	const struct class_row *row = skbal_case_row(test, classes);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, work);
	if (!row)
		return;
	work->sockets[0].flags = row->flags;
	work->sockets[0].state = row->state;
	if (skbal_prove_by(test, "another way led to the socket, or did not"))
		work->sockets[0].flags ^= SKBAL_QUEUED;
	snapshot_init(&work->snap, work->sockets, 1);
	skbal_balance_all(&work->snap, work->balances);
	KUNIT_EXPECT_STREQ(test, skbal_class_names[work->sockets[0].class],
			   skbal_class_names[row->class]);
	KUNIT_EXPECT_EQ(test, work->balances[SKBAL_POOL_TCP]
			      .classes[row->class].sockets, 1ULL);
}

/* Bytes are shown as pages, rounded to the nearest. */
static const struct rounding_row {
	const char *name;
	s64 bytes, pages;
} roundings[] = {
	{ "pages_none", 0, 0 },
	{ "pages_less_than_half", PAGE_SIZE / 2 - 1, 0 },
	{ "pages_half", PAGE_SIZE / 2, 1 },
	{ "pages_minus_one", -(s64)PAGE_SIZE, -1 },
	{ "pages_minus_less_than_half", -(s64)PAGE_SIZE / 2 + 1, 0 },
	{ "pages_minus_more_than_half", -(s64)PAGE_SIZE / 2 - 1, -1 },
	{ "pages_many", (s64)PAGE_SIZE << 40, 1LL << 40 },
};

static void rounding(struct kunit *test)
{
	const struct rounding_row *row = skbal_case_row(test, roundings);
	s64 bytes;

	if (!row)
		return;
	bytes = row->bytes;
	if (skbal_prove_by(test, "a page that the row knows nothing of"))
		bytes += PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, skbal_balance_pages(bytes), row->pages);
}

static struct kunit_case arithmetic_cases[] = {
	SKBAL_CASE(arithmetic, "nothing"),
	SKBAL_CASE(arithmetic, "one_page"),
	SKBAL_CASE(arithmetic, "all_queues"),
	SKBAL_CASE(arithmetic, "reserve_negative"),
	SKBAL_CASE(arithmetic, "reserve_only"),
	SKBAL_CASE(arithmetic, "counter_negative"),
	SKBAL_CASE(arithmetic, "sum_negative"),
	SKBAL_CASE(arithmetic, "pages_of_64k"),
	SKBAL_CASE(arithmetic, "pages_of_64k_fractional"),
	SKBAL_CASE(arithmetic, "pages_of_64k_lost"),
	SKBAL_CASE(arithmetic, "page_lost"),
	SKBAL_CASE(arithmetic, "page_added"),
	SKBAL_CASE(arithmetic, "byte_lost"),
	SKBAL_CASE(arithmetic, "two_halves"),
	SKBAL_CASE(arithmetic, "forward_alloc_negative"),
	SKBAL_CASE(arithmetic, "charge_negative"),
	SKBAL_CASE(arithmetic, "receive_queue_of_3_gib"),
	SKBAL_CASE(arithmetic, "more_than_4_gib"),
	SKBAL_CASE(arithmetic, "socket_missing"),
	SKBAL_CASE(arithmetic, "socket_not_counted"),
	SKBAL_CASE(arithmetic, "sockets_uncounted"),
	SKBAL_CASE(arithmetic, "sockets_not_counted_by_udp"),
	SKBAL_CASE(arithmetic, "other_pools_apart"),
	SKBAL_CASE(arithmetic, "sctp_closed"),
	SKBAL_CASE(arithmetic, "destroyed_but_kept"),
	SKBAL_CASE(arithmetic, "opaque"),
	SKBAL_CASE(arithmetic, "opaque_fraction"),
	SKBAL_CASE(arithmetic, "opaque_owes"),
	SKBAL_CASE(arithmetic, "bypassed"),
	SKBAL_CASE(arithmetic, "mptcp_lends"),
	SKBAL_CASE(arithmetic, "mptcp_lost"),
	SKBAL_CASE(arithmetic, "packets_waiting"),
	SKBAL_CASE(arithmetic, "packets_of_tcp"),
	SKBAL_CASE(arithmetic, "moved_within_bound"),
	SKBAL_CASE(arithmetic, "moved_beyond_bound"),
	SKBAL_CASE(arithmetic, "moving_fraction"),
	SKBAL_CASE(arithmetic, "churn"),
	SKBAL_CASE(arithmetic, "churn_exceeded"),
	SKBAL_CASE(rounding, "pages_none"),
	SKBAL_CASE(rounding, "pages_less_than_half"),
	SKBAL_CASE(rounding, "pages_half"),
	SKBAL_CASE(rounding, "pages_minus_one"),
	SKBAL_CASE(rounding, "pages_minus_less_than_half"),
	SKBAL_CASE(rounding, "pages_minus_more_than_half"),
	SKBAL_CASE(rounding, "pages_many"),
	{}
};

static struct kunit_case class_cases[] = {
	SKBAL_CASE(classification, "open"),
	SKBAL_CASE(classification, "listen"),
	SKBAL_CASE(classification, "accept_queue"),
	SKBAL_CASE(classification, "accept_queue_reset"),
	SKBAL_CASE(classification, "closed_held"),
	SKBAL_CASE(classification, "closed_but_bound"),
	SKBAL_CASE(classification, "orphan"),
	SKBAL_CASE(classification, "requested"),
	SKBAL_CASE(classification, "kernel"),
	SKBAL_CASE(classification, "kernel_with_file"),
	SKBAL_CASE(classification, "passed"),
	SKBAL_CASE(classification, "registered"),
	SKBAL_CASE(classification, "file_without_descriptor"),
	SKBAL_CASE(classification, "passed_and_held"),
	SKBAL_CASE(classification, "adrift"),
	SKBAL_CASE(classification, "adrift_but_hashed"),
	SKBAL_CASE(classification, "abandoned"),
	SKBAL_CASE(classification, "subflow"),
	{}
};

/* no row without a case */
static_assert(ARRAY_SIZE(rows) + ARRAY_SIZE(roundings) + 1 ==
	      ARRAY_SIZE(arithmetic_cases));
static_assert(ARRAY_SIZE(classes) + 1 == ARRAY_SIZE(class_cases));

struct kunit_suite skbal_arithmetic_suite = {
	.name = "skbalance_ledger",
	.test_cases = arithmetic_cases,
};

struct kunit_suite skbal_class_suite = {
	.name = "skbalance_classes",
	.test_cases = class_cases,
};
