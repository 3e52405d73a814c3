// SPDX-License-Identifier: GPL-2.0-only
/* UDP sockets with datagrams in all states, and the ways that they end. */
#include <linux/errqueue.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <net/sock.h>

#include "scene.h"
#include "suites.h"

#define SOME 1000

static bool has_unread(const struct skbal_endpoint *end)
{
	return atomic_read(&end->sk->sk_rmem_alloc);
}

static int make_bound(struct skbal_scene *scene, struct skbal_endpoint **ret)
{
	return skbal_scene_make(scene, SOCK_DGRAM, ret) ?:
	       skbal_scene_step(scene, skbal_endpoint_bind(*ret));
}

static int send(struct skbal_scene *scene, struct skbal_endpoint *end, int flags)
{
	return skbal_scene_step(scene, skbal_endpoint_send(end, SOME, flags));
}

static int reach_empty(struct skbal_scene *scene)
{
	return make_bound(scene, &scene->subject) ?:
	       make_bound(scene, &scene->peer) ?:
	       skbal_scene_step(scene, skbal_endpoint_connect(scene->peer,
							      scene->subject, 0));
}

static int reach_one(struct skbal_scene *scene)
{
	return reach_empty(scene) ?:
	       send(scene, scene->peer, 0) ?:
	       skbal_scene_await(scene, has_unread(scene->subject));
}

/* Until one more makes no difference. */
static int reach_full(struct skbal_scene *scene)
{
	int err = reach_one(scene);
	int before, now = 0;

	do {
		before = now;
		err = err ?: send(scene, scene->peer, 0);
		now = atomic_read(&scene->subject->sk->sk_rmem_alloc);
	} while (!err && now > before);
	return err;
}

/* What is read is not given back at once: it is a deficit for a while. */
static int reach_partly_read(struct skbal_scene *scene)
{
	int err = reach_full(scene);
	int i;

	for (i = 0; i < 3 && !err; i++)
		err = skbal_scene_step(scene,
				       skbal_endpoint_receive(scene->subject,
							      SOME, 0));
	return err;
}

static int reach_drained(struct skbal_scene *scene)
{
	int err = reach_full(scene);

	if (err)
		return err;
	skbal_endpoint_drain(scene->subject);
	return skbal_scene_await(scene, !has_unread(scene->subject) ||
		skb_queue_empty_lockless(&scene->subject->sk->sk_receive_queue));
}

static int reach_peeked(struct skbal_scene *scene)
{
	return reach_full(scene) ?:
	       skbal_scene_step(scene, skbal_endpoint_receive(scene->subject,
							      SOME, MSG_PEEK));
}

static int reach_connected(struct skbal_scene *scene)
{
	return reach_one(scene) ?:
	       skbal_scene_step(scene, skbal_endpoint_connect(scene->subject,
							      scene->peer, 0));
}

/* A datagram is begun, but not sent. */
static int reach_corked(struct skbal_scene *scene)
{
	return reach_connected(scene) ?: send(scene, scene->subject, MSG_MORE);
}

static int queue_errors(struct skbal_endpoint *end)
{
	bool v4 = end->sk->sk_family == AF_INET;
	int on = 1;

	return end->sock->ops->setsockopt(end->sock, v4 ? SOL_IP : SOL_IPV6,
					  v4 ? IP_RECVERR : IPV6_RECVERR,
					  KERNEL_SOCKPTR(&on), sizeof(on));
}

/* The peer is gone, and a datagram to it comes back as an error. */
static int reach_error_queue(struct skbal_scene *scene)
{
	int err = reach_connected(scene) ?:
		  skbal_scene_step(scene, queue_errors(scene->subject));

	if (err)
		return err;
	skbal_endpoint_close(scene->peer);
	skbal_scene_expect_freed(scene, scene->peer);
	return send(scene, scene->subject, 0) ?:
	       skbal_scene_await(scene,
				 !skb_queue_empty_lockless(&scene->subject->sk->sk_error_queue));
}

struct row {
	const char *name;
	int (*reach)(struct skbal_scene *scene);
	bool errors;
};

#define ROW(row, ...) { .name = #row, .reach = reach_##row, __VA_ARGS__ }

static const struct row rows[] = {
	ROW(empty),
	ROW(one),
	ROW(full),
	ROW(partly_read),
	ROW(drained),
	ROW(peeked),
	ROW(connected),
	ROW(corked),
	ROW(error_queue, .errors = true),
};

static void close_it(struct skbal_scene *scene, const struct row *row)
{
	skbal_endpoint_close(scene->subject);
	skbal_scene_expect_freed(scene, scene->subject);
}

/* It has no port any more, but still its queue. */
static void expect_unhashed(struct skbal_scene *scene, const struct row *row)
{
	const struct skbal_expectation want = {
		.when = "without a port",
		.class = SKBAL_CLOSED_HELD,
		.uncharged = row->errors,
	};

	skbal_scene_check(scene, &want);
	skbal_endpoint_drain(scene->subject);
}

static void disconnect(struct skbal_scene *scene, const struct row *row)
{
	skbal_scene_step(scene, skbal_endpoint_disconnect(scene->subject));
	expect_unhashed(scene, row);
}

/* As "ss --kill" does. */
static void abort_it(struct skbal_scene *scene, const struct row *row)
{
	struct sock *sk = scene->subject->sk;

	if (!sk->sk_prot->diag_destroy) {
		kunit_mark_skipped(scene->test, "needs CONFIG_INET_DIAG_DESTROY");
		return;
	}
	skbal_scene_step(scene, sk->sk_prot->diag_destroy(sk, ECONNABORTED));
	expect_unhashed(scene, row);
}

static void play(struct kunit *test, void (*end)(struct skbal_scene *scene,
						 const struct row *row))
{
	const struct row *row = skbal_case_row(test, rows);
	struct skbal_expectation peak = {
		.when = "at the peak",
		.class = SKBAL_OPEN,
	};
	struct skbal_scene *scene;

	if (!row)
		return;
	scene = skbal_scene_open(test, skbal_case_family(test), SKBAL_POOL_UDP);
	if (!scene)
		return;
	peak.uncharged = row->errors;
	if (!row->reach(scene)) {
		skbal_scene_check(scene, &peak);
		end(scene, row);
	}
	skbal_scene_close(scene);
}

#define ROWS(X, arg)		\
	X(empty, arg)		\
	X(one, arg)		\
	X(full, arg)		\
	X(partly_read, arg)	\
	X(drained, arg)		\
	X(peeked, arg)		\
	X(connected, arg)	\
	X(corked, arg)		\
	X(error_queue, arg)

SKBAL_SUITE(udp_close, "udp_close", close_it, ROWS);
SKBAL_SUITE(udp_disconnect, "udp_disconnect", disconnect, ROWS);
SKBAL_SUITE(udp_abort, "udp_abort", abort_it, ROWS);
