// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory cgroup of a sender is at its limit, then TCP is: what is refused
 * by one of them is charged to neither.
 *
 *	sender (in a cgroup) ---- connection 1..N ----> receiver (does not read)
 *	  (not in it yet) ------- crowd --------------> receiver
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../confinement.h"
#include "../connections.h"
#include "../cpus.h"
#include "scenarios.h"

/* More than goes to a receiver that does not read. */
#define QUEUED (128 * 1024)
/* A page for each of so many is more than the CPUs hold back. */
#define ENOUGH 2000
/* As are QUEUED for each of so many, and so much at once. */
#define CROWD 60
#define RESERVE (8 << 20)
/*
 * Every other one's send buffer is set. Others are made smaller at a limit, and
 * then what goes beyond them is granted in any case.
 */
#define SNDBUF (128 * 1024)
/*
 * The first so many; for each the kernel's log tells that nobody can be killed.
 * The others are made later: what 5.10's timers reclaim from a socket, its
 * cgroup grants again, and be it at its limit (refill_stock()).
 */
#define OF_CGROUP 2

static struct confinement confinement;

/* How far they are; also a message would take memory that the cgroup refuses. */
enum progress { LIMITED, REFUSED, RELIEVED };

struct cast {
	struct loopback server;
	int listener;
	unsigned int crowd, connections;
	const char *by_cgroup;	/* the phase */
	enum progress *progress; /* in shared memory */
};

static void advance(const struct cast *cast, enum progress to)
{
	__atomic_store_n(cast->progress, to, __ATOMIC_RELEASE);
}

/* False: it takes too long. */
static bool await(const struct cast *cast, enum progress what)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	while (__atomic_load_n(cast->progress, __ATOMIC_ACQUIRE) != what) {
		if (play_clock_ms() > deadline)
			return false;
		play_pause();
	}
	return true;
}

static void receiver(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;

	connections_accept(stage, cast->listener,
			   cast->crowd + cast->connections, 0);
	stage_report(stage, 0);
}

static void crowd_together(struct stage *stage, const struct cast *cast)
{
	static const char data[QUEUED];
	int *fds = connections_connect(stage, &cast->server, cast->crowd);

	for (unsigned int i = 0; i < cast->crowd; i++)
		if (send(fds[i], data, sizeof(data), MSG_NOSIGNAL) != QUEUED)
			stage_fail(stage, "send");
}

/* What is charged at once, and is more than a CPU holds back, leaves it nothing. */
static void empty_reserve(void *arg)
{
	struct stage *stage = arg;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		stage_fail(stage, "socket");
	connection_set(stage, fd, SOL_SOCKET, SO_RESERVE_MEM, RESERVE);
	close(fd);
}

/* Kernels without SO_RESERVE_MEM have no reserves either. */
static void empty_reserves(struct stage *stage)
{
	if (connection_reserves() && !cpus_each(empty_reserve, stage))
		stage_fail(stage, "to go to each CPU");
}

/*
 * Nobody else is there to be killed for it, and it needs no page more: so its
 * charges are refused.
 */
static void survive(struct stage *stage)
{
	static const char never[] = "-1000";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, never, strlen(never)) < 0)
		stage_fail(stage, "oom_score_adj");
	close(fd);
	if (mlockall(MCL_CURRENT))
		stage_fail(stage, "mlockall");
}

/*
 * The first one's buffer is not set, and something is in its write queue: the
 * cgroup has to grant what is beyond.
 */
static void prepare(struct stage *stage, int fd, unsigned int i)
{
	static const char data[QUEUED];
	ssize_t size = i ? 1 : QUEUED;

	if (i % 2)
		connection_set_buffers(stage, fd, SNDBUF);
	if (send(fd, data, (size_t)size, MSG_NOSIGNAL) != size)
		stage_fail(stage, "send");
}

static int *connect_prepared(struct stage *stage, const struct cast *cast,
			     unsigned int first, unsigned int count)
{
	int *fds = connections_connect(stage, &cast->server, count);

	for (unsigned int i = 0; i < count; i++)
		prepare(stage, fds[i], first + i);
	return fds;
}

static void sender(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	unsigned int others = cast->connections - OF_CGROUP;
	long long refused;
	int *fds;

	close(cast->listener);
	crowd_together(stage, cast);
	confinement_enter(stage, &confinement);
	empty_reserves(stage);
	fds = connect_prepared(stage, cast, 0, OF_CGROUP);
	survive(stage);
	stage_report(stage, 0);
	refused = connections_overload(stage, fds, OF_CGROUP);
	advance(cast, REFUSED);
	if (!await(cast, RELIEVED))
		stage_fail(stage, "waiting for the cgroup's limit to go");
	stage_report(stage, refused);
	fds = connect_prepared(stage, cast, OF_CGROUP, others);
	stage_report(stage, 0);
	stage_report(stage, connections_overload(stage, fds, others));
}

static bool limit(struct play *play, const char *bytes)
{
	return confinement_limit(&confinement, bytes) ||
	       play_fail(play, "memory.max: %s", strerror(errno));
}

static bool expect_refused(struct play *play, struct actor *sender,
			   const char *phase, long long expected)
{
	long long refused;

	return play_await(play, sender, &refused) &&
	       play_expect(play, phase, "sends that were refused, in part",
			   expected, refused) &&
	       play_expect_balanced(play, phase);
}

static bool refuse_by_cgroup(struct play *play, const struct cast *cast,
			     struct actor *sender)
{
	if (!limit(play, "4096") || !play_cue(play, sender))
		return false;
	if (!await(cast, REFUSED))
		return play_fail(play, "%s: the sender goes on",
				 cast->by_cgroup);
	if (!play_expect_balanced(play, cast->by_cgroup) || !limit(play, "max"))
		return false;
	advance(cast, RELIEVED);
	return expect_refused(play, sender, cast->by_cgroup, OF_CGROUP);
}

static bool refuse_by_tcp(struct play *play, const struct cast *cast,
			  struct actor *sender)
{
	return play_sysctl(play, "net.ipv4.tcp_mem", "1 1 1") &&
	       play_cue(play, sender) &&
	       expect_refused(play, sender, "by TCP",
			      cast->connections - OF_CGROUP) &&
	       play_expect_cgroups(play, "by TCP");
}

static bool peak(struct play *play, const struct cast *cast,
		 struct actor *sender, struct actor *receiver)
{
	long long value;

	return play_await(play, sender, &value) &&
	       refuse_by_cgroup(play, cast, sender) &&
	       play_step(play, sender, &value) &&
	       play_await(play, receiver, &value) &&
	       (cast->connections == OF_CGROUP ||
		refuse_by_tcp(play, cast, sender));
}

/*
 * Where the CPUs hold back all that is charged, and memory_allocated itself is 0,
 * kernels that have net.core.bypass_prot_mem leave there what a cgroup refuses:
 * they take the 0 for a bypass (__sk_mem_raise_allocated()).
 */
static bool loses_at_rest(void)
{
	return !access("/proc/sys/net/core/bypass_prot_mem", F_OK);
}

static bool send_confined(struct play *play, struct cast cast)
{
	struct actor from = { 0 }, to = { 0 };
	long long pages;
	bool ok;

	cast.listener = -1;
	cast.progress = mmap(NULL, sizeof(*cast.progress),
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			     -1, 0);
	if (cast.progress == MAP_FAILED) {
		play_fail(play, "mmap: %s", strerror(errno));
		return false;
	}
	ok = play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) &&
	     play_listen(play, &cast.server, 4096, &cast.listener) &&
	     play_start(play, &to, "receiver", receiver, &cast) &&
	     play_start(play, &from, "sender", sender, &cast);
	if (cast.listener >= 0)
		close(cast.listener);
	ok = ok && peak(play, &cast, &from, &to);
	if (ok)
		play_peak(play);
	actor_kill(&from);
	actor_kill(&to);
	munmap(cast.progress, sizeof(*cast.progress));
	return ok && play_expect_return(play, "after", pages);
}

static bool send_at_rest(struct play *play)
{
	static const struct cast cast = {
		.connections = OF_CGROUP,
		.by_cgroup = "by the cgroup, all being held back",
	};

	return send_confined(play, cast);
}

static bool send_all(struct play *play)
{
	struct cast cast = {
		.crowd = CROWD,
		.connections = play->connections > ENOUGH ? play->connections :
							    ENOUGH,
		.by_cgroup = "by the cgroup",
	};

	return (loses_at_rest() || send_at_rest(play)) &&
	       send_confined(play, cast);
}

static void confine(struct play *play, bool (*send)(struct play *play))
{
	if (confinement_make(&confinement, "skbalance-limited") &&
	    confinement.memory)
		send(play);
	else
		play_skip(play, "there are no version-2 cgroups with memory");
	confinement_remove(&confinement);
}

static void play(struct play *play)
{
	confine(play, send_all);
}

static void play_at_rest(struct play *play)
{
	confine(play, send_at_rest);
}

const struct scenario limited_cgroups = {
	.name = "limited-cgroups",
	.summary = "a sender's memory cgroup, or TCP, is at its limit: refused is not charged",
	.connections = ENOUGH,
	.pages = 4,
	.play = play,
};

const struct scenario limited_cgroups_at_rest = {
	.name = "limited-cgroups-at-rest",
	.summary = "likewise by the cgroup, where the CPUs hold back all charges",
	.connections = OF_CGROUP,
	.pages = 4,
	.only_named = true,
	.play = play_at_rest,
};
