/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_RAW_H
#define SKBALANCE_RAW_H

#include <stddef.h>
#include <sys/socket.h>

#include "actor.h"

/* For actors: packets that they have made themselves. */

/* What the sum of two parts is, is that of the whole: before is that of what came before. */
unsigned int raw_sum(unsigned int before, const void *data, size_t size);

/* The checksum of the internet, of such a sum, in network byte order. */
unsigned short raw_checksum(unsigned int sum);

/*
 * protocol: IPPROTO_... of the packet; IPPROTO_RAW: the header of IP is part of
 * it. Reports a failure itself.
 */
void raw_send(struct stage *stage, const struct sockaddr_storage *to,
	      int protocol, const void *packet, size_t size);

#endif
