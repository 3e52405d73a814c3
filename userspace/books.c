// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "books.h"
#include "debugfs.h"
#include "error.h"
#include "number.h"
#include "pause.h"
#include "text.h"
#include "version.h"

/* Larger numbers are refused: JSON readers cannot hold them exactly. */
#define NUMBER_LIMIT (1LL << 53)
#define PAGE_SIZE_LIMIT (1LL << 30)

static const char *const class_names[BOOKS_CLASSES] = {
	[BOOKS_CLASS_OPEN] = "open",
	[BOOKS_CLASS_LISTEN] = "listen",
	[BOOKS_CLASS_ACCEPT_QUEUE] = "accept-queue",
	[BOOKS_CLASS_CLOSED_HELD] = "closed-held",
	[BOOKS_CLASS_ORPHAN] = "orphan",
	[BOOKS_CLASS_KERNEL] = "kernel",
	[BOOKS_CLASS_FD_IN_FLIGHT] = "fd-in-flight",
	[BOOKS_CLASS_UNREACHABLE] = "unreachable",
	[BOOKS_CLASS_ABANDONED] = "abandoned",
};

static const char *const verdict_names[BOOKS_VERDICTS] = {
	[BOOKS_BALANCED] = "balanced",
	[BOOKS_IN_FLUX] = "in-flux",
	[BOOKS_INCOMPLETE] = "incomplete",
	[BOOKS_IMBALANCED] = "imbalanced",
};

static const char *const mode_names[BOOKS_MODES] = {
	[BOOKS_EXACT] = "exact",
	[BOOKS_LIVE] = "live",
};

/*
 * What is wrong with a value: NULL if nothing is. A setter may change the
 * value and keep pointers into it.
 */
typedef const char *setter(char *value, void *target);

static const char not_enough_memory[] = "not enough memory";

static const char *set_number(char *value, void *target)
{
	if (number_parse(target, value, -NUMBER_LIMIT, NUMBER_LIMIT))
		return NULL;
	return "not a number, or too large";
}

static const char *set_count(char *value, void *target)
{
	if (number_parse(target, value, 0, NUMBER_LIMIT))
		return NULL;
	return "not a number from 0, or too large";
}

static const char *set_none(void *target)
{
	*(long long *)target = BOOKS_NONE;
	return NULL;
}

static const char *set_count_or_none(char *value, void *target)
{
	return strcmp(value, "-") ? set_count(value, target) : set_none(target);
}

static const char *set_number_or_none(char *value, void *target)
{
	return strcmp(value, "-") ? set_number(value, target) :
				    set_none(target);
}

static const char *set_switch(char *value, void *target)
{
	*(bool *)target = strcmp(value, "1") == 0;
	return *(bool *)target || strcmp(value, "0") == 0 ? NULL : "not 0 or 1";
}

static const char *set_page_size(char *value, void *target)
{
	if (number_parse(target, value, 1, PAGE_SIZE_LIMIT))
		return NULL;
	return "not a page size";
}

static const char *set_text(char *value, void *target)
{
	if (!text_unescape(value))
		return "bad escape";
	*(const char **)target = value;
	return NULL;
}

static const char *set_text_or_none(char *value, void *target)
{
	if (strcmp(value, "-") != 0)
		return set_text(value, target);
	*(const char **)target = NULL;
	return NULL;
}

/* The index of value in names, count if it is not there. */
static size_t find_name(const char *const *names, size_t count,
			const char *value)
{
	size_t i = 0;

	while (i < count && strcmp(names[i], value) != 0)
		i++;
	return i;
}

static const char *set_class(char *value, void *target)
{
	size_t i = find_name(class_names, BOOKS_CLASSES, value);

	*(enum books_class *)target = (enum books_class)i;
	return i < BOOKS_CLASSES ? NULL : "unknown class";
}

static const char *set_verdict(char *value, void *target)
{
	size_t i = find_name(verdict_names, BOOKS_VERDICTS, value);

	*(enum books_verdict *)target = (enum books_verdict)i;
	return i < BOOKS_VERDICTS ? NULL : "unknown verdict";
}

static const char *set_mode(char *value, void *target)
{
	size_t i = find_name(mode_names, BOOKS_MODES, value);

	*(enum books_mode *)target = (enum books_mode)i;
	return i < BOOKS_MODES ? NULL : "unknown mode";
}

/* How many parts text has that are separated by the character. */
static size_t count_parts(const char *text, char separator)
{
	size_t count = 1;

	while ((text = strchr(text, separator))) {
		text++;
		count++;
	}
	return count;
}

static const char *set_protocols(char *value, void *target)
{
	const char **names = calloc(count_parts(value, ' ') + 1,
				    sizeof(*names));
	size_t count = 0;

	if (!names)
		return not_enough_memory;
	*(const char ***)target = names;
	for (char *name; (name = strsep(&value, " "));) {
		if (!*name)
			return "empty name";
		if (!text_unescape(name))
			return "bad escape";
		names[count++] = name;
	}
	return NULL;
}

static const char *set_holders(char *value, void *target)
{
	struct books_holders *holders = target;

	if (strcmp(value, "-") == 0)
		return NULL;
	holders->pids = calloc(count_parts(value, ','), sizeof(*holders->pids));
	if (!holders->pids)
		return not_enough_memory;
	for (char *pid; (pid = strsep(&value, ","));) {
		long long *next = &holders->pids[holders->count];
		const char *wrong = set_count(pid, next);

		if (wrong)
			return wrong;
		holders->count++;
	}
	return NULL;
}

static const char *set_states(char *value, void *target)
{
	struct books_states *states = target;

	if (strcmp(value, "-") == 0)
		return NULL;
	states->list = calloc(count_parts(value, ','), sizeof(*states->list));
	if (!states->list)
		return not_enough_memory;
	for (char *pair; (pair = strsep(&value, ","));) {
		struct books_state *state = &states->list[states->count];
		char *colon = strchr(pair, ':');
		const char *wrong;

		if (!colon || colon == pair)
			return "not NAME:COUNT";
		*colon = '\0';
		wrong = set_text(pair, &state->name);
		if (!wrong)
			wrong = set_count(colon + 1, &state->sockets);
		if (wrong)
			return wrong;
		states->count++;
	}
	return NULL;
}

/* A name of the text and where its value goes. */
struct field {
	const char *name;
	size_t offset;
	setter *set;
};

#define HEADER(name, set) { #name, offsetof(struct books_header, name), set }
#define POOL(name, set) { #name, offsetof(struct books_pool, name), set }
#define OWNER(name, set) { #name, offsetof(struct books_owner, name), set }
#define SOCKET(name, set) { #name, offsetof(struct books_socket, name), set }
#define BIRTH(name, set) { #name, offsetof(struct books_birth, name), set }
#define COUNTER(name, set) { #name, offsetof(struct books_counter, name), set }
#define REFUSAL(name, set) { #name, offsetof(struct books_refusal, name), set }
#define CHARGE(type, base, name) \
	{ #name, offsetof(type, base) + offsetof(struct books_charge, name), \
	  set_number }
#define CHARGES(type, base) \
	{ "sockets", offsetof(type, base) + \
		offsetof(struct books_charge, sockets), set_count }, \
	CHARGE(type, base, pages), \
	CHARGE(type, base, forward_alloc_bytes), \
	CHARGE(type, base, write_queue_bytes), \
	CHARGE(type, base, receive_queue_bytes), \
	CHARGE(type, base, hidden_bytes)

/* Of a text that is refused there are only the first ones. */
#define REFUSED_HEADER_FIELDS 3

static const struct field header_fields[] = {
	HEADER(version, set_text),
	HEADER(kernel, set_text),
	HEADER(page_size, set_page_size),
	HEADER(mode, set_mode),
	HEADER(pause_ns, set_count),
	HEADER(snapshots, set_count),
	HEADER(snapshot_bytes, set_count),
	HEADER(sockets_owned, set_count),
	HEADER(memcg_batch_pages, set_count),
	HEADER(track, set_switch),
};

static const struct field pool_fields[] = {
	POOL(protocols, set_protocols),
	POOL(memory_allocated_pages, set_number),
	POOL(percpu_pages, set_number),
	POOL(charged_pages, set_number),
	POOL(charged_bytes, set_number),
	POOL(unaccounted_pages, set_number),
	POOL(unaccounted_bytes, set_number),
	POOL(bound_pages, set_count),
	POOL(bypassed_pages, set_number),
	POOL(sockets_allocated, set_number_or_none),
	POOL(sockets_found, set_count),
	POOL(fractional_sockets, set_count),
	POOL(opaque_sockets, set_count),
	POOL(verdict, set_verdict),
	POOL(reason, set_text),
};

/* A class or protocol row starts with its name, without "name=". */
struct class_row {
	enum books_class class;
	struct books_charge charge;
};

static const struct field class_fields[] = {
	{ "", offsetof(struct class_row, class), set_class },
	CHARGES(struct class_row, charge),
};

static const struct field protocol_fields[] = {
	{ "", offsetof(struct books_protocol, name), set_text },
	CHARGES(struct books_protocol, charge),
};

static const struct field owner_fields[] = {
	OWNER(class, set_class),
	OWNER(pid, set_count_or_none),
	OWNER(comm, set_text_or_none),
	OWNER(holders, set_holders),
	OWNER(netns, set_count),
	OWNER(listener, set_text_or_none),
	OWNER(uid, set_count_or_none),
	OWNER(cgroup, set_count_or_none),
	OWNER(memcg, set_count_or_none),
	OWNER(via, set_text_or_none),
	CHARGES(struct books_owner, charge),
	{ "state", offsetof(struct books_owner, states), set_states },
	OWNER(longest_wait_ms, set_count_or_none),
};

static const struct field socket_fields[] = {
	SOCKET(protocol, set_text),
	SOCKET(class, set_class),
	SOCKET(state, set_text),
	SOCKET(netns, set_count),
	SOCKET(local, set_text_or_none),
	SOCKET(remote, set_text_or_none),
	SOCKET(inode, set_count),
	SOCKET(uid, set_count_or_none),
	SOCKET(pid, set_count_or_none),
	SOCKET(comm, set_text_or_none),
	SOCKET(holders, set_holders),
	SOCKET(listener, set_text_or_none),
	SOCKET(cgroup, set_count_or_none),
	SOCKET(memcg, set_count_or_none),
	SOCKET(via, set_text_or_none),
	SOCKET(wait_ms, set_count_or_none),
	SOCKET(charged_bytes, set_number),
	SOCKET(forward_alloc_bytes, set_number),
	SOCKET(write_queue_bytes, set_number),
	SOCKET(receive_queue_bytes, set_number),
	SOCKET(hidden_bytes, set_number),
	SOCKET(bypassed_bytes, set_number),
	SOCKET(error_queue_bytes, set_number),
	SOCKET(zerocopy_bytes, set_number),
	SOCKET(flags, set_text_or_none),
};

static const struct field birth_fields[] = {
	BIRTH(age_ms, set_count),
	BIRTH(pid, set_count_or_none),
	BIRTH(comm, set_text_or_none),
	BIRTH(stack, set_text_or_none),
};

static const struct field counters_fields[] = {
	{ "held", offsetof(struct books, counters_held), set_count },
	{ "balanced", offsetof(struct books, counters_balanced), set_count },
};

static const struct field counter_fields[] = {
	COUNTER(name, set_text),
	COUNTER(netns, set_count_or_none),
	COUNTER(protocol, set_text_or_none),
	COUNTER(kernel, set_number),
	COUNTER(census, set_number),
	COUNTER(verdict, set_verdict),
	COUNTER(reason, set_text_or_none),
};

static const struct field refusal_fields[] = {
	REFUSAL(pause_estimate_ns, set_count),
	REFUSAL(max_pause_ns, set_count),
};

struct parser {
	struct books *books;
	size_t line;		/* from 1 */
	uint32_t header_seen;	/* by index in header_fields */
	uint32_t pool_seen;	/* of the last pool */
	bool ended;
	char **error;
};

static int wrong_line(struct parser *parser, const char *name,
		      const char *wrong)
{
	if (wrong == not_enough_memory)
		return error_set(parser->error, ENOMEM, "%s", wrong);
	return error_set(parser->error, EPROTO, "line %zu: %.40s%s%s",
			 parser->line, name, *name ? ": " : "", wrong);
}

/*
 * Sets the field of that name in the record and marks it in *seen. An
 * unknown name is skipped.
 */
static int parse_field(struct parser *parser, const struct field *fields,
		       size_t count, char *name, char *value, void *record,
		       uint32_t *seen)
{
	const char *wrong;
	size_t i = 0;

	while (i < count && strcmp(fields[i].name, name) != 0)
		i++;
	if (i == count)
		return 0;
	if (*seen & (1u << i))
		return wrong_line(parser, name, "given twice");
	*seen |= 1u << i;
	if (!*value)
		return wrong_line(parser, name, "no value");
	wrong = fields[i].set(value, (char *)record + fields[i].offset);
	return wrong ? wrong_line(parser, name, wrong) : 0;
}

static int check_seen(struct parser *parser, const struct field *fields,
		      size_t count, uint32_t seen)
{
	for (size_t i = 0; i < count; i++)
		if (!(seen & (1u << i)))
			return wrong_line(parser, fields[i].name, "missing");
	return 0;
}

/* A row: pairs, the first of which may be a value alone (its name is ""). */
static int parse_row(struct parser *parser, const struct field *fields,
		     size_t count, char *rest, void *record)
{
	uint32_t seen = 0;

	for (char *pair; (pair = strsep(&rest, " "));) {
		char *equals = strchr(pair, '=');
		char *name = "", *value = pair;
		int status;

		if (equals) {
			*equals = '\0';
			name = pair;
			value = equals + 1;
		} else if (seen || *fields[0].name) {
			return wrong_line(parser, pair, "not NAME=VALUE");
		}
		status = parse_field(parser, fields, count, name, value,
				     record, &seen);
		if (status)
			return status;
	}
	return check_seen(parser, fields, count, seen);
}

static int no_memory(struct parser *parser)
{
	return wrong_line(parser, "", not_enough_memory);
}

static struct books_pool *last_pool(const struct parser *parser)
{
	return &parser->books->pools[parser->books->n_pools - 1];
}

/* The pool read last must be complete before another one or a row. */
static int check_pool(struct parser *parser)
{
	if (!parser->books->n_pools)
		return wrong_line(parser, "pool", "missing");
	return check_seen(parser, pool_fields, ARRAY_SIZE(pool_fields),
			  parser->pool_seen);
}

static int check_header(struct parser *parser)
{
	size_t count = parser->books->refusal.refused ?
		REFUSED_HEADER_FIELDS : ARRAY_SIZE(header_fields);

	return check_seen(parser, header_fields, count, parser->header_seen);
}

static int parse_pool(struct parser *parser, char *rest)
{
	struct books *books = parser->books;
	struct books_pool *pool;
	const char *wrong;
	int status = check_header(parser);

	if (!status && books->n_pools)
		status = check_pool(parser);
	if (status)
		return status;
	pool = array_append(&books->pools, &books->n_pools, sizeof(*pool));
	if (!pool)
		return no_memory(parser);
	parser->pool_seen = 0;
	wrong = *rest ? set_text(rest, &pool->name) : "no value";
	return wrong ? wrong_line(parser, "pool", wrong) : 0;
}

static int parse_class(struct parser *parser, char *rest)
{
	struct books_pool *pool = last_pool(parser);
	struct class_row row = { 0 };
	int status = parse_row(parser, class_fields, ARRAY_SIZE(class_fields),
			       rest, &row);

	if (status)
		return status;
	if (pool->classes[row.class].sockets)
		return wrong_line(parser, class_names[row.class],
				  "given twice");
	pool->classes[row.class] = row.charge;
	return 0;
}

static int parse_protocol(struct parser *parser, char *rest)
{
	struct books *books = parser->books;
	struct books_protocol *protocol;

	protocol = array_append(&books->protocols, &books->n_protocols,
				sizeof(*protocol));
	if (!protocol)
		return no_memory(parser);
	protocol->pool = last_pool(parser)->name;
	return parse_row(parser, protocol_fields, ARRAY_SIZE(protocol_fields),
			 rest, protocol);
}

static int parse_owner(struct parser *parser, char *rest)
{
	struct books *books = parser->books;
	struct books_owner *owner;

	owner = array_append(&books->owners, &books->n_owners,
			     sizeof(*owner));
	if (!owner)
		return no_memory(parser);
	owner->pool = last_pool(parser)->name;
	return parse_row(parser, owner_fields, ARRAY_SIZE(owner_fields), rest,
			 owner);
}

static int parse_socket(struct parser *parser, char *rest)
{
	struct books *books = parser->books;
	struct books_socket *socket;

	socket = array_append(&books->sockets, &books->n_sockets,
			      sizeof(*socket));
	if (!socket)
		return no_memory(parser);
	socket->pool = last_pool(parser)->name;
	return parse_row(parser, socket_fields, ARRAY_SIZE(socket_fields),
			 rest, socket);
}

static int parse_birth(struct parser *parser, char *rest)
{
	struct books *books = parser->books;
	struct books_socket *socket;

	if (!books->n_sockets)
		return wrong_line(parser, "birth", "of no socket");
	socket = &books->sockets[books->n_sockets - 1];
	if (socket->birth)
		return wrong_line(parser, "birth", "given twice");
	socket->birth = calloc(1, sizeof(*socket->birth));
	if (!socket->birth)
		return no_memory(parser);
	return parse_row(parser, birth_fields, ARRAY_SIZE(birth_fields), rest,
			 socket->birth);
}

static int parse_counters(struct parser *parser, char *rest)
{
	if (parser->books->counters_held != BOOKS_NONE)
		return wrong_line(parser, "counters", "given twice");
	return parse_row(parser, counters_fields, ARRAY_SIZE(counters_fields),
			 rest, parser->books);
}

static int parse_counter(struct parser *parser, char *rest)
{
	struct books *books = parser->books;
	struct books_counter *counter;

	if (books->counters_held == BOOKS_NONE)
		return wrong_line(parser, "counters", "missing");
	counter = array_append(&books->counters, &books->n_counters,
			       sizeof(*counter));
	if (!counter)
		return no_memory(parser);
	return parse_row(parser, counter_fields, ARRAY_SIZE(counter_fields),
			 rest, counter);
}

static int parse_refusal(struct parser *parser, char *rest)
{
	parser->books->refusal.refused = true;
	return parse_row(parser, refusal_fields, ARRAY_SIZE(refusal_fields),
			 rest, &parser->books->refusal);
}

static const struct row {
	const char *keyword;
	int (*parse)(struct parser *parser, char *rest);
	int (*check)(struct parser *parser); /* what must be there before it */
} rows[] = {
	{ "class", parse_class, check_pool },
	{ "protocol", parse_protocol, check_pool },
	{ "owner", parse_owner, check_pool },
	{ "socket", parse_socket, check_pool },
	{ "birth", parse_birth, check_pool },
	{ "counters", parse_counters, check_header },
	{ "counter", parse_counter, check_header },
	{ "refused", parse_refusal, NULL },
};

/* Those that differ are all listed, whether the equal ones are or not. */
static int check_counters(struct parser *parser)
{
	const struct books *books = parser->books;
	long long differ = 0;

	for (size_t i = 0; i < books->n_counters; i++)
		differ += books->counters[i].verdict != BOOKS_BALANCED;
	if (books->counters_held - books->counters_balanced == differ)
		return 0;
	return wrong_line(parser, "counters", "not as many as the rows");
}

static int parse_end(struct parser *parser)
{
	const struct books *books = parser->books;
	int status = check_header(parser);

	parser->ended = true;
	if (status || books->refusal.refused)
		return status;
	if (books->counters_held == BOOKS_NONE)
		return check_pool(parser);
	status = books->n_pools ? check_pool(parser) : 0;
	return status ? status : check_counters(parser);
}

static int parse_line(struct parser *parser, char *rest)
{
	struct books *books = parser->books;
	char *keyword = strsep(&rest, " ");

	if (parser->ended)
		return wrong_line(parser, "", "text after the end");
	if (!rest)
		rest = keyword + strlen(keyword);
	if (strcmp(keyword, "end") == 0)
		return parse_end(parser);
	if (strcmp(keyword, "pool") == 0)
		return parse_pool(parser, rest);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(keyword, rows[i].keyword) == 0) {
			int status = rows[i].check ? rows[i].check(parser) : 0;

			return status ? status : rows[i].parse(parser, rest);
		}
	}
	if (!books->n_pools)
		return parse_field(parser, header_fields,
				   ARRAY_SIZE(header_fields), keyword, rest,
				   &books->header, &parser->header_seen);
	return parse_field(parser, pool_fields, ARRAY_SIZE(pool_fields),
			   keyword, rest, last_pool(parser),
			   &parser->pool_seen);
}

int books_parse(struct books *books, char *text, size_t length, char **error)
{
	struct parser parser = { .books = books, .error = error };
	char *end = text + length;

	*books = (struct books){
		.counters_held = BOOKS_NONE,
		.text = text,
	};
	*error = NULL;
	while (text < end) {
		char *newline = memchr(text, '\n', (size_t)(end - text));
		int status;

		parser.line++;
		if (!newline)
			return wrong_line(&parser, "",
					  "truncated in this line");
		*newline = '\0';
		if (strlen(text) != (size_t)(newline - text))
			return wrong_line(&parser, "", "contains a NUL byte");
		status = parse_line(&parser, text);
		if (status)
			return status;
		text = newline + 1;
	}
	if (!parser.ended)
		return wrong_line(&parser, "", "truncated after this line");
	return 0;
}

int books_read(struct books *books, const char *pool, const char *file,
	       bool live, char **error)
{
	size_t length;
	char *text, *what = NULL;
	int status;

	*books = (struct books){ 0 };
	status = debugfs_read(pool, file, live, &text, &length, error);
	if (status)
		return status;
	status = books_parse(books, text, length, &what);
	if (books->header.version &&
	    strcmp(books->header.version, VERSION) != 0)
		status = error_set(error, EPROTONOSUPPORT,
				   "the loaded module is version %s, this program %s: load the module that was built with it",
				   books->header.version, VERSION);
	else if (status)
		status = error_set(error, -status,
				   "cannot understand %s%s%s of the module: %s",
				   pool ? pool : "", pool ? "/" : "", file,
				   what ? what : not_enough_memory);
	else if (books->refusal.refused)
		status = pause_refuse(books->refusal.pause_estimate_ns,
				      "the module's max_pause_ms",
				      books->refusal.max_pause_ns, error);
	free(what);
	return status;
}

/*
 * Reads the file of each pool, the names of which end with NULL. Those that
 * were listed, not asked for, may have no sockets yet.
 */
static int read_each(struct books **books, size_t *count, char **pools,
		     bool listed, const char *file, bool live, char **error)
{
	int status = 0;

	for (; !status && *pools; pools++) {
		struct books *next = array_append(books, count, sizeof(*next));

		if (!next)
			return error_set(error, ENOMEM, not_enough_memory);
		status = books_read(next, *pools, file, live, error);
		if (status == -ENOPROTOOPT && listed) {
			free(*error);
			*error = NULL;
			(*count)--;
			status = 0;
		}
	}
	return status;
}

int books_read_pools(struct books **books, size_t *count, const char *pool,
		     const char *file, bool live, char **error)
{
	char *only[] = { (char *)pool, NULL };
	char **all = NULL;
	int status = 0;

	*books = NULL;
	*count = 0;
	if (!pool)
		status = debugfs_list_pools(&all, error);
	if (!status)
		status = read_each(books, count, all ? all : only, !!all, file,
				   live, error);
	debugfs_free_pools(all);
	if (status) {
		books_free_pools(*books, *count);
		*books = NULL;
		*count = 0;
	}
	return status;
}

void books_free_pools(struct books *books, size_t count)
{
	for (size_t i = 0; i < count; i++)
		books_free(&books[i]);
	free(books);
}

void books_free(struct books *books)
{
	for (size_t i = 0; i < books->n_pools; i++)
		free(books->pools[i].protocols);
	for (size_t i = 0; i < books->n_owners; i++) {
		free(books->owners[i].holders.pids);
		free(books->owners[i].states.list);
	}
	for (size_t i = 0; i < books->n_sockets; i++) {
		free(books->sockets[i].holders.pids);
		free(books->sockets[i].birth);
	}
	free(books->pools);
	free(books->protocols);
	free(books->owners);
	free(books->sockets);
	free(books->counters);
	free(books->text);
	*books = (struct books){ 0 };
}

const struct books_pool *books_find_pool(const struct books *books,
					 const char *name)
{
	for (size_t i = 0; i < books->n_pools; i++)
		if (strcmp(books->pools[i].name, name) == 0)
			return &books->pools[i];
	return NULL;
}

size_t books_imbalanced_counters(const struct books *books)
{
	size_t imbalanced = 0;

	for (size_t i = 0; i < books->n_counters; i++)
		imbalanced += books->counters[i].verdict == BOOKS_IMBALANCED;
	return imbalanced;
}

const char *books_class_name(enum books_class class)
{
	return class_names[class];
}

const char *books_verdict_name(enum books_verdict verdict)
{
	return verdict_names[verdict];
}

const char *books_mode_name(enum books_mode mode)
{
	return mode_names[mode];
}

enum books_class books_class_find(const char *name)
{
	return (enum books_class)find_name(class_names, BOOKS_CLASSES, name);
}

enum books_verdict books_worst(const struct books *books)
{
	enum books_verdict worst = BOOKS_BALANCED;

	for (size_t i = 0; i < books->n_pools; i++)
		if (books->pools[i].verdict > worst)
			worst = books->pools[i].verdict;
	for (size_t i = 0; i < books->n_counters; i++)
		if (books->counters[i].verdict > worst)
			worst = books->counters[i].verdict;
	return worst;
}

static int compare_pages(const void *a, const void *b)
{
	const struct books_owner *left = *(const struct books_owner *const *)a;
	const struct books_owner *right =
		*(const struct books_owner *const *)b;
	int order;

	if (left->charge.pages != right->charge.pages)
		return left->charge.pages > right->charge.pages ? -1 : 1;
	if (left->charge.sockets != right->charge.sockets)
		return left->charge.sockets > right->charge.sockets ? -1 : 1;
	order = strcmp(left->pool, right->pool);
	if (order)
		return order;
	return left < right ? -1 : left > right;
}

const struct books_owner **books_sort_owners(const struct books *books,
					     size_t n_books, size_t *count)
{
	const struct books_owner **owners;

	*count = 0;
	for (size_t i = 0; i < n_books; i++)
		*count += books[i].n_owners;
	owners = calloc(*count + 1, sizeof(*owners));
	if (!owners)
		return NULL;
	*count = 0;
	for (size_t i = 0; i < n_books; i++)
		for (size_t j = 0; j < books[i].n_owners; j++)
			owners[(*count)++] = &books[i].owners[j];
	qsort(owners, *count, sizeof(*owners), compare_pages);
	return owners;
}

long long books_counted_pages(const struct books_pool *pool)
{
	return pool->memory_allocated_pages + pool->percpu_pages;
}

long long books_charge_bytes(const struct books_charge *charge)
{
	return charge->forward_alloc_bytes + charge->write_queue_bytes +
	       charge->receive_queue_bytes + charge->hidden_bytes;
}

long long books_pages(const struct books *books, long long bytes)
{
	long long size = books->header.page_size;

	return (bytes + (bytes < 0 ? -size / 2 : size / 2)) / size;
}

bool books_socket_is(const struct books_socket *socket, const char *flag)
{
	return socket->flags && strstr(socket->flags, flag);
}

bool books_socket_held_by(const struct books_socket *socket, long long pid)
{
	for (size_t i = 0; i < socket->holders.count; i++)
		if (socket->holders.pids[i] == pid)
			return true;
	return false;
}
