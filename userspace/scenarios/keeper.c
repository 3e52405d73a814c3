// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "keeper.h"

void keeper_play(struct play *play, const struct keeper *how,
		 struct keeper_cast *cast)
{
	struct actor actor = { 0 };
	long long pages;
	bool ok;

	cast->connections = play->connections;
	if (!play_expect_balanced(play, "before") ||
	    !play_pages(play, &pages) ||
	    !play_listen(play, &cast->server, 4096, &cast->listener))
		return;
	ok = play_start(play, &actor, "keeper", how->part, cast);
	close(cast->listener);
	ok = ok && how->direct(play, &actor);
	if (ok)
		play_peak(play);
	actor_kill(&actor);
	if (ok)
		play_expect_return(play, "after", pages);
}
