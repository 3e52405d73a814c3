// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "array.h"
#include "books.h"
#include "cgroup.h"
#include "command.h"
#include "error.h"
#include "group.h"
#include "json.h"
#include "netns.h"
#include "table.h"

static const char help[] =
	"Usage: skbalance owners [OPTION...]\n"
	"Show who holds the pages: processes, listeners, the kernel.\n\n"
	"  --by KEY        one row for each process, class, state, netns, cgroup,\n"
	"                  listener or uid\n"
	"  --pool POOL     only this one: tcp, ...\n"
	COMMAND_HELP_READING "\n"
	"Of an accept queue, PID and COMM are those of the listener; of a socket with more\n"
	"than one holder, those of the first. UID, CGROUP (of whoever made the sockets) and\n"
	"VIA are columns where they say something.\n\n"
	"Exit status: 0, or 2 for wrong usage or environment.";

static const struct option options[] = {
	COMMAND_POOL, COMMAND_LIVE, COMMAND_MAX_PAUSE, COMMAND_JSON,
	COMMAND_HELP,
	{ "by", required_argument, NULL, 'b' },
	COMMAND_END
};

/* What is printed, and what gives the numbers in it their names. */
struct show {
	const struct books *books;
	size_t n_books;
	struct cgroups cgroups;
	struct netns_names names;
};

static int print_json(const struct show *show,
		      const struct books_owner **owners, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		array = json_append(array,
				    json_owner(owners[i], &show->cgroups));
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

/* The columns that not every table has. */
enum { UID, CGROUP, VIA, EXTRAS };

static void find_extras(const struct books_owner **owners, size_t count,
			bool *extras)
{
	for (size_t i = 0; i < count; i++) {
		extras[UID] |= owners[i]->uid > 0;
		extras[CGROUP] |= owners[i]->cgroup > CGROUP_ROOT_ID;
		extras[VIA] |= !!owners[i]->via;
	}
}

/* Its path, its number where it has none any more, or "-". */
static void add_cgroup(struct table *table, const struct show *show,
		       long long id)
{
	const char *path = cgroups_path(&show->cgroups, id);

	if (path)
		table_text(table, path);
	else
		table_number_or_none(table, id);
}

static void add_owner(struct table *table, const struct show *show,
		      const struct books_owner *owner, const bool *extras)
{
	char *states = format_states(&owner->states);

	table_row(table);
	table_text(table, owner->pool);
	table_number(table, owner->charge.pages);
	table_mib(table, (double)show->books->header.page_size *
			 (double)owner->charge.pages);
	table_number(table, owner->charge.sockets);
	table_text(table, books_class_name(owner->class));
	table_number_or_none(table, owner->pid);
	table_text(table, owner->comm);
	table_number(table, (long long)owner->holders.count);
	table_text(table, owner->listener);
	table_number_or_none(table, owner->longest_wait_ms);
	table_number(table, owner->netns);
	table_text(table, states);
	if (extras[UID])
		table_number_or_none(table, owner->uid);
	if (extras[CGROUP])
		add_cgroup(table, show, owner->cgroup);
	if (extras[VIA])
		table_text(table, owner->via);
	free(states);
}

static int print_table(const struct show *show,
		       const struct books_owner **owners, size_t count)
{
	static const struct table_column fixed[] = {
		{ "POOL", false }, { "PAGES", true }, { "MIB", true },
		{ "SOCKETS", true }, { "CLASS", false }, { "PID", true },
		{ "COMM", false }, { "HOLDERS", true },
		{ "LISTENER", false }, { "WAIT-MS", true },
		{ "NETNS", true }, { "STATE", false },
	};
	static const struct table_column extra[EXTRAS] = {
		[UID] = { "UID", true },
		[CGROUP] = { "CGROUP", false },
		[VIA] = { "VIA", false },
	};
	bool extras[EXTRAS] = { false };
	struct table table;
	int status;

	find_extras(owners, count, extras);
	table_init(&table, fixed, ARRAY_SIZE(fixed));
	for (size_t i = 0; i < EXTRAS; i++)
		if (extras[i])
			table_column(&table, &extra[i]);
	for (size_t i = 0; i < count; i++)
		add_owner(&table, show, owners[i], extras);
	status = table_print(&table, stdout);
	table_free(&table);
	return status;
}

static int print_owners(const struct show *show, bool json)
{
	const struct books_owner **owners;
	size_t count;
	int status;

	owners = books_sort_owners(show->books, show->n_books, &count);
	if (!owners)
		return -ENOMEM;
	status = json ? print_json(show, owners, count) :
			print_table(show, owners, count);
	free(owners);
	return status;
}

/* What the sockets of the group have in common. */
static json_t *key_json(const struct show *show, enum group_key key,
			const struct group *group)
{
	json_t *number = json_number_or_none(group->number);

	switch (key) {
	case GROUP_PROCESS:
		return json_pack("{s:o, s:o}", "pid", number,
				 "comm", json_text(group->text));
	case GROUP_NETNS:
		return json_pack("{s:o, s:o}", "netns", number,
				 "name", json_text(netns_name(&show->names,
							      group->number)));
	case GROUP_CGROUP:
		return json_pack("{s:o, s:o}", "cgroup_id", number, "cgroup",
				 json_text(cgroups_path(&show->cgroups,
							group->number)));
	case GROUP_LISTENER:
		return json_pack("{s:o, s:o}", "netns", number,
				 "listener", json_text(group->text));
	case GROUP_UID:
		return json_pack("{s:o}", "uid", number);
	default:
		json_decref(number);
		return json_pack("{s:o}", group_name(key),
				 json_text(group->text));
	}
}

static json_t *group_json(const struct show *show, enum group_key key,
			  const struct group *group)
{
	json_t *object = key_json(show, key, group);

	if (object &&
	    json_object_update_new(object,
				   json_pack("{s:o, s:I, s:I}",
					     "pool", json_text(group->pool),
					     "sockets", group->sockets,
					     "pages", group->pages))) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static int print_groups_json(const struct show *show, enum group_key key,
			     const struct groups *groups)
{
	json_t *array = json_array();

	for (size_t i = 0; i < groups->count; i++)
		array = json_append(array, group_json(show, key,
						      &groups->list[i]));
	return json_print(json_pack("{s:s, s:o}", "by", group_name(key),
				    "groups", array),
			  stdout, JSON_INDENT(2));
}

static void add_key(struct table *table, const struct show *show,
		    enum group_key key, const struct group *group)
{
	switch (key) {
	case GROUP_CGROUP:
		add_cgroup(table, show, group->number);
		break;
	case GROUP_UID:
		table_number_or_none(table, group->number);
		break;
	case GROUP_NETNS:
		table_number_or_none(table, group->number);
		table_text(table, netns_name(&show->names, group->number));
		break;
	case GROUP_PROCESS:
	case GROUP_LISTENER:
		table_number_or_none(table, group->number);
		table_text(table, group->text);
		break;
	default:
		table_text(table, group->text);
		break;
	}
}

static int print_groups_table(const struct show *show, enum group_key key,
			      const struct groups *groups)
{
	static const struct table_column fixed[] = {
		{ "POOL", false }, { "PAGES", true }, { "MIB", true },
		{ "SOCKETS", true },
	};
	static const struct table_column keys[GROUP_KEYS][2] = {
		[GROUP_PROCESS] = { { "PID", true }, { "COMM", false } },
		[GROUP_CLASS] = { { "CLASS", false } },
		[GROUP_STATE] = { { "STATE", false } },
		[GROUP_NETNS] = { { "NETNS", true }, { "NAME", false } },
		[GROUP_CGROUP] = { { "CGROUP", false } },
		[GROUP_LISTENER] = { { "NETNS", true }, { "LISTENER", false } },
		[GROUP_UID] = { { "UID", true } },
	};
	struct table table;
	int status;

	table_init(&table, fixed, ARRAY_SIZE(fixed));
	for (size_t i = 0; i < 2 && keys[key][i].name; i++)
		table_column(&table, &keys[key][i]);
	for (size_t i = 0; i < groups->count; i++) {
		const struct group *group = &groups->list[i];

		table_row(&table);
		table_text(&table, group->pool);
		table_number(&table, group->pages);
		table_mib(&table, (double)group->bytes);
		table_number(&table, group->sockets);
		add_key(&table, show, key, group);
	}
	status = table_print(&table, stdout);
	table_free(&table);
	return status;
}

static int print_groups(const struct show *show, enum group_key key,
			bool json)
{
	struct groups groups;
	int status = groups_make(&groups, key, show->books, show->n_books);

	if (!status)
		status = json ? print_groups_json(show, key, &groups) :
				print_groups_table(show, key, &groups);
	groups_free(&groups);
	return status;
}

static int print_books(const struct books *books, size_t n_books,
		       enum group_key key, bool json, char **error)
{
	struct show show = { .books = books, .n_books = n_books };
	int status = cgroups_read(&show.cgroups, error);

	if (!status)
		status = netns_names_read(&show.names, error);
	if (!status && (key == GROUP_KEYS ? print_owners(&show, json) :
					    print_groups(&show, key, json)))
		status = error_set(error, ENOMEM, "not enough memory");
	cgroups_free(&show.cgroups);
	netns_names_free(&show.names);
	return status;
}

static int set_key(void *target, int option, char **error)
{
	enum group_key *key = target;

	(void)option;
	*key = group_find(optarg);
	if (*key != GROUP_KEYS)
		return 0;
	return error_set(error, EINVAL,
			 "cannot group by '%s': there is process class state netns cgroup listener uid",
			 optarg);
}

static enum exit_status run(int argc, char **argv)
{
	enum group_key key = GROUP_KEYS;
	struct reading reading = { .set = set_key, .target = &key };
	enum exit_status status;
	struct books *books;
	size_t count;
	char *error;

	if (!command_reading(&reading, argc, argv, options, help, &status))
		return status;
	if (books_read_pools(&books, &count, reading.pool,
			     key == GROUP_KEYS ? "owners" : group_file(key),
			     reading.live, &error)) {
		error_report(&error);
		return EXIT_USAGE;
	}
	if (print_books(books, count, key, reading.json, &error)) {
		error_report(&error);
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
