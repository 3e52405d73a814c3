// SPDX-License-Identifier: GPL-2.0-only
#include "array.h"
#include "scenario.h"
#include "score.h"
#include "table.h"

void score_rest(struct score *score, enum books_verdict verdict)
{
	if (verdict > score->at_rest)
		score->at_rest = verdict;
}

void score_load(struct score *score, enum books_verdict verdict)
{
	score->readings++;
	score->balanced += verdict == BOOKS_BALANCED;
	if (verdict > score->under_load)
		score->under_load = verdict;
}

static const char *at_rest(const struct score *score)
{
	if (score->failed)
		return "failed";
	return score->passed ? books_verdict_name(score->at_rest) : "skip";
}

/* "20/20", or "0/20 incomplete". */
static const char *under_load(const struct score *score, char *text,
			      size_t size)
{
	bool all = score->under_load == BOOKS_BALANCED;

	if (!score->readings)
		return "-";
	snprintf(text, size, "%u/%u%s%s", score->balanced, score->readings,
		 all ? "" : " ",
		 all ? "" : books_verdict_name(score->under_load));
	return text;
}

/* Nobody counts the sockets of UDP. */
static const char *hidden(const struct score *score, char *text, size_t size)
{
	const struct blindspot *spot = &score->blindspot;

	if (!score->asked)
		return "-";
	if (spot->sockets)
		snprintf(text, size, "%lld socket%s, %lld page%s",
			 spot->sockets, spot->sockets == 1 ? "" : "s",
			 spot->pages, spot->pages == 1 ? "" : "s");
	else if (spot->pages)
		snprintf(text, size, "%lld page%s", spot->pages,
			 spot->pages == 1 ? "" : "s");
	else
		return "none";
	return text;
}

static void add_row(struct table *table, const struct score *score)
{
	char text[96];

	table_row(table);
	table_text(table, score->scenario->name);
	table_text(table, scenario_protocol(score->scenario));
	table_text(table, at_rest(score));
	table_text(table, under_load(score, text, sizeof(text)));
	table_text(table, hidden(score, text, sizeof(text)));
	table_text(table, score->scenario->summary);
}

int score_print(const struct score *scores, size_t count, FILE *out)
{
	static const struct table_column columns[] = {
		{ "SCENARIO", false }, { "PROTOCOL", false },
		{ "AT REST", false }, { "UNDER LOAD", false },
		{ "HIDDEN FROM SS", false }, { "WHAT HAPPENS", false },
	};
	struct table table;
	int status;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < count; i++)
		add_row(&table, &scores[i]);
	status = table_print(&table, out);
	table_free(&table);
	return status;
}
