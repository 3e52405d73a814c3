// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "explain.h"
#include "idle.h"
#include "meminfo.h"
#include "memcg.h"
#include "peak.h"
#include "scenario.h"
#include "scenarios/scenarios.h"
#include "shortage.h"
#include "sysctl.h"
#include "transport.h"

/* How often to look for a condition. */
#define PAUSE_MS 20
/* MPTCP waits for the peer of a closed socket for TCP_TIMEWAIT_LEN, a minute. */
#define ORPHANS_PATIENCE_MS 90000
/* How many owners, and sockets, are named at a failure. */
#define REMARKS 10

const struct scenario *const scenarios[] = {
	&linger0_frozen_peer,
	&linger1_frozen_peer,
	&linger_off_frozen_peer,
	&linger0_empty_write_queue,
	&accept_queue_close_wait,
	&shared_descriptors,
	&zerocopy_frozen_peer,
	&error_queue_unread,
	&udp_full_receive_buffer,
	&udp_error_queue,
	&udp_close_with_data,
	&udp_bad_checksum,
	&udp_multicast,
	&udp_other_ends,
	&udp_segments,
	&udp_in_parts,
	&udp_over_link,
	&udp_sockmap,
	&udp_memory_limit,
	&udplite_full_receive_buffer,
	&udplite_error_queue,
	&udplite_close_with_data,
	&udplite_address_form,
	&sctp_load,
	&sctp_frozen_peer,
	&sctp_moved_data,
	&sctp_large_messages,
	&sctp_interleaved,
	&sctp_reneged,
	&sctp_changed_addresses,
	&sctp_unreachable_peers,
	&sctp_early_ends,
	&sctp_unread_events,
	&sctp_other_ends,
	&sctp_interleaved_ends,
	&sctp_bad_addresses,
	&sctp_partial_delivery_event,
	&mptcp_frozen_peer,
	&mptcp_accept_queue,
	&mptcp_closed_subflows,
	&mptcp_two_subflows,
	&mptcp_path_manager,
	&mptcp_told_paths,
	&mptcp_listening_endpoint,
	&mptcp_memory_limit,
	&mptcp_disabled,
	&mptcp_fastopen,
	&mptcp_moved_requests,
	&mptcp_forged_segments,
	&mptcp_bad_addresses,
	&tcp_io_uring_zerocopy,
	&tcp_splice_sendfile,
	&tcp_out_of_order,
	&tcp_collapse,
	&tcp_forged_segments,
	&tcp_slow_device,
	&tcp_full_device,
	&tcp_full_backlog,
	&tcp_urgent_data,
	&tcp_ways_to_read,
	&tcp_ipv6_options,
	&tcp_ipv6_children,
	&tcp_bad_addresses,
	&tcp_address_form,
	&udp_address_form,
	&tcp_lossy_link,
	&tcp_stopped_listener,
	&tcp_migrated_children,
	&tcp_mtu_probe,
	&tcp_other_ends,
	&tcp_timers,
	&tcp_time_wait,
	&tcp_icmp_errors,
	&tcp_self_connected,
	&tcp_memory_limit,
	&tcp_sockmap_memory_limit,
	&tcp_memory_pressure,
	&namespaces,
	&tcp_orphan_states,
	&cgroups,
	&limited_cgroups,
	&limited_cgroups_at_rest,
	&tcp_fastopen,
	&tcp_syn_cookies,
	&tcp_pending_requests,
	&tcp_refused_children,
	&tcp_unwanted_segments,
	&tcp_sock_diag,
	&told_ends,
	&tcp_unproven_peers,
	&tcp_fin_without_memory,
	&sctp_shutdown_without_memory,
	&tcp_reserved_memory,
	&tcp_ktls,
	&tcp_ktls_receive,
	&tcp_sockmap,
	&tcp_sockmap_verdicts,
	&tcp_sockmap_left,
	&tcp_sockmap_ingress,
	&tcp_sockmap_race,
	&udp_kept_senders,
	&looked_up_sockets,
	&refused_by_programs,
	&scm_rights,
	&scm_no_room,
	&io_uring_registered,
	&bypassed_sockets,
	&kernel_sockets,
	&udp_kernel_sockets,
	&kernel_connections,
	/* the longest last: a broken kernel is caught sooner */
	&tcp_random_calls,
	&mptcp_random_calls,
	&udp_random_calls,
	&udplite_random_calls,
	&sctp_random_calls,
	&mmapped_socket,
	&blocked_syscall,
	&persistent_server,
	&persistent_server_linger1,
	&tcp_orphan_timeout,
	&udp_huge_buffer,
	&udplite_huge_buffer,
	&udp_slow_device,
	&udplite_slow_device,
	&mixed_load,
	&tcp_closing_listener,
	&tcp_many_closes,
	&udp_many_closes,
	&bulk_transfer,
	NULL,
};

const struct scenario *scenario_find(const char *name)
{
	for (size_t i = 0; scenarios[i]; i++)
		if (strcmp(scenarios[i]->name, name) == 0)
			return scenarios[i];
	return NULL;
}

const char *scenario_pool(const struct scenario *scenario)
{
	return transport_of(scenario->protocol)->pool;
}

const char *scenario_protocol(const struct scenario *scenario)
{
	return scenario->protocols ? scenario->protocols :
				     transport_of(scenario->protocol)->names[0];
}

static void check_verdict(struct play *play, const char *phase,
			  const struct books_pool *pool, bool ok)
{
	ktap_check(play->ktap, ok,
		   "%s: %s: verdict: expected balanced, actual %s (%s)", phase,
		   pool->name, books_verdict_name(pool->verdict),
		   pool->reason);
}

static bool read_books(struct play *play, const char *pool, const char *file,
		       bool live, struct books *books)
{
	char *error = NULL;

	if (!books_read(books, pool, file, live, &error))
		return true;
	play_fail(play, "the books can be read: %s", error ? error : "no memory");
	free(error);
	books_free(books);
	return false;
}

static void remark_owner(struct play *play, const struct books_owner *owner)
{
	for (size_t i = 0; i < owner->states.count; i++)
		ktap_remark(play->ktap, "%s, of %s, %lld pages: %lld in %s",
			    books_class_name(owner->class),
			    owner->comm ? owner->comm : "no process",
			    owner->charge.pages, owner->states.list[i].sockets,
			    owner->states.list[i].name);
}

static void remark_socket(struct play *play, const struct books_socket *socket)
{
	ktap_remark(play->ktap, "%s, of %s, %s in %s, %s to %s: %lld bytes",
		    books_class_name(socket->class),
		    socket->comm ? socket->comm : "no process",
		    socket->protocol, socket->state,
		    socket->local ? socket->local : "-",
		    socket->remote ? socket->remote : "-",
		    socket->charged_bytes);
}

/* By name, those with that flag. */
static void remark_sockets(struct play *play, const char *pool,
			   const char *flag)
{
	struct books books;
	size_t left = REMARKS;

	if (!read_books(play, pool, "sockets", false, &books))
		return;
	for (size_t i = 0; left && i < books.n_sockets; i++)
		if (books_socket_is(&books.sockets[i], flag)) {
			remark_socket(play, &books.sockets[i]);
			left--;
		}
	books_free(&books);
}

/* Who is charged; and by name, if not by a whole number of pages. */
static void remark_charges(struct play *play, const struct books_pool *pool)
{
	struct books books;

	if (!read_books(play, pool->name, "owners", false, &books))
		return;
	for (size_t i = 0; i < books.n_owners && i < REMARKS; i++)
		remark_owner(play, &books.owners[i]);
	books_free(&books);
	if (pool->fractional_sockets)
		remark_sockets(play, pool->name, "fractional");
}

static void remark_counters(struct play *play, const struct books *books)
{
	for (size_t i = 0; i < books->n_counters; i++) {
		ktap_remark(play->ktap, "%s of %s: kernel %lld, census %lld",
			    books->counters[i].name,
			    books->counters[i].protocol ?
				    books->counters[i].protocol : "all",
			    books->counters[i].kernel,
			    books->counters[i].census);
		if (strcmp(books->counters[i].name, "orphan_timers"))
			continue;
		for (size_t k = 0; k < books->n_pools; k++)
			remark_sockets(play, books->pools[k].name, "timerless");
	}
}

/*
 * The scenario ends with its first failed check, and what the kernel has lost
 * may go unseen with the sockets that have lost it. So what do the books say?
 */
static void ask_once(struct play *play)
{
	struct books books;

	if (play->asked)
		return;
	play->asked = true;
	if (!play_pools(play, false, &books))
		return;
	for (size_t i = 0; i < books.n_pools; i++) {
		const struct books_pool *pool = &books.pools[i];

		check_verdict(play, "at this failure", pool,
			      pool->verdict != BOOKS_IMBALANCED);
		if (pool->verdict != BOOKS_BALANCED)
			remark_charges(play, pool);
	}
	play_expect(play, "at this failure", "other counters imbalanced", 0,
		    (long long)books_imbalanced_counters(&books));
	remark_counters(play, &books);
	books_free(&books);
}

bool play_expect(struct play *play, const char *phase, const char *what,
		 long long expected, long long actual)
{
	bool ok = expected == actual;

	ktap_check(play->ktap, ok, "%s: %s: expected %lld, actual %lld", phase,
		   what, expected, actual);
	if (!ok)
		ask_once(play);
	return ok;
}

bool play_expect_at_least(struct play *play, const char *phase,
			  const char *what, long long least, long long actual)
{
	bool ok = actual >= least;

	ktap_check(play->ktap, ok, "%s: %s: expected at least %lld, actual %lld",
		   phase, what, least, actual);
	if (!ok)
		ask_once(play);
	return ok;
}

bool play_fail(struct play *play, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ktap_check(play->ktap, false, "%s", text);
	ask_once(play);
	return false;
}

bool play_skip(struct play *play, const char *reason)
{
	play->skipped = reason;
	return false;
}

bool play_lacks(struct play *play, const char *lacking)
{
	return lacking && !play_skip(play, lacking);
}

bool play_books(struct play *play, const char *file, struct books *books)
{
	return read_books(play, scenario_pool(play->scenario), file, false,
			  books);
}

bool play_pools(struct play *play, bool live, struct books *books)
{
	return read_books(play, NULL, "balance", live, books);
}

/* "before: udp: unaccounted pages", ... */
static bool expect_in_pool(struct play *play, const char *phase,
			   const struct books_pool *pool, const char *what,
			   long long expected, long long actual)
{
	char text[96];

	snprintf(text, sizeof(text), "%s: %s", pool->name, what);
	return play_expect(play, phase, text, expected, actual);
}

static bool expect_pool(struct play *play, const char *phase,
			const struct books_pool *pool)
{
	bool balanced = pool->verdict == BOOKS_BALANCED;
	bool ok = expect_in_pool(play, phase, pool, "unaccounted pages", 0,
				 pool->unaccounted_pages) &&
		  expect_in_pool(play, phase, pool, "unaccounted bytes", 0,
				 pool->unaccounted_bytes) &&
		  (pool->sockets_allocated == BOOKS_NONE ||
		   expect_in_pool(play, phase, pool,
				  "sockets found of those allocated",
				  pool->sockets_allocated,
				  pool->sockets_found)) &&
		  expect_in_pool(play, phase, pool, "fractional sockets", 0,
				 pool->fractional_sockets);

	check_verdict(play, phase, pool, balanced);
	ktap_remark(play->ktap,
		    "counter %lld, per-CPU %lld, charged %lld pages (%lld bytes)",
		    pool->memory_allocated_pages, pool->percpu_pages,
		    pool->charged_pages, pool->charged_bytes);
	return ok && balanced;
}

/* The kernel's other counters of the same sockets; it lists those that differ. */
static bool expect_counters(struct play *play, const char *phase,
			    const struct books *books)
{
	remark_counters(play, books);
	return play_expect(play, phase, "other counters balanced",
			   books->counters_held, books->counters_balanced);
}

static bool expect_books(struct play *play, const char *phase,
			 const struct books *books)
{
	bool ok = true;

	for (size_t i = 0; i < books->n_pools; i++)
		ok &= expect_pool(play, phase, &books->pools[i]);
	ok &= expect_counters(play, phase, books);
	ktap_remark(play->ktap, "stopped for %lld us",
		    books->header.pause_ns / 1000);
	return ok;
}

bool play_expect_balanced(struct play *play, const char *phase)
{
	struct books books;
	bool ok;

	if (!play_pools(play, false, &books))
		return false;
	score_rest(play->score, books_worst(&books));
	ok = expect_books(play, phase, &books);
	books_free(&books);
	return ok;
}

bool play_is_balanced(struct play *play)
{
	struct books books;
	bool balanced;

	if (!play_pools(play, false, &books))
		return false;
	balanced = books_worst(&books) == BOOKS_BALANCED;
	books_free(&books);
	return balanced;
}

/* A pool that is gone holds nothing. */
static long long pages_of(const struct play *play, const struct books *books)
{
	const struct books_pool *pool =
		books_find_pool(books, scenario_pool(play->scenario));

	return pool ? books_counted_pages(pool) : 0;
}

bool play_pages(struct play *play, long long *pages)
{
	struct books books;

	if (!play_pools(play, false, &books))
		return false;
	*pages = pages_of(play, &books);
	books_free(&books);
	return true;
}

/* A later reading need not show it any more. */
static void remark_imbalance(struct play *play, const struct books *books,
			     bool live)
{
	const char *how = live ? "live" : "exact";

	for (size_t i = 0; i < books->n_pools; i++)
		if (books->pools[i].verdict == BOOKS_IMBALANCED)
			ktap_remark(play->ktap,
				    "%s reading: %s: %lld pages unaccounted: %s",
				    how, books->pools[i].name,
				    books->pools[i].unaccounted_pages,
				    books->pools[i].reason);
	for (size_t i = 0; i < books->n_counters; i++)
		if (books->counters[i].verdict == BOOKS_IMBALANCED)
			ktap_remark(play->ktap,
				    "%s reading: %s: kernel %lld, census %lld",
				    how, books->counters[i].name,
				    books->counters[i].kernel,
				    books->counters[i].census);
}

/*
 * Reads until all is balanced, and with no more pages (any: NULL), or until a
 * reading is imbalanced, which none may be. *books is the last reading, an
 * exact one, *imbalanced how many were.
 */
static bool watch(struct play *play, const long long *pages,
		  struct books *books, unsigned int *imbalanced)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	bool live = false, done;

	*imbalanced = 0;
	while (play_pools(play, live, books)) {
		if (books_worst(books) == BOOKS_IMBALANCED) {
			*imbalanced += 1;
			remark_imbalance(play, books, live);
		}
		done = books_worst(books) == BOOKS_BALANCED &&
		       (!pages || pages_of(play, books) <= *pages);
		if (!live && (done || *imbalanced ||
			      play_clock_ms() > deadline))
			return true;
		books_free(books);
		if (live)
			play_pause();
		live = !live;
	}
	return false;
}

/* What others have left behind before may be gone meanwhile. */
static bool expect_no_more(struct play *play, const char *phase,
			   long long before, long long now)
{
	return play_expect(play, phase, "pages charged, of those before",
			   now < before ? now : before, now);
}

static bool expect_watched(struct play *play, const char *phase,
			   const long long *pages)
{
	unsigned int imbalanced;
	struct books books;
	bool ok;

	if (!watch(play, pages, &books, &imbalanced))
		return false;
	ok = play_expect(play, phase, "readings that were imbalanced", 0,
			 imbalanced) &&
	     (!pages || expect_no_more(play, phase, *pages,
				       pages_of(play, &books))) &&
	     expect_books(play, phase, &books);
	books_free(&books);
	return ok;
}

bool play_expect_settled(struct play *play, const char *phase)
{
	return expect_watched(play, phase, NULL);
}

bool play_expect_return(struct play *play, const char *phase, long long pages)
{
	return expect_watched(play, phase, &pages);
}

static void remark_cgroups(struct play *play, const struct memcgs *memcgs)
{
	for (size_t i = 0; i < memcgs->n_counters; i++) {
		const struct books_counter *counter = &memcgs->counters[i];

		ktap_remark(play->ktap, "%s of %s: kernel %lld, census %lld: %s",
			    counter->name, counter->cgroup, counter->kernel,
			    counter->census,
			    books_verdict_name(counter->verdict));
	}
}

bool play_expect_cgroups(struct play *play, const char *phase)
{
	struct memcgs memcgs = { 0 };
	char *error = NULL;
	bool ok = true;
	int status = memcgs_read(&memcgs, false, &error);

	if (!status) {
		remark_cgroups(play, &memcgs);
		ok = memcgs_worst(&memcgs) != BOOKS_IMBALANCED;
		ktap_check(play->ktap, ok,
			   "%s: memory cgroups: verdict: expected balanced, actual %s",
			   phase, books_verdict_name(memcgs_worst(&memcgs)));
	} else if (status != -ENODEV) {
		ok = play_fail(play, "%s: %s", phase, error);
	}
	memcgs_free(&memcgs);
	free(error);
	return ok;
}

static bool belongs(const struct books_owner *owner, struct whose whose)
{
	return owner->class == whose.class &&
	       (!whose.actor || owner->pid == whose.actor->pid);
}

static void charge_add(struct books_charge *sum, const struct books_charge *one)
{
	sum->sockets += one->sockets;
	sum->pages += one->pages;
	sum->forward_alloc_bytes += one->forward_alloc_bytes;
	sum->write_queue_bytes += one->write_queue_bytes;
	sum->receive_queue_bytes += one->receive_queue_bytes;
	sum->hidden_bytes += one->hidden_bytes;
}

static long long in_state(const struct books_owner *owner, const char *state)
{
	for (size_t i = 0; i < owner->states.count; i++)
		if (strcmp(owner->states.list[i].name, state) == 0)
			return owner->states.list[i].sockets;
	return 0;
}

struct books_charge play_charge_in(const struct books *books,
				   struct whose whose)
{
	struct books_charge sum = { 0 };

	for (size_t i = 0; i < books->n_owners; i++)
		if (belongs(&books->owners[i], whose))
			charge_add(&sum, &books->owners[i].charge);
	return sum;
}

/* What they are charged, and how many of them are in a state (if any). */
static bool survey(struct play *play, struct whose whose, const char *state,
		   struct books_charge *charge, long long *stated)
{
	struct books books;

	if (!play_books(play, "owners", &books))
		return false;
	*charge = play_charge_in(&books, whose);
	*stated = 0;
	for (size_t i = 0; state && i < books.n_owners; i++)
		if (belongs(&books.owners[i], whose))
			*stated += in_state(&books.owners[i], state);
	books_free(&books);
	return true;
}

bool play_charge(struct play *play, struct whose whose,
		 struct books_charge *charge)
{
	long long stated;

	return survey(play, whose, NULL, charge, &stated);
}

bool play_charge_at_rest(struct play *play, struct whose whose,
			 long long *bytes)
{
	int keeps = idle_keeps_pages();
	struct books_charge charge;

	if (keeps < 0)
		return play_fail(play, "trying what an idle socket keeps: %s",
				 strerror(errno));
	if (!play_charge(play, whose, &charge))
		return false;
	*bytes = books_charge_bytes(&charge) -
		 (keeps ? charge.forward_alloc_bytes : 0);
	return true;
}

void play_spread_packets(struct play *play)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	char mask[20], *error = NULL;

	/* longer masks are written with commas */
	snprintf(mask, sizeof(mask), "%llx",
		 (1ULL << (cpus < 32 ? cpus : 32)) - 1);
	if (sysctl_set("/sys/class/net/lo/queues/rx-0/rps_cpus", mask, &error))
		ktap_remark(play->ktap, "packets are not spread: %s",
			    error ? error : "no memory");
	free(error);
}

bool play_free_at_once(struct play *play)
{
	return access("/proc/sys/net/core/skb_defer_max", F_OK) ||
	       play_sysctl(play, "net.core.skb_defer_max", "0");
}

long long play_share(const struct play *play, unsigned int kinds,
		     unsigned int kind)
{
	return ((long long)play->connections + kinds - 1 - kind) / kinds;
}

long long play_scaled(const struct play *play, long long whole)
{
	unsigned int usual = play->scenario->connections;

	if (play->connections >= usual)
		return whole;
	return whole * play->connections / usual;
}

long long play_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void play_pause(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
}

/* What a check that failed was about, row by row. */
static void remark_owners(struct play *play, struct whose whose)
{
	struct books books;

	if (!play_books(play, "owners", &books))
		return;
	for (size_t i = 0; i < books.n_owners; i++)
		if (belongs(&books.owners[i], whose))
			remark_owner(play, &books.owners[i]);
	books_free(&books);
}

/* Waits for the number of sockets, or of those in the state. */
static bool await_sockets(struct play *play, const char *phase,
			  struct whose whose, const char *state,
			  long long expected, long long patience_ms)
{
	long long deadline = play_clock_ms() + patience_ms;
	struct books_charge charge;
	long long stated, actual;
	char what[96];

	for (;;) {
		if (!survey(play, whose, state, &charge, &stated))
			return false;
		actual = state ? stated : charge.sockets;
		if (actual == expected || play_clock_ms() > deadline)
			break;
		play_pause();
	}
	snprintf(what, sizeof(what), "%s sockets%s%s%s%s",
		 books_class_name(whose.class), state ? " in " : "",
		 state ? state : "", whose.actor ? " of " : "",
		 whose.actor ? whose.actor->name : "");
	if (actual != expected)
		remark_owners(play, whose);
	return play_expect(play, phase, what, expected, actual);
}

bool play_expect_sockets(struct play *play, const char *phase,
			 struct whose whose, long long expected)
{
	return await_sockets(play, phase, whose, NULL, expected,
			     PLAY_PATIENCE_MS);
}

bool play_expect_state(struct play *play, const char *phase,
		       struct whose whose, const char *state,
		       long long expected)
{
	return await_sockets(play, phase, whose, state, expected,
			     PLAY_PATIENCE_MS);
}

bool play_expect_no_orphans(struct play *play, const char *phase)
{
	return await_sockets(play, phase, whose(BOOKS_CLASS_ORPHAN, NULL),
			     NULL, 0, ORPHANS_PATIENCE_MS);
}

bool play_meminfo(struct play *play, const char *phase,
		  const struct actor *actor, struct meminfo *sum)
{
	int protocol = transport_of(play->scenario->protocol)->protocol;

	return meminfo_of_process(actor->pid, protocol, sum) ||
	       play_fail(play, "%s: SO_MEMINFO of %s: %s", phase, actor->name,
			 strerror(errno));
}

static bool same_bytes(const struct meminfo *sum,
		       const struct books_charge *charge)
{
	return sum->receive_queue_bytes == charge->receive_queue_bytes &&
	       sum->write_queue_bytes == charge->write_queue_bytes &&
	       sum->forward_alloc_bytes == charge->forward_alloc_bytes;
}

/* The two readings are of different moments: packets may be under way. */
bool play_expect_meminfo(struct play *play, const char *phase,
			 struct whose whose)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	struct books_charge charge;
	struct meminfo sum;

	for (;;) {
		if (!play_meminfo(play, phase, whose.actor, &sum) ||
		    !play_charge(play, whose, &charge))
			return false;
		if (same_bytes(&sum, &charge) || play_clock_ms() > deadline)
			break;
		play_pause();
	}
	return play_expect(play, phase, "sockets, by SO_MEMINFO", sum.sockets,
			   charge.sockets) &&
	       play_expect(play, phase, "receive queue bytes, by SO_MEMINFO",
			   sum.receive_queue_bytes,
			   charge.receive_queue_bytes) &&
	       play_expect(play, phase, "write queue bytes, by SO_MEMINFO",
			   sum.write_queue_bytes, charge.write_queue_bytes) &&
	       play_expect(play, phase, "forward alloc bytes, by SO_MEMINFO",
			   sum.forward_alloc_bytes, charge.forward_alloc_bytes);
}

void play_explain(struct play *play)
{
	enum books_verdict verdict;
	char *error = NULL;

	if (!play->explain)
		return;
	play->explain = false;
	fprintf(play->ktap->out, "\n=== %s: %s, %u connections ===\n\n",
		play->scenario->name, play->scenario->summary,
		play->connections);
	if (explain_print(play->ktap->out, false, false, &verdict, &error)) {
		play_fail(play, "peak: %s", error);
		free(error);
	}
	fflush(play->ktap->out);
}

void play_remark_verdicts(struct play *play, const struct books *books)
{
	for (size_t i = 0; i < books->n_pools; i++)
		if (books->pools[i].verdict != BOOKS_BALANCED)
			ktap_remark(play->ktap, "%s: %s: %s (%lld bytes)",
				    books->pools[i].name,
				    books_verdict_name(books->pools[i].verdict),
				    books->pools[i].reason,
				    books->pools[i].unaccounted_bytes);
	for (size_t i = 0; i < books->n_counters; i++)
		ktap_remark(play->ktap, "%s of %s: %s: kernel %lld, census %lld",
			    books->counters[i].name,
			    books->counters[i].protocol ?
				    books->counters[i].protocol : "all",
			    books_verdict_name(books->counters[i].verdict),
			    books->counters[i].kernel,
			    books->counters[i].census);
}

void play_peak(struct play *play)
{
	play_explain(play);
	if (play->measure)
		peak_measure(play);
	play->measure = false;
}

bool play_listen(struct play *play, struct loopback *server, int backlog,
		 int *fd)
{
	char text[LOOPBACK_TEXT_SIZE];

	loopback_set(server, play->family, play->port);
	server->protocol = play->scenario->protocol;
	*fd = loopback_listen(server, backlog);
	if (*fd >= 0)
		return true;
	loopback_text(server, text);
	return play_fail(play, "listen on %s: %s%s", text, strerror(errno),
			 errno == EADDRINUSE ? ": choose another one with --port" : "");
}

bool play_start(struct play *play, struct actor *actor, const char *name,
		void (*part)(struct stage *stage, void *arg), void *arg)
{
	return actor_start(actor, name, part, arg) ||
	       play_fail(play, "%s", actor->error);
}

bool play_await(struct play *play, struct actor *actor, long long *value)
{
	return actor_await(actor, value) || play_fail(play, "%s", actor->error);
}

bool play_cue(struct play *play, struct actor *actor)
{
	return actor_cue(actor) || play_fail(play, "%s", actor->error);
}

bool play_step(struct play *play, struct actor *actor, long long *value)
{
	return play_cue(play, actor) && play_await(play, actor, value);
}

bool play_freeze(struct play *play, struct actor *actor)
{
	return actor_freeze(actor) || play_fail(play, "%s", actor->error);
}

bool play_sysctl(struct play *play, const char *name, const char *value)
{
	char *error = NULL;

	if (!sysctl_set(name, value, &error))
		return true;
	play_fail(play, "%s", error ? error : "no memory");
	free(error);
	return false;
}

bool play_prepare_shortage(struct play *play, struct shortage *shortage,
			   unsigned int percent)
{
	return shortage_prepare(shortage, percent) ||
	       play_fail(play, "preparing failing allocations: %s",
			 strerror(errno));
}

bool play_finish_shortage(struct play *play, const struct shortage *shortage)
{
	return shortage_finish(shortage) ||
	       play_fail(play, "ending failing allocations: %s",
			 strerror(errno));
}
