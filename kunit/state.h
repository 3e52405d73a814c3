/* SPDX-License-Identifier: GPL-2.0-only */
/* The states that a TCP socket can be in when it is ended. */
#ifndef SKBAL_STATE_H
#define SKBAL_STATE_H

#include <linux/types.h>

#include "../kmod/balance.h"

struct kunit;
struct skbal_scene;

/* Each list calls X(state, arg) for its states. Connected, and able to send: */
#define SKBAL_STATES_OPEN(X, arg)	\
	X(empty, arg)			\
	X(unsent, arg)			\
	X(retransmit, arg)		\
	X(unsent_retransmit, arg)	\
	X(zero_window, arg)		\
	X(unread, arg)			\
	X(unread_by_peer, arg)		\
	X(out_of_order, arg)		\
	X(error_queue, arg)		\
	X(zerocopy, arg)		\
	X(corked, arg)			\
	X(urgent, arg)			\
	X(close_wait, arg)

/* Has sent all that it will, and something is not acknowledged. */
#define SKBAL_STATES_CLOSING(X, arg)	\
	X(shutdown_wr, arg)		\
	X(shutdown_rdwr, arg)		\
	X(fin_wait1, arg)		\
	X(closing, arg)			\
	X(last_ack, arg)

/* Nothing is left to be sent or acknowledged. */
#define SKBAL_STATES_CLOSED(X, arg)	\
	X(time_wait, arg)		\
	X(closed, arg)			\
	X(reset, arg)			\
	X(fresh, arg)

/* Not connected yet. */
#define SKBAL_STATES_CONNECTING(X, arg)	\
	X(syn_sent, arg)		\
	X(syn_recv, arg)

#define SKBAL_STATES(X, arg)		\
	SKBAL_STATES_OPEN(X, arg)	\
	SKBAL_STATES_CLOSING(X, arg)	\
	X(fin_wait2, arg)		\
	SKBAL_STATES_CLOSED(X, arg)	\
	SKBAL_STATES_CONNECTING(X, arg)

struct skbal_state {
	const char *name;
	/* has the scene's subject be in that state, or fails the test */
	int (*reach)(struct skbal_scene *scene);
	enum skbal_class class;
	bool uncharged;		/* as of struct skbal_expectation */
	bool errors;		/* they are in the error queue, and stay */
};

/** skbal_state_of() - the state that a case is named after
 *
 * Return: NULL if there is none, which fails the test.
 */
const struct skbal_state *skbal_state_of(struct kunit *test);

#endif /* SKBAL_STATE_H */
