/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_ADDRESS_FORM_H
#define SKBALANCE_ADDRESS_FORM_H

#include "scenarios.h"

/*
 * IPv6 sockets with the IPv4 address ::ffff:127.0.0.1, which become IPv4
 * sockets.
 */

/* Only over IPv6, and whatever net.ipv6.bindv6only was. False: not playable. */
bool address_form_prepare(struct play *play);

/* For actors: sets *at to that address, for a protocol, and any port. */
void address_form_set(struct loopback *at, int protocol);

/* For actors: turns it into an IPv4 socket; it has to be connected. */
void address_form_change(struct stage *stage, int fd);

/*
 * Of the actor's sockets, that many are of IPv4 now, that many others of IPv6;
 * and all is balanced, in particular the numbers of both that are in use.
 */
bool address_form_expect(struct play *play, const char *phase,
			 const struct actor *actor, long long v4,
			 long long v6);

#endif
