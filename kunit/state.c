// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bvec.h>
#include <linux/gfp.h>
#include <linux/net_tstamp.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "connection.h"
#include "scene.h"
#include "state.h"
#include "suites.h"

/* Less than a segment, and so little that all fits into any queue. */
#define SOME 1000
/* A receive queue for a few segments. */
#define SMALL_WINDOW 4096

static bool is_in(const struct skbal_endpoint *end, int state)
{
	return READ_ONCE(end->sk->sk_state) == state;
}

static bool has_unsent(const struct skbal_endpoint *end)
{
	return tcp_send_head(end->sk);
}

static bool has_unacknowledged(const struct skbal_endpoint *end)
{
	return READ_ONCE(tcp_sk(end->sk)->packets_out);
}

static bool has_only_unsent(const struct skbal_endpoint *end)
{
	return has_unsent(end) && !has_unacknowledged(end);
}

static bool has_only_unacknowledged(const struct skbal_endpoint *end)
{
	return has_unacknowledged(end) && !has_unsent(end);
}

static bool has_unread(const struct skbal_endpoint *end)
{
	return !skb_queue_empty_lockless(&end->sk->sk_receive_queue);
}

static int send(struct skbal_scene *scene, struct skbal_endpoint *end, int flags)
{
	return skbal_scene_step(scene, skbal_endpoint_send(end, SOME, flags));
}

static int shut_down(struct skbal_scene *scene, struct skbal_endpoint *end,
		     enum sock_shutdown_cmd how)
{
	return skbal_scene_step(scene, skbal_endpoint_shutdown(end, how));
}

static int send_unread(struct skbal_scene *scene, struct skbal_endpoint *from,
		       struct skbal_endpoint *to)
{
	return send(scene, from, 0) ?: skbal_scene_await(scene, has_unread(to));
}

static int reach_fresh(struct skbal_scene *scene)
{
	return skbal_scene_make(scene, SOCK_STREAM, &scene->subject);
}

static int reach_empty(struct skbal_scene *scene)
{
	return skbal_connection_make(scene, 0);
}

/* As if the peer had closed its window, of which it says no more. */
static void close_window(struct skbal_endpoint *end)
{
	lock_sock(end->sk);
	tcp_sk(end->sk)->snd_wnd = 0;
	release_sock(end->sk);
}

static int reach_unsent(struct skbal_scene *scene)
{
	int err = reach_empty(scene);

	if (err)
		return err;
	skbal_wire_cut(&scene->wire);
	close_window(scene->subject);
	return send(scene, scene->subject, 0) ?:
	       skbal_scene_await(scene, has_only_unsent(scene->subject));
}

static int reach_retransmit(struct skbal_scene *scene)
{
	int err = reach_empty(scene);

	if (err)
		return err;
	skbal_wire_cut(&scene->wire);
	return send(scene, scene->subject, 0) ?:
	       skbal_scene_await(scene, has_only_unacknowledged(scene->subject));
}

static void allow_one_packet(struct skbal_endpoint *end)
{
	lock_sock(end->sk);
	tcp_sk(end->sk)->snd_cwnd = 1;
	release_sock(end->sk);
}

static int reach_unsent_retransmit(struct skbal_scene *scene)
{
	int err = reach_empty(scene);

	if (err)
		return err;
	skbal_wire_cut(&scene->wire);
	allow_one_packet(scene->subject);
	tcp_sock_set_nodelay(scene->subject->sk);
	return send(scene, scene->subject, 0) ?:
	       send(scene, scene->subject, 0) ?:
	       skbal_scene_await(scene, has_unacknowledged(scene->subject)) ?:
	       skbal_scene_await(scene, has_unsent(scene->subject));
}

static int reach_zero_window(struct skbal_scene *scene)
{
	int err = skbal_connection_make(scene, SMALL_WINDOW);

	if (err)
		return err;
	do {
		err = skbal_endpoint_send(scene->subject, SZ_64K, 0);
	} while (err > 0);
	if (err != -EAGAIN)
		return skbal_scene_step(scene, err);
	return skbal_scene_await(scene, has_unread(scene->peer)) ?:
	       skbal_scene_await(scene, has_only_unsent(scene->subject));
}

static int reach_unread(struct skbal_scene *scene)
{
	return reach_empty(scene) ?:
	       send_unread(scene, scene->peer, scene->subject);
}

static int reach_unread_by_peer(struct skbal_scene *scene)
{
	return reach_empty(scene) ?:
	       send_unread(scene, scene->subject, scene->peer);
}

static bool is_out_of_order(const struct skbal_endpoint *end)
{
	return !RB_EMPTY_ROOT(&tcp_sk(end->sk)->out_of_order_queue);
}

static int reach_out_of_order(struct skbal_scene *scene)
{
	int err = reach_empty(scene);

	if (err)
		return err;
	skbal_wire_set(&scene->wire, SKBAL_WIRE_HOLE, SKBAL_WIRE_WHOLE);
	tcp_sock_set_nodelay(scene->peer->sk);
	return send(scene, scene->peer, 0) ?:
	       send(scene, scene->peer, 0) ?:
	       skbal_scene_await(scene, is_out_of_order(scene->subject));
}

static int reach_error_queue(struct skbal_scene *scene)
{
	int err = reach_empty(scene);

	if (err)
		return err;
	WRITE_ONCE(scene->subject->sk->sk_tsflags,
		   SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
	return send_unread(scene, scene->subject, scene->peer) ?:
	       skbal_scene_await(scene,
				 !skb_queue_empty_lockless(&scene->subject->sk->sk_error_queue));
}

static int send_zerocopy(struct skbal_endpoint *end)
{
	struct msghdr msg = { .msg_flags = MSG_ZEROCOPY | MSG_DONTWAIT };
	struct bio_vec vec = {
		.bv_page = alloc_page(GFP_KERNEL),
		.bv_len = PAGE_SIZE,
	};
	int sent;

	if (!vec.bv_page)
		return -ENOMEM;
	sock_set_flag(end->sk, SOCK_ZEROCOPY);
	iov_iter_bvec(&msg.msg_iter, WRITE, &vec, 1, PAGE_SIZE);
	sent = sock_sendmsg(end->sock, &msg);
	put_page(vec.bv_page);
	return sent;
}

static bool has_zerocopy(const struct skbal_endpoint *end)
{
	struct sk_buff *skb = tcp_rtx_queue_head(end->sk);

	return skb && skb_zcopy(skb);
}

static int reach_zerocopy(struct skbal_scene *scene)
{
	int err = reach_empty(scene);

	if (err)
		return err;
	skbal_wire_cut(&scene->wire);
	return skbal_scene_step(scene, send_zerocopy(scene->subject)) ?:
	       skbal_scene_await(scene, has_zerocopy(scene->subject));
}

static int reach_corked(struct skbal_scene *scene)
{
	int err = reach_empty(scene);

	if (err)
		return err;
	tcp_sock_set_cork(scene->subject->sk, true);
	return send(scene, scene->subject, 0) ?:
	       skbal_scene_await(scene, has_unsent(scene->subject));
}

/* One urgent byte waits to be read, another to be acknowledged. */
static int reach_urgent(struct skbal_scene *scene)
{
	int err = reach_empty(scene) ?: send(scene, scene->peer, MSG_OOB) ?:
		  skbal_scene_await(scene, tcp_sk(scene->subject->sk)->urg_data);

	if (err)
		return err;
	skbal_wire_cut(&scene->wire);
	return send(scene, scene->subject, MSG_OOB) ?:
	       skbal_scene_await(scene, has_unacknowledged(scene->subject));
}

static int reach_close_wait(struct skbal_scene *scene)
{
	return reach_unread(scene) ?:
	       shut_down(scene, scene->peer, SHUT_WR) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_CLOSE_WAIT));
}

static int reach_shutdown_wr(struct skbal_scene *scene)
{
	return reach_retransmit(scene) ?:
	       shut_down(scene, scene->subject, SHUT_WR) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_FIN_WAIT1));
}

static int reach_shutdown_rdwr(struct skbal_scene *scene)
{
	int err = reach_unread(scene);

	if (err)
		return err;
	skbal_wire_cut(&scene->wire);
	return send(scene, scene->subject, 0) ?:
	       shut_down(scene, scene->subject, SHUT_RDWR) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_FIN_WAIT1));
}

static int reach_fin_wait1(struct skbal_scene *scene)
{
	int err = reach_empty(scene);

	if (err)
		return err;
	skbal_wire_cut(&scene->wire);
	return shut_down(scene, scene->subject, SHUT_WR) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_FIN_WAIT1));
}

static int reach_fin_wait2(struct skbal_scene *scene)
{
	return reach_unread(scene) ?:
	       shut_down(scene, scene->subject, SHUT_WR) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_FIN_WAIT2));
}

/* Both have said that they are done before they heard the other. */
static int reach_closing(struct skbal_scene *scene)
{
	int err = reach_empty(scene);

	if (err)
		return err;
	skbal_wire_set(&scene->wire, SKBAL_WIRE_WHOLE, SKBAL_WIRE_CUT);
	return shut_down(scene, scene->subject, SHUT_WR) ?:
	       shut_down(scene, scene->peer, SHUT_WR) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_CLOSING));
}

static int reach_last_ack(struct skbal_scene *scene)
{
	int err = reach_close_wait(scene);

	if (err)
		return err;
	skbal_wire_cut(&scene->wire);
	return shut_down(scene, scene->subject, SHUT_WR) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_LAST_ACK));
}

/* What waits is another, smaller socket; this one is over. */
static int reach_time_wait(struct skbal_scene *scene)
{
	return reach_fin_wait2(scene) ?:
	       shut_down(scene, scene->peer, SHUT_WR) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_CLOSE));
}

static int reach_closed(struct skbal_scene *scene)
{
	return reach_close_wait(scene) ?:
	       shut_down(scene, scene->subject, SHUT_WR) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_CLOSE));
}

static int reach_reset(struct skbal_scene *scene)
{
	int err = reach_unread(scene);

	if (err)
		return err;
	skbal_endpoint_linger(scene->peer, 0);
	skbal_endpoint_close(scene->peer);
	return skbal_scene_await(scene, is_in(scene->subject, TCP_CLOSE));
}

/* Two sockets that are bound, and the wire between them. */
static int bind_both(struct skbal_scene *scene)
{
	struct skbal_endpoint **ends[] = { &scene->subject, &scene->peer };
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		err = skbal_scene_make(scene, SOCK_STREAM, ends[i]) ?:
		      skbal_scene_step(scene, skbal_endpoint_bind(*ends[i]));
		if (err)
			return err;
	}
	skbal_wire_watch(&scene->wire, scene->subject->sk);
	return 0;
}

static int begin_to_connect(struct skbal_scene *scene,
			    struct skbal_endpoint *end,
			    struct skbal_endpoint *to)
{
	int err = skbal_endpoint_connect(end, to, O_NONBLOCK);

	return err == -EINPROGRESS ? 0 : skbal_scene_step(scene, err);
}

static int reach_syn_sent(struct skbal_scene *scene)
{
	int err = bind_both(scene);

	if (err)
		return err;
	skbal_wire_cut(&scene->wire);
	return begin_to_connect(scene, scene->subject, scene->peer) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_SYN_SENT));
}

/* Both connect; the subject hears of it, the peer does not. */
static int reach_syn_recv(struct skbal_scene *scene)
{
	int err = bind_both(scene);

	if (err)
		return err;
	skbal_wire_set(&scene->wire, SKBAL_WIRE_WHOLE, SKBAL_WIRE_CUT);
	return begin_to_connect(scene, scene->subject, scene->peer) ?:
	       begin_to_connect(scene, scene->peer, scene->subject) ?:
	       skbal_scene_await(scene, is_in(scene->subject, TCP_SYN_RECV));
}

#define STATE(state, ...) { .name = #state, .reach = reach_##state, __VA_ARGS__ }
#define OPEN(state) STATE(state, .class = SKBAL_OPEN),
#define CLOSED(state) STATE(state, .class = SKBAL_CLOSED_HELD),

static const struct skbal_state states[] = {
	OPEN(empty)
	OPEN(unsent)
	OPEN(retransmit)
	OPEN(unsent_retransmit)
	OPEN(zero_window)
	OPEN(unread)
	OPEN(unread_by_peer)
	OPEN(out_of_order)
	STATE(error_queue, .class = SKBAL_OPEN, .uncharged = true, .errors = true),
	STATE(zerocopy, .class = SKBAL_OPEN, .uncharged = SKBAL_ZEROCOPY_UNCHARGED),
	OPEN(corked)
	OPEN(urgent)
	OPEN(close_wait)
	OPEN(shutdown_wr)
	OPEN(shutdown_rdwr)
	OPEN(fin_wait1)
	OPEN(closing)
	OPEN(last_ack)
	OPEN(fin_wait2)
	CLOSED(time_wait)
	CLOSED(closed)
	CLOSED(reset)
	CLOSED(fresh)
	OPEN(syn_sent)
	OPEN(syn_recv)
};

const struct skbal_state *skbal_state_of(struct kunit *test)
{
	return skbal_case_row(test, states);
}
