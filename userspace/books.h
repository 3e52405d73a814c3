/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_BOOKS_H
#define SKBALANCE_BOOKS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The books: one text of the kernel module (kmod/FORMAT.md), parsed.
 *
 * Every string is unescaped foreign text that lives as long as the books.
 * "None" ("-" in the text) is NULL for a string and BOOKS_NONE for a number.
 */

#define BOOKS_NONE LLONG_MIN

enum books_class {
	BOOKS_CLASS_OPEN,	/* hashed, has a descriptor */
	BOOKS_CLASS_LISTEN,
	BOOKS_CLASS_ACCEPT_QUEUE, /* waits to be accepted, or was reset there */
	BOOKS_CLASS_CLOSED_HELD, /* TCP_CLOSE, in no table, descriptor open */
	BOOKS_CLASS_ORPHAN,	/* closed, the kernel is finishing it */
	BOOKS_CLASS_KERNEL,	/* made by the kernel, no file */
	BOOKS_CLASS_FD_IN_FLIGHT, /* has a file, but in no descriptor table */
	BOOKS_CLASS_UNREACHABLE, /* counted as allocated, found nowhere */
	BOOKS_CLASS_ABANDONED,	/* in its table, but nobody can close it */
	BOOKS_CLASSES
};

/* By rising severity. */
enum books_verdict {
	BOOKS_BALANCED,
	BOOKS_IN_FLUX,		/* the bound of error exceeds the claim */
	BOOKS_INCOMPLETE,	/* sockets allocated that were not found */
	BOOKS_IMBALANCED,
	BOOKS_VERDICTS
};

enum books_mode {
	BOOKS_EXACT,		/* the machine was stopped for the walk */
	BOOKS_LIVE,
	BOOKS_MODES
};

struct books_header {
	const char *version;	/* of the module */
	const char *kernel;	/* its release */
	long long page_size;	/* bytes, at least 1 */
	enum books_mode mode;
	long long pause_ns;	/* how long the machine was stopped */
	long long snapshots;	/* taken to reach the verdict */
	long long snapshot_bytes; /* memory used meanwhile */
	long long sockets_owned; /* locked by a process at that moment */
	long long memcg_batch_pages; /* of a cgroup's "sock" that a CPU may keep back */
	bool track;		/* the module follows each socket from its birth */
};

/* Why there is nothing but a header: the machine would stand still so long. */
struct books_refusal {
	bool refused;
	long long pause_estimate_ns;
	long long max_pause_ns;
};

/* What some sockets are charged: the sum of the four kinds of bytes. */
struct books_charge {
	long long sockets;
	long long pages;	/* rounded to the nearest */
	long long forward_alloc_bytes;
	long long write_queue_bytes;
	long long receive_queue_bytes;
	long long hidden_bytes;	/* beside the queues: of kTLS, sockmap, MPTCP */
};

struct books_protocol {
	const char *pool;
	const char *name;
	struct books_charge charge;
};

struct books_pool {
	const char *name;
	const char **protocols;	/* ends with NULL */
	long long memory_allocated_pages; /* the shared counter */
	long long percpu_pages;	/* held back from it by the CPUs */
	long long charged_pages; /* the sum over the sockets found */
	long long charged_bytes;
	long long unaccounted_pages; /* counter + per-CPU - charged */
	long long unaccounted_bytes;
	long long bound_pages;	/* the reading is off by at most this */
	long long bypassed_pages; /* of sockets that bypass the counter */
	long long sockets_allocated; /* or BOOKS_NONE */
	long long sockets_found;
	long long fractional_sockets; /* charge is not whole pages */
	long long opaque_sockets; /* charge cannot be read completely */
	enum books_verdict verdict;
	const char *reason;
	/* All zero for a class without sockets, and for texts without them. */
	struct books_charge classes[BOOKS_CLASSES];
};

/* How many sockets are in a state. */
struct books_state {
	const char *name;	/* "CLOSE" */
	long long sockets;
};

struct books_states {
	struct books_state *list;
	size_t count;
};

/* The processes that have a socket in a descriptor table. */
struct books_holders {
	long long *pids;
	size_t count;
};

/* The sockets of one class, set of holders, namespace, listener and so on. */
struct books_owner {
	const char *pool;
	enum books_class class;
	long long pid;		/* first holder; 0: invisible here; NONE */
	const char *comm;	/* of pid, or NULL */
	struct books_holders holders;
	long long netns;	/* inode number of the network namespace */
	const char *listener;	/* of an accept queue: its address, or NULL */
	long long uid;		/* outlives the process; or NONE */
	long long cgroup;	/* id of that of whoever made it, or NONE */
	long long memcg;	/* id of the memory cgroup charged, or NONE */
	const char *via;	/* what holds one in flight: "scm", or NULL */
	struct books_charge charge;
	struct books_states states;
	long long longest_wait_ms; /* in the accept queue, or NONE */
};

/* What the tracker saw of a socket's birth. */
struct books_birth {
	long long age_ms;
	long long pid;		/* who made it; as in books_owner */
	const char *comm;
	const char *stack;	/* comma-separated, innermost first, or NULL */
};

struct books_socket {
	const char *pool;
	const char *protocol;	/* "TCPv6" */
	enum books_class class;
	const char *state;	/* "CLOSE" */
	long long netns;
	const char *local;	/* "127.0.0.1:80", "[::1]:80", or NULL */
	const char *remote;
	long long inode;	/* as in /proc/PID/fd; 0 without a file */
	long long uid;		/* this and the next five as in books_owner */
	long long pid;
	const char *comm;
	struct books_holders holders;
	const char *listener;
	long long cgroup;
	long long memcg;
	const char *via;
	long long wait_ms;	/* in the accept queue, or NONE */
	long long charged_bytes; /* the sum of the next four */
	long long forward_alloc_bytes;
	long long write_queue_bytes;
	long long receive_queue_bytes;
	long long hidden_bytes;
	long long bypassed_bytes; /* taken, but not charged to the pool */
	long long error_queue_bytes; /* held, by design not charged */
	long long zerocopy_bytes; /* held, by design not charged */
	const char *flags;	/* comma-separated, or NULL */
	struct books_birth *birth; /* NULL if the tracker did not see it */
};

/* Another counter that the kernel keeps of the same sockets. */
struct books_counter {
	const char *name;	/* "inuse" */
	long long netns;	/* NONE: of all network namespaces */
	const char *protocol;	/* NULL: of all */
	const char *cgroup;	/* its path; always NULL in the module's text */
	long long kernel;	/* what the counter says */
	long long census;	/* what was found */
	enum books_verdict verdict;
	const char *reason;	/* or NULL */
};

struct books {
	struct books_header header;
	struct books_pool *pools;
	size_t n_pools;
	struct books_protocol *protocols;
	size_t n_protocols;
	struct books_owner *owners; /* largest first within each pool */
	size_t n_owners;
	struct books_socket *sockets;
	size_t n_sockets;
	struct books_counter *counters;
	size_t n_counters;
	long long counters_held; /* how many; NONE: the text is not about them */
	long long counters_balanced;
	struct books_refusal refusal;
	char *text;		/* what the strings point into */
};

/*
 * Parses length bytes of text, which must be followed by a NUL byte, were
 * malloc()ed, and belong to the books from now on. -EPROTO if the text is not
 * complete and correct (the error names the line), -ENOMEM. The books are
 * to be freed in any case; after a failure the header may be filled.
 */
int books_parse(struct books *books, char *text, size_t length, char **error);

/*
 * Reads a text of the module and parses it. pool is "tcp", ... or NULL for
 * the top-level "balance" and "counters"; file is "balance", "protocols",
 * "classes", "owners" or "sockets". Beyond the errors of books_parse() and
 * debugfs_read(): -EPROTONOSUPPORT if the module's version is another one
 * than the program's, -ETIME if the module refuses to stop the machine for
 * so long. The books are to be freed in any case.
 */
int books_read(struct books *books, const char *pool, const char *file,
	       bool live, char **error);

/*
 * books_read() for the given pool or, if it is NULL, for each pool the
 * protocols of which are loaded: *books becomes an array of *count, to be
 * freed with books_free_pools().
 */
int books_read_pools(struct books **books, size_t *count, const char *pool,
		     const char *file, bool live, char **error);

void books_free_pools(struct books *books, size_t count);

/* Frees what the books hold and leaves them empty. */
void books_free(struct books *books);

/* The pool of that name, NULL if the text has none. */
const struct books_pool *books_find_pool(const struct books *books,
					 const char *name);

/* How many of the counters beside the pools' are imbalanced. */
size_t books_imbalanced_counters(const struct books *books);

/* The words of the text for these values; "closed-held", "in-flux", "live" */
const char *books_class_name(enum books_class class);
const char *books_verdict_name(enum books_verdict verdict);
const char *books_mode_name(enum books_mode mode);

/* The class of that name, BOOKS_CLASSES if there is none. */
enum books_class books_class_find(const char *name);

/* The most severe verdict of all pools and counters, or balanced. */
enum books_verdict books_worst(const struct books *books);

/* The owners of all the books, largest first: an array to be freed, or NULL. */
const struct books_owner **books_sort_owners(const struct books *books,
					     size_t n_books, size_t *count);

/* What has been charged in all: the counter with what the CPUs hold back. */
long long books_counted_pages(const struct books_pool *pool);

/* The bytes of a charge. */
long long books_charge_bytes(const struct books_charge *charge);

/* How many pages of the kernel that is, rounded to the nearest. */
long long books_pages(const struct books *books, long long bytes);

/* Whether the process is among the holders. */
bool books_socket_held_by(const struct books_socket *socket, long long pid);

/* Whether that word is among the flags. */
bool books_socket_is(const struct books_socket *socket, const char *flag);

#endif
