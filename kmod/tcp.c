// SPDX-License-Identifier: GPL-2.0-only
#include <linux/rculist_nulls.h>
#include <linux/tcp.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>
#include <net/request_sock.h>
#include <net/tcp.h>

#include "census.h"
#include "snapshot.h"
#include "tcp.h"
#include "walk.h"

/*
 * A handshake that is not finished holds its listener, also when that is closed
 * and destroyed: it counts as used until the last of them is given up.
 */
static void meet_listener(struct skbal_snapshot *snap,
			  const struct request_sock *req)
{
	struct sock *sk = READ_ONCE(req->rsk_listener);

	if (sk && READ_ONCE(sk->sk_state) == TCP_CLOSE)
		skbal_census_meet(snap, sk, SKBAL_REQUESTED);
}

/* Each is given up when its timer runs out. Without one it stays for ever. */
static void meet_listener_of_request(struct skbal_snapshot *snap,
				     const struct request_sock *req)
{
	if (timer_pending(&req->rsk_timer))
		meet_listener(snap, req);
}

/*
 * A child of TCP Fast Open is there before its handshake is finished, and has the
 * request until then (reqsk_fastopen_remove()). Live, nothing keeps the request
 * but the child's lock; what the listener counts in is read when the machine
 * stands still only.
 */
static void meet_listener_of_child(struct skbal_snapshot *snap,
				   const struct sock *sk)
{
	const struct request_sock *req;

	if (snap->live || sk->sk_protocol != IPPROTO_TCP ||
	    !((1 << sk->sk_state) & (TCPF_SYN_RECV | TCPF_FIN_WAIT1)))
		return;
	req = rcu_dereference_protected(tcp_sk(sk)->fastopen_rsk, !snap->live);
	if (req)
		meet_listener(snap, req);
}

static void walk_established(struct skbal_snapshot *snap,
			     struct inet_hashinfo *hashinfo)
{
	const struct hlist_nulls_node *node;
	struct sock *sk;
	unsigned int i;

	for (i = 0; i <= hashinfo->ehash_mask; i++) {
		struct hlist_nulls_head *head = &hashinfo->ehash[i].chain;
		spinlock_t *lock = inet_ehash_lockp(hashinfo, i);

		if (hlist_nulls_empty(head))
			continue;
		skbal_walk_lock(snap, lock);
		sk_nulls_for_each(sk, node, head) {
			if (sk_fullsock(sk)) {
				skbal_census_meet(snap, sk, SKBAL_HASHED);
				meet_listener_of_child(snap, sk);
			} else if (sk->sk_state == TCP_NEW_SYN_RECV) {
				meet_listener_of_request(snap, inet_reqsk(sk));
			}
		}
		skbal_walk_unlock(snap, lock);
	}
}

/*
 * A child in the accept queue sends nothing, as nobody has it yet: the time of
 * its last sending is that of its birth (tcp_create_openreq_child()).
 */
static u32 child_wait_ms(const struct sock *child)
{
	if (child->sk_protocol != IPPROTO_TCP)
		return 0;
	return jiffies_to_msecs(tcp_jiffies32 - tcp_sk(child)->lsndtime);
}

/*
 * The children of a listener. One that was reset before accept() is in no
 * table: the queue is the only way to it.
 */
static void walk_accept_queue(struct skbal_snapshot *snap,
			      struct sock *sk, u32 listener)
{
	struct request_sock_queue *queue = &inet_csk(sk)->icsk_accept_queue;
	struct skbal_detail *detail;
	struct skbal_socket *socket;
	struct request_sock *req;

	skbal_walk_lock(snap, &queue->rskq_lock);
	for (req = queue->rskq_accept_head; req; req = req->dl_next) {
		if (!req->sk)
			continue;
		socket = skbal_census_meet(snap, req->sk, SKBAL_QUEUED);
		if (!socket || !snap->detail)
			continue;
		detail = skbal_snapshot_detail(snap, socket);
		detail->listener = listener;
		detail->wait_ms = child_wait_ms(req->sk);
	}
	skbal_walk_unlock(snap, &queue->rskq_lock);
}

/*
 * Lock order of a live snapshot: a listening bucket's lock, then rskq_lock,
 * under which the kernel takes no other.
 */
static void walk_listening(struct skbal_snapshot *snap,
			   struct inet_hashinfo *hashinfo)
{
	const struct hlist_nulls_node *node;
	struct inet_listen_hashbucket *bucket;
	unsigned int i, size;
	struct sock *sk;

	bucket = skbal_listening(hashinfo, &size);
	for (i = 0; i < size; i++, bucket++) {
		if (hlist_nulls_empty(&bucket->nulls_head))
			continue;
		skbal_walk_lock(snap, &bucket->lock);
		sk_nulls_for_each(sk, node, &bucket->nulls_head) {
			struct skbal_socket *socket;

			socket = skbal_census_meet(snap, sk, SKBAL_HASHED);
			if (!socket)
				continue;
			if (snap->detail)
				skbal_census_name(snap, socket, sk);
			walk_accept_queue(snap, sk,
					  socket - skbal_snapshot_socket(snap, 0) + 1);
		}
		skbal_walk_unlock(snap, &bucket->lock);
	}
}

/*
 * Network namespaces share the tables, except that one may have an established
 * table of its own (net.ipv4.tcp_child_ehash_entries).
 */
void skbal_tcp_walk(struct skbal_snapshot *snap)
{
	struct inet_hashinfo *shared = init_net.ipv4.tcp_death_row.hashinfo;
	struct net *net;

	walk_established(snap, shared);
	for_each_net_rcu(net) {
		struct inet_hashinfo *own = net->ipv4.tcp_death_row.hashinfo;

		if (own && own->ehash != shared->ehash)
			walk_established(snap, own);
	}
	walk_listening(snap, shared);
}

/* What tcp_release_cb() is to do. */
#define DEFERRED (TCPF_TSQ_DEFERRED | TCPF_WRITE_TIMER_DEFERRED)

bool skbal_tcp_will_end(const struct sock *sk)
{
	return READ_ONCE(sk->sk_state) == TCP_CLOSE ||
	       skbal_tcp_timer_pending(sk) ||
	       hrtimer_is_queued((struct hrtimer *)&tcp_sk(sk)->pacing_timer) ||
	       sock_owned_by_user_nocheck(sk) ||
	       READ_ONCE(sk->sk_tsq_flags) & DEFERRED;
}
