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

/* Together with all other lines these make 24, of 100 columns. */
#define OWNERS_SHOWN 3
#define GROUPS_SHOWN 2
#define COLUMNS 100

static double mib(const struct explain *explain, long long pages)
{
	return (double)explain->books->header.page_size * (double)pages /
	       (1024 * 1024);
}

/* Whether the screen says anything about the pool, which is not tcp. */
static bool is_worth_a_line(const struct books_pool *pool)
{
	return pool->charged_pages || pool->unaccounted_pages ||
	       pool->verdict != BOOKS_BALANCED;
}

static bool has_other_pools(const struct explain *explain)
{
	for (size_t i = 0; i < explain->n_books; i++)
		if (explain->books[i].pools != explain->pool &&
		    is_worth_a_line(explain->books[i].pools))
			return true;
	return false;
}

/* How many are allocated and found by the tracker only, or not at all. */
static long long unreachable(const struct explain *explain)
{
	long long tracked = 0, missing = 0;

	for (size_t i = 0; i < explain->n_owners; i++)
		if (explain->owners[i]->class == BOOKS_CLASS_UNREACHABLE)
			tracked += explain->owners[i]->charge.sockets;
	for (size_t i = 0; i < explain->n_books; i++) {
		const struct books_pool *pool = explain->books[i].pools;

		if (pool->sockets_allocated > pool->sockets_found)
			missing += pool->sockets_allocated -
				   pool->sockets_found;
	}
	return tracked > missing ? tracked : missing;
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

	for (size_t i = 0; i < explain->n_owners; i++) {
		const struct books_charge *charge = &explain->owners[i]->charge;

		if (strcmp(explain->owners[i]->pool, pool->name) != 0)
			continue;
		receive += (double)charge->receive_queue_bytes;
		write += (double)charge->write_queue_bytes;
		forward += (double)charge->forward_alloc_bytes;
	}
	fprintf(screen,
		"What is really charged\n"
		"  %lld pages in the counter %s %lld that the CPUs %s = %lld pages (%.1f MiB)\n"
		"  %lld pages charged to %lld sockets%s; unaccounted: %lld pages\n"
		"  %.1f MiB unread in receive queues, %.1f MiB in write queues, %.1f MiB forward alloc\n",
		pool->memory_allocated_pages, percpu < 0 ? "-" : "+",
		llabs(percpu), percpu < 0 ? "hold in reserve" :
						"have yet to add", sum,
		mib(explain, sum), pool->charged_pages, pool->sockets_found,
		pool->sockets_found == pool->sockets_allocated ?
			", all that are allocated" : "",
		pool->unaccounted_pages, receive / (1 << 20),
		write / (1 << 20), forward / (1 << 20));
}

/* The other pools that something is charged to, as one line. */
static void print_other_pools(FILE *screen, const struct explain *explain)
{
	const char *separator = "  ";

	for (size_t i = 0; i < explain->n_books; i++) {
		const struct books_pool *pool = explain->books[i].pools;

		if (pool == explain->pool || !is_worth_a_line(pool))
			continue;
		fprintf(screen,
			"%s%s: %lld pages charged to %lld socket%s, unaccounted: %lld",
			separator, pool->name, pool->charged_pages,
			pool->sockets_found, pool->sockets_found == 1 ? "" : "s",
			pool->unaccounted_pages);
		separator = "; ";
	}
	if (has_other_pools(explain))
		putc('\n', screen);
	putc('\n', screen);
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

static const char *what_class(const struct books_owner *owner)
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
		[BOOKS_CLASS_ABANDONED] = "left behind: nobody can close them",
	};

	if (owner->class != BOOKS_CLASS_FD_IN_FLIGHT || !owner->via)
		return texts[owner->class];
	return strcmp(owner->via, "scm") == 0 ?
		"descriptor in a message that is not read" :
		"descriptor registered with io_uring";
}

/* Who closed an orphan is not recorded, but whose it was. */
static int add_origin(char **what, const struct explain *explain,
		      const struct books_owner *owner)
{
	const char *path = cgroups_path(&explain->cgroups, owner->cgroup);
	char *plain = *what;
	int length;

	if (owner->class != BOOKS_CLASS_ORPHAN ||
	    (owner->uid <= 0 && owner->cgroup <= CGROUP_ROOT_ID))
		return 0;
	length = asprintf(what, "%s (uid %lld%s%s)", plain, owner->uid,
			  path ? ", cgroup " : "", path ? path : "");
	free(plain);
	return length;
}

/* What the owner's sockets are, in plain words; as format_who(). */
static char *format_what(const struct explain *explain,
			 const struct books_owner *owner)
{
	bool tcp = strcmp(owner->pool, explain->pool->name) == 0;
	const char *pool = tcp ? "" : owner->pool;
	const char *colon = tcp ? "" : ": ";
	char *what;
	int length;

	if (owner->class == BOOKS_CLASS_ACCEPT_QUEUE)
		length = asprintf(&what,
				  "%s%snot accepted on %s, for up to %.1f s",
				  pool, colon,
				  owner->listener ? owner->listener : "?",
				  (double)owner->longest_wait_ms / 1000);
	else
		length = asprintf(&what, "%s%s%s", pool, colon,
				  !tcp && owner->class == BOOKS_CLASS_OPEN ?
					"open sockets" : what_class(owner));
	if (length >= 0)
		length = add_origin(&what, explain, owner);
	return length < 0 ? NULL : what;
}

static void add_owner(const struct explain *explain, struct table *table,
		      const struct books_owner *owner)
{
	char *who = format_who(owner->comm, owner->pid,
			       owner->holders.count);
	char *what = format_what(explain, owner);

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
	long long sockets = 0, pages = 0;

	if (first == explain->n_owners)
		return;
	for (size_t i = first; i < explain->n_owners; i++) {
		sockets += explain->owners[i]->charge.sockets;
		pages += explain->owners[i]->charge.pages;
	}
	fprintf(screen,
		"  and %zu more: %lld pages, %lld sockets: see 'skbalance owners'\n",
		explain->n_owners - first, pages, sockets);
}

/* Who made one of those sockets, which nothing leads to. */
static int print_birth(FILE *screen, const struct explain *explain)
{
	const struct books *births = &explain->births;

	for (size_t i = 0; i < births->n_sockets; i++) {
		const struct books_birth *birth = births->sockets[i].birth;
		char *who, *stack;

		if (births->sockets[i].class != BOOKS_CLASS_UNREACHABLE ||
		    !birth)
			continue;
		who = format_who(birth->comm, birth->pid, 1);
		if (!who)
			return -ENOMEM;
		stack = text_escape(birth->stack ? birth->stack : "?");
		if (stack)
			fprintf(screen, ", one made by %s %.1f s ago: %s", who,
				(double)birth->age_ms / 1000, stack);
		free(who);
		free(stack);
		if (!stack)
			return -ENOMEM;
		break;
	}
	return 0;
}

/* One line, if there are sockets in no table and no descriptor table. */
static int print_unreachable(FILE *screen, const struct explain *explain)
{
	long long sockets = unreachable(explain);
	int status = 0;

	if (!sockets)
		return 0;
	fprintf(screen, "  unreachable: %lld socket%s", sockets,
		sockets == 1 ? "" : "s");
	if (explain->books->header.track)
		status = print_birth(screen, explain);
	else
		fprintf(screen,
			": load the module with track=1 to see who makes such");
	putc('\n', screen);
	return status;
}

static int print_owners(FILE *screen, const struct explain *explain)
{
	static const struct table_column columns[] = {
		{ "", false }, { "PAGES", true }, { "MIB", true },
		{ "SOCKETS", true }, { "WHO", false }, { "WHAT", false },
	};
	size_t shown = OWNERS_SHOWN - has_other_pools(explain) -
		       !!unreachable(explain);
	struct table table;
	char *text;

	if (shown > explain->n_owners)
		shown = explain->n_owners;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < shown; i++)
		add_owner(explain, &table, explain->owners[i]);
	text = table_format(&table);
	table_free(&table);
	if (!text)
		return -ENOMEM;
	fprintf(screen, "Who holds it\n%s\n",
		shown ? text : "  nobody: there is no socket");
	free(text);
	print_other_owners(screen, explain, shown);
	if (print_unreachable(screen, explain))
		return -ENOMEM;
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
	const struct books_owner *owner;
	char *who;

	if (!explain->n_owners)
		return 0;
	owner = explain->owners[0];
	if (owner->charge.pages <= 0)
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
	long long pages = explain->worst->unaccounted_pages;

	if (explain->worst != explain->pool)
		fprintf(screen, "%s: ", explain->worst->name);
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

static int print_reason(FILE *screen, const char *text)
{
	char *reason = text_escape(text);

	if (!reason)
		return -ENOMEM;
	fprintf(screen, "  (%s)\n", reason);
	free(reason);
	return 0;
}

/* The first of the most severe ones: the pools are all right. */
static int print_counter(FILE *screen, const struct explain *explain)
{
	const struct books_counter *counter = explain->counters.counters;
	enum books_verdict worst = books_worst(&explain->counters);

	while (counter->verdict != worst)
		counter++;
	fprintf(screen,
		"the counter %s%s%s says %lld, found %lld: see 'skbalance balance'.\n",
		counter->name, counter->protocol ? " of " : "",
		counter->protocol ? counter->protocol : "", counter->kernel,
		counter->census);
	return print_reason(screen, counter->reason ? counter->reason : "?");
}

static int print_verdict(FILE *screen, const struct explain *explain)
{
	const struct books_pool *pool = explain->worst;
	enum books_verdict verdict = explain_verdict(explain);

	fprintf(screen, "Verdict: %s: ", books_verdict_name(verdict));
	if (verdict == BOOKS_BALANCED) {
		fprintf(screen, "nothing is lost, every page has an owner.\n");
		return print_release(screen, explain);
	}
	if (pool->verdict != verdict)
		return print_counter(screen, explain);
	if (verdict == BOOKS_IMBALANCED)
		print_imbalance(screen, explain);
	else
		fprintf(screen, "nobody can tell from this reading.\n");
	return print_reason(screen, pool->reason);
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
	print_other_pools(screen, explain);
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

	for (size_t i = 0; i < count; i++)
		array = json_append(array, make(explain, i));
	return array;
}

static json_t *owner_at(const struct explain *explain, size_t i)
{
	return json_owner(explain->owners[i], &explain->cgroups);
}

static json_t *unseen_at(const struct explain *explain, size_t i)
{
	return json_unseen(&explain->witness, i);
}

static json_t *pool_at(const struct explain *explain, size_t i)
{
	const struct books_pool *pool = explain->books[i].pools;

	return json_pack("{s:o, s:I, s:I, s:I, s:o, s:s, s:o}",
			 "pool", json_text(pool->name),
			 "charged_pages", pool->charged_pages,
			 "unaccounted_pages", pool->unaccounted_pages,
			 "sockets_found", pool->sockets_found,
			 "sockets_allocated",
			 json_number_or_none(pool->sockets_allocated),
			 "verdict", books_verdict_name(pool->verdict),
			 "reason", json_text(pool->reason));
}

int explain_write_json(const struct explain *explain, FILE *out)
{
	const struct books_pool *pool = explain->pool;
	size_t unseen = explain->witness_error ? 0 : explain->witness.n_groups;

	return json_print(json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:s, s:o}",
				    "page_size",
				    explain->books->header.page_size,
				    "sockstat", sockstat_json(&explain->stat),
				    "memory_allocated_pages",
				    pool->memory_allocated_pages,
				    "percpu_pages", pool->percpu_pages,
				    "charged_pages", pool->charged_pages,
				    "unaccounted_pages",
				    pool->unaccounted_pages,
				    "sockets_found", pool->sockets_found,
				    "pools",
				    array_json(explain, explain->n_books,
					       pool_at),
				    "owners",
				    array_json(explain, explain->n_owners,
					       owner_at),
				    "unseen",
				    array_json(explain, unseen, unseen_at),
				    "witness_error",
				    json_text(explain->witness_error),
				    "verdict",
				    books_verdict_name(explain_verdict(explain)),
				    "reason",
				    json_text(explain->worst->reason)),
			  out, JSON_INDENT(2));
}

enum books_verdict explain_verdict(const struct explain *explain)
{
	enum books_verdict counters = books_worst(&explain->counters);

	return counters > explain->worst->verdict ? counters :
						    explain->worst->verdict;
}

int explain_sort(struct explain *explain, char **error)
{
	for (size_t i = 0; i < explain->n_books && !explain->pool; i++)
		explain->pool = books_find_pool(&explain->books[i], "tcp");
	if (!explain->pool)
		return error_set(error, EPROTO, "the module has no pool tcp");
	explain->worst = explain->pool;
	for (size_t i = 0; i < explain->n_books; i++)
		if (explain->books[i].pools->verdict > explain->worst->verdict)
			explain->worst = explain->books[i].pools;
	explain->owners = books_sort_owners(explain->books, explain->n_books,
					    &explain->n_owners);
	if (!explain->owners)
		return error_set(error, ENOMEM, "not enough memory");
	return 0;
}

/* The sockets of the first pool that has such, to see who made them. */
static int read_births(struct explain *explain, bool live, char **error)
{
	for (size_t i = 0; i < explain->n_owners; i++)
		if (explain->owners[i]->class == BOOKS_CLASS_UNREACHABLE)
			return books_read(&explain->births,
					  explain->owners[i]->pool, "sockets",
					  live, error);
	return 0;
}

static int read_books(struct explain *explain, bool live, char **error)
{
	int status = books_read_pools(&explain->books, &explain->n_books,
				      NULL, "owners", live, error);

	if (!status)
		status = explain_sort(explain, error);
	if (!status)
		status = read_births(explain, live, error);
	if (!status)
		status = books_read(&explain->counters, NULL, "counters",
				    live, error);
	return status;
}

int explain_read(struct explain *explain, bool live, char **error)
{
	int status;

	*explain = (struct explain){ 0 };
	status = sockstat_read(&explain->stat, error);
	if (!status)
		status = read_books(explain, live, error);
	if (!status)
		status = cgroups_read(&explain->cgroups, error);
	if (status)
		return status;
	/* without it one section is missing, not everything */
	if (witness_read(&explain->witness, live, &explain->witness_error) &&
	    !explain->witness_error)
		return error_set(error, ENOMEM, "not enough memory");
	return 0;
}

void explain_free(struct explain *explain)
{
	books_free_pools(explain->books, explain->n_books);
	free(explain->owners);
	books_free(&explain->counters);
	books_free(&explain->births);
	cgroups_free(&explain->cgroups);
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
		*verdict = explain_verdict(&explain);
		if (json ? explain_write_json(&explain, out) :
			   explain_write(&explain, out))
			status = error_set(error, ENOMEM,
					   "not enough memory");
	}
	explain_free(&explain);
	return status;
}
