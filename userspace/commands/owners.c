// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "array.h"
#include "books.h"
#include "command.h"
#include "error.h"
#include "json.h"
#include "table.h"

static const char help[] =
	"Usage: skbalance owners [OPTION...]\n"
	"Show who holds the pages: processes, listeners, the kernel.\n\n"
	"  --pool POOL  only this one: tcp, ...\n"
	"  --live       read without stopping the machine\n"
	"  --json       print one JSON object\n"
	"  --help       show this help\n\n"
	"Of an accept queue, PID and COMM are those of the listener.\n\n"
	"Exit status: 0, or 2 for wrong usage or environment.";

static const struct option options[] = {
	COMMAND_POOL, COMMAND_LIVE, COMMAND_JSON, COMMAND_HELP, COMMAND_END
};

static int print_json(const struct books_owner **owners, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++) {
		if (json_array_append_new(array, json_owner(owners[i]))) {
			json_decref(array);
			array = NULL;
		}
	}
	return json_print(json_pack("{s:o}", "owners", array), stdout,
			  JSON_INDENT(2));
}

/* "CLOSE:5000 ESTABLISHED:1", to be freed, or NULL. */
static char *format_states(const struct books_states *states)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	for (size_t i = 0; i < states->count; i++)
		fprintf(stream, "%s%s:%lld", i ? " " : "",
			states->list[i].name, states->list[i].sockets);
	fclose(stream);
	return text;
}

static void add_owner(struct table *table, const struct books_owner *owner,
		      long long page_size)
{
	char *states = format_states(&owner->states);

	table_row(table);
	table_text(table, owner->pool);
	table_number(table, owner->charge.pages);
	table_mib(table, (double)page_size * (double)owner->charge.pages);
	table_number(table, owner->charge.sockets);
	table_text(table, books_class_name(owner->class));
	table_number_or_none(table, owner->pid);
	table_text(table, owner->comm);
	table_number(table, (long long)owner->holders.count);
	table_text(table, owner->listener);
	table_number_or_none(table, owner->longest_wait_ms);
	table_number(table, owner->netns);
	table_text(table, states);
	free(states);
}

static int print_table(const struct books_owner **owners, size_t count,
		       long long page_size)
{
	static const struct table_column columns[] = {
		{ "POOL", false }, { "PAGES", true }, { "MIB", true },
		{ "SOCKETS", true }, { "CLASS", false }, { "PID", true },
		{ "COMM", false }, { "HOLDERS", true },
		{ "LISTENER", false }, { "WAIT-MS", true },
		{ "NETNS", true }, { "STATE", false },
	};
	struct table table;
	int status;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < count; i++)
		add_owner(&table, owners[i], page_size);
	status = table_print(&table, stdout);
	table_free(&table);
	return status;
}

static int compare_pages(const void *a, const void *b)
{
	const struct books_owner *left = *(const struct books_owner *const *)a;
	const struct books_owner *right =
		*(const struct books_owner *const *)b;

	if (left->charge.pages != right->charge.pages)
		return left->charge.pages > right->charge.pages ? -1 : 1;
	if (left->charge.sockets != right->charge.sockets)
		return left->charge.sockets > right->charge.sockets ? -1 : 1;
	return left < right ? -1 : left > right;
}

/* The owners of all pools, largest first; an array to be freed, or NULL. */
static const struct books_owner **sort_owners(const struct books *books,
					      size_t n_books, size_t *count)
{
	const struct books_owner **owners;

	*count = 0;
	for (size_t i = 0; i < n_books; i++)
		*count += books[i].n_owners;
	owners = calloc(*count + 1, sizeof(*owners));
	if (!owners)
		return NULL;
	*count = 0;
	for (size_t i = 0; i < n_books; i++)
		for (size_t j = 0; j < books[i].n_owners; j++)
			owners[(*count)++] = &books[i].owners[j];
	qsort(owners, *count, sizeof(*owners), compare_pages);
	return owners;
}

static int print_owners(const struct books *books, size_t n_books, bool json)
{
	const struct books_owner **owners;
	size_t count;
	int status;

	owners = sort_owners(books, n_books, &count);
	if (!owners)
		return -ENOMEM;
	if (json)
		status = print_json(owners, count);
	else
		status = print_table(owners, count,
				     books->header.page_size);
	free(owners);
	return status;
}

static enum exit_status run(int argc, char **argv)
{
	struct reading reading = { 0 };
	enum exit_status status;
	struct books *books;
	size_t count;
	char *error;

	if (!command_reading(&reading, argc, argv, options, help, &status))
		return status;
	if (books_read_pools(&books, &count, reading.pool, "owners",
			     reading.live, &error)) {
		error_report(&error);
		return EXIT_USAGE;
	}
	if (print_owners(books, count, reading.json)) {
		error_print("not enough memory");
		status = EXIT_USAGE;
	}
	books_free_pools(books, count);
	return status;
}

const struct command owners_command = {
	.name = "owners",
	.summary = "who holds the pages",
	.run = run,
};
