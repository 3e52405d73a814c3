// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "error.h"
#include "explain.h"
#include "sockstat.h"
#include "table.h"
#include "text.h"
#include "witness.h"

/* The screen: 24 lines of 100 columns. */
#define COLUMNS 100
#define OWNERS_SHOWN 4
#define GROUPS_SHOWN 2

/* Everything that the screen is made from. */
struct explain {
	struct sockstat stat;
	struct books books;	/* the owners of pool tcp */
	const struct books_pool *pool;
	struct witness witness;
	char *witness_error;	/* why there is no witness, or NULL */
	FILE *screen;
};

static double mib(const struct explain *explain, long long pages)
{
	return (double)explain->books.header.page_size * (double)pages /
	       (1024 * 1024);
}

static void print_sockstat(const struct explain *explain)
{
	const struct sockstat *stat = &explain->stat;

	fprintf(explain->screen,
		"What /proc/net/sockstat shows\n"
		"  TCP: inuse %lld orphan %lld tw %lld alloc %lld mem %lld (%.1f MiB); TCP6: inuse %lld\n\n",
		stat->inuse, stat->orphan, stat->tw, stat->alloc, stat->mem,
		mib(explain, stat->mem), stat->inuse6);
}

static void print_charged(const struct explain *explain)
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
	fprintf(explain->screen,
		"What is really charged\n"
		"  %lld pages in the counter %s %lld that the CPUs %s = %lld pages (%.1f MiB)\n"
		"  %lld pages charged to %lld sockets%s; unaccounted: %lld pages\n"
		"  %.1f MiB unread in receive queues, %.1f MiB in write queues, %.1f MiB forward alloc\n\n",
		pool->memory_allocated_pages, percpu < 0 ? "-" : "+",
		llabs(percpu), percpu < 0 ? "hold in reserve" : "owe it", sum,
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
static void print_other_owners(const struct explain *explain, size_t first)
{
	const struct books *books = &explain->books;
	long long sockets = 0, pages = 0;

	if (first == books->n_owners)
		return;
	for (size_t i = first; i < books->n_owners; i++) {
		sockets += books->owners[i].charge.sockets;
		pages += books->owners[i].charge.pages;
	}
	fprintf(explain->screen,
		"  and %zu more: %lld pages, %lld sockets: see 'skbalance owners'\n",
		books->n_owners - first, pages, sockets);
}

static int print_owners(const struct explain *explain)
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
	fprintf(explain->screen, "Who holds it\n%s", text);
	free(text);
	print_other_owners(explain, shown);
	putc('\n', explain->screen);
	return 0;
}

static int print_group(const struct explain *explain,
		       const struct witness_group *group)
{
	char *who = format_who(group->example->comm, group->example->pid,
			       group->example->holders.count);

	if (!who)
		return -ENOMEM;
	fprintf(explain->screen, "  %lld pages, %lld sockets of %s: %s\n",
		witness_pages(&explain->witness, &group->tally),
		group->tally.sockets, who,
		witness_reason_text(group->reason));
	free(who);
	return 0;
}

static int print_unseen(const struct explain *explain)
{
	const struct witness *witness = &explain->witness;
	struct witness_tally seen = { 0 };

	for (unsigned int i = 0; i < BOOKS_CLASSES; i++) {
		seen.sockets += witness->seen[i].sockets;
		seen.bytes += witness->seen[i].bytes;
	}
	fprintf(explain->screen,
		"  It sees %lld sockets with %lld pages, and cannot see %lld sockets with %lld pages\n",
		seen.sockets, witness_pages(witness, &seen),
		witness->unseen.sockets,
		witness_pages(witness, &witness->unseen));
	for (size_t i = 0; i < witness->n_groups; i++) {
		if (i == GROUPS_SHOWN) {
			fprintf(explain->screen,
				"  and more: see 'skbalance witness'\n");
			break;
		}
		if (print_group(explain, &witness->groups[i]))
			return -ENOMEM;
	}
	return 0;
}

static int print_witness(const struct explain *explain)
{
	const struct witness *witness = &explain->witness;
	int status = 0;

	fprintf(explain->screen, "%s\n", witness->unseen.sockets ?
		"Why ss cannot see it" : "What ss can see");
	if (explain->witness_error)
		fprintf(explain->screen, "  %s\n", explain->witness_error);
	else
		status = print_unseen(explain);
	if (!explain->witness_error &&
	    witness->verdict == WITNESS_CONTRADICTS)
		fprintf(explain->screen,
			"  It contradicts the books: see 'skbalance witness'\n");
	putc('\n', explain->screen);
	return status;
}

static void print_imbalance(const struct explain *explain)
{
	long long pages = explain->pool->unaccounted_pages;

	if (pages > 0)
		fprintf(explain->screen,
			"%lld pages (%.1f MiB) are charged to no socket: the kernel lost them.\n",
			pages, mib(explain, pages));
	else if (pages < 0)
		fprintf(explain->screen,
			"sockets hold %lld pages that the counter lacks: given back twice.\n",
			-pages);
	else
		fprintf(explain->screen, "the kernel's books disagree.\n");
}

static int print_verdict(const struct explain *explain)
{
	const struct books_pool *pool = explain->pool;
	char *reason = text_escape(pool->reason);

	if (!reason)
		return -ENOMEM;
	fprintf(explain->screen, "Verdict: %s: ",
		books_verdict_name(pool->verdict));
	if (pool->verdict == BOOKS_BALANCED)
		fprintf(explain->screen,
			"nothing is lost, every page has an owner.\n");
	else if (pool->verdict == BOOKS_IMBALANCED)
		print_imbalance(explain);
	else
		fprintf(explain->screen, "nobody can tell from this reading.\n");
	fprintf(explain->screen, "  (%s)\n", reason);
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

static int print_screen(struct explain *explain, FILE *out)
{
	char *text = NULL;
	size_t size;
	int status;

	explain->screen = open_memstream(&text, &size);
	if (!explain->screen)
		return -ENOMEM;
	print_sockstat(explain);
	print_charged(explain);
	status = print_owners(explain);
	if (!status)
		status = print_witness(explain);
	if (!status)
		status = print_verdict(explain);
	if (fclose(explain->screen) != 0)
		status = -ENOMEM;
	if (!status)
		print_cut(out, text);
	free(text);
	return status;
}

static int read_all(struct explain *explain, bool live, char **error)
{
	int status = sockstat_read(&explain->stat, error);

	if (!status)
		status = books_read(&explain->books, "tcp", "owners", live,
				    error);
	if (status)
		return status;
	explain->pool = books_find_pool(&explain->books, "tcp");
	if (!explain->pool)
		return error_set(error, EPROTO,
				 "the module's text about pool tcp is about another one");
	/* what ss sees is worth a line, but not all depends on it */
	if (witness_read(&explain->witness, live, &explain->witness_error) &&
	    !explain->witness_error)
		return error_set(error, ENOMEM, "not enough memory");
	return 0;
}

int explain_print(FILE *out, bool live, enum books_verdict *verdict,
		  char **error)
{
	struct explain explain = { .stat = { 0 } };
	int status = read_all(&explain, live, error);

	if (!status) {
		*verdict = explain.pool->verdict;
		if (print_screen(&explain, out))
			status = error_set(error, ENOMEM,
					   "not enough memory");
	}
	books_free(&explain.books);
	witness_free(&explain.witness);
	free(explain.witness_error);
	return status;
}
