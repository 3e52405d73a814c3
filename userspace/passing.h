/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_PASSING_H
#define SKBALANCE_PASSING_H

#include "actor.h"

/* For actors: descriptors in messages of UNIX sockets. They report failures. */

/* Two connected UNIX sockets. One message, one skb: a datagram for each. */
void passing_pair(struct stage *stage, int ends[2]);

/* Sends the descriptor, and closes it. */
void passing_send(struct stage *stage, int channel, int fd);

#endif
