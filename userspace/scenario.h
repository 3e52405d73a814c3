/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_SCENARIO_H
#define SKBALANCE_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "actor.h"
#include "books.h"
#include "ktap.h"
#include "loopback.h"
#include "meminfo.h"
#include "score.h"

struct play;
struct shortage;

/* How long a scenario waits for a condition, unless it says otherwise. */
#define PLAY_PATIENCE_MS 30000

/* A situation with sockets, played on this kernel. */
struct scenario {
	const char *name;	/* says what happens */
	const char *summary;
	int protocol;		/* IPPROTO_..., of what it is about; 0: TCP */
	const char *protocols;	/* to be shown, if it is about others, too */
	unsigned int connections; /* unless told otherwise */
	unsigned int pages;	/* that a connection's queues need at most */
	bool only_named;	/* among all it is not played: kernels fail it */
	/* Plays it once; every expectation is a check. */
	void (*play)(struct play *play);
};

/* All scenarios, in the order in which they run; ends with NULL. */
extern const struct scenario *const scenarios[];

/* The pool that the scenario is about. */
const char *scenario_pool(const struct scenario *scenario);

/* What it is about: "TCP", "MPTCP". */
const char *scenario_protocol(const struct scenario *scenario);

/* The scenario of that name, or NULL. */
const struct scenario *scenario_find(const char *name);

/* A scenario being played, with IPv4 or IPv6. */
struct play {
	const struct scenario *scenario;
	sa_family_t family;
	unsigned int connections;
	unsigned short port;	/* 0: any free one */
	unsigned int readings;	/* under load, 0: the scenario's own number */
	bool explain;		/* show a screen at the first peak */
	bool measure;		/* the first peak: under load, and by sock_diag */
	struct score *score;
	bool asked;		/* for the books, at the first failed check */
	const char *skipped;	/* why it cannot be played here, or NULL */
	struct ktap *ktap;
};

/* Whose sockets: those of this class and held by this actor. */
struct whose {
	enum books_class class;
	const struct actor *actor; /* NULL: whoever holds them, or nobody */
};

static inline struct whose whose(enum books_class class,
				 const struct actor *actor)
{
	return (struct whose){ class, actor };
}

/*
 * The functions below add checks to the test. phase is "before", "peak" or
 * "after", with what more there is to say about the moment. Those that return
 * false have made a failed check; the scenario ends then.
 */

/* How many of its connections are of a kind, if the i-th is of kind i % kinds. */
long long play_share(const struct play *play, unsigned int kinds,
		     unsigned int kind);

/*
 * How much of the whole a scenario does whose size is no number of sockets: less,
 * where it is to have fewer connections than by itself, in proportion; never more.
 */
long long play_scaled(const struct play *play, long long whole);

/* A check of two numbers. */
bool play_expect(struct play *play, const char *phase, const char *what,
		 long long expected, long long actual);

/* Likewise, where more is as good. */
bool play_expect_at_least(struct play *play, const char *phase,
			  const char *what, long long least, long long actual);

/* A failed check, with a reason. Returns false. */
bool play_fail(struct play *play, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Ends the scenario as skipped, unless a check has failed. Returns false. */
bool play_skip(struct play *play, const char *reason);

/* Whether anything is lacking; then it is skipped for that. NULL: nothing is. */
bool play_lacks(struct play *play, const char *lacking);

/* Each pool is balanced: nothing unaccounted, no socket missing or broken. */
bool play_expect_balanced(struct play *play, const char *phase);

/* Whether they are, now, without a check. */
bool play_is_balanced(struct play *play);

/* What the pool's counter says with what the CPUs hold back from it. */
bool play_pages(struct play *play, long long *pages);

/*
 * Waits, for at most half a minute, until each pool is balanced. On the way no
 * reading, exact or live, may be imbalanced.
 */
bool play_expect_settled(struct play *play, const char *phase);

/*
 * What each memory cgroup counts is what its sockets are charged. Takes as long
 * as the kernel does to add it up, seconds. Where there are none, no check.
 */
bool play_expect_cgroups(struct play *play, const char *phase);

/* Likewise, and until the pool is charged no more pages than that. */
bool play_expect_return(struct play *play, const char *phase, long long pages);

/* Waits, for at most half a minute, until there are that many sockets. */
bool play_expect_sockets(struct play *play, const char *phase,
			 struct whose whose, long long expected);

/* Likewise, all of them in that state. */
bool play_expect_state(struct play *play, const char *phase,
		       struct whose whose, const char *state,
		       long long expected);

/* Waits, for at most a minute and a half, until none is left. */
bool play_expect_no_orphans(struct play *play, const char *phase);

/* What they were charged when books were read from "owners". */
struct books_charge play_charge_in(const struct books *books,
				   struct whose whose);

/* What they are charged now. */
bool play_charge(struct play *play, struct whose whose,
		 struct books_charge *charge);

/* Likewise in bytes, without pages that this kernel leaves to idle sockets. */
bool play_charge_at_rest(struct play *play, struct whose whose,
			 long long *bytes);

/* Reads a file of the pool; the books are to be freed only if true. */
bool play_books(struct play *play, const char *file, struct books *books);

/* Likewise the verdicts on all pools at one moment. */
bool play_pools(struct play *play, bool live, struct books *books);

/* What the actor's own sockets say of themselves. */
bool play_meminfo(struct play *play, const char *phase,
		  const struct actor *actor, struct meminfo *sum);

/* Their bytes are what the process's own sockets say of themselves. */
bool play_expect_meminfo(struct play *play, const char *phase,
			 struct whose whose);

/* Remarks which pools are not balanced, and why. */
void play_remark_verdicts(struct play *play, const struct books *books);

/*
 * Marks the peak, at which everything stands still: shows the screen, and
 * measures what the table says, if the user wants it.
 */
void play_peak(struct play *play);

/* Shows the screen only: not everything stands still. */
void play_explain(struct play *play);

/* Checks for the steps of actors and of the server's listening socket. */
bool play_listen(struct play *play, struct loopback *server, int backlog,
		 int *fd);
bool play_start(struct play *play, struct actor *actor, const char *name,
		void (*part)(struct stage *stage, void *arg), void *arg);
bool play_await(struct play *play, struct actor *actor, long long *value);
bool play_cue(struct play *play, struct actor *actor);
/* Gives the cue and waits for the next report. */
bool play_step(struct play *play, struct actor *actor, long long *value);
bool play_freeze(struct play *play, struct actor *actor);

/* Sets a sysctl until the end of the run. */
bool play_sysctl(struct play *play, const char *name, const char *value);

/* shortage_prepare() and shortage_finish(), which are not to fail. */
bool play_prepare_shortage(struct play *play, struct shortage *shortage,
			   unsigned int percent);
bool play_finish_shortage(struct play *play, const struct shortage *shortage);

/*
 * From now on packets on loopback are received by any CPU, which is interrupted
 * for them, not by the one that sends. Remarks if this kernel cannot do that.
 */
void play_spread_packets(struct play *play);

/*
 * While it is played, what was read is freed at once; otherwise newer kernels may
 * leave it to the CPU that has received it, for whenever that receives again.
 */
bool play_free_at_once(struct play *play);

/* Milliseconds of the monotonic clock. */
long long play_clock_ms(void);

/* Sleeps between two looks at a condition. */
void play_pause(void);

#endif
