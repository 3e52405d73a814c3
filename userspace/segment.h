/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_SEGMENT_H
#define SKBALANCE_SEGMENT_H

#include <stdbool.h>

#include "actor.h"

/*
 * For actors: loses segments on purpose, of TCP where nothing else is said, with
 * a filter on the socket that they are meant for, and waits for what becomes of
 * them. All report a failure themselves.
 */

/* From now on the socket gets no segment at all: it is deaf. */
void segment_ignore(struct stage *stage, int fd);

/* It gets none whose data begins with that byte. */
void segment_ignore_marked(struct stage *stage, int fd, char mark);

/* SCTP: it gets no packet whose first chunk is data that begins with that byte. */
void segment_ignore_marked_chunk(struct stage *stage, int fd, char mark);

/* SCTP: it gets no packet whose first chunk is of that type. */
void segment_ignore_chunk(struct stage *stage, int fd, unsigned char type);

/* A listener gets no segment but those that ask for a connection. */
void segment_ignore_answers(struct stage *stage, int fd);

/* It gets all again. */
void segment_heed(struct stage *stage, int fd);

/* The sequence number at which TCP_SEND_QUEUE or TCP_RECV_QUEUE ends. */
unsigned int segment_end_of_queue(struct stage *stage, int fd, int queue);

/* Likewise; false: it does not tell. */
bool segment_try_end_of_queue(int fd, int queue, unsigned int *sequence);

/* Waits until all that was sent on the socket is acknowledged. */
void segment_await_acknowledged(struct stage *stage, int fd);

/* Waits until the connection is in TCP_FIN_WAIT2 or the like. */
void segment_await_state(struct stage *stage, int fd, int state);

/* Waits until it has been sent again, and was not acknowledged either. */
void segment_await_backoff(struct stage *stage, int fd);

/* How large a packet may be, as far as the connection knows. */
unsigned int segment_path_mtu(struct stage *stage, int fd);

/* How many came too early, so far. */
unsigned int segment_out_of_order(struct stage *stage, int fd);

/* Waits until one has come too early. */
void segment_await_out_of_order(struct stage *stage, int fd);

/* Waits until all but one segment of it has come to the peer. */
void segment_await_all_but_one(struct stage *stage, int fd);

#endif
