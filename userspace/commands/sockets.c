// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "books.h"
#include "cgroup.h"
#include "command.h"
#include "error.h"
#include "filter.h"
#include "json.h"
#include "table.h"
#include "text.h"

static const char help[] =
	"Usage: skbalance sockets [OPTION...]\n"
	"Show what each socket is charged. Several conditions must all be met.\n\n"
	"  --pool POOL     only of this pool: tcp, ...\n"
	"  --protocol P    only of this protocol: TCPv6, ...\n"
	"  --class CLASS   only of this class: open, listen, accept-queue, closed-held,\n"
	"                  orphan, kernel, fd-in-flight, unreachable, abandoned\n"
	"  --state STATE   only in this state: ESTABLISHED, CLOSE-WAIT, ...\n"
	"  --pid PID       only if this process has a descriptor of it\n"
	"  --port PORT     only with this port, local or remote\n"
	"  --uid UID       only of this user\n"
	"  --cgroup PATH   only if made in this cgroup\n"
	COMMAND_HELP_READING "\n"
	"Where the module tracks births: who made a socket and, of an unreachable one, in\n"
	"which functions of the kernel. HIDDEN and VIA are columns where they say something.\n\n"
	"Exit status: 0, or 2 for wrong usage or environment.";

static const struct option options[] = {
	COMMAND_POOL, COMMAND_LIVE, COMMAND_MAX_PAUSE, COMMAND_JSON,
	COMMAND_HELP,
	{ "protocol", required_argument, NULL, 'r' },
	{ "class", required_argument, NULL, 'c' },
	{ "state", required_argument, NULL, 's' },
	{ "pid", required_argument, NULL, 'i' },
	{ "port", required_argument, NULL, 'o' },
	{ "uid", required_argument, NULL, 'u' },
	{ "cgroup", required_argument, NULL, 'g' },
	COMMAND_END
};

/* What is printed. */
struct show {
	const struct books *books;
	size_t n_books;
	struct filter filter;
	struct cgroups cgroups;	/* read where they are needed */
};

static json_t *socket_json(const struct show *show,
			   const struct books_socket *socket)
{
	json_t *owner, *charge;

	owner = json_pack("{s:o, s:o, s:s, s:o, s:I, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			  "pool", json_text(socket->pool),
			  "protocol", json_text(socket->protocol),
			  "class", books_class_name(socket->class),
			  "state", json_text(socket->state),
			  "netns", socket->netns,
			  "local", json_text(socket->local),
			  "remote", json_text(socket->remote),
			  "inode", socket->inode,
			  "uid", json_number_or_none(socket->uid),
			  "pid", json_number_or_none(socket->pid),
			  "comm", json_text(socket->comm),
			  "holders", json_holders(&socket->holders),
			  "listener", json_text(socket->listener),
			  "cgroup", json_text(cgroups_path(&show->cgroups,
							   socket->cgroup)),
			  "cgroup_id", json_number_or_none(socket->cgroup),
			  "memcg_id", json_number_or_none(socket->memcg),
			  "via", json_text(socket->via),
			  "wait_ms", json_number_or_none(socket->wait_ms));
	charge = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
			   "charged_bytes", socket->charged_bytes,
			   "forward_alloc_bytes", socket->forward_alloc_bytes,
			   "write_queue_bytes", socket->write_queue_bytes,
			   "receive_queue_bytes", socket->receive_queue_bytes,
			   "hidden_bytes", socket->hidden_bytes,
			   "bypassed_bytes", socket->bypassed_bytes,
			   "error_queue_bytes", socket->error_queue_bytes,
			   "zerocopy_bytes", socket->zerocopy_bytes,
			   "flags", json_text(socket->flags),
			   "birth", json_birth(socket->birth));
	if (!owner || !charge || json_object_update_new(owner, charge)) {
		json_decref(owner);
		return NULL;
	}
	return owner;
}

/* Calls visit for each socket that is to be shown, until it returns not 0. */
static int each_socket(const struct show *show,
		       int (*visit)(void *context, const struct show *show,
				    const struct books_socket *socket),
		       void *context)
{
	int status = 0;

	for (size_t i = 0; i < show->n_books; i++) {
		const struct books *books = &show->books[i];

		for (size_t j = 0; !status && j < books->n_sockets; j++)
			if (filter_match(&show->filter, &books->sockets[j]))
				status = visit(context, show,
					       &books->sockets[j]);
	}
	return status;
}

static int print_socket_json(void *context, const struct show *show,
			     const struct books_socket *socket)
{
	const char **separator = context;

	fputs(*separator, stdout);
	*separator = ",\n";
	return json_print(socket_json(show, socket), stdout, 0);
}

/* One object, but written row by row: there can be a million. */
static int print_json(const struct show *show)
{
	const char *separator = "\n";
	int status;

	fputs("{\"sockets\": [", stdout);
	status = each_socket(show, print_socket_json, &separator);
	if (!status)
		puts("]}");
	return status;
}

/* The columns that not every table has. */
enum { HIDDEN, BYPASSED, VIA, BORN, EXTRAS };

struct socket_table {
	struct table table;
	bool extras[EXTRAS];
};

static int find_extras(void *context, const struct show *show,
		       const struct books_socket *socket)
{
	bool *extras = context;

	(void)show;
	extras[HIDDEN] |= socket->hidden_bytes != 0;
	extras[BYPASSED] |= socket->bypassed_bytes != 0;
	extras[VIA] |= !!socket->via;
	extras[BORN] |= !!socket->birth;
	return 0;
}

static void add_birth(struct table *table, const struct books_birth *birth)
{
	table_number_or_none(table, birth ? birth->pid : BOOKS_NONE);
	table_text(table, birth ? birth->comm : NULL);
	table_number_or_none(table, birth ? birth->age_ms : BOOKS_NONE);
}

static int add_socket(void *context, const struct show *show,
		      const struct books_socket *socket)
{
	const bool *extras = ((struct socket_table *)context)->extras;
	struct table *table = &((struct socket_table *)context)->table;

	(void)show;
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
	if (extras[HIDDEN])
		table_number(table, socket->hidden_bytes);
	if (extras[BYPASSED])
		table_number(table, socket->bypassed_bytes);
	if (extras[VIA])
		table_text(table, socket->via);
	if (extras[BORN])
		add_birth(table, socket->birth);
	return 0;
}

static void add_columns(struct socket_table *sockets)
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
	static const struct table_column hidden = { "HIDDEN", true };
	static const struct table_column bypassed = { "BYPASSED", true };
	static const struct table_column via = { "VIA", false };
	static const struct table_column born[] = {
		{ "MAKER-PID", true }, { "MAKER", false }, { "AGE-MS", true },
	};

	table_init(&sockets->table, columns, ARRAY_SIZE(columns));
	if (sockets->extras[HIDDEN])
		table_column(&sockets->table, &hidden);
	if (sockets->extras[BYPASSED])
		table_column(&sockets->table, &bypassed);
	if (sockets->extras[VIA])
		table_column(&sockets->table, &via);
	for (size_t i = 0; sockets->extras[BORN] && i < ARRAY_SIZE(born); i++)
		table_column(&sockets->table, &born[i]);
}

/* Prints the next line of the table and, if it is due, the stack below it. */
static int print_line(void *context, const struct show *show,
		      const struct books_socket *socket)
{
	char **rest = context;
	char *line = strsep(rest, "\n"), *stack;

	(void)show;
	puts(line ? line : "");
	if ((socket->class != BOOKS_CLASS_UNREACHABLE &&
	     socket->class != BOOKS_CLASS_ABANDONED) ||
	    !socket->birth || !socket->birth->stack)
		return 0;
	stack = text_escape(socket->birth->stack);
	if (!stack)
		return -ENOMEM;
	printf("  made in %s\n", stack);
	free(stack);
	return 0;
}

/* A row of the table is one line, in the order of the sockets. */
static int print_with_stacks(const struct show *show, struct table *table)
{
	char *text = table_format(table), *rest = text;
	int status;

	if (!text)
		return -ENOMEM;
	if (*text)
		puts(strsep(&rest, "\n"));
	status = each_socket(show, print_line, &rest);
	free(text);
	return status;
}

static int print_table(const struct show *show)
{
	struct socket_table sockets = { 0 };
	int status;

	each_socket(show, find_extras, sockets.extras);
	add_columns(&sockets);
	each_socket(show, add_socket, &sockets);
	status = sockets.extras[BORN] ?
		print_with_stacks(show, &sockets.table) :
		table_print(&sockets.table, stdout);
	table_free(&sockets.table);
	return status;
}

static int set_condition(void *target, int option, char **error)
{
	struct filter *filter = target;

	switch (option) {
	case 'r':
		filter->protocol = optarg;
		return 0;
	case 'c':
		return filter_set_class(filter, optarg, error);
	case 's':
		return filter_set_state(filter, optarg, error);
	case 'i':
		return filter_set_pid(filter, optarg, error);
	case 'u':
		return filter_set_uid(filter, optarg, error);
	case 'g':
		return filter_set_cgroup(filter, optarg, error);
	default:
		return filter_set_port(filter, optarg, error);
	}
}

static int read_and_print(struct show *show, const struct reading *reading,
			  char **error)
{
	struct books *books;
	int status;

	status = cgroups_read(&show->cgroups, error);
	if (!status)
		status = books_read_pools(&books, &show->n_books,
					  reading->pool, "sockets",
					  reading->live, error);
	if (status)
		return status;
	show->books = books;
	if (reading->json ? print_json(show) : print_table(show))
		status = error_set(error, ENOMEM, "not enough memory");
	books_free_pools(books, show->n_books);
	return status;
}

static enum exit_status run(int argc, char **argv)
{
	struct show show = { .filter = FILTER_ANY };
	struct reading reading = {
		.set = set_condition, .target = &show.filter,
	};
	enum exit_status status;
	char *error;

	if (!command_reading(&reading, argc, argv, options, help, &status))
		return status;
	if (read_and_print(&show, &reading, &error)) {
		error_report(&error);
		status = EXIT_USAGE;
	}
	cgroups_free(&show.cgroups);
	return status;
}

const struct command sockets_command = {
	.name = "sockets",
	.summary = "what each socket is charged, by class, state, process, port",
	.run = run,
};
