// SPDX-License-Identifier: GPL-2.0-only
#include <linux/percpu_counter.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/inet_connection_sock.h>
#include <net/mptcp.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "census.h"
#include "mptcp.h"
#include "snapshot.h"

/*
 * Exported, but declared only in net/mptcp/protocol.h. Returns the next msk of
 * the namespace with a reference.
 */
struct sock *mptcp_token_iter_next(const struct net *net, long *slot,
				   long *num);

/*
 * The structures are private, too (net/mptcp/protocol.h), and change with
 * every release. What is needed of them is learnt from the first example met:
 * a subflow that is its msk's only one. What never changed is that a subflow's
 * context is its ULP data, and begins with its node in the msk's list.
 */
static struct layout {
	bool known;
	u16 subflow;		/* in the context: the subflow's struct sock */
	u16 msk;		/* in the context: the msk */
	u16 list;		/* in the msk: the list of contexts */
	u16 backlog;		/* in the msk: the list of packets; 0: unknown */
} layout;

/* The protocol, when its first socket has been met; it is never a module. */
static struct proto *mptcp_proto;

static void *word(const void *base, u16 offset)
{
	return READ_ONCE(*(void **)(base + offset));
}

/*
 * Of a context, whose size is not known: what the allocator has given may be
 * more than was asked for, and KASAN objects to that.
 */
static void *context_word(const void *context, u16 offset)
{
	return (void *)READ_ONCE_NOCHECK(*(const unsigned long *)(context + offset));
}

static void *context_of(const struct sock *ssk)
{
	return rcu_access_pointer(inet_csk(ssk)->icsk_ulp_data);
}

static bool is_msk(const void *sk)
{
	u16 protocol;

	return !get_kernel_nofault(protocol,
				   &((const struct sock *)sk)->sk_protocol) &&
	       protocol == IPPROTO_MPTCP;
}

/* The msk is the only thing that a context points to that contains @head. */
static bool contains_head(const void *sk, const void *head)
{
	return sk && IS_ALIGNED((unsigned long)sk, sizeof(void *)) &&
	       sk < head && head - sk < U16_MAX && is_msk(sk) &&
	       head - sk < ((const struct sock *)sk)->sk_prot->obj_size;
}

static void layout_learn(const struct sock *ssk, const void *context)
{
	const struct list_head *node = context;
	const void *head = READ_ONCE(node->next);
	size_t size = min_t(size_t, ksize(context), U16_MAX);
	struct layout found = {};
	size_t i;

	if (head == node || head != READ_ONCE(node->prev))
		return;
	for (i = sizeof(*node); i < size; i += sizeof(void *)) {
		const void *value = context_word(context, i);

		if (value >= context && value < context + size)
			continue;
		if (value == ssk && !found.subflow)
			found.subflow = i;
		else if (contains_head(value, head) && !found.msk)
			found.msk = i;
	}
	if (!found.subflow || !found.msk)
		return;
	/* a subflow that has just joined waits in another list of an owned msk */
	if (((struct sock *)word(context, found.msk))->sk_lock.owned)
		return;
	found.list = head - word(context, found.msk);
	found.known = true;
	found.backlog = layout.backlog;
	layout = found;
}

/* Is this a list of packets, and the word that follows it the sum of their sizes? */
static bool is_backlog(const struct list_head *head)
{
	u32 expected = *(const u32 *)(head + 1);
	const struct list_head *node = head;
	struct list_head *next, *prev;
	u32 bytes = 0, size;

	for (;;) {
		if (get_kernel_nofault(next, &node->next) ||
		    get_kernel_nofault(prev, &next->prev) || prev != node)
			return false;
		if (next == head)
			return bytes && bytes == expected;
		if (get_kernel_nofault(size, &list_entry(next, struct sk_buff,
							 list)->truesize) ||
		    !size || size > expected - bytes)
			return false;
		bytes += size;
		node = next;
	}
}

static u16 backlog_find(const struct sock *msk)
{
	size_t end = min_t(size_t, msk->sk_prot_creator->obj_size, U16_MAX) -
		     sizeof(struct list_head) - sizeof(u32);
	size_t i;

	for (i = sizeof(*msk); i <= end; i += sizeof(void *))
		if (is_backlog((const void *)msk + i))
			return i;
	return 0;
}

u32 skbal_mptcp_hidden(const struct sock *msk)
{
	const struct list_head *backlog;
	const struct sk_buff *skb;
	u32 bytes = 0;

	if (SKBAL_MPTCP_LENDS && !layout.backlog)
		layout.backlog = backlog_find(msk);
	if (!layout.backlog)
		return 0;
	backlog = (const void *)msk + layout.backlog;
	/* a newborn */
	if (!READ_ONCE(backlog->next))
		return 0;
	list_for_each_entry(skb, backlog, list)
		if (!skb->sk)
			bytes += skb->truesize;
	return bytes;
}

static void meet_msk(struct skbal_snapshot *snap, struct skbal_socket *subflow,
		     const struct sock *ssk)
{
	const void *context = context_of(ssk);
	struct skbal_socket *msk;
	struct sock *sk;

	if (!context)
		return;
	if (!layout.known)
		layout_learn(ssk, context);
	if (!layout.known)
		return;
	sk = word(context, layout.msk);
	if (!sk)
		return;
	msk = skbal_census_meet(snap, sk, 0);
	if (msk)
		subflow->parent = msk - skbal_snapshot_socket(snap, 0) + 1;
}

/* Has the subflow been destroyed, and only its memory is waiting for the msk? */
static bool is_destroyed(const struct sock *ssk)
{
	return !READ_ONCE(inet_csk(ssk)->icsk_ulp_ops);
}

/* Who has locked the msk may be changing its list. */
static void meet_subflows(struct skbal_snapshot *snap, struct sock *sk)
{
	struct list_head *head = (void *)sk + layout.list;
	struct list_head *node;

	if (snap->live || !layout.known || sk->sk_lock.owned)
		return;
	/* a newborn */
	if (!READ_ONCE(head->next))
		return;
	list_for_each(node, head) {
		struct sock *ssk = word(node, layout.subflow);

		if (word(node, layout.msk) != sk)
			return;
		if (!is_destroyed(ssk))
			skbal_census_meet(snap, ssk, 0);
	}
}

/*
 * What only the tracker has met, or a handshake, may have left its msk, or be
 * about to: live, nothing would stop it.
 */
static bool is_leaving(const struct skbal_snapshot *snap,
		       const struct skbal_socket *socket,
		       const struct sock *ssk)
{
	return socket->flags & (SKBAL_TRACKED | SKBAL_REQUESTED) &&
	       (snap->live || is_destroyed(ssk));
}

void skbal_mptcp_meet(struct skbal_snapshot *snap, struct skbal_socket *socket,
		      struct sock *sk)
{
	if (sk->sk_protocol == IPPROTO_MPTCP) {
		WRITE_ONCE(mptcp_proto, sk->sk_prot_creator);
		/* by its node as a struct sock it is in the table of tokens */
		if (sk_hashed(sk) || socket->state == TCP_LISTEN)
			socket->flags |= SKBAL_TOKEN;
		meet_subflows(snap, sk);
	} else if (socket->flags & SKBAL_SUBFLOW) {
		snap->subflows++;
		if (!is_leaving(snap, socket, sk))
			meet_msk(snap, socket, sk);
	}
}

static bool misses_msks(const struct skbal_snapshot *snap)
{
	struct proto *prot = READ_ONCE(mptcp_proto);
	s64 met = 0;
	size_t i;

	if (!prot || !percpu_counter_sum(prot->sockets_allocated))
		return false;
	for (i = 0; i < snap->sockets.used; i++) {
		const struct skbal_socket *socket =
			skbal_snapshot_socket(snap, i);

		/* which may have been destroyed; who is dead is not yet known */
		if (skbal_snapshot_is_mptcp(snap, socket) &&
		    !skbal_snapshot_is_idle_msk(snap, socket))
			met++;
	}
	return percpu_counter_sum(prot->sockets_allocated) > met;
}

static void walk_tokens(struct skbal_snapshot *snap, const struct net *net)
{
	long slot = 0, num = 0;
	struct sock *sk;

	while ((sk = mptcp_token_iter_next(net, &slot, &num))) {
		skbal_census_meet(snap, sk, 0);
		sock_put(sk);
	}
}

/* The table is large, and walked once for each namespace: only when needed. */
void skbal_mptcp_walk(struct skbal_snapshot *snap)
{
	struct net *net;

	if (!misses_msks(snap))
		return;
	for_each_net_rcu(net)
		walk_tokens(snap, net);
}

/* What tells whose a socket is. */
#define WHOSE (SKBAL_QUEUED | SKBAL_HELD | SKBAL_PASSED | SKBAL_REGISTERED | \
	       SKBAL_DEAD | SKBAL_FILE)

static void queue_msk(struct skbal_snapshot *snap,
		      const struct skbal_socket *subflow,
		      struct skbal_socket *msk)
{
	msk->flags |= SKBAL_QUEUED;
	if (!snap->detail)
		return;
	skbal_snapshot_detail(snap, msk)->listener =
		skbal_snapshot_detail(snap, subflow)->listener;
	skbal_snapshot_detail(snap, msk)->wait_ms =
		skbal_snapshot_detail(snap, subflow)->wait_ms;
}

void skbal_mptcp_finish(struct skbal_snapshot *snap)
{
	struct skbal_socket *socket, *msk;
	size_t i;

	if (!snap->subflows)
		return;
	for (i = 0; i < snap->sockets.used; i++) {
		socket = skbal_snapshot_socket(snap, i);
		if (socket->parent && socket->flags & SKBAL_QUEUED)
			queue_msk(snap, socket,
				  skbal_snapshot_socket(snap, socket->parent - 1));
	}
	for (i = 0; i < snap->sockets.used; i++) {
		socket = skbal_snapshot_socket(snap, i);
		if (!socket->parent)
			continue;
		msk = skbal_snapshot_socket(snap, socket->parent - 1);
		socket->flags &= ~SKBAL_FILE;
		socket->flags |= msk->flags & WHOSE;
		if (snap->detail)
			skbal_snapshot_detail(snap, socket)->listener =
				skbal_snapshot_detail(snap, msk)->listener;
	}
}
