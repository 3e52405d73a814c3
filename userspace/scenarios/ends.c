// SPDX-License-Identifier: GPL-2.0-only
#include "ends.h"

bool ends_start(struct play *play, struct ends *ends, ends_part *receiver,
		ends_part *sender, void *arg, pid_t *namespace)
{
	long long value, joined;

	if (!play_start(play, &ends->receiver, "receiver", receiver, arg) ||
	    !play_await(play, &ends->receiver, &value))
		return false;
	*namespace = ends->receiver.pid;
	if (!play_start(play, &ends->sender, "sender", sender, arg) ||
	    !play_await(play, &ends->sender, &joined))
		return false;
	return joined || play_skip(play, "there is no ip(8), or no veth");
}

void ends_kill(struct ends *ends)
{
	actor_kill(&ends->sender);
	actor_kill(&ends->receiver);
}
