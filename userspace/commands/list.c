// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "array.h"
#include "command.h"
#include "error.h"
#include "json.h"
#include "scenario.h"
#include "table.h"

static const char help[] =
	"Usage: skbalance list [OPTION...]\n"
	"List the scenarios that 'skbalance run' plays.\n\n"
	"  --json  print one JSON object\n"
	"  --help  show this help\n\n"
	"Exit status: 0, or 2 for wrong usage.";

static const struct option options[] = {
	COMMAND_JSON, COMMAND_HELP, COMMAND_END
};

static int print_table(void)
{
	static const struct table_column columns[] = {
		{ "SCENARIO", false }, { "PROTOCOL", false },
		{ "CONNECTIONS", true }, { "WHAT HAPPENS", false },
	};
	struct table table;
	int status;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; scenarios[i]; i++) {
		table_row(&table);
		table_text(&table, scenarios[i]->name);
		table_text(&table, scenario_protocol(scenarios[i]));
		table_number(&table, scenarios[i]->connections);
		table_text(&table, scenarios[i]->summary);
	}
	status = table_print(&table, stdout);
	table_free(&table);
	return status;
}

static int print_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; list && scenarios[i]; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:i, s:b, s:s}",
						"scenario", scenarios[i]->name,
						"protocol",
						scenario_protocol(scenarios[i]),
						"connections",
						(int)scenarios[i]->connections,
						"only_named",
						scenarios[i]->only_named,
						"summary",
						scenarios[i]->summary));
	return json_print(json_pack("{s:o}", "scenarios", list), stdout,
			  JSON_INDENT(2));
}

static enum exit_status run(int argc, char **argv)
{
	struct reading reading = { 0 };
	enum exit_status status;

	if (!command_reading(&reading, argc, argv, options, help, &status))
		return status;
	if (reading.json ? print_json() : print_table()) {
		error_print("not enough memory");
		return EXIT_USAGE;
	}
	return EXIT_BALANCED;
}

const struct command list_command = {
	.name = "list",
	.summary = "the scenarios that can be run",
	.run = run,
};
