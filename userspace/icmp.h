/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_ICMP_H
#define SKBALANCE_ICMP_H

#include "actor.h"
#include "loopback.h"

/*
 * For actors: forges what a router, or the host of the peer, says of TCP's
 * segments. All report a failure themselves.
 */

enum icmp_complaint {
	ICMP_NO_HOST,		/* EHOSTUNREACH */
	ICMP_NO_PORT,		/* ECONNREFUSED */
	ICMP_BAD_HEADER,	/* EPROTO */
	ICMP_TOO_LARGE,		/* for the mtu */
	ICMP_COMPLAINTS
};

/* What an error quotes of a segment: from where to where it went. */
struct icmp_quotation {
	struct sockaddr_storage from, to;
	unsigned int sequence;
};

/* The first that was sent to the peer, and that is not acknowledged. */
struct icmp_quotation icmp_quote_sent(struct stage *stage, int fd,
				      const struct loopback *peer);

/* The peer's SYN-ACK, of a connection over which nothing else has come. */
struct icmp_quotation icmp_quote_answer(struct stage *stage, int fd,
					const struct loopback *peer);

void icmp_complain(struct stage *stage, const struct icmp_quotation *quotation,
		   enum icmp_complaint complaint, unsigned int mtu);

#endif
