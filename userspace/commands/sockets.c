// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "array.h"
#include "books.h"
#include "command.h"
#include "error.h"
#include "filter.h"
#include "json.h"
#include "table.h"

static const char help[] =
	"Usage: skbalance sockets [OPTION...]\n"
	"Show what each socket is charged. Several conditions must all be met.\n\n"
	"  --pool POOL    only of this pool: tcp, ...\n"
	"  --class CLASS  only of this class: open, listen, accept-queue, closed-held,\n"
	"                 orphan, kernel, fd-in-flight\n"
	"  --state STATE  only in this state: ESTABLISHED, CLOSE-WAIT, ...\n"
	"  --pid PID      only if this process has a descriptor of it\n"
	"  --port PORT    only with this port, local or remote\n"
	"  --live         read without stopping the machine\n"
	"  --json         print one JSON object\n"
	"  --help         show this help\n\n"
	"Exit status: 0, or 2 for wrong usage or environment.";

static const struct option options[] = {
	COMMAND_POOL, COMMAND_LIVE, COMMAND_JSON, COMMAND_HELP,
	{ "class", required_argument, NULL, 'c' },
	{ "state", required_argument, NULL, 's' },
	{ "pid", required_argument, NULL, 'i' },
	{ "port", required_argument, NULL, 'o' },
	COMMAND_END
};

static json_t *socket_json(const struct books_socket *socket)
{
	json_t *owner, *charge;

	owner = json_pack("{s:o, s:o, s:s, s:o, s:I, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o}",
			  "pool", json_text(socket->pool),
			  "protocol", json_text(socket->protocol),
			  "class", books_class_name(socket->class),
			  "state", json_text(socket->state),
			  "netns", socket->netns,
			  "local", json_text(socket->local),
			  "remote", json_text(socket->remote),
			  "inode", socket->inode,
			  "uid", socket->uid,
			  "pid", json_number_or_none(socket->pid),
			  "comm", json_text(socket->comm),
			  "holders", json_holders(&socket->holders),
			  "listener", json_text(socket->listener),
			  "wait_ms", json_number_or_none(socket->wait_ms));
	charge = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
			   "charged_bytes", socket->charged_bytes,
			   "forward_alloc_bytes", socket->forward_alloc_bytes,
			   "write_queue_bytes", socket->write_queue_bytes,
			   "receive_queue_bytes", socket->receive_queue_bytes,
			   "error_queue_bytes", socket->error_queue_bytes,
			   "zerocopy_bytes", socket->zerocopy_bytes,
			   "flags", json_text(socket->flags));
	if (!owner || !charge || json_object_update_new(owner, charge)) {
		json_decref(owner);
		return NULL;
	}
	return owner;
}

/* One object, but written row by row: there can be a million. */
static int print_json(const struct books *books, size_t count,
		      const struct filter *filter)
{
	const char *separator = "\n";
	int status = 0;

	fputs("{\"sockets\": [", stdout);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < books[i].n_sockets; j++) {
			const struct books_socket *socket =
				&books[i].sockets[j];

			if (!filter_match(filter, socket))
				continue;
			fputs(separator, stdout);
			status = json_print(socket_json(socket), stdout, 0);
			if (status)
				return status;
			separator = ",\n";
		}
	}
	puts("]}");
	return 0;
}

static void add_socket(struct table *table, const struct books_socket *socket)
{
	table_row(table);
	table_text(table, socket->protocol);
	table_text(table, books_class_name(socket->class));
	table_text(table, socket->state);
	table_text(table, socket->local);
	table_text(table, socket->remote);
	table_number_or_none(table, socket->pid);
	table_text(table, socket->comm);
	table_number(table, socket->charged_bytes);
	table_number(table, socket->receive_queue_bytes);
	table_number(table, socket->write_queue_bytes);
	table_number(table, socket->forward_alloc_bytes);
	table_text(table, socket->listener);
	table_number_or_none(table, socket->wait_ms);
	table_number(table, socket->inode);
	table_number(table, socket->netns);
	table_text(table, socket->flags);
}

static int print_table(const struct books *books, size_t count,
		       const struct filter *filter)
{
	static const struct table_column columns[] = {
		{ "PROTOCOL", false }, { "CLASS", false }, { "STATE", false },
		{ "LOCAL", false }, { "REMOTE", false }, { "PID", true },
		{ "COMM", false }, { "CHARGED", true },
		{ "RECEIVE-QUEUE", true }, { "WRITE-QUEUE", true },
		{ "FORWARD-ALLOC", true }, { "LISTENER", false },
		{ "WAIT-MS", true }, { "INODE", true }, { "NETNS", true },
		{ "FLAGS", false },
	};
	struct table table;
	int status;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < books[i].n_sockets; j++)
			if (filter_match(filter, &books[i].sockets[j]))
				add_socket(&table, &books[i].sockets[j]);
	status = table_print(&table, stdout);
	table_free(&table);
	return status;
}

static int set_condition(struct filter *filter, int option, char **error)
{
	switch (option) {
	case 'c':
		return filter_set_class(filter, optarg, error);
	case 's':
		return filter_set_state(filter, optarg, error);
	case 'i':
		return filter_set_pid(filter, optarg, error);
	default:
		return filter_set_port(filter, optarg, error);
	}
}

static bool parse_arguments(struct reading *reading, struct filter *filter,
			    int argc, char **argv)
{
	char *error;
	int value;

	while ((value = command_option(argc, argv, options)) != -1) {
		if (value == '?')
			return false;
		if (command_reading_option(reading, value))
			continue;
		if (set_condition(filter, value, &error)) {
			error_report(&error);
			return false;
		}
	}
	return command_no_operands(argc, argv);
}

static enum exit_status run(int argc, char **argv)
{
	enum exit_status status = EXIT_BALANCED;
	struct filter filter = FILTER_ANY;
	struct reading reading = { 0 };
	struct books *books;
	size_t count;
	char *error;

	if (!parse_arguments(&reading, &filter, argc, argv))
		return EXIT_USAGE;
	if (reading.help) {
		puts(help);
		return EXIT_BALANCED;
	}
	if (books_read_pools(&books, &count, reading.pool, "sockets",
			     reading.live, &error)) {
		error_report(&error);
		return EXIT_USAGE;
	}
	if (reading.json ? print_json(books, count, &filter) :
			   print_table(books, count, &filter)) {
		error_print("not enough memory");
		status = EXIT_USAGE;
	}
	books_free_pools(books, count);
	return status;
}

const struct command sockets_command = {
	.name = "sockets",
	.summary = "what each socket is charged, by class, state, process, port",
	.run = run,
};
