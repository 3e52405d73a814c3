// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "array.h"
#include "error.h"
#include "fractional.h"
#include "json.h"
#include "table.h"

int fractional_read(struct books **list, const struct books *balance, bool live,
		    char **error)
{
	int status = 0;

	*list = calloc(balance->n_pools + 1, sizeof(**list));
	if (!*list)
		return error_set(error, ENOMEM, "not enough memory");
	for (size_t i = 0; !status && i < balance->n_pools; i++)
		if (balance->pools[i].fractional_sockets)
			status = books_read(&(*list)[i], balance->pools[i].name,
					    "sockets", live, error);
	return status;
}

static json_t *socket_json(const struct books_socket *socket)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:I, s:o}",
			 "protocol", json_text(socket->protocol),
			 "state", json_text(socket->state),
			 "local", json_text(socket->local),
			 "remote", json_text(socket->remote),
			 "inode", socket->inode,
			 "pid", json_number_or_none(socket->pid),
			 "comm", json_text(socket->comm),
			 "charged_bytes", socket->charged_bytes,
			 "flags", json_text(socket->flags));
}

json_t *fractional_json(const struct books *books)
{
	json_t *array = json_array();

	for (size_t i = 0; i < books->n_sockets; i++)
		if (books_socket_is(&books->sockets[i], "fractional"))
			array = json_append(array,
					    socket_json(&books->sockets[i]));
	return array;
}

static void add_socket(struct table *table, const struct books_socket *socket)
{
	table_row(table);
	table_text(table, socket->protocol);
	table_text(table, socket->state);
	table_text(table, socket->local);
	table_text(table, socket->remote);
	table_number(table, socket->inode);
	table_number_or_none(table, socket->pid);
	table_text(table, socket->comm);
	table_number(table, socket->charged_bytes);
	table_text(table, socket->flags);
}

int fractional_print(const struct books *books)
{
	static const struct table_column columns[] = {
		{ "PROTOCOL", false }, { "STATE", false }, { "LOCAL", false },
		{ "REMOTE", false }, { "INODE", true }, { "PID", true },
		{ "COMM", false }, { "CHARGED", true }, { "FLAGS", false },
	};
	struct table table;
	size_t found = 0;
	int status = 0;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < books->n_sockets; i++) {
		if (!books_socket_is(&books->sockets[i], "fractional"))
			continue;
		add_socket(&table, &books->sockets[i]);
		found++;
	}
	if (found)
		status = table_print(&table, stdout);
	table_free(&table);
	return status;
}
