// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "array.h"
#include "tests/helper.h"
#include "version.h"

static const char minimal[] =
	"version 1\n"
	"kernel 6.12\n"
	"page_size 4096\n"
	"mode exact\n"
	"pause_ns 1\n"
	"snapshots 1\n"
	"snapshot_bytes 2\n"
	"sockets_owned 0\n"
	"memcg_batch_pages 0\n"
	"track 0\n"
	"pool tcp\n"
	"protocols TCP TCPv6\n"
	"memory_allocated_pages 5\n"
	"percpu_pages -2\n"
	"charged_pages 3\n"
	"charged_bytes 12288\n"
	"unaccounted_pages 0\n"
	"unaccounted_bytes 0\n"
	"bound_pages 0\n"
	"bypassed_pages 0\n"
	"sockets_allocated 1\n"
	"sockets_found 1\n"
	"fractional_sockets 0\n"
	"opaque_sockets 0\n"
	"verdict balanced\n"
	"reason fine\n"
	"class open sockets=1 pages=3 forward_alloc_bytes=12288 write_queue_bytes=0 receive_queue_bytes=0 hidden_bytes=0\n"
	"end\n";

static int parse(struct books *books, const char *text, size_t length,
		 char **error)
{
	char *copy = malloc(length + 1);

	assert_non_null(copy);
	memcpy(copy, text, length);
	copy[length] = '\0';
	return books_parse(books, copy, length, error);
}

/* The text must be refused with exactly this error. */
static void assert_refused(const char *text, size_t length,
			   const char *expected)
{
	struct books books;
	char *error;

	assert_int_equal(parse(&books, text, length, &error), -EPROTO);
	assert_non_null(error);
	assert_string_equal(error, expected);
	assert_null(strchr(error, '\n'));
	free(error);
	books_free(&books);
}

static void assert_edit_refused(const char *from, const char *to,
				const char *expected)
{
	char *text = helper_replace(strdup(minimal), from, to);

	assert_refused(text, strlen(text), expected);
	free(text);
}

static void balance_is_read(void **state)
{
	const struct books_pool *pool;
	struct books books;

	(void)state;
	helper_parse(&books, helper_data("closed-held/skbalance/balance"));
	assert_string_equal(books.header.version, VERSION);
	assert_string_equal(books.header.kernel, "6.12.117+deb12-amd64");
	assert_int_equal(books.header.page_size, 4096);
	assert_int_equal(books.header.mode, BOOKS_EXACT);
	assert_int_equal(books.n_pools, 1);
	pool = books_find_pool(&books, "tcp");
	assert_ptr_equal(pool, books.pools);
	assert_null(books_find_pool(&books, "udp"));
	assert_string_equal(pool->protocols[0], "TCP");
	assert_string_equal(pool->protocols[1], "TCPv6");
	assert_null(pool->protocols[2]);
	assert_int_equal(pool->memory_allocated_pages, 0);
	assert_int_equal(pool->percpu_pages, 20);
	assert_int_equal(pool->charged_bytes, 81920);
	assert_int_equal(pool->sockets_allocated, 11);
	assert_int_equal(pool->verdict, BOOKS_BALANCED);
	assert_string_equal(pool->reason, "the counter is the sum of what the sockets are charged");
	assert_int_equal(pool->classes[BOOKS_CLASS_CLOSED_HELD].sockets, 10);
	assert_int_equal(pool->classes[BOOKS_CLASS_CLOSED_HELD].pages, 20);
	assert_int_equal(pool->classes[BOOKS_CLASS_OPEN].sockets, 0);
	assert_int_equal(books_charge_bytes(
			 &pool->classes[BOOKS_CLASS_CLOSED_HELD]), 81920);
	books_free(&books);
}

static void owners_are_read(void **state)
{
	const struct books_owner *owner;
	struct books books;

	(void)state;
	helper_parse(&books, helper_data("accept-queue/skbalance/tcp/owners"));
	assert_int_equal(books.n_owners, 2);
	owner = &books.owners[0];
	assert_string_equal(owner->pool, "tcp");
	assert_int_equal(owner->class, BOOKS_CLASS_ACCEPT_QUEUE);
	assert_string_equal(owner->comm, "server");
	assert_int_equal(owner->holders.count, 1);
	assert_int_equal(owner->holders.pids[0], owner->pid);
	assert_memory_equal(owner->listener, "[::1]:", 6);
	assert_int_equal(owner->charge.sockets, 20);
	assert_int_equal(owner->states.count, 2);
	assert_string_equal(owner->states.list[0].name, "CLOSE");
	assert_int_equal(owner->states.list[0].sockets, 2);
	assert_int_equal(owner->states.list[1].sockets, 18);
	assert_true(owner->longest_wait_ms > 0);
	assert_null(books.owners[1].listener);
	assert_int_equal(books.owners[1].longest_wait_ms, BOOKS_NONE);
	books_free(&books);
}

static void sockets_are_read(void **state)
{
	const struct books_socket *socket;
	struct books books;

	(void)state;
	helper_parse(&books, helper_data("closed-held/skbalance/tcp/sockets"));
	assert_int_equal(books.n_sockets, 11);
	socket = &books.sockets[10];
	assert_string_equal(socket->protocol, "TCP");
	assert_string_equal(socket->state, "CLOSE");
	assert_int_equal(socket->class, BOOKS_CLASS_CLOSED_HELD);
	assert_int_equal(socket->charged_bytes, 8192);
	assert_int_equal(socket->forward_alloc_bytes, 2176);
	assert_int_equal(socket->receive_queue_bytes, 6016);
	assert_null(socket->flags);
	assert_true(books_socket_held_by(socket, socket->pid));
	assert_false(books_socket_held_by(socket, socket->pid + 1));
	books_free(&books);
}

static void protocols_are_read(void **state)
{
	struct books books;

	(void)state;
	helper_parse(&books,
		     helper_data("accept-queue/skbalance/tcp/protocols"));
	assert_int_equal(books.n_protocols, 2);
	assert_string_equal(books.protocols[1].name, "TCPv6");
	assert_int_equal(books.protocols[1].charge.sockets, 21);
	books_free(&books);
}

static void ledger_is_read(void **state)
{
	const struct books_counter *counter;
	const struct books_owner *owner;
	struct books books;

	(void)state;
	helper_parse(&books, helper_data("ledger/skbalance/balance"));
	assert_int_equal(books.n_pools, 3);
	assert_true(books.header.track);
	assert_string_equal(books.pools[1].protocols[2], "UDP-Lite");
	assert_int_equal(books.pools[0].classes[BOOKS_CLASS_OPEN].hidden_bytes,
			 2048);
	assert_int_equal(books_charge_bytes(
			 &books.pools[0].classes[BOOKS_CLASS_OPEN]), 16384);
	assert_int_equal(books.counters_held, 6);
	assert_int_equal(books.counters_balanced, 4);
	assert_int_equal(books.n_counters, 2);
	counter = &books.counters[0];
	assert_string_equal(counter->name, "inuse");
	assert_int_equal(counter->netns, 4026531840);
	assert_string_equal(counter->protocol, "TCP");
	assert_int_equal(counter->kernel, 7);
	assert_int_equal(counter->census, 5);
	assert_string_equal(counter->reason, "purged but never freed");
	assert_null(counter[1].protocol);
	assert_int_equal(counter[1].netns, BOOKS_NONE);
	assert_int_equal(books_worst(&books), BOOKS_IMBALANCED);
	books_free(&books);
	helper_parse(&books, helper_data("ledger/skbalance/counters"));
	assert_int_equal(books.n_pools, 0);
	assert_int_equal(books.n_counters, 6);
	books_free(&books);
	helper_parse(&books, helper_data("ledger/skbalance/tcp/owners"));
	assert_int_equal(books.counters_held, BOOKS_NONE);
	owner = &books.owners[3];
	assert_string_equal(owner->via, "scm");
	assert_int_equal(owner->uid, 1000);
	assert_int_equal(owner->cgroup, 2200);
	assert_int_equal(owner->memcg, 2200);
	assert_null(books.owners[4].via);
	assert_int_equal(books.owners[4].memcg, BOOKS_NONE);
	books_free(&books);
}

static void births_are_read(void **state)
{
	struct books books;

	(void)state;
	helper_parse(&books, helper_data("ledger/skbalance/tcp/sockets"));
	assert_int_equal(books.n_sockets, 8);
	assert_int_equal(books.sockets[0].hidden_bytes, 2048);
	assert_int_equal(books.sockets[0].birth->age_ms, 5000);
	assert_null(books.sockets[1].birth);
	assert_string_equal(books.sockets[7].birth->comm, "leaky,one");
	assert_string_equal(books.sockets[7].birth->stack,
			    "sk_alloc+0x2f,inet_create+0x10c,__sock_create+0x11d");
	books_free(&books);
}

static void refusal_is_read(void **state)
{
	static const char text[] =
		"version 1\n"
		"kernel 6.12\n"
		"page_size 4096\n"
		"refused pause_estimate_ns=1200000000 max_pause_ns=1000000000\n"
		"end\n";
	struct books books;
	char *cut;

	(void)state;
	helper_parse(&books, strdup(text));
	assert_true(books.refusal.refused);
	assert_int_equal(books.refusal.pause_estimate_ns, 1200000000);
	assert_int_equal(books.refusal.max_pause_ns, 1000000000);
	books_free(&books);
	cut = helper_replace(strdup(text), "page_size 4096\n", "");
	assert_refused(cut, strlen(cut), "line 4: page_size: missing");
	free(cut);
	cut = helper_replace(strdup(text), " max_pause_ns=1000000000", "");
	assert_refused(cut, strlen(cut), "line 4: max_pause_ns: missing");
	free(cut);
}

/* The minimal text with this before its end. */
static void assert_rows_refused(const char *rows, const char *expected)
{
	char *end;

	assert_true(asprintf(&end, "%send\n", rows) >= 0);
	assert_edit_refused("end\n", end, expected);
	free(end);
}

static void wrong_counters_and_births_are_refused(void **state)
{
	static const char counter[] =
		"counter name=orphans netns=- protocol=- kernel=1 census=0 verdict=imbalanced reason=-\n";

	(void)state;
	assert_rows_refused(counter, "line 28: counters: missing");
	assert_rows_refused("counters held=1\n",
			    "line 28: balanced: missing");
	assert_rows_refused("counters held=1 balanced=0\n",
			    "line 29: counters: not as many as the rows");
	assert_rows_refused("counters held=1 balanced=2\n",
			    "line 29: counters: not as many as the rows");
	assert_rows_refused("counters held=0 balanced=0\ncounters held=0 balanced=0\n",
			    "line 29: counters: given twice");
	assert_rows_refused("counters held=1 balanced=0\ncounter name=x\n",
			    "line 29: netns: missing");
	assert_rows_refused("counters held=1 balanced=0\ncounter name=orphans netns=- protocol=- kernel=1 census=0 verdict=wrong reason=-\n",
			    "line 29: verdict: unknown verdict");
	assert_rows_refused("birth age_ms=1 pid=1 comm=a stack=-\n",
			    "line 28: birth: of no socket");
	assert_edit_refused("track 0", "track 2", "line 10: track: not 0 or 1");
	assert_edit_refused("track 0\n", "", "line 10: track: missing");
}

static void assert_birth_refused(const char *from, const char *to,
				 const char *expected)
{
	static const char birth[] =
		"birth age_ms=120034 pid=77 comm=leaky\\054one stack=sk_alloc+0x2f,inet_create+0x10c,__sock_create+0x11d\n";
	char *changed = helper_replace(strdup(birth), from, to);
	char *text = helper_replace(helper_data("ledger/skbalance/tcp/sockets"),
				    birth, changed);

	assert_refused(text, strlen(text), expected);
	free(changed);
	free(text);
}

static void wrong_births_are_refused(void **state)
{
	(void)state;
	assert_birth_refused("age_ms=120034", "age_ms=-1",
		"line 36: age_ms: not a number from 0, or too large");
	assert_birth_refused(" pid=77", "", "line 36: pid: missing");
	assert_birth_refused("stack=", "stack",
		"line 36: stacksk_alloc+0x2f,inet_create+0x10c,__s: not NAME=VALUE");
	assert_birth_refused("\n", "\nbirth age_ms=1 pid=1 comm=a stack=-\n",
			     "line 37: birth: given twice");
}

static void every_truncation_is_refused(void **state)
{
	static const char *const files[] = {
		"balance", "counters", "tcp/protocols", "tcp/classes",
		"tcp/owners", "tcp/sockets",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[64];
		char *text;

		snprintf(path, sizeof(path), "ledger/skbalance/%s", files[i]);
		text = helper_data(path);
		for (size_t length = 0; length < strlen(text); length++) {
			struct books books;
			char *error;

			assert_int_equal(parse(&books, text, length, &error),
					 -EPROTO);
			assert_non_null(error);
			free(error);
			books_free(&books);
		}
		free(text);
	}
}

static void truncation_says_where(void **state)
{
	(void)state;
	assert_refused(minimal, strlen(minimal) - 1,
		       "line 28: truncated in this line");
	assert_refused(minimal, strlen(minimal) - 4,
		       "line 27: truncated after this line");
	assert_refused("", 0, "line 0: truncated after this line");
}

static void missing_keys_are_refused(void **state)
{
	char *text = strdup(minimal);
	size_t removed = 0;

	(void)state;
	/* leave out one line at a time; only the class row may be missing */
	for (const char *line = minimal; *line;) {
		const char *next = strchr(line, '\n') + 1;
		struct books books;
		char *error = NULL;
		int status;

		memcpy(text, minimal, (size_t)(line - minimal));
		strcpy(text + (line - minimal), next);
		status = parse(&books, text, strlen(text), &error);
		assert_int_equal(status, strncmp(line, "class", 5) == 0 ?
				 0 : -EPROTO);
		removed++;
		free(error);
		books_free(&books);
		line = next;
	}
	assert_int_equal(removed, 28);
	free(text);
	assert_edit_refused("kernel 6.12\n", "", "line 10: kernel: missing");
	assert_edit_refused("opaque_sockets 0\n", "",
			    "line 26: opaque_sockets: missing");
	assert_edit_refused(" pages=3", "", "line 27: pages: missing");
}

static void wrong_values_are_refused(void **state)
{
	(void)state;
	assert_edit_refused("pause_ns 1", "pause_ns -1",
		"line 5: pause_ns: not a number from 0, or too large");
	assert_edit_refused("percpu_pages -2",
			    "percpu_pages 99999999999999999999",
		"line 14: percpu_pages: not a number, or too large");
	assert_edit_refused("percpu_pages -2", "percpu_pages 9007199254740993",
		"line 14: percpu_pages: not a number, or too large");
	assert_edit_refused("percpu_pages -2", "percpu_pages 2x",
		"line 14: percpu_pages: not a number, or too large");
	assert_edit_refused("percpu_pages -2", "percpu_pages +2",
		"line 14: percpu_pages: not a number, or too large");
	assert_edit_refused("percpu_pages -2", "percpu_pages  2",
		"line 14: percpu_pages: not a number, or too large");
	assert_edit_refused("percpu_pages -2", "percpu_pages -",
		"line 14: percpu_pages: not a number, or too large");
	assert_edit_refused("percpu_pages -2", "percpu_pages",
		"line 14: percpu_pages: no value");
	assert_edit_refused("page_size 4096", "page_size 0",
			    "line 3: page_size: not a page size");
	assert_edit_refused("mode exact", "mode guessed",
			    "line 4: mode: unknown mode");
	assert_edit_refused("verdict balanced", "verdict fine",
			    "line 25: verdict: unknown verdict");
	assert_edit_refused("class open", "class opened",
			    "line 27: unknown class");
	assert_edit_refused("TCP TCPv6", "TCP  TCPv6",
			    "line 12: protocols: empty name");
}

static void broken_structure_is_refused(void **state)
{
	static const char nul[] = "version 1\0\n";

	(void)state;
	assert_refused(nul, sizeof(nul) - 1, "line 1: contains a NUL byte");
	assert_edit_refused("pages=3", "pages",
			    "line 27: pages: not NAME=VALUE");
	assert_edit_refused("pages=3", "pages=3 pages=3",
			    "line 27: pages: given twice");
	assert_edit_refused("pages=3", "pages=", "line 27: pages: no value");
	assert_edit_refused("pause_ns 1\n", "pause_ns 1\npause_ns 1\n",
			    "line 6: pause_ns: given twice");
	assert_edit_refused("end\n", "end\nend\n",
			    "line 29: text after the end");
	assert_edit_refused("pool tcp\n", "", "line 26: pool: missing");
	assert_edit_refused("pool tcp", "pool", "line 11: pool: no value");
	assert_edit_refused("end\n", "class open sockets=1 pages=3 forward_alloc_bytes=12288 write_queue_bytes=0 receive_queue_bytes=0 hidden_bytes=0\nend\n",
			    "line 28: open: given twice");
}

/* A minimal text with an owner row that has this in it. */
static char *owner_text(const char *comm, const char *holders,
			const char *states)
{
	char *row;

	assert_true(asprintf(&row, "owner class=open pid=1 comm=%s holders=%s netns=2 listener=- uid=0 cgroup=1 memcg=- via=- sockets=1 pages=3 forward_alloc_bytes=0 write_queue_bytes=0 receive_queue_bytes=0 hidden_bytes=0 state=%s longest_wait_ms=-\nend\n",
			     comm, holders, states) >= 0);
	return row;
}

static void assert_owner_refused(const char *comm, const char *holders,
				 const char *states, const char *expected)
{
	char *row = owner_text(comm, holders, states);

	assert_edit_refused("end\n", row, expected);
	free(row);
}

static void lists_and_escapes_are_checked(void **state)
{
	(void)state;
	assert_owner_refused("a\\", "1", "A:1", "line 28: comm: bad escape");
	assert_owner_refused("a\\12", "1", "A:1",
			     "line 28: comm: bad escape");
	assert_owner_refused("a\\400", "1", "A:1",
			     "line 28: comm: bad escape");
	assert_owner_refused("a\\000", "1", "A:1",
			     "line 28: comm: bad escape");
	assert_owner_refused("a", "1,", "A:1",
		"line 28: holders: not a number from 0, or too large");
	assert_owner_refused("a", "1,,2", "A:1",
		"line 28: holders: not a number from 0, or too large");
	assert_owner_refused("a", "1", "A",
			     "line 28: state: not NAME:COUNT");
	assert_owner_refused("a", "1", ":1",
			     "line 28: state: not NAME:COUNT");
	assert_owner_refused("a", "1", "A:-1",
		"line 28: state: not a number from 0, or too large");
}

static void foreign_text_is_unescaped(void **state)
{
	char *row = owner_text("a\\040b\\075\\054\\134\\377", "1,2,30", "-");
	struct books books;

	(void)state;
	helper_parse(&books, helper_replace(strdup(minimal), "end\n", row));
	assert_string_equal(books.owners[0].comm, "a b=,\\\377");
	assert_int_equal(books.owners[0].holders.count, 3);
	assert_int_equal(books.owners[0].holders.pids[2], 30);
	assert_int_equal(books.owners[0].states.count, 0);
	books_free(&books);
	free(row);
}

static void unknown_names_are_skipped(void **state)
{
	char *text = helper_replace(strdup(minimal), "pages=3",
				    "new=x pages=3");
	struct books books;

	(void)state;
	text = helper_replace(text, "pause_ns 1\n",
			      "colour blue\nempty\n\npause_ns 1\n");
	text = helper_replace(text, "reason fine\n",
			      "reason fine\nshape round\n");
	helper_parse(&books, text);
	assert_int_equal(books.pools[0].classes[BOOKS_CLASS_OPEN].pages, 3);
	books_free(&books);
}

static void two_pools_are_kept_apart(void **state)
{
	char *second = strdup(strstr(minimal, "pool tcp"));
	struct books books;

	(void)state;
	second = helper_replace(second, "pool tcp", "pool udp");
	second = helper_replace(second, "sockets_allocated 1",
				"sockets_allocated -");
	second = helper_replace(second, "verdict balanced",
				"verdict imbalanced");
	helper_parse(&books, helper_replace(strdup(minimal), "end\n", second));
	assert_int_equal(books.n_pools, 2);
	assert_int_equal(books.pools[0].sockets_allocated, 1);
	assert_int_equal(books.pools[1].sockets_allocated, BOOKS_NONE);
	assert_string_equal(books.pools[1].name, "udp");
	assert_int_equal(books_worst(&books), BOOKS_IMBALANCED);
	books_free(&books);
	free(second);
}

static void verdicts_are_ordered(void **state)
{
	struct books_pool pools[2] = { 0 };
	struct books books = { .pools = pools, .n_pools = 2 };

	(void)state;
	assert_int_equal(books_worst(&books), BOOKS_BALANCED);
	pools[1].verdict = BOOKS_IN_FLUX;
	assert_int_equal(books_worst(&books), BOOKS_IN_FLUX);
	pools[0].verdict = BOOKS_INCOMPLETE;
	assert_int_equal(books_worst(&books), BOOKS_INCOMPLETE);
	pools[1].verdict = BOOKS_IMBALANCED;
	assert_int_equal(books_worst(&books), BOOKS_IMBALANCED);
}

static void long_lines_are_read(void **state)
{
	size_t count = 100000;
	char *holders = malloc(2 * count + 1), *row;
	struct books books;

	(void)state;
	assert_non_null(holders);
	for (size_t i = 0; i < count; i++)
		memcpy(holders + 2 * i, "7,", 2);
	holders[2 * count - 1] = '\0';
	row = owner_text("x", holders, "-");
	helper_parse(&books, helper_replace(strdup(minimal), "end\n", row));
	assert_int_equal(books.owners[0].holders.count, count);
	assert_int_equal(books.owners[0].holders.pids[count - 1], 7);
	books_free(&books);
	free(row);
	free(holders);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_million_rows_are_read_quickly(void **state)
{
	static const char row[] =
		"socket protocol=TCP class=closed-held state=CLOSE netns=4026531840 local=127.0.0.1:40000 remote=127.0.0.1:8000 inode=12345 uid=0 pid=312 comm=frozen-client holders=312 listener=- cgroup=1 memcg=1 via=- wait_ms=- charged_bytes=8192 forward_alloc_bytes=3136 write_queue_bytes=0 receive_queue_bytes=5056 hidden_bytes=0 bypassed_bytes=0 error_queue_bytes=0 zerocopy_bytes=0 flags=-\n";
	size_t count = helper_quick() ? 10000 : 1000000;
	size_t head = strlen(minimal) - strlen("end\n");
	size_t length = head + count * strlen(row) + strlen("end\n");
	char *text = malloc(length + 1), *to = text;
	struct books books;
	double start;

	(void)state;
	assert_non_null(text);
	to = mempcpy(to, minimal, head);
	for (size_t i = 0; i < count; i++)
		to = mempcpy(to, row, strlen(row));
	strcpy(to, "end\n");
	start = seconds();
	helper_parse(&books, text);
	assert_int_equal(books.n_sockets, count);
	assert_string_equal(books.sockets[count - 1].comm, "frozen-client");
	books_free(&books);
	/* measured: 1.2 s; quadratic behaviour would take hours */
	assert_true(seconds() - start < 30);
}

/* Changes, removes or doubles a few bytes. */
static size_t mutate(char *text, size_t length, size_t room)
{
	static const char often[] = "\n =,:-\\09e\0";

	for (int i = rand() % 8; i >= 0 && length > 2; i--) {
		size_t at = (size_t)rand() % (length - 1);
		size_t count = 1 + (size_t)rand() % 40;

		if (count > length - at)
			count = length - at;
		switch (rand() % 4) {
		case 0:
			text[at] = (char)rand();
			break;
		case 1:
			text[at] = often[(size_t)rand() % sizeof(often)];
			break;
		case 2:
			memmove(text + at, text + at + count,
				length - at - count);
			length -= count;
			break;
		default:
			if (length + count > room)
				break;
			memmove(text + at + count, text + at, length - at);
			length += count;
			break;
		}
	}
	return length;
}

/* Whatever it is, it is read or refused, without touching foreign memory. */
static void mutations_do_no_harm(void **state)
{
	static const char *const files[] = {
		"accept-queue/skbalance/balance",
		"accept-queue/skbalance/tcp/owners",
		"closed-held/skbalance/tcp/sockets",
		"ledger/skbalance/balance",
		"ledger/skbalance/tcp/sockets",
	};
	const char *given = getenv("SKBALANCE_TEST_SEED");
	unsigned int seed = given ? (unsigned int)atoi(given) :
				    (unsigned int)time(NULL);
	int rounds = helper_quick() ? 300 : 30000;

	(void)state;
	printf("# SKBALANCE_TEST_SEED=%u\n", seed);
	srand(seed);
	for (int i = 0; i < rounds; i++) {
		char *text = helper_data(files[i % 5]);
		size_t length = strlen(text), room = 2 * length;
		struct books books;
		char *error = NULL;

		text = realloc(text, room + 1);
		assert_non_null(text);
		length = mutate(text, length, room);
		text[length] = '\0';
		if (books_parse(&books, text, length, &error))
			assert_non_null(error);
		else
			assert_null(error);
		free(error);
		books_free(&books);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(balance_is_read),
		cmocka_unit_test(owners_are_read),
		cmocka_unit_test(sockets_are_read),
		cmocka_unit_test(protocols_are_read),
		cmocka_unit_test(ledger_is_read),
		cmocka_unit_test(births_are_read),
		cmocka_unit_test(refusal_is_read),
		cmocka_unit_test(wrong_counters_and_births_are_refused),
		cmocka_unit_test(wrong_births_are_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(truncation_says_where),
		cmocka_unit_test(missing_keys_are_refused),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(broken_structure_is_refused),
		cmocka_unit_test(lists_and_escapes_are_checked),
		cmocka_unit_test(foreign_text_is_unescaped),
		cmocka_unit_test(unknown_names_are_skipped),
		cmocka_unit_test(two_pools_are_kept_apart),
		cmocka_unit_test(verdicts_are_ordered),
		cmocka_unit_test(long_lines_are_read),
		cmocka_unit_test(a_million_rows_are_read_quickly),
		cmocka_unit_test(mutations_do_no_harm),
	};

	return cmocka_run_group_tests_name("books", tests, NULL, NULL);
}
