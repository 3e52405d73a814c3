// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "error.h"
#include "explain.h"
#include "json.h"
#include "sockstat.h"
#include "table.h"
#include "text.h"
#include "witness.h"

/* Together with the fixed lines these make 24, of 100 columns. */
#define OWNERS_SHOWN 3
#define GROUPS_SHOWN 2
#define COLUMNS 100

static double mib(const struct explain *explain, long long pages)
{
	return (double)explain->books.header.page_size * (double)pages /
	       (1024 * 1024);
}

static void print_sockstat(FILE *screen, const struct explain *explain)
{
	const struct sockstat *stat = &explain->stat;

	fprintf(screen,
		"What /proc/net/sockstat shows\n"
		"  TCP: inuse %lld orphan %lld tw %lld alloc %lld mem %lld (%.1f MiB); TCP6: inuse %lld\n\n",
		stat->inuse, stat->orphan, stat->tw, stat->alloc, stat->mem,
		mib(explain, stat->mem), stat->inuse6);
}

static void print_charged(FILE *screen, const struct explain *explain)
{
	const struct books_pool *pool = explain->pool;
	long long percpu = pool->percpu_pages;
	long long sum = pool->memory_allocated_pages + percpu;
	double receive = 0, write = 0, forward = 0;

	for (size_t i = 0; i < explain->books.n_owners; i++) {
		const struct books_charge *charge =
			&explain->books.owners[i].charge;

		receive += (double)charge->receive_queue_bytes;
		write += (double)charge->write_queue_bytes;
		forward += (double)charge->forward_alloc_bytes;
	}
	fprintf(screen,
		"What is really charged\n"
		"  %lld pages in the counter %s %lld that the CPUs %s = %lld pages (%.1f MiB)\n"
		"  %lld pages charged to %lld sockets%s; unaccounted: %lld pages\n"
		"  %.1f MiB unread in receive queues, %.1f MiB in write queues, %.1f MiB forward alloc\n\n",
		pool->memory_allocated_pages, percpu < 0 ? "-" : "+",
		llabs(percpu), percpu < 0 ? "hold in reserve" :
						"have yet to add", sum,
		mib(explain, sum), pool->charged_pages, pool->sockets_found,
		pool->sockets_found == pool->sockets_allocated ?
			", all that are allocated" : "",
		pool->unaccounted_pages, receive / (1 << 20),
		write / (1 << 20), forward / (1 << 20));
}

/* "client (pid 312)", to be freed, or NULL without memory. */
static char *format_who(const char *comm, long long pid, size_t holders)
{
	char *name = text_escape(comm ? comm : "?");
	char *who = NULL;
	int length;

	if (!name)
		return NULL;
	if (pid == BOOKS_NONE)
		length = asprintf(&who, "no process");
	else if (holders > 1)
		length = asprintf(&who, "%s (pid %lld, and %zu more)", name,
				  pid, holders - 1);
	else
		length = asprintf(&who, "%s (pid %lld)", name, pid);
	free(name);
	return length < 0 ? NULL : who;
}

/* What the owner's sockets are, in plain words; as format_who(). */
static char *format_what(const struct books_owner *owner)
{
	static const char *const texts[BOOKS_CLASSES] = {
		[BOOKS_CLASS_OPEN] = "open connections",
		[BOOKS_CLASS_LISTEN] = "listening",
		[BOOKS_CLASS_CLOSED_HELD] =
			"connection over, descriptor still open",
		[BOOKS_CLASS_ORPHAN] = "closed, the kernel is finishing",
		[BOOKS_CLASS_KERNEL] = "made by the kernel",
		[BOOKS_CLASS_FD_IN_FLIGHT] =
			"descriptor sent or registered, not open",
		[BOOKS_CLASS_UNREACHABLE] = "allocated, found nowhere",
	};
	char *what;
	int length;

	if (owner->class == BOOKS_CLASS_ACCEPT_QUEUE)
		length = asprintf(&what,
				  "not accepted on %s, for up to %.1f s",
				  owner->listener ? owner->listener : "?",
				  (double)owner->longest_wait_ms / 1000);
	else
		length = asprintf(&what, "%s", texts[owner->class]);
	return length < 0 ? NULL : what;
}

static void add_owner(const struct explain *explain, struct table *table,
		      const struct books_owner *owner)
{
	char *who = format_who(owner->comm, owner->pid,
			       owner->holders.count);
	char *what = format_what(owner);

	table_row(table);
	table_text(table, "");
	table_number(table, owner->charge.pages);
	table_mib(table, mib(explain, owner->charge.pages) * (1 << 20));
	table_number(table, owner->charge.sockets);
	table_text(table, who);
	table_text(table, what);
	free(who);
	free(what);
}

/* The owners from the first one that is not shown, as one line. */
static void print_other_owners(FILE *screen, const struct explain *explain,
			       size_t first)
{
	const struct books *books = &explain->books;
	long long sockets = 0, pages = 0;

	if (first == books->n_owners)
		return;
	for (size_t i = first; i < books->n_owners; i++) {
		sockets += books->owners[i].charge.sockets;
		pages += books->owners[i].charge.pages;
	}
	fprintf(screen,
		"  and %zu more: %lld pages, %lld sockets: see 'skbalance owners'\n",
		books->n_owners - first, pages, sockets);
}

static int print_owners(FILE *screen, const struct explain *explain)
{
	static const struct table_column columns[] = {
		{ "", false }, { "PAGES", true }, { "MIB", true },
		{ "SOCKETS", true }, { "WHO", false }, { "WHAT", false },
	};
	size_t shown = explain->books.n_owners;
	struct table table;
	char *text;

	if (shown > OWNERS_SHOWN)
		shown = OWNERS_SHOWN;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < shown; i++)
		add_owner(explain, &table, &explain->books.owners[i]);
	text = table_format(&table);
	table_free(&table);
	if (!text)
		return -ENOMEM;
	fprintf(screen, "Who holds it\n%s\n",
		shown ? text : "  nobody: there is no socket");
	free(text);
	print_other_owners(screen, explain, shown);
	putc('\n', screen);
	return 0;
}

static int print_group(FILE *screen, const struct explain *explain,
		       const struct witness_group *group)
{
	char *who = format_who(group->example->comm, group->example->pid,
			       group->example->holders.count);

	if (!who)
		return -ENOMEM;
	fprintf(screen, "  not there: %lld of %s, %lld pages: %s\n",
		group->tally.sockets, who,
		witness_pages(&explain->witness, &group->tally),
		witness_reason_text(group->reason));
	free(who);
	return 0;
}

static int print_unseen(FILE *screen, const struct explain *explain)
{
	const struct witness *witness = &explain->witness;
	struct witness_tally seen = { 0 }, booked = { 0 };
	long long nobody = witness->seen[BOOKS_CLASS_ACCEPT_QUEUE].sockets +
			   witness->seen[BOOKS_CLASS_ORPHAN].sockets;

	for (unsigned int i = 0; i < BOOKS_CLASSES; i++) {
		seen.sockets += witness->seen[i].sockets;
		seen.bytes += witness->seen[i].bytes;
		booked.sockets += witness->booked[i].sockets;
		booked.bytes += witness->booked[i].bytes;
	}
	fprintf(screen,
		"  ss reads the hash tables: %lld of %lld sockets are there, with %lld of %lld pages\n",
		seen.sockets, booked.sockets, witness_pages(witness, &seen),
		witness_pages(witness, &booked));
	if (nobody)
		fprintf(screen,
			"  %lld of those it shows without a process: never accepted, or closed by it\n",
			nobody);
	for (size_t i = 0; i < witness->n_groups && i < GROUPS_SHOWN; i++)
		if (print_group(screen, explain, &witness->groups[i]))
			return -ENOMEM;
	return 0;
}

static int print_witness(FILE *screen, const struct explain *explain)
{
	const struct witness *witness = &explain->witness;
	int status;

	fprintf(screen, "%s\n", witness->unseen.sockets ?
		"Why ss cannot see it" : "What ss can see");
	if (explain->witness_error) {
		fprintf(screen, "  %s\n\n", explain->witness_error);
		return 0;
	}
	status = print_unseen(screen, explain);
	if (witness->verdict == WITNESS_CONTRADICTS)
		fprintf(screen,
			"  It contradicts the books: see 'skbalance witness'\n");
	else if (witness->moving || witness->verdict == WITNESS_UNSETTLED)
		fprintf(screen,
			"  (roughly: %zu sockets came, went or changed meanwhile)\n",
			witness->moving + witness->n_disputes);
	putc('\n', screen);
	return status;
}

/* What must happen until the largest owner's pages come back. */
static int print_release(FILE *screen, const struct explain *explain)
{
	static const char *const texts[BOOKS_CLASSES] = {
		[BOOKS_CLASS_OPEN] = "reads what it got, its peers what it sent",
		[BOOKS_CLASS_ACCEPT_QUEUE] =
			"accepts and closes them, or closes the listener",
		[BOOKS_CLASS_CLOSED_HELD] = "closes these sockets, or exits",
	};
	const struct books_owner *owner = explain->books.owners;
	char *who;

	if (!explain->books.n_owners || owner->charge.pages <= 0)
		return 0;
	if (owner->class == BOOKS_CLASS_ORPHAN)
		fprintf(screen,
			"The largest part goes when the peers read or reset, or the kernel gives up on them.\n");
	if (!texts[owner->class])
		return 0;
	who = format_who(owner->comm, owner->pid, owner->holders.count);
	if (!who)
		return -ENOMEM;
	fprintf(screen, "The largest part goes when %s %s.\n", who,
		texts[owner->class]);
	free(who);
	return 0;
}

static void print_imbalance(FILE *screen, const struct explain *explain)
{
	long long pages = explain->pool->unaccounted_pages;

	if (pages > 0)
		fprintf(screen,
			"%lld pages (%.1f MiB) are charged to no socket: the kernel lost them.\n",
			pages, mib(explain, pages));
	else if (pages < 0)
		fprintf(screen,
			"sockets hold %lld pages that the counter lacks: given back twice.\n",
			-pages);
	else
		fprintf(screen, "the kernel's books disagree.\n");
}

static int print_verdict(FILE *screen, const struct explain *explain)
{
	const struct books_pool *pool = explain->pool;
	char *reason;

	fprintf(screen, "Verdict: %s: ", books_verdict_name(pool->verdict));
	if (pool->verdict == BOOKS_BALANCED) {
		fprintf(screen, "nothing is lost, every page has an owner.\n");
		return print_release(screen, explain);
	}
	reason = text_escape(pool->reason);
	if (!reason)
		return -ENOMEM;
	if (pool->verdict == BOOKS_IMBALANCED)
		print_imbalance(screen, explain);
	else
		fprintf(screen, "nobody can tell from this reading.\n");
	fprintf(screen, "  (%s)\n", reason);
	free(reason);
	return 0;
}

/* Prints the text with each line cut to the width of the screen. */
static void print_cut(FILE *out, char *text)
{
	for (char *line; (line = strsep(&text, "\n")) && text;) {
		size_t length = strlen(line);

		while (length && line[length - 1] == ' ')
			length--;
		if (length > COLUMNS)
			fprintf(out, "%.*s...\n", COLUMNS - 3, line);
		else
			fprintf(out, "%.*s\n", (int)length, line);
	}
}

static int print_screen(FILE *screen, const struct explain *explain)
{
	int status;

	print_sockstat(screen, explain);
	print_charged(screen, explain);
	status = print_owners(screen, explain);
	if (!status)
		status = print_witness(screen, explain);
	if (!status)
		status = print_verdict(screen, explain);
	return status;
}

int explain_write(const struct explain *explain, FILE *out)
{
	char *text = NULL;
	size_t size;
	FILE *screen = open_memstream(&text, &size);
	int status;

	if (!screen)
		return -ENOMEM;
	status = print_screen(screen, explain);
	if (fclose(screen) != 0)
		status = -ENOMEM;
	if (!status)
		print_cut(out, text);
	free(text);
	return status;
}

static json_t *sockstat_json(const struct sockstat *stat)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
			 "inuse", stat->inuse,
			 "inuse6", stat->inuse6,
			 "orphan", stat->orphan,
			 "tw", stat->tw,
			 "alloc", stat->alloc,
			 "mem_pages", stat->mem);
}

/* An array of count values; NULL without memory. */
static json_t *array_json(const struct explain *explain, size_t count,
			  json_t *(*make)(const struct explain *explain,
					  size_t i))
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++) {
		if (json_array_append_new(array, make(explain, i))) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *owner_at(const struct explain *explain, size_t i)
{
	return json_owner(&explain->books.owners[i]);
}

static json_t *unseen_at(const struct explain *explain, size_t i)
{
	return json_unseen(&explain->witness, i);
}

int explain_write_json(const struct explain *explain, FILE *out)
{
	const struct books_pool *pool = explain->pool;
	size_t unseen = explain->witness_error ? 0 : explain->witness.n_groups;

	return json_print(json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:s, s:o}",
				    "page_size",
				    explain->books.header.page_size,
				    "sockstat", sockstat_json(&explain->stat),
				    "memory_allocated_pages",
				    pool->memory_allocated_pages,
				    "percpu_pages", pool->percpu_pages,
				    "charged_pages", pool->charged_pages,
				    "unaccounted_pages",
				    pool->unaccounted_pages,
				    "sockets_found", pool->sockets_found,
				    "owners",
				    array_json(explain,
					       explain->books.n_owners,
					       owner_at),
				    "unseen",
				    array_json(explain, unseen, unseen_at),
				    "witness_error",
				    json_text(explain->witness_error),
				    "verdict",
				    books_verdict_name(pool->verdict),
				    "reason", json_text(pool->reason)),
			  out, JSON_INDENT(2));
}

int explain_read(struct explain *explain, bool live, char **error)
{
	int status;

	*explain = (struct explain){ 0 };
	status = sockstat_read(&explain->stat, error);
	if (!status)
		status = books_read(&explain->books, "tcp", "owners", live,
				    error);
	if (status)
		return status;
	explain->pool = books_find_pool(&explain->books, "tcp");
	if (!explain->pool)
		return error_set(error, EPROTO,
				 "the module's text about pool tcp is about another one");
	/* without it one section is missing, not everything */
	if (witness_read(&explain->witness, live, &explain->witness_error) &&
	    !explain->witness_error)
		return error_set(error, ENOMEM, "not enough memory");
	return 0;
}

void explain_free(struct explain *explain)
{
	books_free(&explain->books);
	witness_free(&explain->witness);
	free(explain->witness_error);
	*explain = (struct explain){ 0 };
}

int explain_print(FILE *out, bool live, bool json, enum books_verdict *verdict,
		  char **error)
{
	struct explain explain;
	int status = explain_read(&explain, live, error);

	if (!status) {
		*verdict = explain.pool->verdict;
		if (json ? explain_write_json(&explain, out) :
			   explain_write(&explain, out))
			status = error_set(error, ENOMEM,
					   "not enough memory");
	}
	explain_free(&explain);
	return status;
}
