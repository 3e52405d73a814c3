// SPDX-License-Identifier: GPL-2.0-only
/* A TCP socket, in each state that there is, ended in each way that there is. */
#include <linux/slab.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "connection.h"
#include "scene.h"
#include "state.h"
#include "suites.h"

/* For a close() that waits: in jiffies, not in seconds as by SO_LINGER. */
#define LINGER (HZ / 20)
/* When a peer is given up that says nothing, in ms. */
#define USER_TIMEOUT 50

/* What the subject must be when its connection is over, its descriptor open. */
static void expect_over(struct skbal_scene *scene,
			const struct skbal_state *state, const char *when)
{
	const struct skbal_expectation want = {
		.when = when,
		.class = SKBAL_CLOSED_HELD,
		.uncharged = state->errors,
	};
	struct sock *sk = scene->subject->sk;

	if (skbal_scene_await(scene, READ_ONCE(sk->sk_state) == TCP_CLOSE))
		return;
	KUNIT_EXPECT_EQ(scene->test, sk->sk_wmem_queued, 0);
	KUNIT_EXPECT_TRUE(scene->test, skb_queue_empty(&sk->sk_write_queue));
	KUNIT_EXPECT_TRUE(scene->test, tcp_rtx_queue_empty(sk));
	skbal_scene_check(scene, &want);
}

static void linger0(struct skbal_scene *scene, const struct skbal_state *state)
{
	skbal_endpoint_linger(scene->subject, 0);
	skbal_endpoint_close(scene->subject);
	skbal_scene_expect_freed(scene, scene->subject);
}

static void linger1(struct skbal_scene *scene, const struct skbal_state *state)
{
	skbal_endpoint_linger(scene->subject, LINGER);
	skbal_endpoint_close(scene->subject);
}

/* The peer reads what comes, and is done as well. */
static void answer(struct skbal_scene *scene)
{
	unsigned long end = jiffies + skbal_patience();

	while (!completion_done(&scene->subject->freed) &&
	       time_before(jiffies, end)) {
		skbal_endpoint_drain(scene->peer);
		usleep_range(100, 200);
	}
}

static void acknowledged(struct skbal_scene *scene,
			 const struct skbal_state *state)
{
	skbal_wire_mend(&scene->wire);
	skbal_endpoint_close(scene->subject);
	if (scene->peer && scene->peer->sock)
		answer(scene);
	skbal_scene_expect_freed(scene, scene->subject);
}

/* Until tcp_orphan_retries are used up, which are few. */
static void retries(struct skbal_scene *scene, const struct skbal_state *state)
{
	skbal_wire_cut(&scene->wire);
	skbal_scene_hurry(scene);
	skbal_endpoint_close(scene->subject);
	skbal_scene_expect_freed(scene, scene->subject);
}

static void timeout(struct skbal_scene *scene, const struct skbal_state *state)
{
	tcp_sock_set_user_timeout(scene->subject->sk, USER_TIMEOUT);
	retries(scene, state);
}

static void abort_it(struct skbal_scene *scene, const struct skbal_state *state)
{
	skbal_scene_step(scene, tcp_abort(scene->subject->sk, ECONNABORTED));
	expect_over(scene, state, "aborted");
}

static void disconnect(struct skbal_scene *scene,
		       const struct skbal_state *state)
{
	skbal_scene_step(scene, skbal_endpoint_disconnect(scene->subject));
	expect_over(scene, state, "disconnected");
	KUNIT_EXPECT_TRUE(scene->test,
			  skb_queue_empty(&scene->subject->sk->sk_receive_queue));
}

static void reset(struct skbal_scene *scene, const struct skbal_state *state)
{
	skbal_wire_mend(&scene->wire);
	skbal_endpoint_linger(scene->peer, 0);
	skbal_endpoint_close(scene->peer);
	expect_over(scene, state, "reset");
}

static void vanish(struct skbal_scene *scene, const struct skbal_state *state)
{
	skbal_wire_cut(&scene->wire);
	skbal_scene_hurry(scene);
	tcp_sock_set_user_timeout(scene->subject->sk, USER_TIMEOUT);
	/* where that is possible; the others have something to send already */
	skbal_endpoint_send(scene->subject, 1, 0);
	expect_over(scene, state, "peer vanished");
}

static void keep_alive(struct sock *sk)
{
	lock_sock(sk);
	tcp_sk(sk)->keepalive_time = HZ / 50;
	tcp_sk(sk)->keepalive_intvl = HZ / 50;
	tcp_sk(sk)->keepalive_probes = 1;
	release_sock(sk);
	sock_set_keepalive(sk);
}

static void keepalive(struct skbal_scene *scene,
		      const struct skbal_state *state)
{
	struct sock *sk = scene->subject->sk;

	/* otherwise something else is done about the peer */
	if (skbal_scene_await(scene, !READ_ONCE(tcp_sk(sk)->packets_out)))
		return;
	skbal_wire_cut(&scene->wire);
	keep_alive(sk);
	expect_over(scene, state, "kept alive in vain");
}

static void play(struct kunit *test,
		 void (*end)(struct skbal_scene *scene,
			     const struct skbal_state *state))
{
	const struct skbal_state *state = skbal_state_of(test);
	struct skbal_expectation peak = { .when = "at the peak" };
	struct skbal_scene *scene;

	if (!state)
		return;
	scene = skbal_scene_open(test, skbal_case_family(test), SKBAL_POOL_TCP);
	if (!scene)
		return;
	peak.class = state->class;
	peak.uncharged = state->uncharged;
	if (!state->reach(scene)) {
		skbal_scene_check(scene, &peak);
		end(scene, state);
	}
	skbal_scene_close(scene);
}

/* Nothing to abort where the connection is over. */
#define STATES_ABORTED(X, arg)		\
	SKBAL_STATES_OPEN(X, arg)	\
	SKBAL_STATES_CLOSING(X, arg)	\
	X(fin_wait2, arg)		\
	SKBAL_STATES_CONNECTING(X, arg)

/* They take longer than a user timeout; one state for each timer. */
#define STATES_RETRIED(X, arg)		\
	X(retransmit, arg)		\
	X(zero_window, arg)		\
	X(fin_wait1, arg)		\
	X(fin_wait2, arg)

/* By a peer that is connected. */
#define STATES_RESET(X, arg)		\
	SKBAL_STATES_OPEN(X, arg)	\
	SKBAL_STATES_CLOSING(X, arg)	\
	X(fin_wait2, arg)

/* A peer is missed where something is to be acknowledged. */
#define STATES_VANISHED(X, arg)		\
	SKBAL_STATES_OPEN(X, arg)	\
	SKBAL_STATES_CLOSING(X, arg)	\
	SKBAL_STATES_CONNECTING(X, arg)

/* It is asked where nothing is. */
#define STATES_KEPT_ALIVE(X, arg)	\
	X(empty, arg)			\
	X(unread, arg)			\
	X(unread_by_peer, arg)		\
	X(out_of_order, arg)		\
	X(error_queue, arg)		\
	X(close_wait, arg)		\
	X(fin_wait2, arg)

SKBAL_SUITE(linger0, "close_linger0", linger0, SKBAL_STATES);
SKBAL_SUITE(linger1, "close_linger1", linger1, SKBAL_STATES);
SKBAL_SUITE(acknowledged, "close_acknowledged", acknowledged, SKBAL_STATES);
SKBAL_SUITE(timeout, "close_timeout", timeout, SKBAL_STATES);
SKBAL_SUITE(retries, "close_retries", retries, STATES_RETRIED);
SKBAL_SUITE(abort, "abort", abort_it, STATES_ABORTED);
SKBAL_SUITE(disconnect, "disconnect", disconnect, SKBAL_STATES);
SKBAL_SUITE(reset, "reset", reset, STATES_RESET);
SKBAL_SUITE(vanish, "vanish", vanish, STATES_VANISHED);
SKBAL_SUITE(keepalive, "keepalive", keepalive, STATES_KEPT_ALIVE);
