/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_PERSISTENT_SERVER_H
#define SKBALANCE_PERSISTENT_SERVER_H

#include "scenarios.h"

/*
 *	server, 8 threads ---- connection 1..N ----> slow-client
 *
 * Each thread sends a message on each of its connections every 200 ms, and
 * closes a connection when a send fails, with l_linger seconds. The client
 * reads slowly at first, then stops. The server never exits: the books are
 * balanced while it runs.
 */
void persistent_server_play(struct play *play, int linger);

#endif
