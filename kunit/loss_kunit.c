// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger must see a loss. Each case breaks something of the kernel's own
 * books, has it reported exactly so, undoes it, and has it balanced again.
 */
#include <linux/file.h>
#include <linux/percpu_counter.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "books.h"
#include "connection.h"
#include "scene.h"
#include "suites.h"

/* What the reading must say of the scene's pool. */
struct report {
	enum skbal_verdict verdict;
	s64 unaccounted, missing;
	u64 fractional;
	/* the only other book that differs, and by how much; or NULL */
	const char *counter;
	s64 differs;
};

static void expect_counters(struct kunit *test, const struct skbal_books *books,
			    const struct report *want)
{
	unsigned int suspects = 0;
	size_t i;

	for (i = 0; i < books->counters.count; i++) {
		const struct skbal_counter *row = &books->counters.rows[i];

		if (row->verdict == SKBAL_BALANCED)
			continue;
		suspects++;
		KUNIT_EXPECT_STREQ(test, row->name, want->counter ?: "");
		KUNIT_EXPECT_EQ(test, row->kernel - row->census, want->differs);
	}
	KUNIT_EXPECT_EQ(test, suspects, want->counter ? 1U : 0U);
}

static void expect_report(struct skbal_scene *scene, const struct report *want)
{
	struct skbal_books *books = skbal_books_make(scene->test);
	const struct skbal_balance *balance;
	const struct skbal_socket *subject;

	if (!books)
		return;
	balance = &books->balances[scene->pool];
	subject = skbal_books_find(books, scene->subject->sk);
	KUNIT_EXPECT_STREQ(scene->test, skbal_verdict_names[balance->verdict],
			   skbal_verdict_names[want->verdict]);
	KUNIT_EXPECT_EQ(scene->test, balance->unaccounted, want->unaccounted);
	KUNIT_EXPECT_EQ(scene->test, balance->fractional, want->fractional);
	/* that very socket */
	if (want->fractional)
		KUNIT_EXPECT_TRUE(scene->test, subject &&
				  skbal_balance_is_fractional(&books->snap,
							      subject));
	if (balance->allocated >= 0)
		KUNIT_EXPECT_EQ(scene->test, balance->allocated -
				(s64)balance->found, want->missing);
	expect_counters(scene->test, books, want);
	skbal_books_free(books);
}

struct row {
	const char *name;
	bool udp;
	/* the subject is connected and has unread data, or is on its own */
	bool alone;
	void (*damage)(struct skbal_scene *scene);
	void (*undo)(struct skbal_scene *scene);
	struct report report;
};

static void page_lost(struct skbal_scene *scene)
{
	skbal_damage_do(SKBAL_PAGE_LOST, scene->subject);
}

static void page_added(struct skbal_scene *scene)
{
	skbal_damage_do(SKBAL_PAGE_ADDED, scene->subject);
}

static void byte_lost(struct skbal_scene *scene)
{
	skbal_damage_do(SKBAL_BYTE_LOST, scene->subject);
}

static void byte_added(struct skbal_scene *scene)
{
	skbal_damage_do(SKBAL_BYTE_ADDED, scene->subject);
}

/* No descriptor, and no table: nothing leads to it. */
static void hide(struct skbal_scene *scene)
{
	skbal_damage_do(SKBAL_SOCKET_HIDDEN, scene->subject);
}

static void show(struct skbal_scene *scene)
{
	skbal_damage_undo(SKBAL_SOCKET_HIDDEN, scene->subject);
}

static void count_more(struct skbal_scene *scene)
{
	percpu_counter_inc(scene->subject->sk->sk_prot->sockets_allocated);
}

static void count_less(struct skbal_scene *scene)
{
	percpu_counter_dec(scene->subject->sk->sk_prot->sockets_allocated);
}

static void keep(struct skbal_scene *scene)
{
	skbal_damage_do(SKBAL_SOCKET_KEPT, scene->subject);
	skbal_endpoint_close(scene->subject);
}

static void let_go(struct skbal_scene *scene)
{
	skbal_damage_undo(SKBAL_SOCKET_KEPT, scene->subject);
	skbal_scene_expect_freed(scene, scene->subject);
}

static const struct row rows[] = {
	{
		.name = "page_lost", .damage = page_lost, .undo = page_added,
		.report = { SKBAL_IMBALANCED, .unaccounted = PAGE_SIZE },
	}, {
		.name = "page_added", .damage = page_added, .undo = page_lost,
		.report = { SKBAL_IMBALANCED, .unaccounted = -(s64)PAGE_SIZE },
	}, {
		.name = "byte_lost", .damage = byte_lost, .undo = byte_added,
		.report = {
			SKBAL_IMBALANCED, .unaccounted = 1, .fractional = 1,
		},
	}, {
		.name = "byte_added", .damage = byte_added, .undo = byte_lost,
		.report = {
			SKBAL_IMBALANCED, .unaccounted = -1, .fractional = 1,
		},
	}, {
		.name = "socket_hidden", .alone = true,
		.damage = hide, .undo = show,
		.report = {
			SKBAL_INCOMPLETE, .missing = 1,
			.counter = "sockets_used", .differs = 1,
		},
	}, {
		.name = "socket_kept", .alone = true,
		.damage = keep, .undo = let_go,
		.report = { .counter = "sockets_used", .differs = 1 },
	}, {
		.name = "counted_too_many",
		.damage = count_more, .undo = count_less,
		.report = { SKBAL_INCOMPLETE, .missing = 1 },
	}, {
		.name = "counted_too_few",
		.damage = count_less, .undo = count_more,
		.report = { SKBAL_IMBALANCED, .missing = -1 },
	}, {
		.name = "udp_page_lost", .udp = true,
		.damage = page_lost, .undo = page_added,
		.report = { SKBAL_IMBALANCED, .unaccounted = PAGE_SIZE },
	}, {
		.name = "udp_page_added", .udp = true,
		.damage = page_added, .undo = page_lost,
		.report = { SKBAL_IMBALANCED, .unaccounted = -(s64)PAGE_SIZE },
	}, {
		.name = "udp_byte_added", .udp = true,
		.damage = byte_added, .undo = byte_lost,
		.report = {
			SKBAL_IMBALANCED, .unaccounted = -1, .fractional = 1,
		},
	},
};

static int make_subject(struct skbal_scene *scene, const struct row *row)
{
	if (row->udp)
		return skbal_scene_make(scene, SOCK_DGRAM, &scene->subject) ?:
		       skbal_scene_step(scene,
					skbal_endpoint_bind(scene->subject));
	if (row->alone)
		return skbal_scene_make(scene, SOCK_STREAM, &scene->subject);
	return skbal_connection_make(scene, 0) ?:
	       skbal_scene_step(scene, skbal_endpoint_send(scene->peer, 1000, 0));
}

static void play(struct kunit *test)
{
	static const struct report balanced;
	const struct row *row = skbal_case_row(test, rows);
	struct skbal_scene *scene;
	bool spared;

	if (!row)
		return;
	scene = skbal_scene_open(test, skbal_case_family(test),
				 row->udp ? SKBAL_POOL_UDP : SKBAL_POOL_TCP);
	if (!scene)
		return;
	if (!make_subject(scene, row)) {
		expect_report(scene, &balanced);
		spared = skbal_prove_by(test, "nothing, and so nothing is reported");
		if (!spared)
			row->damage(scene);
		expect_report(scene, &row->report);
		if (!spared)
			row->undo(scene);
		expect_report(scene, &balanced);
	}
	skbal_scene_close(scene);
}

static void check_twice_in_table(struct skbal_scene *scene)
{
	const struct skbal_expectation want = {
		.when = "with two descriptors",
		.class = SKBAL_OPEN,
	};
	int fd = get_unused_fd_flags(0);

	if (skbal_scene_step(scene, fd))
		return;
	fd_install(fd, get_file(scene->subject->sock->file));
	skbal_scene_check(scene, &want);
	close_fd(fd);
	flush_delayed_fput();
}

/* In a table, in the descriptor table twice: still one socket. */
static void met_several_times(struct kunit *test)
{
	struct skbal_scene *scene;

	scene = skbal_scene_open(test, skbal_case_family(test), SKBAL_POOL_TCP);
	if (!scene)
		return;
	if (!skbal_connection_make(scene, 0))
		check_twice_in_table(scene);
	skbal_scene_close(scene);
}

static struct kunit_case cases[] = {
	SKBAL_CASES(play, page_lost),
	SKBAL_CASES(play, page_added),
	SKBAL_CASES(play, byte_lost),
	SKBAL_CASES(play, byte_added),
	SKBAL_CASES(play, counted_too_few),
	SKBAL_CASES(play, udp_page_added),
	SKBAL_CASES(play, udp_byte_added),
	/* these take seconds to be believed, whatever the family */
	SKBAL_CASE(play, "ipv4_socket_hidden"),
	SKBAL_CASE(play, "ipv4_socket_kept"),
	SKBAL_CASE(play, "ipv4_counted_too_many"),
	SKBAL_CASE(play, "ipv4_udp_page_lost"),
	SKBAL_CASES(met_several_times, met_several_times),
	{}
};

/* no row without its cases; four of them have one, and there are three more */
static_assert(2 * ARRAY_SIZE(rows) - 4 + 3 == ARRAY_SIZE(cases));

struct kunit_suite skbal_loss_suite = {
	.name = "skbalance_loss",
	.test_cases = cases,
};
