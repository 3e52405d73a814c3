// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cgroup.h>
#include <linux/hash.h>
#include <linux/memcontrol.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/mptcp.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "census.h"
#include "hidden.h"
#include "mptcp.h"
#include "packets.h"
#include "sctp.h"
#include "snapshot.h"
#include "tcp.h"

static u32 index_mask(const struct skbal_index *index)
{
	return BIT(index->bits) - 1;
}

/*
 * A slot holds the number of the entry, plus one, and of which socket it is: so
 * that is told without a visit to the entry, which may be anywhere. No two
 * sockets are closer than one is large; numbers are that small because
 * kvmalloc() gives no more than 2 GiB.
 */
#define NUMBER_BITS 26
#define SOCKET_SHIFT ilog2(sizeof(struct sock))

static u64 identity_of(const struct sock *sk)
{
	return (u64)((unsigned long)sk >> SOCKET_SHIFT) << NUMBER_BITS;
}

static u32 number_of(u64 slot)
{
	return slot & (BIT(NUMBER_BITS) - 1);
}

/*
 * Neighbours in memory are neighbours in the index, because they were born one
 * after the other, and a process has them in that order. A place is about as
 * large as a socket.
 */
#define NEIGHBOURS_SHIFT 4
#define NEIGHBOUR_SHIFT 11

/* The slot of @sk in the index: with its entry, or 0. */
static u64 *index_slot(const struct skbal_snapshot *snap, const struct sock *sk)
{
	const struct skbal_index *index = &snap->socket_index;
	unsigned long place = (unsigned long)sk >> NEIGHBOUR_SHIFT;
	u32 neighbours = hash_long(place >> NEIGHBOURS_SHIFT, 32);
	u32 within = (place ^ neighbours >> 16) & (BIT(NEIGHBOURS_SHIFT) - 1);
	/* odd: it comes by every slot; neighbours that collide stay together */
	u32 step = (neighbours >> 8 << NEIGHBOURS_SHIFT) | 1;
	u32 mask = index_mask(index);
	u64 identity = identity_of(sk);
	u64 slot;
	u32 i;

	for (i = (neighbours << NEIGHBOURS_SHIFT | within) & mask;
	     (slot = index->slots[i]); i = (i + step) & mask)
		if (!((slot ^ identity) >> NUMBER_BITS))
			break;
	return &index->slots[i];
}

/*
 * Of protocols whose sockets were met once: what they count is compared also
 * when no such socket is left. Only of those that no module can take away.
 */
static const struct proto *remembered[SKBAL_PROTOCOLS];

static void protocol_remember(const struct proto *prot)
{
	unsigned int i;

	if (prot->owner)
		return;
	/* two readings at once may both enter it, which does no harm */
	for (i = 0; i < ARRAY_SIZE(remembered); i++)
		if (READ_ONCE(remembered[i]) == prot ||
		    !cmpxchg(&remembered[i], NULL, prot))
			return;
}

/*
 * Protocols are known by name: kTLS, sockmap and others give a socket a copy
 * of its struct proto. @prot is the original one.
 */
static int protocol_add(struct skbal_snapshot *snap, const struct proto *prot)
{
	enum skbal_pool_id pool = skbal_pool_of(snap->protos, prot);
	struct skbal_protocol *protocol;
	unsigned int i;

	for (i = 0; i < snap->nr_protocols; i++)
		if (!strcmp(snap->protocols[i].name, prot->name))
			return i;
	if (i == (pool == SKBAL_POOL_NONE ? SKBAL_FOREIGN_PROTOCOLS :
					    SKBAL_PROTOCOLS))
		return -1;
	protocol = &snap->protocols[snap->nr_protocols++];
	protocol->prot = prot;
	protocol->pool = pool;
	protocol->mptcp = str_has_prefix(prot->name, "MPTCP");
	strscpy(protocol->name, prot->name, sizeof(protocol->name));
	if (pool != SKBAL_POOL_NONE)
		protocol_remember(prot);
	return i;
}

static int protocol_of(struct skbal_snapshot *snap, const struct sock *sk)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);
	const struct proto *creator = sk->sk_prot_creator;
	unsigned int i;

	for (i = 0; i < snap->nr_protocols; i++)
		if (snap->protocols[i].prot == prot)
			return i;
	/* no copy: IPV6_ADDRFORM has made a socket of another protocol of it */
	if (strcmp(prot->name, creator->name))
		creator = prot;
	return protocol_add(snap, creator);
}

static bool is_foreign(const struct skbal_snapshot *snap, int protocol)
{
	return snap->protocols[protocol].pool == SKBAL_POOL_NONE;
}

/* Where there is no room the walk will be repeated. */
static u32 net_add(struct skbal_snapshot *snap, const struct net *net)
{
	struct skbal_net *entry;

	snap->nets.wanted++;
	if (snap->nets.used == snap->nets.size)
		return 0;
	entry = skbal_snapshot_net(snap, snap->nets.used++);
	memset(entry, 0, sizeof(*entry));
	entry->net = net;
	entry->inum = net->ns.inum;
	return snap->nets.used;
}

static noinline u32 net_find(struct skbal_snapshot *snap, const struct net *net)
{
	const struct skbal_index *index = &snap->net_index;
	u32 mask = index_mask(index);
	u32 i = hash_ptr(net, index->bits);
	u64 *slot = &index->slots[i];

	while (*slot && skbal_snapshot_net(snap, *slot - 1)->net != net) {
		i = (i + 1) & mask;
		slot = &index->slots[i];
	}
	if (!*slot)
		*slot = net_add(snap, net);
	snap->last_net = net;
	snap->last_net_index = *slot ? *slot - 1 : 0;
	return snap->last_net_index;
}

/* Mostly one namespace after the other. */
static u32 net_of(struct skbal_snapshot *snap, const struct net *net)
{
	return net == snap->last_net ? snap->last_net_index :
				       net_find(snap, net);
}

static bool is_tcp(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP;
}

/* Every one of these only grows: any packet or call changes the sum. */
static u32 tcp_motion(const struct tcp_sock *tp)
{
	return READ_ONCE(tp->segs_in) + READ_ONCE(tp->segs_out) +
	       READ_ONCE(tp->copied_seq) + READ_ONCE(tp->write_seq);
}

/* Other protocols: a packet that came or went, unless it was put back. */
static u32 motion_of(const struct sock *sk)
{
	if (is_tcp(sk))
		return tcp_motion(tcp_sk(sk));
	return hash_ptr(READ_ONCE(sk->sk_receive_queue.next), 32) +
	       hash_ptr(READ_ONCE(sk->sk_receive_queue.prev), 32) +
	       READ_ONCE(sk->sk_receive_queue.qlen);
}

/*
 * Whose the socket is, where no descriptor tells. Between accept() and
 * sock_graft() there is no struct socket, but a file that waits for it.
 */
static unsigned int ownership_flags(const struct sock *sk)
{
	const struct socket *sock = READ_ONCE(sk->sk_socket);

	return (sock_flag(sk, SOCK_DEAD) ? SKBAL_DEAD : 0) |
	       (sk->sk_kern_sock ? SKBAL_KERN : 0) |
	       (!sock ? SKBAL_SOCKETLESS | SKBAL_FILE :
		READ_ONCE(sock->file) ? SKBAL_FILE : 0);
}

/* kTLS, sockmap and MPTCP give a TCP socket another struct proto. */
static bool is_plain(const struct skbal_snapshot *snap, const struct sock *sk,
		     int protocol)
{
	/* mostly so; the protocol's number would be one more cache line */
	if (READ_ONCE(sk->sk_prot) == snap->protocols[protocol].prot)
		return !snap->protocols[protocol].mptcp;
	return !is_tcp(sk) && sk->sk_protocol != IPPROTO_MPTCP;
}

/* What the charge of a socket that is not plain holds beside its queues. */
static noinline unsigned int
hidden_read(const struct sock *sk, bool queues, bool live,
	    struct skbal_charge *charge)
{
	bool opaque;

	if (sk->sk_protocol == IPPROTO_MPTCP) {
		charge->hidden = skbal_mptcp_hidden(sk);
		return 0;
	}
	if (sk_is_mptcp(sk))
		return SKBAL_SUBFLOW;
	charge->hidden = skbal_hidden_read(sk, queues, &opaque);
	if (queues && !live)
		charge->hidden += skbal_hidden_redirected(sk, skbal_charge_total(charge),
							  &opaque);
	return opaque ? SKBAL_OPAQUE : 0;
}

static __always_inline unsigned int
charge_read(struct sock *sk, bool plain, bool live, struct skbal_charge *ret)
{
	bool owned = sk->sk_lock.owned;

	skbal_charge_read(sk, !owned || !live, ret);
	return (owned ? SKBAL_OWNED : 0) |
	       (plain ? 0 : hidden_read(sk, !owned, live, ret));
}

static unsigned int charge_read_locked(struct sock *sk, bool plain,
				       struct skbal_charge *ret)
	__releases(&sk->sk_lock.slock)
{
	unsigned int flags = charge_read(sk, plain, true, ret);

	spin_unlock_bh(&sk->sk_lock.slock);
	return flags;
}

/*
 * The socket's spinlock is only tried: a table's lock is held, and the other
 * order exists (inet_hash() under lock_sock()).
 */
static unsigned int charge_read_live(struct sock *sk, bool plain,
				     struct skbal_charge *ret)
{
	if (spin_trylock_bh(&sk->sk_lock.slock))
		return charge_read_locked(sk, plain, ret);
	skbal_charge_read(sk, false, ret);
	if (plain || sk->sk_protocol == IPPROTO_MPTCP)
		return SKBAL_MOVING;
	return SKBAL_MOVING | hidden_read(sk, false, true, ret);
}

static void addresses_read(const struct sock *sk, struct skbal_name *ret)
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

static u64 cgroup_of(const struct sock *sk)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	return cgroup_id(sock_cgroup_ptr((struct sock_cgroup_data *)
					 &sk->sk_cgrp_data));
#else
	return 0;
#endif
}

static u64 memcg_of(const struct sock *sk)
{
#ifdef CONFIG_MEMCG
	const struct mem_cgroup *memcg = READ_ONCE(sk->sk_memcg);

	return memcg ? cgroup_id(memcg->css.cgroup) : 0;
#else
	return 0;
#endif
}

static bool same_remains(const struct skbal_remains *a,
			 const struct skbal_remains *b)
{
	return a->cgroup == b->cgroup && a->memcg == b->memcg &&
	       a->uid == b->uid;
}

/* As net_add(). */
static u32 remains_add(struct skbal_snapshot *snap,
		       const struct skbal_remains *remains)
{
	snap->remains.wanted++;
	if (snap->remains.used == snap->remains.size)
		return 0;
	*skbal_snapshot_remains(snap, snap->remains.used++) = *remains;
	return snap->remains.used;
}

/* As net_find(). */
static noinline u32 remains_find(struct skbal_snapshot *snap,
				 const struct skbal_remains *remains)
{
	const struct skbal_index *index = &snap->remains_index;
	u32 mask = index_mask(index);
	u32 i = hash_64(remains->cgroup * 31 + remains->memcg * 17 +
			remains->uid, index->bits);
	u64 *slot = &index->slots[i];

	while (*slot && !same_remains(skbal_snapshot_remains(snap, *slot - 1),
				      remains)) {
		i = (i + 1) & mask;
		slot = &index->slots[i];
	}
	if (!*slot)
		*slot = remains_add(snap, remains);
	snap->last_remains_index = *slot ? *slot - 1 : 0;
	return snap->last_remains_index;
}

/* As net_of(). */
static u32 remains_of(struct skbal_snapshot *snap, const struct sock *sk)
{
	const struct skbal_remains remains = {
		.cgroup = cgroup_of(sk),
		.memcg = memcg_of(sk),
		.uid = from_kuid_munged(&init_user_ns, sk->sk_uid),
	};
	u32 last = snap->last_remains_index;

	if (snap->remains.used &&
	    same_remains(skbal_snapshot_remains(snap, last), &remains))
		return last;
	return remains_find(snap, &remains);
}

void skbal_census_name(struct skbal_snapshot *snap,
		       struct skbal_socket *socket, const struct sock *sk)
{
	struct skbal_detail *detail = skbal_snapshot_detail(snap, socket);
	const struct socket *sock = READ_ONCE(sk->sk_socket);
	struct skbal_name *name;

	if (detail->name)
		return;
	snap->names.wanted++;
	if (snap->names.used == snap->names.size)
		return;
	name = skbal_snapshot_name(snap, snap->names.used++);
	detail->name = snap->names.used;
	name->inode = sock ? SOCK_INODE((struct socket *)sock)->i_ino : 0;
	addresses_read(sk, name);
}

static noinline void
detail_read(struct skbal_snapshot *snap, struct skbal_socket *socket,
	    const struct sock *sk)
{
	struct skbal_detail *detail = skbal_snapshot_detail(snap, socket);

	memset(detail, 0, sizeof(*detail));
	detail->remains = remains_of(snap, sk);
	if (snap->with_names)
		skbal_census_name(snap, socket, sk);
}

static struct skbal_socket *entry_new(struct skbal_snapshot *snap, u64 *slot,
				      struct sock *sk, int protocol,
				      unsigned int found)
{
	struct skbal_socket *socket;

	snap->sockets.wanted++;
	if (snap->sockets.used == snap->sockets.size)
		return NULL;
	socket = skbal_snapshot_socket(snap, snap->sockets.used++);
	*slot = identity_of(sk) | snap->sockets.used;

	socket->sk = sk;
	socket->protocol = protocol;
	socket->net = net_of(snap, sock_net(sk));
	socket->state = READ_ONCE(sk->sk_state);
	socket->flags = found | (sk->sk_net_refcnt ? SKBAL_USED : 0) |
			(sk->sk_family == AF_INET6 ? SKBAL_IPV6 : 0);
	socket->motion = 0;
	socket->parent = 0;
	socket->holders = 0;
	return socket;
}

/* What a socket is charged, for those that charge a pool. */
static void entry_fill(struct skbal_snapshot *snap,
		       struct skbal_socket *socket, struct sock *sk)
{
	bool plain = is_plain(snap, sk, socket->protocol);

	if (snap->live) {
		socket->motion = motion_of(sk);
		socket->flags |= charge_read_live(sk, plain, &socket->charge);
		/* it may be gone when the walk ends; see read_ownership() */
		socket->flags |= ownership_flags(sk);
	} else {
		socket->flags |= charge_read(sk, plain, false,
					     &socket->charge);
	}
	if (READ_ONCE(sk->sk_prot) != snap->protocols[socket->protocol].prot)
		snap->packets_waiting += skbal_packets_redirected(sk);
	if (snap->protocols[socket->protocol].pool == SKBAL_POOL_UDP)
		snap->packets_waiting += skbal_packets_unread(sk);
	if (skbal_bypasses(sk))
		socket->flags |= SKBAL_BYPASSED;
	if (snap->detail)
		detail_read(snap, socket, sk);
	if (!plain)
		skbal_mptcp_meet(snap, socket, sk);
}

static struct skbal_socket *entry_add(struct skbal_snapshot *snap, u64 *slot,
				      struct sock *sk, int protocol,
				      unsigned int found)
{
	struct skbal_socket *socket = entry_new(snap, slot, sk, protocol, found);

	if (socket && !is_foreign(snap, protocol))
		entry_fill(snap, socket, sk);
	return socket;
}

static void mark_moving(struct skbal_snapshot *snap,
			struct skbal_socket *socket, u64 bytes)
{
	socket->flags |= SKBAL_MOVING;
	snap->moved_bytes[skbal_snapshot_pool(snap, socket)] += bytes;
}

/* The socket was born or has gone between the two walks. */
static void mark_churn(struct skbal_snapshot *snap, struct skbal_socket *socket)
{
	if (is_foreign(snap, socket->protocol))
		return;
	mark_moving(snap, socket, abs(skbal_charge_total(&socket->charge)));
	snap->churn[skbal_snapshot_pool(snap, socket)]++;
}

/* The second walk of a live snapshot: has anything happened to the socket? */
static noinline void entry_compare(struct skbal_snapshot *snap,
				   struct skbal_socket *socket,
				   struct sock *sk)
{
	struct skbal_charge charge;
	unsigned int flags;

	if (is_foreign(snap, socket->protocol))
		return;
	flags = charge_read_live(sk, is_plain(snap, sk, socket->protocol),
				 &charge);
	if (memcmp(&charge, &socket->charge, sizeof(charge)) ||
	    motion_of(sk) != socket->motion ||
	    (flags | socket->flags) & (SKBAL_OWNED | SKBAL_MOVING))
		mark_moving(snap, socket,
			    max(abs(skbal_charge_total(&charge)),
				abs(skbal_charge_total(&socket->charge))));
}

/* For the first time. Apart, because every other time should be quick. */
static noinline struct skbal_socket *
census_enter(struct skbal_snapshot *snap, u64 *slot, struct sock *sk,
	     unsigned int found)
{
	int protocol = protocol_of(snap, sk);
	struct skbal_socket *socket;

	if (protocol < 0 ||
	    !skbal_snapshot_wants(snap, snap->protocols[protocol].pool))
		return NULL;
	socket = entry_add(snap, slot, sk, protocol, found);
	if (!socket)
		return NULL;
	if (snap->walk == 2) {
		mark_churn(snap, socket);
		socket->flags |= SKBAL_AGAIN;
	}
	return socket;
}

struct skbal_socket *skbal_census_meet(struct skbal_snapshot *snap,
				       struct sock *sk, unsigned int found)
{
	u64 *slot = index_slot(snap, sk);
	struct skbal_socket *socket;
	u32 i;

	if (!*slot)
		return census_enter(snap, slot, sk, found);
	i = number_of(*slot) - 1;
	socket = skbal_snapshot_socket(snap, i);
	if (snap->walk == 2) {
		if (!(socket->flags & SKBAL_AGAIN))
			entry_compare(snap, socket, sk);
		socket->flags |= SKBAL_AGAIN;
	}
	if (found == SKBAL_HELD)
		__set_bit(i, snap->held.items);
	else if (!(found & SKBAL_TRACKED))	/* which is said of all */
		socket->flags |= found;
	return socket;
}

static void read_orphan(struct skbal_snapshot *snap,
			struct skbal_socket *socket)
{
	const struct sock *sk = socket->sk;

	if (!is_tcp(sk) && sk->sk_protocol != IPPROTO_SCTP)
		return;
	snap->orphans_met += is_tcp(sk);
	snap->orphans_timed++;
	if (is_tcp(sk) ? skbal_tcp_will_end(sk) : skbal_sctp_will_end(sk))
		snap->orphans_ending++;
	else
		socket->flags |= SKBAL_TIMERLESS;
}

/*
 * The machine stands still, so every socket is still there. Few are not held;
 * to ask only them spares the others' cache lines.
 */
static void read_ownership(struct skbal_snapshot *snap,
			   struct skbal_socket *socket)
{
	socket->flags |= ownership_flags(socket->sk);
	if (socket->flags & SKBAL_DEAD &&
	    !(socket->flags & (SKBAL_TRACKED | SKBAL_REQUESTED)))
		read_orphan(snap, socket);
}

static void finish_sockets(struct skbal_snapshot *snap)
{
	size_t i;

	for (i = 0; i < snap->sockets.used; i++) {
		struct skbal_socket *socket = skbal_snapshot_socket(snap, i);

		if (test_bit(i, snap->held.items))
			socket->flags |= SKBAL_HELD;
		if (!snap->live && !(socket->flags & SKBAL_HELD))
			read_ownership(snap, socket);
	}
}

/* Live mode: what the second walk did not meet any more is gone. */
static void mark_gone(struct skbal_snapshot *snap)
{
	size_t i;

	for (i = 0; i < snap->sockets.used; i++) {
		struct skbal_socket *socket = skbal_snapshot_socket(snap, i);

		if (!(socket->flags & SKBAL_AGAIN))
			mark_churn(snap, socket);
	}
}

void skbal_census_init(struct skbal_snapshot *snap)
{
	enum skbal_pool_id id;
	struct net *net;
	unsigned int i;

	snap->packets_waiting = 0;
	for (id = 0; id < SKBAL_POOLS; id++)
		if (snap->protos[id])
			protocol_add(snap, snap->protos[id]);
#if IS_BUILTIN(CONFIG_IPV6)
	protocol_add(snap, &tcpv6_prot);
#endif
	for (i = 0; i < ARRAY_SIZE(remembered) && remembered[i]; i++)
		protocol_add(snap, remembered[i]);
	for_each_net_rcu(net)
		net_of(snap, net);
}

void skbal_census_finish(struct skbal_snapshot *snap)
{
	finish_sockets(snap);
	if (snap->walk == 2)
		mark_gone(snap);
	skbal_mptcp_finish(snap);
}
