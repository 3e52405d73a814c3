// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "memcg.h"
#include "tests/helper.h"

/*
 * A hierarchy /, /a, /a/b that stands for the mounted one, and a tree of books
 * the owners of which are charged to /a/b: 20 pages, in pool tcp.
 */
struct fake {
	char *tree;
	char *mount;
};

static char *path_of(const struct fake *fake, const char *below)
{
	char *path;

	assert_true(asprintf(&path, "%s%s", fake->mount, below) >= 0);
	return path;
}

static void write_sock(const struct fake *fake, const char *cgroup,
		       long long pages)
{
	char *directory = path_of(fake, cgroup), *path;
	FILE *file;

	assert_true(asprintf(&path, "%s/memory.stat", directory) >= 0);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "anon 1\nsock %lld\nshmem 2\n", pages * 4096);
	fclose(file);
	free(path);
	free(directory);
}

static void make_cgroup(const struct fake *fake, const char *cgroup,
			long long pages)
{
	char *path = path_of(fake, cgroup);

	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	free(path);
	write_sock(fake, cgroup, pages);
}

/* Charges the sockets that are closed-held to the cgroup of that number. */
static void charge_to(const struct fake *fake, long long id)
{
	char to[64];

	snprintf(to, sizeof(to), "memcg=%lld via=- sockets=10", id);
	helper_tree_edit(fake->tree, "tcp/owners",
			 "memcg=- via=- sockets=10", to);
}

static long long id_of(const struct fake *fake, const char *cgroup)
{
	char *path = path_of(fake, cgroup);
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	free(path);
	return (long long)status.st_ino;
}

static void setup(struct fake *fake)
{
	*fake = (struct fake){
		.tree = helper_tree("closed-held"),
		.mount = strdup("/tmp/skbalance-cgroup-XXXXXX"),
	};
	assert_non_null(mkdtemp(fake->mount));
	make_cgroup(fake, "", 20);
	make_cgroup(fake, "/a", 20);
	make_cgroup(fake, "/a/b", 20);
	make_cgroup(fake, "/c d", 0);
	setenv("SKBALANCE_DEBUGFS", fake->tree, 1);
	setenv("SKBALANCE_CGROUP", fake->mount, 1);
}

static void teardown(struct fake *fake)
{
	unsetenv("SKBALANCE_DEBUGFS");
	unsetenv("SKBALANCE_CGROUP");
	helper_tree_free(fake->tree);
	helper_tree_free(fake->mount);
}

/* Reads as often as it takes to be sure, but without waiting. */
static void read_all(struct memcgs *memcgs)
{
	bool differ = true;
	char *error;

	assert_int_equal(memcgs_open(memcgs, &error), 0);
	for (int i = 0; differ && i < MEMCG_ROUNDS; i++)
		assert_int_equal(memcgs_round(memcgs, false, &differ, &error),
				 0);
	assert_int_equal(memcgs_judge(memcgs, &error), 0);
}

/* The only cgroup that differs must be this one. */
static void assert_differs(const struct memcgs *memcgs, const char *path,
			   long long kernel, long long census,
			   enum books_verdict verdict)
{
	const struct books_counter *counter = memcgs->counters;

	assert_int_equal(memcgs->n_counters, 1);
	assert_string_equal(counter->name, "cgroup_sock");
	assert_string_equal(counter->cgroup, path);
	assert_int_equal(counter->kernel, kernel);
	assert_int_equal(counter->census, census);
	assert_int_equal(counter->verdict, verdict);
	assert_int_equal(memcgs_worst(memcgs), verdict);
	assert_non_null(counter->reason);
}

static void paths_are_found(void **state)
{
	struct cgroups cgroups;
	struct fake fake;
	char *error;

	(void)state;
	setup(&fake);
	assert_int_equal(cgroups_read(&cgroups, &error), 0);
	assert_int_equal(cgroups.count, 4);
	assert_string_equal(cgroups_path(&cgroups, id_of(&fake, "")), "/");
	assert_string_equal(cgroups_path(&cgroups, id_of(&fake, "/a/b")),
			    "/a/b");
	assert_string_equal(cgroups_path(&cgroups, id_of(&fake, "/c d")),
			    "/c d");
	assert_null(cgroups_path(&cgroups, BOOKS_NONE));
	assert_null(cgroups_path(&cgroups, 0));
	cgroups_free(&cgroups);
	setenv("SKBALANCE_CGROUP", "/nonexistent", 1);
	assert_int_equal(cgroups_read(&cgroups, &error), 0);
	assert_null(cgroups_path(&cgroups, 1));
	cgroups_free(&cgroups);
	teardown(&fake);
}

static void equal_ones_are_balanced(void **state)
{
	struct memcgs memcgs;
	struct fake fake;

	(void)state;
	setup(&fake);
	charge_to(&fake, id_of(&fake, "/a/b"));
	read_all(&memcgs);
	assert_int_equal(memcgs.held, 4);
	assert_int_equal(memcgs.n_counters, 0);
	assert_int_equal(memcgs_worst(&memcgs), BOOKS_BALANCED);
	memcgs_free(&memcgs);
	teardown(&fake);
}

/* What is lost below is lost above. */
static void loss_is_claimed(void **state)
{
	struct memcgs memcgs;
	struct fake fake;

	(void)state;
	setup(&fake);
	charge_to(&fake, id_of(&fake, "/a/b"));
	write_sock(&fake, "", 27);
	write_sock(&fake, "/c d", 7);
	read_all(&memcgs);
	assert_int_equal(memcgs.n_counters, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct books_counter *counter = &memcgs.counters[i];

		assert_int_equal(counter->kernel - counter->census, 7);
		assert_int_equal(counter->verdict, BOOKS_IMBALANCED);
	}
	memcgs_free(&memcgs);
	teardown(&fake);
}

/* Its sockets are below the root of all, but nobody knows where. */
static void removed_cgroup_explains(void **state)
{
	struct memcgs memcgs;
	struct fake fake;

	(void)state;
	setup(&fake);
	charge_to(&fake, 1LL << 50);
	write_sock(&fake, "/a/b", 0);
	read_all(&memcgs);
	assert_differs(&memcgs, "/a", 20, 0, BOOKS_INCOMPLETE);
	memcgs_free(&memcgs);
	teardown(&fake);
}

static void restarted_controller_explains(void **state)
{
	struct memcgs memcgs;
	struct fake fake;

	(void)state;
	setup(&fake);
	charge_to(&fake, id_of(&fake, "/a/b"));
	write_sock(&fake, "/a/b", 0);
	read_all(&memcgs);
	assert_differs(&memcgs, "/a/b", 0, 20, BOOKS_INCOMPLETE);
	memcgs_free(&memcgs);
	teardown(&fake);
}

static void part_of_a_hierarchy_proves_nothing(void **state)
{
	struct memcgs memcgs;
	struct fake fake;
	char *type;

	(void)state;
	setup(&fake);
	charge_to(&fake, id_of(&fake, "/a/b"));
	write_sock(&fake, "", 21);
	type = path_of(&fake, "/cgroup.type");
	fclose(fopen(type, "we"));
	read_all(&memcgs);
	assert_differs(&memcgs, "/", 21, 20, BOOKS_INCOMPLETE);
	memcgs_free(&memcgs);
	free(type);
	teardown(&fake);
}

static void doubtful_pools_prove_nothing(void **state)
{
	static const struct {
		const char *from, *to;
	} doubts[] = {
		{ "opaque_sockets 0", "opaque_sockets 1" },
		{ "bypassed_pages 0", "bypassed_pages 3" },
		{ "verdict balanced", "verdict incomplete" },
		{ "hidden_bytes=0 state=CLOSE:10",
		  "hidden_bytes=100 state=CLOSE:10" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(doubts); i++) {
		struct memcgs memcgs;
		struct fake fake;

		setup(&fake);
		charge_to(&fake, id_of(&fake, ""));
		write_sock(&fake, "", 25);
		write_sock(&fake, "/a", 0);
		write_sock(&fake, "/a/b", 0);
		helper_tree_edit(fake.tree, "tcp/owners", doubts[i].from,
				 doubts[i].to);
		read_all(&memcgs);
		assert_differs(&memcgs, "/", 25, 20, BOOKS_INCOMPLETE);
		memcgs_free(&memcgs);
		teardown(&fake);
	}
}

/* Up to so much for each CPU and cgroup, and no page more. */
static void what_cpus_hold_back_proves_nothing(void **state)
{
	long long most = 2 * 4 * sysconf(_SC_NPROCESSORS_CONF);

	(void)state;
	for (int beyond = 0; beyond < 2; beyond++) {
		struct memcgs memcgs;
		struct fake fake;

		setup(&fake);
		charge_to(&fake, id_of(&fake, ""));
		write_sock(&fake, "", 20 + most + beyond);
		write_sock(&fake, "/a", 0);
		write_sock(&fake, "/a/b", 0);
		helper_tree_edit(fake.tree, "tcp/owners",
				 "memcg_batch_pages 0", "memcg_batch_pages 2");
		read_all(&memcgs);
		assert_differs(&memcgs, "/", 20 + most + beyond, 20,
			       beyond ? BOOKS_IMBALANCED : BOOKS_INCOMPLETE);
		memcgs_free(&memcgs);
		teardown(&fake);
	}
}

static void motion_is_in_flux(void **state)
{
	struct memcgs memcgs;
	struct fake fake;
	bool differ;
	char *error;

	(void)state;
	setup(&fake);
	charge_to(&fake, id_of(&fake, "/a/b"));
	assert_int_equal(memcgs_open(&memcgs, &error), 0);
	for (int i = 0; i < MEMCG_ROUNDS; i++) {
		write_sock(&fake, "/c d", 1 + i % 2);
		assert_int_equal(memcgs_round(&memcgs, false, &differ, &error),
				 0);
		assert_true(differ);
	}
	assert_int_equal(memcgs_judge(&memcgs, &error), 0);
	assert_differs(&memcgs, "/c d", 1, 0, BOOKS_IN_FLUX);
	memcgs_free(&memcgs);
	teardown(&fake);
}

/* While the root of all moves, nobody knows what it would show. */
static void moving_root_is_in_flux(void **state)
{
	struct memcgs memcgs;
	struct fake fake;
	bool differ;
	char *error;

	(void)state;
	setup(&fake);
	charge_to(&fake, id_of(&fake, "/a/b"));
	write_sock(&fake, "/c d", 5);
	assert_int_equal(memcgs_open(&memcgs, &error), 0);
	for (int i = 0; i < MEMCG_ROUNDS; i++) {
		write_sock(&fake, "", 28 + i % 2);
		assert_int_equal(memcgs_round(&memcgs, false, &differ, &error),
				 0);
	}
	assert_int_equal(memcgs_judge(&memcgs, &error), 0);
	assert_int_equal(memcgs.n_counters, 2);
	assert_int_equal(memcgs_worst(&memcgs), BOOKS_IN_FLUX);
	memcgs_free(&memcgs);
	teardown(&fake);
}

/* It agreed once: what it says later is motion. */
static void root_that_agreed_proves_nothing(void **state)
{
	struct memcgs memcgs;
	struct fake fake;
	bool differ;
	char *error;

	(void)state;
	setup(&fake);
	charge_to(&fake, id_of(&fake, "/a/b"));
	write_sock(&fake, "/c d", 5);
	assert_int_equal(memcgs_open(&memcgs, &error), 0);
	for (int i = 0; i < MEMCG_ROUNDS; i++) {
		assert_int_equal(memcgs_round(&memcgs, false, &differ, &error),
				 0);
		write_sock(&fake, "", 26);
	}
	assert_int_equal(memcgs_judge(&memcgs, &error), 0);
	assert_differs(&memcgs, "/c d", 5, 0, BOOKS_INCOMPLETE);
	memcgs_free(&memcgs);
	teardown(&fake);
}

/* Bounded by more than the difference: nothing is claimed. */
static void live_reading_claims_nothing(void **state)
{
	struct memcgs memcgs;
	struct fake fake;

	(void)state;
	setup(&fake);
	charge_to(&fake, id_of(&fake, "/a/b"));
	write_sock(&fake, "", 21);
	helper_tree_edit(fake.tree, "tcp/owners", "bound_pages 0",
			 "bound_pages 2");
	read_all(&memcgs);
	assert_int_equal(memcgs_worst(&memcgs), BOOKS_IN_FLUX);
	memcgs_free(&memcgs);
	teardown(&fake);
}

static void gone_meanwhile_is_not_held(void **state)
{
	struct memcgs memcgs;
	struct fake fake;
	bool differ;
	char *error, *path;

	(void)state;
	setup(&fake);
	charge_to(&fake, id_of(&fake, "/a/b"));
	write_sock(&fake, "/c d", 5);
	path = path_of(&fake, "/c d/memory.stat");
	assert_int_equal(memcgs_open(&memcgs, &error), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(memcgs_round(&memcgs, false, &differ, &error), 0);
	assert_false(differ);
	assert_int_equal(memcgs_judge(&memcgs, &error), 0);
	assert_int_equal(memcgs.held, 3);
	assert_int_equal(memcgs.n_counters, 0);
	memcgs_free(&memcgs);
	free(path);
	teardown(&fake);
}

static void missing_controller_is_said(void **state)
{
	struct memcgs memcgs;
	struct fake fake;
	char *path, *error;

	(void)state;
	setup(&fake);
	path = path_of(&fake, "/memory.stat");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(memcgs_open(&memcgs, &error), -ENODEV);
	assert_string_equal(error, "no version-2 cgroups with the memory controller are mounted");
	free(error);
	memcgs_free(&memcgs);
	free(path);
	teardown(&fake);
}

static void balance_shows_cgroups(void **state)
{
	struct helper_result result;
	struct fake fake;

	(void)state;
	setup(&fake);
	charge_to(&fake, id_of(&fake, "/a/b"));
	helper_run(&result, fake.tree, "balance --cgroups");
	assert_string_equal(result.err, "");
	assert_int_equal(result.status, 0);
	assert_non_null(strstr(result.out,
			       "\nother counters: 6 held, all equal\n"));
	helper_result_free(&result);
	helper_run(&result, fake.tree, "sockets --cgroup /a/b");
	assert_int_equal(result.status, 0);
	helper_result_free(&result);
	helper_run(&result, fake.tree, "sockets --cgroup /a/c");
	assert_int_equal(result.status, 2);
	helper_result_free(&result);
	/* it takes several seconds to be sure of a difference */
	if (!helper_quick()) {
		write_sock(&fake, "", 21);
		helper_run(&result, fake.tree, "balance --cgroups");
		assert_int_equal(result.status, 1);
		assert_non_null(strstr(result.out,
			"\n"
			"other counters: 6 held, all equal but 1\n"
			"COUNTER      OF  PROTOCOL  KERNEL  CENSUS  VERDICT     REASON\n"
			"cgroup_sock  /   -             21      20  imbalanced  the same in each reading of several seconds\n"));
		helper_result_free(&result);
	}
	teardown(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_found),
		cmocka_unit_test(equal_ones_are_balanced),
		cmocka_unit_test(loss_is_claimed),
		cmocka_unit_test(removed_cgroup_explains),
		cmocka_unit_test(restarted_controller_explains),
		cmocka_unit_test(part_of_a_hierarchy_proves_nothing),
		cmocka_unit_test(doubtful_pools_prove_nothing),
		cmocka_unit_test(what_cpus_hold_back_proves_nothing),
		cmocka_unit_test(motion_is_in_flux),
		cmocka_unit_test(moving_root_is_in_flux),
		cmocka_unit_test(root_that_agreed_proves_nothing),
		cmocka_unit_test(live_reading_claims_nothing),
		cmocka_unit_test(gone_meanwhile_is_not_held),
		cmocka_unit_test(missing_controller_is_said),
		cmocka_unit_test(balance_shows_cgroups),
	};

	return cmocka_run_group_tests_name("memcg", tests, NULL, NULL);
}
