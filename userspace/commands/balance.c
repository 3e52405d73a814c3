// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>

#include "array.h"
#include "books.h"
#include "command.h"
#include "error.h"
#include "json.h"
#include "table.h"
#include "text.h"

static const char help[] =
	"Usage: skbalance balance [OPTION...]\n"
	"Hold what each pool's counter says against what its sockets are charged.\n\n"
	"  --pool POOL  only this one: tcp, ...\n"
	"  --live       read without stopping the machine\n"
	"  --json       print one JSON object\n"
	"  --help       show this help\n\n"
	"Exit status: 0 balanced, 1 a pool is imbalanced, 2 wrong usage or environment,\n"
	"3 undetermined: a pool is in-flux or incomplete.";

static const struct option options[] = {
	COMMAND_POOL, COMMAND_LIVE, COMMAND_JSON, COMMAND_HELP, COMMAND_END
};

static json_t *class_json(enum books_class class,
			  const struct books_charge *charge)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}",
			 "class", books_class_name(class),
			 "sockets", charge->sockets,
			 "pages", charge->pages,
			 "forward_alloc_bytes", charge->forward_alloc_bytes,
			 "write_queue_bytes", charge->write_queue_bytes,
			 "receive_queue_bytes", charge->receive_queue_bytes);
}

/* Appends to the array, which may be NULL; NULL if anything failed. */
static json_t *append(json_t *array, json_t *value)
{
	if (!array) {
		json_decref(value);
		return NULL;
	}
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *classes_json(const struct books_pool *pool)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < BOOKS_CLASSES; i++)
		if (pool->classes[i].sockets)
			array = append(array,
				       class_json(i, &pool->classes[i]));
	return array;
}

static json_t *protocols_json(const struct books_pool *pool)
{
	json_t *array = json_array();

	for (const char **name = pool->protocols; *name; name++)
		array = append(array, json_text(*name));
	return array;
}

static json_t *pool_json(const struct books_pool *pool)
{
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:s, s:o, s:o}",
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
			 "opaque_sockets", pool->opaque_sockets,
			 "verdict", books_verdict_name(pool->verdict),
			 "reason", json_text(pool->reason),
			 "classes", classes_json(pool));
}

static json_t *snapshot_json(const struct books_header *header)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I}",
			 "mode", books_mode_name(header->mode),
			 "pause_ns", header->pause_ns,
			 "sockets_owned", header->sockets_owned,
			 "snapshots", header->snapshots,
			 "snapshot_bytes", header->snapshot_bytes);
}

static int print_json(const struct books *books)
{
	const struct books_header *header = &books->header;
	json_t *pools = json_array();

	for (size_t i = 0; i < books->n_pools; i++)
		pools = append(pools, pool_json(&books->pools[i]));
	return json_print(json_pack("{s:o, s:o, s:I, s:o, s:o}",
				    "version", json_text(header->version),
				    "kernel", json_text(header->kernel),
				    "page_size", header->page_size,
				    "snapshot", snapshot_json(header),
				    "pools", pools),
			  stdout, JSON_INDENT(2));
}

static void print_header(const struct books_header *header)
{
	char *kernel = text_escape(header->kernel);

	printf("kernel %s, ", kernel ? kernel : "?");
	if (header->mode == BOOKS_EXACT)
		printf("exact: the machine stood still for %.2f ms, %lld socket%s locked meanwhile\n",
		       (double)header->pause_ns / 1e6, header->sockets_owned,
		       header->sockets_owned == 1 ? "" : "s");
	else
		puts("live: read while the sockets moved");
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

static int print_classes(const struct books_pool *pool)
{
	static const struct table_column columns[] = {
		{ "CLASS", false }, { "SOCKETS", true }, { "PAGES", true },
		{ "RECEIVE-QUEUE", true }, { "WRITE-QUEUE", true },
		{ "FORWARD-ALLOC", true },
	};
	struct table table;
	int status;

	table_init(&table, columns, ARRAY_SIZE(columns));
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

static int print_pool(const struct books_pool *pool, long long page_size)
{
	char *reason = text_escape(pool->reason);
	int status;

	putchar('\n');
	status = print_arithmetic(pool, page_size);
	putchar('\n');
	if (!status)
		status = print_classes(pool);
	print_sockets(pool);
	printf("%s: %s\n", books_verdict_name(pool->verdict),
	       reason ? reason : "?");
	free(reason);
	return status;
}

static int print_human(const struct books *books)
{
	int status = 0;

	print_header(&books->header);
	for (size_t i = 0; !status && i < books->n_pools; i++)
		status = print_pool(&books->pools[i], books->header.page_size);
	return status;
}

static enum exit_status run(int argc, char **argv)
{
	struct reading reading = { 0 };
	enum exit_status status;
	struct books books;
	char *error;

	if (!command_reading(&reading, argc, argv, options, help, &status))
		return status;
	if (books_read(&books, reading.pool, "balance", reading.live,
		       &error)) {
		books_free(&books);
		error_report(&error);
		return EXIT_USAGE;
	}
	status = command_status(books_worst(&books));
	if (reading.json ? print_json(&books) : print_human(&books)) {
		error_print("not enough memory");
		status = EXIT_USAGE;
	}
	books_free(&books);
	return status;
}

const struct command balance_command = {
	.name = "balance",
	.summary = "the verdict: counter against charges, pool by pool",
	.run = run,
};
