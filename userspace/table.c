// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>

#include "books.h"
#include "table.h"
#include "text.h"

void table_init(struct table *table, const struct table_column *columns,
		size_t count)
{
	*table = (struct table){ .scols = scols_new_table() };
	if (!table->scols) {
		table->failed = true;
		return;
	}
	/* whole cells also on a narrow terminal */
	scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_NEVER);
	if (scols_table_set_column_separator(table->scols, "  "))
		table->failed = true;
	for (size_t i = 0; i < count; i++)
		table_column(table, &columns[i]);
}

void table_column(struct table *table, const struct table_column *column)
{
	if (!table->failed &&
	    !scols_table_new_column(table->scols, column->name, 0,
				    column->right ? SCOLS_FL_RIGHT : 0))
		table->failed = true;
}

void table_row(struct table *table)
{
	if (table->failed)
		return;
	table->row = scols_table_new_line(table->scols, NULL);
	table->failed = !table->row;
	table->column = 0;
}

/* Hands over text, which may be NULL if there was no memory for it. */
static void add_cell(struct table *table, char *text)
{
	if (!table->failed && text &&
	    !scols_line_refer_data(table->row, table->column, text)) {
		table->column++;
		return;
	}
	free(text);
	table->failed = true;
}

void table_text(struct table *table, const char *text)
{
	add_cell(table, text_escape(text ? text : "-"));
}

void table_number(struct table *table, long long number)
{
	char *text;

	if (asprintf(&text, "%lld", number) < 0)
		text = NULL;
	add_cell(table, text);
}

void table_number_or_none(struct table *table, long long number)
{
	if (number == BOOKS_NONE)
		table_text(table, NULL);
	else
		table_number(table, number);
}

void table_mib(struct table *table, double bytes)
{
	char *text;

	if (asprintf(&text, "%.2f", bytes / (1024 * 1024)) < 0)
		text = NULL;
	add_cell(table, text);
}

int table_print(struct table *table, FILE *out)
{
	if (table->failed)
		return -ENOMEM;
	scols_table_set_stream(table->scols, out);
	return scols_print_table(table->scols) ? -ENOMEM : 0;
}

char *table_format(struct table *table)
{
	char *text;

	if (table->failed ||
	    scols_print_table_to_string(table->scols, &text))
		return NULL;
	return text;
}

void table_free(struct table *table)
{
	scols_unref_table(table->scols);
}
