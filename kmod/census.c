// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hash.h>
#include <linux/rculist_nulls.h>
#include <linux/tcp.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/request_sock.h>
#include <net/tcp.h>

#include "census.h"
#include "owner.h"
#include "snapshot.h"

/*
 * Locks are for live snapshots only. While the machine is stopped no spinlock
 * is held, and enabling bottom halves would be wrong: interrupts are disabled.
 */
static void table_lock(const struct skbal_snapshot *snap, spinlock_t *lock)
	__acquires(lock)
{
	if (snap->live)
		spin_lock_bh(lock);
	else
		__acquire(lock);
}

static void table_unlock(const struct skbal_snapshot *snap, spinlock_t *lock)
	__releases(lock)
{
	if (snap->live)
		spin_unlock_bh(lock);
	else
		__release(lock);
}

/* The slot of @sk in the index: it holds the entry plus one, or 0. */
static u32 *index_slot(const struct skbal_snapshot *snap, const struct sock *sk)
{
	u32 mask = BIT(snap->index_bits) - 1;
	u32 i = hash_ptr(sk, snap->index_bits);

	while (snap->index[i] &&
	       skbal_snapshot_socket(snap, snap->index[i] - 1)->sk != sk)
		i = (i + 1) & mask;
	return &snap->index[i];
}

/*
 * Protocols are known by name: kTLS, sockmap and others give a socket a copy
 * of its struct proto. @prot is the original one.
 */
static int protocol_add(struct skbal_snapshot *snap, const struct proto *prot)
{
	enum skbal_pool_id pool = skbal_pool_of(prot);
	struct skbal_protocol *protocol;
	unsigned int i;

	if (pool == SKBAL_POOL_NONE)
		return -1;
	for (i = 0; i < snap->nr_protocols; i++)
		if (!strcmp(snap->protocols[i].name, prot->name))
			return i;
	if (i == SKBAL_PROTOCOLS)
		return -1;
	protocol = &snap->protocols[snap->nr_protocols++];
	protocol->prot = prot;
	protocol->pool = pool;
	strscpy(protocol->name, prot->name, sizeof(protocol->name));
	return i;
}

static int protocol_of(struct skbal_snapshot *snap, const struct sock *sk)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);
	unsigned int i;

	for (i = 0; i < snap->nr_protocols; i++)
		if (snap->protocols[i].prot == prot)
			return i;
	if (skbal_pool_of(prot) == SKBAL_POOL_NONE)
		return -1;
	return protocol_add(snap, sk->sk_prot_creator);
}

static bool is_tcp(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP;
}

/* Every one of these only grows: any packet or call changes the sum. */
static u32 motion_of(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	if (!is_tcp(sk))
		return 0;
	return READ_ONCE(tp->segs_in) + READ_ONCE(tp->segs_out) +
	       READ_ONCE(tp->copied_seq) + READ_ONCE(tp->write_seq);
}

/*
 * Whose the socket is, where no descriptor tells. Between accept() and
 * sock_graft() there is no struct socket, but a file that waits for it.
 */
static unsigned int ownership_flags(const struct sock *sk)
{
	const struct socket *sock = READ_ONCE(sk->sk_socket);

	return (sock_flag(sk, SOCK_DEAD) ? SKBAL_DEAD : 0) |
	       (!sock || READ_ONCE(sock->file) ? SKBAL_FILE : 0);
}

/* Hidden charges need a struct proto that is not the original one. */
static unsigned int opaque_flag(const struct skbal_snapshot *snap,
				const struct sock *sk, int protocol)
{
	if (READ_ONCE(sk->sk_prot) == snap->protocols[protocol].prot ||
	    !is_tcp(sk) || !skbal_charge_is_opaque(sk))
		return 0;
	return SKBAL_OPAQUE;
}

/*
 * The socket's spinlock is only tried: a table's lock is held, and the other
 * order exists (inet_hash() under lock_sock()).
 */
static unsigned int charge_read_locked(struct sock *sk,
				       struct skbal_charge *ret)
	__releases(&sk->sk_lock.slock)
{
	bool owned = sk->sk_lock.owned;

	skbal_charge_read(sk, !owned, ret);
	spin_unlock_bh(&sk->sk_lock.slock);
	return owned ? SKBAL_OWNED : 0;
}

static unsigned int charge_read_live(struct sock *sk, struct skbal_charge *ret)
{
	if (spin_trylock_bh(&sk->sk_lock.slock))
		return charge_read_locked(sk, ret);
	skbal_charge_read(sk, false, ret);
	return SKBAL_MOVING;
}

static unsigned int charge_read(const struct skbal_snapshot *snap,
				struct sock *sk, struct skbal_charge *ret)
{
	bool owned = sk->sk_lock.owned;

	if (snap->live)
		return charge_read_live(sk, ret);
	skbal_charge_read(sk, !owned, ret);
	return owned ? SKBAL_OWNED : 0;
}

static void addresses_read(const struct sock *sk, struct skbal_detail *ret)
{
	const struct inet_sock *inet = inet_sk(sk);

	/* inet_sport stays when the socket is unhashed, inet_num does not */
	ret->local_port = ntohs(inet->inet_sport);
	ret->remote_port = ntohs(inet->inet_dport);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		ret->local = sk->sk_v6_rcv_saddr;
		ret->remote = sk->sk_v6_daddr;
		return;
	}
#endif
	ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, &ret->local);
	ipv6_addr_set_v4mapped(sk->sk_daddr, &ret->remote);
}

static void detail_read(const struct sock *sk, struct skbal_detail *ret)
{
	struct socket *sock = READ_ONCE(sk->sk_socket);

	ret->inode = sock ? SOCK_INODE(sock)->i_ino : 0;
	ret->uid = from_kuid_munged(&init_user_ns, sk->sk_uid);
	ret->netns = sock_net(sk)->ns.inum;
	ret->holders = 0;
	ret->listener = 0;
	ret->wait_ms = 0;
	addresses_read(sk, ret);
}

static struct skbal_socket *entry_add(struct skbal_snapshot *snap, u32 *slot,
				      struct sock *sk, int protocol)
{
	struct skbal_socket *socket;

	snap->sockets.wanted++;
	if (snap->sockets.used == snap->sockets.size)
		return NULL;
	socket = skbal_snapshot_socket(snap, snap->sockets.used++);
	*slot = snap->sockets.used;

	socket->sk = sk;
	socket->protocol = protocol;
	socket->ipv6 = sk->sk_family == AF_INET6;
	socket->state = READ_ONCE(sk->sk_state);
	socket->motion = snap->live ? motion_of(sk) : 0;
	socket->flags = charge_read(snap, sk, &socket->charge) |
			opaque_flag(snap, sk, protocol) |
			(skbal_bypasses(sk) ? SKBAL_BYPASSED : 0);
	/* it may be gone when the walk ends; see read_ownership() */
	if (snap->live)
		socket->flags |= ownership_flags(sk);
	if (snap->detail)
		detail_read(sk, skbal_snapshot_detail(snap, socket));
	return socket;
}

static void mark_moving(struct skbal_snapshot *snap,
			struct skbal_socket *socket, u64 bytes)
{
	socket->flags |= SKBAL_MOVING;
	snap->moved_bytes[skbal_snapshot_pool(snap, socket)] += bytes;
}

/* The second walk of a live snapshot: has anything happened to the socket? */
static noinline void entry_compare(struct skbal_snapshot *snap,
				   struct skbal_socket *socket,
				   struct sock *sk)
{
	struct skbal_charge charge;
	unsigned int flags = charge_read_live(sk, &charge);

	if (memcmp(&charge, &socket->charge, sizeof(charge)) ||
	    motion_of(sk) != socket->motion ||
	    (flags | socket->flags) & (SKBAL_OWNED | SKBAL_MOVING))
		mark_moving(snap, socket,
			    max(abs(skbal_charge_total(&charge)),
				abs(skbal_charge_total(&socket->charge))));
}

struct skbal_socket *skbal_census_meet(struct skbal_snapshot *snap,
				       struct sock *sk, unsigned int found)
{
	u32 *slot = index_slot(snap, sk);
	struct skbal_socket *socket;

	if (*slot) {
		socket = skbal_snapshot_socket(snap, *slot - 1);
		if (snap->walk == 2 && !(socket->flags & SKBAL_AGAIN))
			entry_compare(snap, socket, sk);
	} else {
		int protocol = protocol_of(snap, sk);

		if (protocol < 0)
			return NULL;
		socket = entry_add(snap, slot, sk, protocol);
		if (!socket)
			return NULL;
		if (snap->walk == 2) {
			mark_moving(snap, socket,
				    abs(skbal_charge_total(&socket->charge)));
			snap->churn[skbal_snapshot_pool(snap, socket)]++;
		}
	}
	socket->flags |= found | (snap->walk == 2 ? SKBAL_AGAIN : 0);
	return socket;
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
		table_lock(snap, lock);
		sk_nulls_for_each(sk, node, head)
			if (sk_fullsock(sk))
				skbal_census_meet(snap, sk, SKBAL_HASHED);
		table_unlock(snap, lock);
	}
}

/*
 * A child in the accept queue sends nothing, as nobody has it yet: the time of
 * its last sending is that of its birth (tcp_create_openreq_child()).
 */
static u32 child_wait_ms(const struct sock *child)
{
	if (!is_tcp(child))
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

	table_lock(snap, &queue->rskq_lock);
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
	table_unlock(snap, &queue->rskq_lock);
}

/*
 * Lock order of a live snapshot: a listening bucket's lock, then rskq_lock,
 * under which the kernel takes no other.
 */
static void walk_listening(struct skbal_snapshot *snap,
			   struct inet_hashinfo *hashinfo)
{
	const struct hlist_nulls_node *node;
	struct sock *sk;
	unsigned int i;

	for (i = 0; i <= hashinfo->lhash2_mask; i++) {
		struct inet_listen_hashbucket *bucket = &hashinfo->lhash2[i];

		if (hlist_nulls_empty(&bucket->nulls_head))
			continue;
		table_lock(snap, &bucket->lock);
		sk_nulls_for_each(sk, node, &bucket->nulls_head) {
			struct skbal_socket *socket;

			socket = skbal_census_meet(snap, sk, SKBAL_HASHED);
			if (socket)
				walk_accept_queue(snap, sk,
						  socket - skbal_snapshot_socket(snap, 0) + 1);
		}
		table_unlock(snap, &bucket->lock);
	}
}

/*
 * Network namespaces share the tables, except that one may have an established
 * table of its own (net.ipv4.tcp_child_ehash_entries).
 */
static void walk_tables(struct skbal_snapshot *snap)
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

/*
 * The machine stands still, so every socket is still there. Few are not held;
 * to ask only them spares the others' cache lines.
 */
static void read_ownership(struct skbal_snapshot *snap)
{
	size_t i;

	for (i = 0; i < snap->sockets.used; i++) {
		struct skbal_socket *socket = skbal_snapshot_socket(snap, i);

		if (!(socket->flags & SKBAL_HELD))
			socket->flags |= ownership_flags(socket->sk);
	}
}

/* Live mode: what the second walk did not meet any more is gone. */
static void mark_gone(struct skbal_snapshot *snap)
{
	size_t i;

	for (i = 0; i < snap->sockets.used; i++) {
		struct skbal_socket *socket = skbal_snapshot_socket(snap, i);

		if (socket->flags & SKBAL_AGAIN)
			continue;
		mark_moving(snap, socket,
			    abs(skbal_charge_total(&socket->charge)));
		snap->churn[skbal_snapshot_pool(snap, socket)]++;
	}
}

void skbal_census_init(struct skbal_snapshot *snap)
{
	enum skbal_pool_id id;

	for (id = 0; id < SKBAL_POOLS; id++) {
		protocol_add(snap, skbal_pools[id].proto);
		if (skbal_pools[id].proto6)
			protocol_add(snap, skbal_pools[id].proto6);
	}
}

void skbal_census_walk(struct skbal_snapshot *snap)
{
	rcu_read_lock();
	walk_tables(snap);
	skbal_owner_walk(snap);
	rcu_read_unlock();
	if (!snap->live)
		read_ownership(snap);
	else if (snap->walk == 2)
		mark_gone(snap);
}
