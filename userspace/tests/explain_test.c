// SPDX-License-Identifier: GPL-2.0-only
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "explain.h"
#include "tests/helper.h"
#include "tests/sight.h"

static void read_owners(struct explain *explain, const char *tree,
			const char *pool)
{
	struct books *books = array_append(&explain->books, &explain->n_books,
					   sizeof(*books));
	char path[128];

	assert_non_null(books);
	snprintf(path, sizeof(path), "%s/skbalance/%s/owners", tree, pool);
	helper_parse(books, helper_data(path));
}

/* Everything about a tree, as if it were read while nothing moved. */
static void setup_pools(struct explain *explain, const char *tree,
			const char *const *pools)
{
	struct witness *witness = &explain->witness;
	char path[128], *error;

	*explain = (struct explain){
		.stat = { .inuse = 1, .orphan = 2, .tw = 3, .alloc = 21,
			  .mem = 256, .inuse6 = 19 },
	};
	for (; *pools; pools++)
		read_owners(explain, tree, *pools);
	assert_int_equal(explain_sort(explain, &error), 0);
	snprintf(path, sizeof(path), "%s/skbalance/counters", tree);
	helper_parse(&explain->counters, helper_data(path));
	snprintf(path, sizeof(path), "%s/skbalance/tcp/sockets", tree);
	helper_parse(&explain->births, helper_data(path));
	helper_parse(&witness->before, helper_data(path));
	helper_parse(&witness->after, helper_data(path));
	sight_of_books(&witness->diag, &witness->after);
	assert_int_equal(witness_compare(witness), 0);
}

static void setup(struct explain *explain, const char *tree)
{
	static const char *const pools[] = { "tcp", NULL };

	setup_pools(explain, tree, pools);
}

static char *format(const struct explain *explain)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_int_equal(explain_write(explain, stream), 0);
	fclose(stream);
	return text;
}

static void assert_screen(const struct explain *explain, const char *expected)
{
	char *text = format(explain);

	assert_string_equal(text, expected);
	free(text);
}

static void assert_says(const struct explain *explain, const char *part)
{
	char *text = format(explain);

	if (!strstr(text, part))
		fail_msg("'%s' is not in\n%s", part, text);
	free(text);
}

static void json_is_complete(void **state)
{
	struct explain explain;
	char *text = NULL;
	json_t *value, *owner, *unseen;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	(void)state;
	setup(&explain, "closed-held");
	assert_int_equal(explain_write_json(&explain, stream), 0);
	fclose(stream);
	value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(value);
	owner = json_array_get(json_object_get(value, "owners"), 0);
	unseen = json_array_get(json_object_get(value, "unseen"), 0);
	assert_string_equal(json_string_value(json_object_get(value, "verdict")),
			    "balanced");
	assert_int_equal(json_integer_value(json_object_get(value, "charged_pages")),
			 20);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(value, "sockstat"),
							    "mem_pages")), 256);
	assert_int_equal(json_integer_value(json_object_get(owner, "pages")), 20);
	assert_int_equal(json_integer_value(json_object_get(unseen, "sockets")),
			 10);
	json_decref(value);
	free(text);
	explain_free(&explain);
}

static void closed_sockets_are_explained(void **state)
{
	struct explain explain;

	(void)state;
	setup(&explain, "closed-held");
	assert_screen(&explain,
		"What /proc/net/sockstat shows\n"
		"  TCP: inuse 1 orphan 2 tw 3 alloc 21 mem 256 (1.0 MiB); TCP6: inuse 19\n"
		"\n"
		"What is really charged\n"
		"  0 pages in the counter + 20 that the CPUs have yet to add = 20 pages (0.1 MiB)\n"
		"  20 pages charged to 11 sockets, all that are allocated; unaccounted: 0 pages\n"
		"  0.1 MiB unread in receive queues, 0.0 MiB in write queues, 0.0 MiB forward alloc\n"
		"\n"
		"Who holds it\n"
		"   PAGES   MIB  SOCKETS  WHO                      WHAT\n"
		"      20  0.08       10  frozen-client (pid 180)  connection over, descriptor still open\n"
		"       0  0.00        1  server (pid 179)         listening\n"
		"\n"
		"Why ss cannot see it\n"
		"  ss reads the hash tables: 1 of 11 sockets are there, with 0 of 20 pages\n"
		"  not there: 10 of frozen-client (pid 180), 20 pages: in state CLOSE: in no hash table\n"
		"\n"
		"Verdict: balanced: nothing is lost, every page has an owner.\n"
		"The largest part goes when frozen-client (pid 180) closes these sockets, or exits.\n");
	explain_free(&explain);
}

static void accept_queue_is_explained(void **state)
{
	struct explain explain;

	(void)state;
	setup(&explain, "accept-queue");
	assert_says(&explain, "  server (pid 214)  not accepted on [::1]:43311, for up to 1.");
	assert_says(&explain, "  18 of those it shows without a process: ");
	assert_says(&explain, "  not there: 2 of server (pid 214), 2 pages: reset before it was accepted");
	assert_says(&explain, "The largest part goes when server (pid 214) accepts and closes them, or closes the listener.\n");
	explain_free(&explain);
}

static void loss_is_said(void **state)
{
	struct explain explain;
	struct books_pool *pool;

	(void)state;
	setup(&explain, "closed-held");
	pool = explain.books[0].pools;
	pool->verdict = BOOKS_IMBALANCED;
	pool->reason = "because\n";
	pool->unaccounted_pages = 524288;
	assert_says(&explain, "Verdict: imbalanced: 524288 pages (2048.0 MiB) are charged to no socket: the kernel lost them.\n  (because\\012)\n");
	pool->unaccounted_pages = -3;
	assert_says(&explain, "Verdict: imbalanced: sockets hold 3 pages that the counter lacks");
	pool->unaccounted_pages = 0;
	assert_says(&explain, "Verdict: imbalanced: the kernel's books disagree.\n");
	pool->verdict = BOOKS_IN_FLUX;
	assert_says(&explain, "Verdict: in-flux: nobody can tell from this reading.\n");
	explain_free(&explain);
}

static void missing_witness_is_said(void **state)
{
	struct explain explain;

	(void)state;
	setup(&explain, "closed-held");
	witness_free(&explain.witness);
	explain.witness_error = strdup("the kernel has no sock_diag");
	assert_says(&explain, "What ss can see\n  the kernel has no sock_diag\n\nVerdict");
	explain_free(&explain);
}

static void motion_is_said(void **state)
{
	struct explain explain;

	(void)state;
	setup(&explain, "closed-held");
	explain.witness.moving = 4;
	assert_says(&explain, "in no hash table\n  (roughly: 4 sockets came, went or changed meanwhile)\n\n");
	explain.witness.verdict = WITNESS_CONTRADICTS;
	assert_says(&explain, "in no hash table\n  It contradicts the books: see 'skbalance witness'\n\n");
	explain_free(&explain);
}

static void nobody_is_said(void **state)
{
	struct explain explain;
	size_t owners;

	(void)state;
	setup(&explain, "closed-held");
	owners = explain.n_owners;
	explain.n_owners = 0;
	explain.books[0].pools[0].memory_allocated_pages = 256;
	explain.books[0].pools[0].percpu_pages = -256;
	assert_says(&explain, "\n  256 pages in the counter - 256 that the CPUs hold in reserve = 0 pages (0.0 MiB)\n");
	assert_says(&explain, "Who holds it\n  nobody: there is no socket\n\nWhy");
	explain.n_owners = owners;
	explain_free(&explain);
}

static const char *const all_pools[] = { "sctp", "tcp", "udp", NULL };

static void all_pools_are_explained(void **state)
{
	struct explain explain;

	(void)state;
	setup_pools(&explain, "ledger", all_pools);
	assert_ptr_equal(explain.pool, explain.books[1].pools);
	assert_screen(&explain,
		"What /proc/net/sockstat shows\n"
		"  TCP: inuse 1 orphan 2 tw 3 alloc 21 mem 256 (1.0 MiB); TCP6: inuse 19\n"
		"\n"
		"What is really charged\n"
		"  300 pages in the counter - 290 that the CPUs hold in reserve = 10 pages (0.0 MiB)\n"
		"  10 pages charged to 8 sockets, all that are allocated; unaccounted: 0 pages\n"
		"  0.0 MiB unread in receive queues, 0.0 MiB in write queues, 0.0 MiB forward alloc\n"
		"  udp: 4 pages charged to 3 sockets, unaccounted: 0\n"
		"\n"
		"Who holds it\n"
		"   PAGES   MIB  SOCKETS  WHO              WHAT\n"
		"       4  0.02        2  nginx (pid 400)  open connections\n"
		"  and 7 more: 10 pages, 9 sockets: see 'skbalance owners'\n"
		"  unreachable: 1 socket, one made by leaky,one (pid 77) 120.0 s ago: sk_alloc+0x2f,inet_create+0x...\n"
		"\n"
		"Why ss cannot see it\n"
		"  ss reads the hash tables: 5 of 8 sockets are there, with 6 of 10 pages\n"
		"  1 of those it shows without a process: never accepted, or closed by it\n"
		"  not there: 2 of no process, 3 pages: its network namespace cannot be entered\n"
		"  not there: 1 of no process, 1 pages: in no table: only the tracker knows it\n"
		"\n"
		"Verdict: imbalanced: the counter inuse of TCP says 7, found 5: see 'skbalance balance'.\n"
		"  (purged but never freed)\n");
	explain_free(&explain);
}

static void severest_pool_is_named(void **state)
{
	struct explain explain;
	struct books_pool *udp;

	(void)state;
	setup_pools(&explain, "ledger", all_pools);
	udp = explain.books[2].pools;
	udp->verdict = BOOKS_IMBALANCED;
	udp->unaccounted_pages = 524288;
	explain.worst = udp;
	assert_says(&explain, "  udp: 4 pages charged to 3 sockets, unaccounted: 524288\n");
	assert_says(&explain, "Verdict: imbalanced: udp: 524288 pages (2048.0 MiB) are charged to no socket: the kernel lost them.\n");
	explain_free(&explain);
}

static void untracked_is_said(void **state)
{
	struct explain explain;

	(void)state;
	setup(&explain, "closed-held");
	explain.books[0].pools[0].sockets_allocated = 14;
	assert_says(&explain, "\n  unreachable: 3 sockets: load the module with track=1 to see who makes such\n");
	explain_free(&explain);
}

static void origin_of_orphans_is_said(void **state)
{
	struct explain explain;

	(void)state;
	setup(&explain, "ledger");
	assert_says(&explain, "  no process       closed, the kernel is finishing (uid 1000)\n");
	explain_free(&explain);
}

/* The longest of everything: the screen must hold it. */
static void screen_is_never_left(void **state)
{
	struct books_owner longest = { 0 };
	struct explain explain;
	size_t lines = 0;
	char *text;

	(void)state;
	setup_pools(&explain, "ledger", all_pools);
	for (size_t i = 0; i < explain.n_owners; i++)
		if (explain.owners[i]->class == BOOKS_CLASS_ACCEPT_QUEUE)
			longest = *explain.owners[i];
	assert_int_equal(longest.class, BOOKS_CLASS_ACCEPT_QUEUE);
	longest.comm = "\1\2\3\4\5\6\7\1\2\3\4\5\6\7\1";
	longest.listener = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";
	explain.owners[0] = &longest;
	for (int i = 0; i < 8; i++) {
		struct witness_group *group = array_append(
			&explain.witness.groups, &explain.witness.n_groups,
			sizeof(*group));

		*group = explain.witness.groups[0];
	}
	explain.witness.verdict = WITNESS_CONTRADICTS;
	text = format(&explain);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_in_range(strlen(line), 1, 100);
	free(text);
	text = format(&explain);
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_in_range(lines, 20, 24);
	free(text);
	explain_free(&explain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_complete),
		cmocka_unit_test(closed_sockets_are_explained),
		cmocka_unit_test(accept_queue_is_explained),
		cmocka_unit_test(loss_is_said),
		cmocka_unit_test(missing_witness_is_said),
		cmocka_unit_test(motion_is_said),
		cmocka_unit_test(nobody_is_said),
		cmocka_unit_test(all_pools_are_explained),
		cmocka_unit_test(severest_pool_is_named),
		cmocka_unit_test(untracked_is_said),
		cmocka_unit_test(origin_of_orphans_is_said),
		cmocka_unit_test(screen_is_never_left),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
