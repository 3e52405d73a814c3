/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows that kernels differ. Force-included, so that the
 * rest reads as if the newest kernel were the only one. Kbuild.include asks
 * the kernel's headers what they have and sets SKBAL_HAVE_...
 */
#ifndef SKBAL_COMPAT_H
#define SKBAL_COMPAT_H

#include <linux/llist.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/skmsg.h>
#include <linux/version.h>
#include <net/af_unix.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/udp.h>

#ifdef SKBAL_HAVE_DEFER_NODES
#include <net/hotdata.h>
#endif
#ifdef SKBAL_HAVE_URING
#include <linux/io_uring_types.h>
#endif
#ifdef SKBAL_HAVE_UDPLITE
#include <net/udplite.h>
#endif

#include "../pool.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "skbalance supports kernels from 5.10 on"
#endif

#ifdef SKBAL_HAVE_SOCK_FROM_FILE_ERR
static inline struct socket *skbal_sock_from_file(struct file *file)
{
	int err;

	return sock_from_file(file, &err);
}

#define sock_from_file(file) skbal_sock_from_file(file)
#endif

/* The pages that a CPU holds back, of either sign. */
static inline int skbal_reserve(const struct proto *prot, int cpu)
{
#ifdef SKBAL_HAVE_RESERVES
	return READ_ONCE(*per_cpu_ptr(prot->per_cpu_fw_alloc, cpu));
#else
	return 0;
#endif
}

static inline int skbal_forward_alloc(const struct sock *sk)
{
#ifdef SKBAL_HAVE_FORWARD_ALLOC_GET
	return sk_forward_alloc_get(sk);
#else
	return READ_ONCE(sk->sk_forward_alloc);
#endif
}

/*
 * Do an msk and its subflows lend each other bytes? They do since 6.18, when
 * the receive queues were joined; then only the sum of all is whole pages.
 */
#ifdef SKBAL_HAVE_FORWARD_ALLOC_GET
#define SKBAL_MPTCP_LENDS false
#else
#define SKBAL_MPTCP_LENDS true
#endif

/*
 * What MSG_ZEROCOPY has sent is copied where it is received: in 6.12 before it is
 * put together again, in 7.3 after that, and then only the first of its fragments
 * (ip_local_deliver_finish()).
 */
#define SKBAL_KEEPS_ZEROCOPY (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0))

/* Packets that were read, and that the CPU is to free which has received them. */
#ifdef SKBAL_HAVE_DEFER_NODES
static inline const struct llist_head *skbal_read_packets(int cpu, int node)
{
	return &(per_cpu_ptr(net_hotdata.skb_defer_nodes, cpu) + node)->defer_list;
}

static inline const struct sk_buff *
skbal_read_packet(const struct llist_node *node)
{
	return llist_entry(node, struct sk_buff, ll_node);
}
#else
static inline const struct llist_head *skbal_read_packets(int cpu, int node)
{
	return NULL;
}

static inline const struct sk_buff *
skbal_read_packet(const struct llist_node *node)
{
	return NULL;
}
#endif

/*
 * Are MPTCP sockets counted as in use? Since 6.3, c558246ee73e ("mptcp: add
 * statistics for mptcp socket in use"); no header tells who has backported it.
 */
#define SKBAL_MPTCP_INUSE (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0))

/*
 * The pages that a CPU may keep back from what memory.stat says of a memory
 * cgroup; a kernel that knows rstat adds them up when it is read.
 */
#ifdef SKBAL_HAVE_MEMCG_BATCHES
#define SKBAL_MEMCG_BATCH 32
#else
#define SKBAL_MEMCG_BATCH 0
#endif

/* The table of listeners, whose nodes are those of struct sock. */
static inline struct inet_listen_hashbucket *
skbal_listening(struct inet_hashinfo *hashinfo, unsigned int *size)
{
#ifdef SKBAL_HAVE_LISTENING_HASH
	*size = INET_LHTABLE_SIZE;
	return hashinfo->listening_hash;
#else
	*size = hashinfo->lhash2_mask + 1;
	return hashinfo->lhash2;
#endif
}

/* Does a timer of TCP run that ends the socket, or asks its peer? */
static inline bool skbal_tcp_timer_pending(const struct sock *sk)
{
	bool pending = timer_pending(&sk->sk_timer);

#ifdef SKBAL_HAVE_KEEPALIVE_TIMER
	pending |= timer_pending(&inet_csk(sk)->icsk_keepalive_timer);
#endif
#ifdef SKBAL_HAVE_RETRANSMIT_TIMER
	pending |= timer_pending(&inet_csk(sk)->icsk_retransmit_timer);
#endif
	return pending;
}

/* Does the socket leave its protocol's memory_allocated alone? */
static inline bool skbal_bypasses(const struct sock *sk)
{
#ifdef SKBAL_HAVE_BYPASS
	return sk->sk_bypass_prot_mem;
#else
	return false;
#endif
}

static inline struct udp_table *skbal_udp_table(const struct net *net)
{
#ifdef SKBAL_HAVE_NET_UDP_TABLE
	return net->ipv4.udp_table;
#else
	return udp_prot.h.udp_table;
#endif
}

static inline struct udp_table *skbal_udplite_table(void)
{
#ifdef SKBAL_HAVE_UDPLITE
	return &udplite_table;
#else
	return NULL;
#endif
}

#ifndef SKBAL_HAVE_UNIXCB
/* Private to net/unix/af_unix.h. */
#define UNIX_HASH_SIZE (256 * 2)

struct unix_skb_parms {
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
	struct scm_fp_list *fp;
};

#define UNIXCB(skb) (*(struct unix_skb_parms *)&((skb)->cb))
#endif

/* NULL if another namespace has the bucket, too. */
#ifdef SKBAL_HAVE_UNIX_SOCKET_TABLE
#define SKBAL_UNIX_BUCKETS (2 * UNIX_HASH_SIZE)

static inline struct hlist_head *skbal_unix_bucket(struct net *net,
						   unsigned int i)
{
	return net_eq(net, &init_net) ? &unix_socket_table[i] : NULL;
}

static inline spinlock_t *skbal_unix_lock(struct net *net, unsigned int i)
{
	return &unix_table_lock;
}
#else
#define SKBAL_UNIX_BUCKETS UNIX_HASH_SIZE

static inline struct hlist_head *skbal_unix_bucket(struct net *net,
						   unsigned int i)
{
	return &net->unx.table.buckets[i];
}

static inline spinlock_t *skbal_unix_lock(struct net *net, unsigned int i)
{
	return &net->unx.table.locks[i];
}
#endif

/* The files that a message carries, or NULL. */
static inline struct scm_fp_list *skbal_unix_files(struct sk_buff *skb)
{
	return UNIXCB(skb).fp;
}

#ifdef SKBAL_HAVE_URING
#ifdef SKBAL_HAVE_URING_SLOTS
static inline unsigned int skbal_uring_files(const struct io_ring_ctx *ring)
{
	return ring->file_table.files ? ring->nr_user_files : 0;
}

static inline unsigned long skbal_uring_slot(const struct io_ring_ctx *ring,
					     unsigned int i)
{
	return ring->file_table.files[i].file_ptr;
}
#else
/* Private to io_uring/rsrc.h. */
struct io_rsrc_node {
	unsigned char type;
	int refs;
	u64 tag;
	unsigned long file_ptr;
};

static inline unsigned int skbal_uring_files(const struct io_ring_ctx *ring)
{
	return ring->file_table.data.nr;
}

static inline unsigned long skbal_uring_slot(const struct io_ring_ctx *ring,
					     unsigned int i)
{
	const struct io_rsrc_node *node = ring->file_table.data.nodes[i];

	return node ? node->file_ptr : 0;
}
#endif

/* The low bits of a slot are flags (io_uring/filetable.h: FFS_MASK). */
static inline struct file *skbal_uring_file(const struct io_ring_ctx *ring,
					    unsigned int i)
{
	return (struct file *)(skbal_uring_slot(ring, i) & ~7UL);
}
#endif

/*
 * TCP sockets that their processes have closed, as the kernel has counted them:
 * below 0 if it has lost count, where it shows 0; or SKBAL_NOT_COUNTED.
 */
static inline s64 skbal_orphans(void)
{
#if defined(SKBAL_HAVE_ORPHAN_COUNTER)
	return percpu_counter_sum(&tcp_orphan_count);
#elif defined(SKBAL_HAVE_ORPHAN_COUNT)
	s64 orphans = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		orphans += (int)per_cpu(tcp_orphan_count, cpu);
	return orphans;
#else
	return SKBAL_NOT_COUNTED;
#endif
}

static inline struct sk_psock *skbal_psock(const struct sock *sk)
{
	return sk_psock(sk);
}

#endif /* SKBAL_COMPAT_H */
