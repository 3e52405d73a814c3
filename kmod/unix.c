// SPDX-License-Identifier: GPL-2.0-only
#include <linux/net.h>
#include <net/af_unix.h>
#include <net/net_namespace.h>
#include <net/scm.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "census.h"
#include "unix.h"
#include "walk.h"

struct passed {
	unsigned int depth;
	void (*fn)(struct file *file, void *data);
	void *data;
};

static void queue_visit(struct sock *sk, const struct passed *passed);

static void file_visit(struct file *file, const struct passed *passed)
{
	struct passed nested = *passed;
	struct socket *sock = sock_from_file(file);
	struct sock *sk = sock ? READ_ONCE(sock->sk) : NULL;

	passed->fn(file, passed->data);
	if (!sk || sk->sk_family != AF_UNIX || !nested.depth--)
		return;
	queue_visit(sk, &nested);
}

static void message_visit(struct sk_buff *skb, const struct passed *passed)
{
	const struct scm_fp_list *files = skbal_unix_files(skb);
	int i;

	for (i = 0; files && i < files->count; i++)
		file_visit(files->fp[i], passed);
}

/*
 * The queue of a listener holds an skb for each connection, owned by the
 * socket that accept() will return.
 */
static void messages_visit(struct sock *sk, const struct passed *passed)
{
	bool listens = READ_ONCE(sk->sk_state) == TCP_LISTEN;
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb)
		if (!listens)
			message_visit(skb, passed);
		else if (skb->sk && skb->sk != sk)
			queue_visit(skb->sk, passed);
}

/*
 * The kernel takes the queue locks of two sockets in no fixed order, so they
 * are only tried: a message may be missed, and the reading be repeated.
 */
static void queue_visit(struct sock *sk, const struct passed *passed)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	unsigned long flags;

	if (skb_queue_empty_lockless(queue))
		return;
	if (!spin_trylock_irqsave(&queue->lock, flags))
		return;
	messages_visit(sk, passed);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void skbal_unix_visit(struct sock *sk, unsigned int depth,
		      void (*fn)(struct file *file, void *data), void *data)
{
	const struct passed passed = { depth, fn, data };

	queue_visit(sk, &passed);
}

static void meet_passed(struct file *file, void *snap)
{
	struct socket *sock = sock_from_file(file);
	struct sock *sk = sock ? READ_ONCE(sock->sk) : NULL;

	if (sk)
		skbal_census_meet(snap, sk, SKBAL_PASSED);
}

/*
 * A socket that was closed is in no table any more, but lives on, and counts
 * as used, as long as the socket that it was connected to, or as its messages
 * wait there (sock_wfree()).
 */
static void meet_senders(struct skbal_snapshot *snap, struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb;
	unsigned long flags;

	if (skb_queue_empty_lockless(queue))
		return;
	if (!spin_trylock_irqsave(&queue->lock, flags))
		return;
	skb_queue_walk(queue, skb)
		if (skb->sk)
			skbal_census_meet(snap, skb->sk, 0);
	spin_unlock_irqrestore(&queue->lock, flags);
}

static void meet_peer(struct skbal_snapshot *snap, struct sock *sk)
{
	struct unix_sock *u = unix_sk(sk);

	/* keeps u->peer; it can be tried, as for the queues */
	if (!spin_trylock(&u->lock))
		return;
	if (u->peer)
		skbal_census_meet(snap, u->peer, 0);
	spin_unlock(&u->lock);
}

static void walk_bucket(struct skbal_snapshot *snap, struct hlist_head *bucket)
{
	struct sock *sk;

	sk_for_each(sk, bucket) {
		skbal_census_meet(snap, sk, SKBAL_HASHED);
		meet_peer(snap, sk);
		meet_senders(snap, sk);
		skbal_unix_visit(sk, 0, meet_passed, snap);
	}
}

/*
 * Every AF_UNIX socket is in the table of its namespace, also one that is
 * itself in a message, or not yet accepted. So one level is enough here.
 */
void skbal_unix_walk(struct skbal_snapshot *snap)
{
	struct hlist_head *bucket;
	struct net *net;
	unsigned int i;

	for_each_net_rcu(net) {
		for (i = 0; i < SKBAL_UNIX_BUCKETS; i++) {
			spinlock_t *lock = skbal_unix_lock(net, i);

			bucket = skbal_unix_bucket(net, i);
			if (!bucket || hlist_empty(bucket))
				continue;
			skbal_walk_lock(snap, lock);
			walk_bucket(snap, bucket);
			skbal_walk_unlock(snap, lock);
		}
	}
}
