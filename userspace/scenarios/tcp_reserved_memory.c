// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sender in a memory cgroup reserves memory for its sockets. It is charged
 * at once, and stays so; what is sent is taken from it. Whoever wants less is
 * given the rest back; who wants more while memory is scarce gets nothing.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "../confinement.h"
#include "../connections.h"
#include "unread.h"

#define RESERVE (256 * 1024)
#define PAYLOAD 10000
/* More than the CPUs hold back of the counter, which limits do not know of. */
#define PLENTY (32 << 20)
#define TCP_MEM "net.ipv4.tcp_mem"

static struct confinement confinement;

static void prepare(struct stage *stage)
{
	confinement_enter(stage, &confinement);
}

static bool reserve(int fd, int bytes)
{
	return !setsockopt(fd, SOL_SOCKET, SO_RESERVE_MEM, &bytes,
			   sizeof(bytes));
}

static long long send_some(struct stage *stage, int fd, unsigned int i)
{
	static const char data[PAYLOAD];

	(void)i;
	/* the kernel makes whole pages of it */
	if (!reserve(fd, 2 * RESERVE - 1) || !reserve(fd, RESERVE))
		stage_fail(stage, "SO_RESERVE_MEM");
	if (send(fd, data, PAYLOAD, MSG_NOSIGNAL) != PAYLOAD)
		stage_fail(stage, "send");
	return PAYLOAD;
}

static bool expect(struct play *play, const struct unread_round *round)
{
	struct whose senders = whose(BOOKS_CLASS_OPEN, &round->sender);
	struct books_charge charge;
	long long confined = 0;
	struct books books;

	if (!play_books(play, "owners", &books))
		return false;
	for (size_t i = 0; i < books.n_owners; i++)
		if (books.owners[i].memcg == confinement.id)
			confined += books.owners[i].charge.sockets;
	books_free(&books);
	return play_charge(play, senders, &charge) &&
	       play_expect(play, "peak", "bytes charged to the sender",
			   (long long)play->connections * RESERVE,
			   books_charge_bytes(&charge)) &&
	       play_expect(play, "peak", "sockets of the memory cgroup",
			   play->connections, confined) &&
	       play_expect_cgroups(play, "peak");
}

static void greedy(struct stage *stage, void *arg)
{
	int fd;

	(void)arg;
	confinement_enter(stage, &confinement);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	stage_report(stage, fd >= 0 && reserve(fd, PLENTY));
	/* the kernel makes whole pages of the second one */
	stage_report(stage,
		     reserve(fd, 2 * PLENTY) || reserve(fd, 2 * PLENTY - 1));
}

/* Between the limits of net.ipv4.tcp_mem: what is refused is not charged. */
static void play_refusal(struct play *play)
{
	struct actor actor = { 0 };
	long long reserved;

	if (play_sysctl(play, TCP_MEM, "1000000 1000000 1000000") &&
	    play_start(play, &actor, "greedy", greedy, NULL) &&
	    play_await(play, &actor, &reserved) &&
	    play_expect(play, "plenty", "reservations", 1, reserved) &&
	    play_expect_settled(play, "plenty") &&
	    play_sysctl(play, TCP_MEM, "1 1 1000000") &&
	    play_step(play, &actor, &reserved) &&
	    play_expect(play, "scarce", "reservations", 0, reserved))
		play_expect_settled(play, "scarce");
	actor_kill(&actor);
}

static void play(struct play *play)
{
	bool made = confinement_make(&confinement, "skbalance-reserve");

	if (!connection_reserves()) {
		play_skip(play, "the kernel has no SO_RESERVE_MEM");
	} else if (made && confinement.memory) {
		unread_play(play, &(struct unread){
			.prepare = prepare,
			.send = send_some,
			.expect = expect,
			.as_queued = true,
			.reserve = RESERVE,
		});
		play_refusal(play);
	} else {
		play_skip(play, "there is no cgroup with a memory controller");
	}
	confinement_remove(&confinement);
}

const struct scenario tcp_reserved_memory = {
	.name = "tcp-reserved-memory",
	.summary = "memory is reserved with SO_RESERVE_MEM: charged, whatever is sent",
	.connections = 50,
	.pages = 68,
	.play = play,
};
