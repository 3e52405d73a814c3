// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "books.h"
#include "command.h"
#include "error.h"
#include "json.h"
#include "table.h"
#include "witness.h"

#define DISPUTES_SHOWN 20

static const char help[] =
	"Usage: skbalance witness [OPTION...]\n"
	"Ask sock_diag, as ss does, in every network namespace; show side by side what it\n"
	"sees and what the books of pool tcp say, and name what it cannot see.\n\n"
	COMMAND_HELP_READING "\n"
	"sock_diag also counts error queues and zerocopy data, which are not charged.\n\n"
	"Exit status: 0 it agrees on all that it can see, 1 it contradicts, 2 wrong usage or\n"
	"environment, 3 undetermined: it did not settle.";

static const struct option options[] = {
	COMMAND_LIVE, COMMAND_MAX_PAUSE, COMMAND_JSON, COMMAND_HELP, COMMAND_END
};

static const char *const verdict_names[] = {
	[WITNESS_AGREES] = "agrees",
	[WITNESS_UNSETTLED] = "unsettled",
	[WITNESS_CONTRADICTS] = "contradicts",
};

static const char *const dispute_names[] = {
	[WITNESS_UNSEEN] = "in the books, not seen",
	[WITNESS_UNBOOKED] = "seen, not in the books",
	[WITNESS_DIFFERS] = "other bytes",
};

static json_t *tally_json(const struct witness *witness,
			  const struct witness_tally *tally)
{
	return json_pack("{s:I, s:I, s:I}",
			 "sockets", tally->sockets,
			 "pages", witness_pages(witness, tally),
			 "bytes", tally->bytes);
}

/* An array of count values, made one by one. */
static json_t *array_json(const struct witness *witness, size_t count,
			  json_t *(*make)(const struct witness *witness,
					  size_t i))
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		array = json_append(array, make(witness, i));
	return array;
}

static json_t *class_json(const struct witness *witness, size_t i)
{
	return json_pack("{s:s, s:o, s:o}",
			 "class", books_class_name((enum books_class)i),
			 "books", tally_json(witness, &witness->booked[i]),
			 "sock_diag", tally_json(witness, &witness->seen[i]));
}

static json_t *dispute_json(const struct witness *witness, size_t i)
{
	const struct witness_dispute *dispute = &witness->disputes[i];
	char local[ENDPOINT_TEXT_SIZE], remote[ENDPOINT_TEXT_SIZE];

	return json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:I}",
			 "dispute", dispute_names[dispute->kind],
			 "netns", (json_int_t)dispute->netns,
			 "local", endpoint_format(&dispute->local, local),
			 "remote", endpoint_format(&dispute->remote, remote),
			 "inode", (json_int_t)dispute->inode,
			 "book_bytes", dispute->book_bytes,
			 "sock_diag_bytes", dispute->seen_bytes);
}

static json_t *gap_json(const struct witness *witness, size_t i)
{
	const struct sockdiag_gap *gap = &witness->diag.gaps[i];

	return json_pack("{s:I, s:s}", "netns", (json_int_t)gap->netns,
			 "error", strerror(gap->code));
}

static int print_json(const struct witness *witness)
{
	const struct sockdiag *diag = &witness->diag;

	return json_print(json_pack("{s:s, s:I, s:I, s:b, s:I, s:o, s:o, s:o, s:o, s:I, s:o, s:o}",
				    "verdict", verdict_names[witness->verdict],
				    "rounds", (json_int_t)witness->rounds,
				    "namespaces",
				    (json_int_t)diag->n_namespaces,
				    "interrupted", diag->interrupted,
				    "mini_sockets",
				    (json_int_t)diag->mini_sockets,
				    "classes", array_json(witness, BOOKS_CLASSES,
							  class_json),
				    "unseen", tally_json(witness,
							 &witness->unseen),
				    "unseen_groups",
				    array_json(witness, witness->n_groups,
					       json_unseen),
				    "unbooked", tally_json(witness,
							   &witness->unbooked),
				    "moving", (json_int_t)witness->moving,
				    "disputes",
				    array_json(witness, witness->n_disputes,
					       dispute_json),
				    "gaps", array_json(witness, diag->n_gaps,
						       gap_json)),
			  stdout, JSON_INDENT(2));
}

static void add_tallies(struct table *table, const struct witness *witness,
			const char *name, const struct witness_tally *booked,
			const struct witness_tally *seen)
{
	table_row(table);
	table_text(table, name);
	table_number(table, booked->sockets);
	table_number(table, witness_pages(witness, booked));
	table_number(table, seen->sockets);
	table_number(table, witness_pages(witness, seen));
}

static void add_tally(struct witness_tally *sum,
		      const struct witness_tally *tally)
{
	sum->sockets += tally->sockets;
	sum->bytes += tally->bytes;
}

/* Side by side, by class and in total. */
static int print_classes(const struct witness *witness)
{
	static const struct table_column columns[] = {
		{ "CLASS", false }, { "BOOKS:SOCKETS", true },
		{ "PAGES", true }, { "SOCK_DIAG:SOCKETS", true },
		{ "PAGES", true },
	};
	struct witness_tally booked = { 0 }, seen = { 0 };
	struct table table;
	int status;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (unsigned int i = 0; i < BOOKS_CLASSES; i++) {
		add_tally(&booked, &witness->booked[i]);
		add_tally(&seen, &witness->seen[i]);
		if (witness->booked[i].sockets || witness->seen[i].sockets)
			add_tallies(&table, witness, books_class_name(i),
				    &witness->booked[i], &witness->seen[i]);
	}
	add_tallies(&table, witness, "total", &booked, &seen);
	status = table_print(&table, stdout);
	table_free(&table);
	return status;
}

static int print_groups(const struct witness *witness)
{
	static const struct table_column columns[] = {
		{ "UNSEEN:SOCKETS", true }, { "PAGES", true },
		{ "CLASS", false }, { "PID", true }, { "COMM", false },
		{ "LISTENER", false }, { "WHY", false },
	};
	struct table table;
	int status;

	if (!witness->n_groups)
		return 0;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < witness->n_groups; i++) {
		const struct witness_group *group = &witness->groups[i];

		table_row(&table);
		table_number(&table, group->tally.sockets);
		table_number(&table, witness_pages(witness, &group->tally));
		table_text(&table, books_class_name(group->example->class));
		table_number_or_none(&table, group->example->pid);
		table_text(&table, group->example->comm);
		table_text(&table, group->example->listener);
		table_text(&table, witness_reason_text(group->reason));
	}
	putchar('\n');
	status = table_print(&table, stdout);
	table_free(&table);
	return status;
}

static void add_dispute(struct table *table,
			const struct witness_dispute *dispute)
{
	char text[ENDPOINT_TEXT_SIZE];

	table_row(table);
	table_text(table, dispute_names[dispute->kind]);
	table_text(table, endpoint_format(&dispute->local, text));
	table_text(table, endpoint_format(&dispute->remote, text));
	table_number(table, dispute->inode);
	table_number(table, dispute->netns);
	table_number(table, dispute->book_bytes);
	table_number(table, dispute->seen_bytes);
}

static int print_disputes(const struct witness *witness)
{
	static const struct table_column columns[] = {
		{ "CONTRADICTION", false }, { "LOCAL", false },
		{ "REMOTE", false }, { "INODE", true }, { "NETNS", true },
		{ "BOOKS:BYTES", true }, { "SOCK_DIAG:BYTES", true },
	};
	size_t shown = witness->n_disputes;
	struct table table;
	int status;

	if (!shown)
		return 0;
	if (shown > DISPUTES_SHOWN)
		shown = DISPUTES_SHOWN;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < shown; i++)
		add_dispute(&table, &witness->disputes[i]);
	putchar('\n');
	status = table_print(&table, stdout);
	table_free(&table);
	if (shown < witness->n_disputes)
		printf("and %zu more: see --json\n",
		       witness->n_disputes - shown);
	return status;
}

static void print_gaps(const struct sockdiag *diag)
{
	for (size_t i = 0; i < diag->n_gaps; i++)
		printf("network namespace %u cannot be entered: %s\n",
		       diag->gaps[i].netns, strerror(diag->gaps[i].code));
}

static void print_verdict(const struct witness *witness)
{
	printf("%s: ", verdict_names[witness->verdict]);
	if (witness->verdict == WITNESS_CONTRADICTS)
		printf("%zu contradictions, the same in two rounds",
		       witness->n_disputes);
	else if (witness->diag.interrupted)
		printf("the kernel interrupted each dump");
	else if (witness->verdict == WITNESS_UNSETTLED)
		printf("the sockets did not hold still in %u rounds",
		       witness->rounds);
	else
		printf("all that sock_diag sees is in the books");
	if (witness->moving)
		printf("; %zu sockets were moving", witness->moving);
	printf("; %zu network namespace%s asked\n",
	       witness->diag.n_namespaces,
	       witness->diag.n_namespaces == 1 ? "" : "s");
}

static int print_human(const struct witness *witness)
{
	int status = print_classes(witness);

	if (!status)
		status = print_groups(witness);
	if (!status)
		status = print_disputes(witness);
	putchar('\n');
	print_gaps(&witness->diag);
	print_verdict(witness);
	return status;
}

static enum exit_status exit_status(enum witness_verdict verdict)
{
	switch (verdict) {
	case WITNESS_AGREES:
		return EXIT_BALANCED;
	case WITNESS_CONTRADICTS:
		return EXIT_IMBALANCED;
	default:
		return EXIT_UNDETERMINED;
	}
}

static enum exit_status run(int argc, char **argv)
{
	struct reading reading = { 0 };
	struct witness witness;
	enum exit_status status;
	char *error;

	if (!command_reading(&reading, argc, argv, options, help, &status))
		return status;
	status = EXIT_USAGE;
	if (witness_read(&witness, reading.live, &error))
		error_report(&error);
	else if (reading.json ? print_json(&witness) : print_human(&witness))
		error_print("not enough memory");
	else
		status = exit_status(witness.verdict);
	witness_free(&witness);
	return status;
}

const struct command witness_command = {
	.name = "witness",
	.summary = "what sock_diag (ss) sees, side by side with the books",
	.run = run,
};
