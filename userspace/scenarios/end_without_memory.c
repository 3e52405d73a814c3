// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * One end of each connection is closed while one allocation in a hundred fails;
 * the other end says nothing, and stays.
 *
 * Only if named: of a FIN that it has no memory for, Linux up to 7.3 at least
 * neither keeps nor tells anything (tcp_send_fin()). The orphan has no timer then:
 * it ends when its peer sends something, and never if that is gone, too. SCTP has
 * changed the association's state by then, and set no timer
 * (sctp_sf_do_9_2_start_shutdown()): it stays as long as its peer answers.
 */
#include <netinet/in.h>
#include <unistd.h>

#include "../shortage.h"
#include "keeper.h"

struct cast {
	struct keeper_cast keeper;
	struct shortage shortage;
};

static void keeper(struct stage *stage, void *arg)
{
	const struct cast *cast = arg;
	const struct keeper_ends *all = keeper_connect(stage, &cast->keeper);

	stage_report(stage, 0);
	if (!shortage_begin_own(&cast->shortage))
		stage_fail(stage, "to let allocations fail");
	for (unsigned int i = 0; i < cast->keeper.connections; i++)
		close(all[i].connected);
	if (!shortage_end(&cast->shortage))
		stage_fail(stage, "to let allocations succeed again");
	stage_report(stage, 0);
}

/*
 * Who has sent its FIN gets to FIN_WAIT2, where an orphan is a socket no more; an
 * association ends.
 */
static bool go_through(struct play *play, struct actor *keeper)
{
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "connected") &&
	       play_step(play, keeper, &value) &&
	       play_expect_no_orphans(play, "closed") &&
	       play_expect_settled(play, "closed");
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct cast cast;

	if (!shortage_is_possible()) {
		play_skip(play, "the kernel lets no allocations fail");
		return;
	}
	if (!play_prepare_shortage(play, &cast.shortage, 1))
		return;
	keeper_play(play, &how, &cast.keeper);
	play_finish_shortage(play, &cast.shortage);
}

const struct scenario tcp_fin_without_memory = {
	.name = "tcp-fin-without-memory",
	.summary = "no memory for a FIN: TCP forgets it, and has no timer",
	.connections = 1000,
	.pages = 1,
	.only_named = true,
	.play = play,
};

const struct scenario sctp_shutdown_without_memory = {
	.name = "sctp-shutdown-without-memory",
	.summary = "no memory for a SHUTDOWN: SCTP forgets it, and has no timer",
	.protocol = IPPROTO_SCTP,
	.connections = 1000,
	.pages = 1,
	.only_named = true,
	.play = play,
};
