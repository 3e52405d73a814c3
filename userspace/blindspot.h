/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_BLINDSPOT_H
#define SKBALANCE_BLINDSPOT_H

#include "books.h"
#include "sockdiag.h"
#include "transport.h"

/*
 * What of a pool sock_diag(7), hence ss(8), does not see, whichever protocol
 * it is asked for. For a moment at which the sockets stand still: there is
 * one reading, and one dump of each protocol.
 */
struct blindspot {
	long long sockets;	/* as far as can be known */
	long long bytes;
	long long pages;	/* rounded to the nearest */
};

/* 0, or errors as of books_read() and sockdiag_read(). */
int blindspot_read(struct blindspot *spot, const char *pool, char **error);

/*
 * Adds the sockets and bytes that the transport's dump lacks of its books. 0
 * or -ENOMEM.
 */
int blindspot_add(struct blindspot *spot, const struct books *books,
		  const struct transport *transport,
		  const struct sockdiag *diag);

#endif
