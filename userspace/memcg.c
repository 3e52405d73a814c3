// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "cpus.h"
#include "error.h"
#include "memcg.h"

/* Longer than between two ticks of a CPU, with the slowest of clocks. */
#define TICK_MS 20

static int no_memory(char **error)
{
	return error_set(error, ENOMEM, "not enough memory");
}

/* Opens a file of the cgroup, or returns NULL. */
static FILE *open_file(const struct cgroups *cgroups, size_t place,
		       const char *name)
{
	const char *below = place ? cgroups->list[place].path : "";
	FILE *file;
	char *path;

	if (asprintf(&path, "%s%s/%s", cgroups->mount, below, name) < 0)
		return NULL;
	file = fopen(path, "re");
	free(path);
	return file;
}

/* The bytes of "sock" in its memory.stat, BOOKS_NONE if there is none. */
static long long read_sock(const struct cgroups *cgroups, size_t place)
{
	FILE *file = open_file(cgroups, place, "memory.stat");
	long long bytes = BOOKS_NONE;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "sock %lld", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

/* The root of all has no type: it cannot be changed. */
static bool is_whole(const struct cgroups *cgroups)
{
	FILE *type = open_file(cgroups, 0, "cgroup.type");

	if (type)
		fclose(type);
	return !type;
}

int memcgs_open(struct memcgs *memcgs, char **error)
{
	int status;

	*memcgs = (struct memcgs){ 0 };
	status = cgroups_read(&memcgs->cgroups, error);
	if (status)
		return status;
	if (!memcgs->cgroups.count ||
	    read_sock(&memcgs->cgroups, 0) == BOOKS_NONE)
		return error_set(error, ENODEV,
				 "no version-2 cgroups with the memory controller are mounted");
	memcgs->list = calloc(memcgs->cgroups.count, sizeof(*memcgs->list));
	if (!memcgs->list)
		return no_memory(error);
	memcgs->whole = is_whole(&memcgs->cgroups);
	for (size_t i = 0; i < memcgs->cgroups.count; i++)
		memcgs->list[i].present = true;
	return 0;
}

/* What is known of a pool and makes a difference meaningless, or NULL. */
static const char *doubt_of_pool(const struct books_pool *pool)
{
	if (pool->verdict != BOOKS_BALANCED)
		return "a pool is not balanced itself";
	if (pool->opaque_sockets)
		return "there are charges that cannot be read";
	if (pool->bypassed_pages)
		return "there are sockets that only the cgroups are charged for";
	return NULL;
}

/* Adds up what the sockets of the owners are charged, cgroup by cgroup. */
static void add_owners(struct memcgs *memcgs, const struct books *books)
{
	for (size_t i = 0; i < books->n_owners; i++) {
		const struct books_owner *owner = &books->owners[i];
		size_t place = cgroups_find(&memcgs->cgroups, owner->memcg);

		if (owner->memcg == BOOKS_NONE)
			continue;
		/* one that was removed is still below the root of all */
		if (place == CGROUP_NONE && memcgs->whole)
			place = 0;
		if (place != CGROUP_NONE)
			memcgs->list[place].charged +=
				books_charge_bytes(&owner->charge);
	}
}

/* Adds to each what those below it have: they come later in the list. */
static void add_below(struct memcgs *memcgs)
{
	for (size_t i = memcgs->cgroups.count; i-- > 1;)
		memcgs->list[memcgs->cgroups.list[i].parent].charged +=
			memcgs->list[i].charged;
}

/* Takes the owners of all pools over; *unsure: they may be off. */
static void take_owners(struct memcgs *memcgs, const struct books *books,
			size_t count, bool *unsure)
{
	memcgs->doubt = NULL;
	*unsure = false;
	for (size_t i = 0; i < memcgs->cgroups.count; i++)
		memcgs->list[i].charged = 0;
	for (size_t i = 0; i < count; i++) {
		const struct books_pool *pool = books[i].pools;

		if (!memcgs->doubt)
			memcgs->doubt = doubt_of_pool(pool);
		if (pool->bound_pages || pool->verdict == BOOKS_IN_FLUX)
			*unsure = true;
		add_owners(memcgs, &books[i]);
	}
	add_below(memcgs);
}

/* Judges one reading of the cgroup. */
static void compare(struct memcg *memcg, const struct books *books,
		    bool unsure)
{
	long long difference = books_pages(books, memcg->after) -
			       books_pages(books, memcg->charged);

	if (unsure || memcg->before != memcg->after)
		memcg->steady = 0;
	else if (memcg->steady && difference == memcg->difference)
		memcg->steady++;
	else
		memcg->steady = 1;
	memcg->difference = difference;
	if (!difference && !unsure)
		memcg->agreed = true;
}

int memcgs_round(struct memcgs *memcgs, bool live, bool *differ, char **error)
{
	const struct cgroups *cgroups = &memcgs->cgroups;
	struct books *books;
	size_t count;
	bool unsure;
	int status;

	for (size_t i = 0; i < cgroups->count; i++)
		memcgs->list[i].before = read_sock(cgroups, i);
	status = books_read_pools(&books, &count, NULL, "owners", live, error);
	if (status)
		return status;
	take_owners(memcgs, books, count, &unsure);
	*differ = false;
	if (count) {
		memcgs->page_size = books->header.page_size;
		memcgs->held_back = books->header.memcg_batch_pages *
				    sysconf(_SC_NPROCESSORS_CONF) *
				    (long long)cgroups->count;
	}
	for (size_t i = 0; count && i < cgroups->count; i++) {
		struct memcg *memcg = &memcgs->list[i];

		memcg->after = read_sock(cgroups, i);
		if (memcg->before == BOOKS_NONE || memcg->after == BOOKS_NONE)
			memcg->present = false;
		compare(memcg, books, unsure);
		if (memcg->present && !memcg->agreed)
			*differ = true;
	}
	books_free_pools(books, count);
	return 0;
}

static bool moved(const struct memcg *memcg)
{
	return !memcg->agreed && memcg->steady < MEMCG_ROUNDS;
}

/* Whether the root of all lacks, or has too much of, what this one does. */
static bool shows_at_root(const struct memcgs *memcgs,
			  const struct memcg *memcg)
{
	const struct memcg *root = &memcgs->list[0];

	if (root->agreed)
		return false;
	return memcg->difference < 0 ?
		root->difference <= memcg->difference :
		root->difference >= memcg->difference;
}

/*
 * A cgroup that was removed, and one that lost its memory controller and got
 * it back, has sockets of its own that nobody can tell from others': but
 * then all cgroups together agree.
 */
static enum books_verdict judge(const struct memcgs *memcgs,
				const struct memcg *memcg,
				const char **reason)
{
	if (moved(memcg) || moved(&memcgs->list[0])) {
		*reason = "it moved while it was read";
		return BOOKS_IN_FLUX;
	}
	*reason = memcgs->doubt;
	if (!*reason && memcg->charged % memcgs->page_size)
		*reason = "sockets have charged it with a fraction of a page";
	if (!*reason && llabs(memcg->difference) <= memcgs->held_back)
		*reason = "so much may be held back by the CPUs";
	if (!*reason && !memcgs->whole)
		*reason = "only a part of the hierarchy is visible";
	if (!*reason && !shows_at_root(memcgs, memcg))
		*reason = "all together agree: one was removed, or its controller restarted";
	if (*reason)
		return BOOKS_INCOMPLETE;
	*reason = "the same in each reading of several seconds";
	return BOOKS_IMBALANCED;
}

static int add_counter(struct memcgs *memcgs, size_t place)
{
	const struct memcg *memcg = &memcgs->list[place];
	struct books_counter *counter = array_append(&memcgs->counters,
						     &memcgs->n_counters,
						     sizeof(*counter));

	if (!counter)
		return -ENOMEM;
	counter->name = "cgroup_sock";
	counter->netns = BOOKS_NONE;
	counter->cgroup = memcgs->cgroups.list[place].path;
	counter->kernel = memcg->after / memcgs->page_size;
	counter->census = counter->kernel - memcg->difference;
	counter->verdict = judge(memcgs, memcg, &counter->reason);
	return 0;
}

int memcgs_judge(struct memcgs *memcgs, char **error)
{
	for (size_t i = 0; i < memcgs->cgroups.count; i++) {
		const struct memcg *memcg = &memcgs->list[i];

		if (!memcg->present)
			continue;
		memcgs->held++;
		if (!memcg->agreed && add_counter(memcgs, i))
			return no_memory(error);
	}
	return 0;
}

/*
 * The bytes of MPTCP move between sockets of different cgroups, and each
 * cgroup is charged whole pages.
 */
static int doubt_mptcp(struct memcgs *memcgs, bool live, char **error)
{
	struct books *books;
	size_t count;
	int status = books_read_pools(&books, &count, NULL, "protocols", live,
				      error);

	if (status)
		return status;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < books[i].n_protocols; j++)
			if (strncmp(books[i].protocols[j].name, "MPTCP",
				    5) == 0 &&
			    books[i].protocols[j].charge.sockets)
				memcgs->doubt = "sockets of MPTCP lend each other memory";
	books_free_pools(books, count);
	return 0;
}

static void sleep_ms(long ms)
{
	struct timespec left = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000,
	};

	while (nanosleep(&left, &left) < 0)
		;
}

static void spin_ms(long ms)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000 +
	       (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
}

static void spin_for_a_tick(void *arg)
{
	(void)arg;
	spin_ms(TICK_MS);
}

/*
 * Lets the kernel add up. What does it is put off for as long as the CPU that
 * it is due on idles: so each CPU gets something to do, for a tick.
 */
static void wait_for_kernel(void)
{
	sleep_ms(MEMCG_WAIT_MS);
	cpus_each(spin_for_a_tick, NULL);
}

int memcgs_read(struct memcgs *memcgs, bool live, char **error)
{
	bool differ = true;
	int status = memcgs_open(memcgs, error);

	for (int i = 0; !status && differ && i < MEMCG_ROUNDS; i++) {
		if (i)
			wait_for_kernel();
		status = memcgs_round(memcgs, live, &differ, error);
	}
	if (!status && differ && !memcgs->doubt)
		status = doubt_mptcp(memcgs, live, error);
	if (!status)
		status = memcgs_judge(memcgs, error);
	return status;
}

enum books_verdict memcgs_worst(const struct memcgs *memcgs)
{
	struct books counters = {
		.counters = memcgs->counters,
		.n_counters = memcgs->n_counters,
	};

	return books_worst(&counters);
}

void memcgs_free(struct memcgs *memcgs)
{
	cgroups_free(&memcgs->cgroups);
	free(memcgs->list);
	free(memcgs->counters);
	*memcgs = (struct memcgs){ 0 };
}
