// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>

#include "array.h"
#include "books.h"
#include "command.h"
#include "error.h"
#include "fractional.h"
#include "json.h"
#include "memcg.h"
#include "table.h"
#include "text.h"

static const char help[] =
	"Usage: skbalance balance [OPTION...]\n"
	"Hold what each pool's counter says against what its sockets are charged, and the\n"
	"kernel's other counters of the same sockets against what was found.\n\n"
	"  --pool POOL     only this one: tcp, ...; no other counters\n"
	"  --cgroups       also the socket memory of each memory cgroup\n"
	COMMAND_HELP_READING "\n"
	"Exit status: 0 balanced, 1 a pool or counter is imbalanced, 2 wrong usage or\n"
	"environment, 3 undetermined: in-flux or incomplete.";

static const struct option options[] = {
	COMMAND_POOL, COMMAND_LIVE, COMMAND_MAX_PAUSE, COMMAND_JSON,
	COMMAND_HELP,
	{ "cgroups", no_argument, NULL, 'g' },
	COMMAND_END
};

/* What is held against each other, for one output. */
struct balance {
	struct books books;
	struct books *fractional; /* those sockets of each pool */
	struct memcgs memcgs;	/* nothing unless asked for */
};

/* How many other counters were held against the census, or NONE. */
static long long counters_held(const struct balance *balance)
{
	if (balance->books.counters_held == BOOKS_NONE)
		return balance->memcgs.held ? balance->memcgs.held : BOOKS_NONE;
	return balance->books.counters_held + balance->memcgs.held;
}

static json_t *class_json(enum books_class class,
			  const struct books_charge *charge)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "class", books_class_name(class),
			 "sockets", charge->sockets,
			 "pages", charge->pages,
			 "forward_alloc_bytes", charge->forward_alloc_bytes,
			 "write_queue_bytes", charge->write_queue_bytes,
			 "receive_queue_bytes", charge->receive_queue_bytes,
			 "hidden_bytes", charge->hidden_bytes);
}

static json_t *classes_json(const struct books_pool *pool)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < BOOKS_CLASSES; i++)
		if (pool->classes[i].sockets)
			array = json_append(array,
					    class_json(i, &pool->classes[i]));
	return array;
}

static json_t *protocols_json(const struct books_pool *pool)
{
	json_t *array = json_array();

	for (const char **name = pool->protocols; *name; name++)
		array = json_append(array, json_text(*name));
	return array;
}

static json_t *pool_json(const struct books_pool *pool,
			 const struct books *fractional)
{
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:o, s:I, s:s, s:o, s:o}",
			 "pool", json_text(pool->name),
			 "protocols", protocols_json(pool),
			 "memory_allocated_pages", pool->memory_allocated_pages,
			 "percpu_pages", pool->percpu_pages,
			 "charged_pages", pool->charged_pages,
			 "charged_bytes", pool->charged_bytes,
			 "unaccounted_pages", pool->unaccounted_pages,
			 "unaccounted_bytes", pool->unaccounted_bytes,
			 "bound_pages", pool->bound_pages,
			 "bypassed_pages", pool->bypassed_pages,
			 "sockets_allocated",
			 json_number_or_none(pool->sockets_allocated),
			 "sockets_found", pool->sockets_found,
			 "fractional_sockets", pool->fractional_sockets,
			 "fractional", fractional_json(fractional),
			 "opaque_sockets", pool->opaque_sockets,
			 "verdict", books_verdict_name(pool->verdict),
			 "reason", json_text(pool->reason),
			 "classes", classes_json(pool));
}

static json_t *snapshot_json(const struct books_header *header)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:b}",
			 "mode", books_mode_name(header->mode),
			 "pause_ns", header->pause_ns,
			 "sockets_owned", header->sockets_owned,
			 "snapshots", header->snapshots,
			 "snapshot_bytes", header->snapshot_bytes,
			 "track", header->track);
}

static json_t *counter_json(const struct books_counter *counter)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:s, s:o}",
			 "counter", json_text(counter->name),
			 "netns", json_number_or_none(counter->netns),
			 "protocol", json_text(counter->protocol),
			 "cgroup", json_text(counter->cgroup),
			 "kernel", counter->kernel,
			 "census", counter->census,
			 "verdict", books_verdict_name(counter->verdict),
			 "reason", json_text(counter->reason));
}

static json_t *counters_json(const struct balance *balance)
{
	const struct books *books = &balance->books;
	const struct memcgs *memcgs = &balance->memcgs;
	json_t *array = json_array();

	for (size_t i = 0; i < books->n_counters; i++)
		array = json_append(array, counter_json(&books->counters[i]));
	for (size_t i = 0; i < memcgs->n_counters; i++)
		array = json_append(array, counter_json(&memcgs->counters[i]));
	return array;
}

static int print_json(const struct balance *balance)
{
	const struct books *books = &balance->books;
	const struct books_header *header = &books->header;
	json_t *pools = json_array();

	for (size_t i = 0; i < books->n_pools; i++)
		pools = json_append(pools, pool_json(&books->pools[i],
						     &balance->fractional[i]));
	return json_print(json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o}",
				    "version", json_text(header->version),
				    "kernel", json_text(header->kernel),
				    "page_size", header->page_size,
				    "snapshot", snapshot_json(header),
				    "pools", pools,
				    "counters", counters_json(balance),
				    "counters_held",
				    json_number_or_none(counters_held(balance))),
			  stdout, JSON_INDENT(2));
}

static void print_header(const struct books_header *header)
{
	char *kernel = text_escape(header->kernel);

	printf("kernel %s, ", kernel ? kernel : "?");
	if (header->mode == BOOKS_EXACT)
		printf("exact: the machine stood still for %.2f ms, %lld socket%s locked meanwhile",
		       (double)header->pause_ns / 1e6, header->sockets_owned,
		       header->sockets_owned == 1 ? "" : "s");
	else
		printf("live: read while the sockets moved");
	puts(header->track ? "; births are tracked" : "");
	free(kernel);
}

static void add_amount(struct table *table, const char *name, long long pages,
		       double bytes)
{
	table_row(table);
	table_text(table, name);
	table_number(table, pages);
	table_mib(table, bytes);
}

static int print_arithmetic(const struct books_pool *pool,
			    long long page_size)
{
	const struct table_column columns[] = {
		{ pool->name, false }, { "PAGES", true }, { "MIB", true },
	};
	double size = (double)page_size;
	struct table table;
	int status;

	table_init(&table, columns, ARRAY_SIZE(columns));
	add_amount(&table, "counter", pool->memory_allocated_pages,
		   size * (double)pool->memory_allocated_pages);
	add_amount(&table, "held back by the CPUs", pool->percpu_pages,
		   size * (double)pool->percpu_pages);
	add_amount(&table, "charged to sockets", pool->charged_pages,
		   (double)pool->charged_bytes);
	add_amount(&table, "unaccounted", pool->unaccounted_pages,
		   (double)pool->unaccounted_bytes);
	if (pool->bound_pages)
		add_amount(&table, "error at most", pool->bound_pages,
			   size * (double)pool->bound_pages);
	if (pool->bypassed_pages)
		add_amount(&table, "bypass the counter", pool->bypassed_pages,
			   size * (double)pool->bypassed_pages);
	status = table_print(&table, stdout);
	table_free(&table);
	return status;
}

/* Whether anything is charged beside the queues, as kTLS does. */
static bool has_hidden(const struct books_pool *pool)
{
	for (unsigned int i = 0; i < BOOKS_CLASSES; i++)
		if (pool->classes[i].hidden_bytes)
			return true;
	return false;
}

static int print_classes(const struct books_pool *pool)
{
	static const struct table_column columns[] = {
		{ "CLASS", false }, { "SOCKETS", true }, { "PAGES", true },
		{ "RECEIVE-QUEUE", true }, { "WRITE-QUEUE", true },
		{ "FORWARD-ALLOC", true }, { "HIDDEN", true },
	};
	bool hidden = has_hidden(pool);
	struct table table;
	int status;

	table_init(&table, columns, ARRAY_SIZE(columns) - !hidden);
	for (unsigned int i = 0; i < BOOKS_CLASSES; i++) {
		const struct books_charge *charge = &pool->classes[i];

		if (!charge->sockets)
			continue;
		table_row(&table);
		table_text(&table, books_class_name(i));
		table_number(&table, charge->sockets);
		table_number(&table, charge->pages);
		table_number(&table, charge->receive_queue_bytes);
		table_number(&table, charge->write_queue_bytes);
		table_number(&table, charge->forward_alloc_bytes);
		if (hidden)
			table_number(&table, charge->hidden_bytes);
	}
	status = table_print(&table, stdout);
	table_free(&table);
	return status;
}

/* How many sockets there are, and what is particular about them. */
static void print_sockets(const struct books_pool *pool)
{
	printf("sockets: %lld found", pool->sockets_found);
	if (pool->sockets_allocated != BOOKS_NONE)
		printf(" of %lld allocated", pool->sockets_allocated);
	if (pool->fractional_sockets)
		printf(", %lld with a fraction of a page",
		       pool->fractional_sockets);
	if (pool->opaque_sockets)
		printf(", %lld whose charge cannot be read completely",
		       pool->opaque_sockets);
	putchar('\n');
}

static int print_pool(const struct books_pool *pool,
		      const struct books *fractional, long long page_size)
{
	char *reason = text_escape(pool->reason);
	int status;

	putchar('\n');
	status = print_arithmetic(pool, page_size);
	putchar('\n');
	if (!status)
		status = print_classes(pool);
	print_sockets(pool);
	if (!status)
		status = fractional_print(fractional);
	printf("%s: %s\n", books_verdict_name(pool->verdict),
	       reason ? reason : "?");
	free(reason);
	return status;
}

static void add_counter(struct table *table,
			const struct books_counter *counter)
{
	table_row(table);
	table_text(table, counter->name);
	if (counter->cgroup)
		table_text(table, counter->cgroup);
	else
		table_number_or_none(table, counter->netns);
	table_text(table, counter->protocol);
	table_number(table, counter->kernel);
	table_number(table, counter->census);
	table_text(table, books_verdict_name(counter->verdict));
	table_text(table, counter->reason);
}

static int print_counter_table(const struct balance *balance)
{
	static const struct table_column columns[] = {
		{ "COUNTER", false }, { "OF", false }, { "PROTOCOL", false },
		{ "KERNEL", true }, { "CENSUS", true }, { "VERDICT", false },
		{ "REASON", false },
	};
	const struct books *books = &balance->books;
	const struct memcgs *memcgs = &balance->memcgs;
	struct table table;
	int status;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < books->n_counters; i++)
		add_counter(&table, &books->counters[i]);
	for (size_t i = 0; i < memcgs->n_counters; i++)
		add_counter(&table, &memcgs->counters[i]);
	status = table_print(&table, stdout);
	table_free(&table);
	return status;
}

/* The other books: one line if they agree, else those that do not. */
static int print_counters(const struct balance *balance)
{
	long long held = counters_held(balance);
	size_t differ = balance->books.n_counters + balance->memcgs.n_counters;

	if (held == BOOKS_NONE)
		return 0;
	printf("\nother counters: %lld held, ", held);
	if (!differ) {
		puts("all equal");
		return 0;
	}
	printf("all equal but %zu\n", differ);
	return print_counter_table(balance);
}

static int print_human(const struct balance *balance)
{
	const struct books *books = &balance->books;
	int status = 0;

	print_header(&books->header);
	for (size_t i = 0; !status && i < books->n_pools; i++)
		status = print_pool(&books->pools[i], &balance->fractional[i],
				    books->header.page_size);
	return status ? status : print_counters(balance);
}

static int read_balance(struct balance *balance, const struct reading *reading,
			bool cgroups, char **error)
{
	int status;

	*balance = (struct balance){ 0 };
	status = books_read(&balance->books, reading->pool, "balance",
			    reading->live, error);
	if (!status)
		status = fractional_read(&balance->fractional, &balance->books,
					 reading->live, error);
	if (!status && cgroups)
		status = memcgs_read(&balance->memcgs, reading->live, error);
	return status;
}

static enum exit_status show(const struct balance *balance, bool json)
{
	enum books_verdict worst = books_worst(&balance->books);

	if (json ? print_json(balance) : print_human(balance)) {
		error_print("not enough memory");
		return EXIT_USAGE;
	}
	if (memcgs_worst(&balance->memcgs) > worst)
		worst = memcgs_worst(&balance->memcgs);
	return command_status(worst);
}

static int set_cgroups(void *target, int option, char **error)
{
	(void)option;
	(void)error;
	*(bool *)target = true;
	return 0;
}

static enum exit_status run(int argc, char **argv)
{
	bool cgroups = false;
	struct reading reading = { .set = set_cgroups, .target = &cgroups };
	enum exit_status status = EXIT_USAGE;
	struct balance balance;
	char *error;

	if (!command_reading(&reading, argc, argv, options, help, &status))
		return status;
	if (read_balance(&balance, &reading, cgroups, &error)) {
		error_report(&error);
		status = EXIT_USAGE;
	} else {
		status = show(&balance, reading.json);
	}
	if (balance.fractional)
		books_free_pools(balance.fractional, balance.books.n_pools);
	books_free(&balance.books);
	memcgs_free(&balance.memcgs);
	return status;
}

const struct command balance_command = {
	.name = "balance",
	.summary = "the verdict: counter against charges, pool by pool",
	.run = run,
};
