// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory cgroup of a sender is at its limit, then TCP is: what is refused
 * by one of them is charged to neither.
 *
 *	sender (in a cgroup) ---- connection 1..N ----> receiver (does not read)
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../confinement.h"
#include "../connections.h"
#include "scenarios.h"

/* More than goes to a receiver that does not read. */
#define QUEUED (128 * 1024)
/* A page for each of so many is more than the CPUs hold back. */
#define ENOUGH 2000
/*
 * Every other one's send buffer is set. Others are made smaller at a limit, and
 * then what goes beyond them is granted in any case.
 */
#define SNDBUF (128 * 1024)
/* Of them so many; for each the kernel's log tells that nobody can be killed. */
#define OF_CGROUP 2

static struct confinement confinement;

/* How far they are; also a message would take memory that the cgroup refuses. */
enum progress { LIMITED, REFUSED, RELIEVED };

struct cast {
	struct loopback server;
	int listener;
	unsigned int connections;
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

	connections_accept(stage, cast->listener, cast->connections, 0);
	stage_report(stage, 0);
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

static void sender(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	long long refused;
	int *fds;

	close(cast->listener);
	confinement_enter(stage, &confinement);
	fds = connections_connect(stage, &cast->server, cast->connections);
	for (unsigned int i = 0; i < cast->connections; i++)
		prepare(stage, fds[i], i);
	survive(stage);
	stage_report(stage, 0);
	refused = connections_overload(stage, fds, OF_CGROUP);
	advance(cast, REFUSED);
	if (!await(cast, RELIEVED))
		stage_fail(stage, "waiting for the cgroup's limit to go");
	stage_report(stage, refused);
	stage_report(stage,
		     connections_overload(stage, fds + OF_CGROUP,
					  cast->connections - OF_CGROUP));
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
		return play_fail(play, "by the cgroup: the sender goes on");
	if (!play_expect_balanced(play, "by the cgroup") || !limit(play, "max"))
		return false;
	advance(cast, RELIEVED);
	return expect_refused(play, sender, "by the cgroup", OF_CGROUP);
}

static bool peak(struct play *play, const struct cast *cast,
		 struct actor *sender, struct actor *receiver)
{
	long long value;

	return play_await(play, receiver, &value) &&
	       play_await(play, sender, &value) &&
	       refuse_by_cgroup(play, cast, sender) &&
	       play_sysctl(play, "net.ipv4.tcp_mem", "1 1 1") &&
	       play_cue(play, sender) &&
	       expect_refused(play, sender, "by TCP",
			      cast->connections - OF_CGROUP) &&
	       play_expect_cgroups(play, "by TCP");
}

static void send_confined(struct play *play)
{
	struct cast cast = {
		.connections = play->connections > ENOUGH ? play->connections :
							    ENOUGH,
		.listener = -1,
	};
	struct actor from = { 0 }, to = { 0 };
	long long pages;
	bool ok;

	cast.progress = mmap(NULL, sizeof(*cast.progress),
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			     -1, 0);
	if (cast.progress == MAP_FAILED) {
		play_fail(play, "mmap: %s", strerror(errno));
		return;
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
	if (ok)
		play_expect_return(play, "after", pages);
}

static void play(struct play *play)
{
	if (confinement_make(&confinement, "skbalance-limited") &&
	    confinement.memory)
		send_confined(play);
	else
		play_skip(play, "there are no version-2 cgroups with memory");
	confinement_remove(&confinement);
}

const struct scenario limited_cgroups = {
	.name = "limited-cgroups",
	.summary = "a sender's memory cgroup, or TCP, is at its limit: refused is not charged",
	.connections = ENOUGH,
	.pages = 4,
	.play = play,
};
