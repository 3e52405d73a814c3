// SPDX-License-Identifier: GPL-2.0-only
/*
 * Breaks the books of a pool on purpose, for as long as it is loaded: a ledger
 * that has never been seen to find a loss proves nothing. For test kernels
 * only; never installed.
 */
#include <linux/in.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/percpu_counter.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>

#define MOST 16

static int protocol = IPPROTO_TCP;
module_param(protocol, int, 0444);
MODULE_PARM_DESC(protocol, "IPPROTO_... of the pool: 6 tcp, 17 udp, 132 sctp");

static int pages;
module_param(pages, int, 0444);
MODULE_PARM_DESC(pages, "pages that memory_allocated has too many");

static int bytes;
module_param(bytes, int, 0444);
MODULE_PARM_DESC(bytes, "bytes that the module's own socket has lost");

static int sockets;
module_param(sockets, int, 0444);
MODULE_PARM_DESC(sockets, "sockets that sockets_allocated has too many");

static int orphans;
module_param(orphans, int, 0444);
MODULE_PARM_DESC(orphans, "orphans that TCP has counted too many");

static int leak;
module_param(leak, int, 0444);
MODULE_PARM_DESC(leak, "sockets that are closed but never freed");

static int hide;
module_param(hide, int, 0444);
MODULE_PARM_DESC(hide, "sockets that are alive, but to which nothing leads");

static int abandon;
module_param(abandon, int, 0444);
MODULE_PARM_DESC(abandon, "listening sockets that nobody can close");

static struct proto *prot;
static struct socket *own;
static struct sock *leaked[MOST];
/* These have lost their struct socket, which is kept here. */
static struct lost {
	struct sock *sk;
	struct socket *socket;
} hidden[MOST], abandoned[MOST];

static int type(void)
{
	return protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
}

/*
 * A kernel socket that is in the protocol's table, as one must be to be found.
 * It tells the protocol, which not every kernel exports, and loses the bytes.
 */
static int own_create(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int err = sock_create_kern(&init_net, AF_INET, type(), protocol, &own);

	if (err)
		return err;
	/* any port; what is bound to none cannot listen with SCTP */
	err = kernel_bind(own, (void *)&address, sizeof(address));
	if (!err && type() == SOCK_STREAM)
		err = kernel_listen(own, 1);
	prot = own->sk->sk_prot;
	if (err || !bytes) {
		sock_release(own);
		own = NULL;
	}
	return err;
}

/* A process's socket, closed as its process would, but for one reference. */
static int leak_make(int i)
{
	struct socket *socket;
	int err = sock_create(AF_INET, type(), protocol, &socket);

	if (err)
		return err;
	leaked[i] = socket->sk;
	sock_hold(leaked[i]);
	sock_release(socket);
	return 0;
}

static void leak_undo(int i)
{
	if (leaked[i])
		sock_put(leaked[i]);
}

/* A process's socket without a struct socket, as one that accept() has lost. */
static void lose(struct lost *lost)
{
	struct sock *sk = lost->socket->sk;

	write_lock_bh(&sk->sk_callback_lock);
	RCU_INIT_POINTER(sk->sk_wq, NULL);
	sk_set_socket(sk, NULL);
	lost->socket->sk = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
	lost->sk = sk;
}

static void find(const struct lost *lost)
{
	if (!lost->socket)
		return;
	if (lost->sk)
		sock_graft(lost->sk, lost->socket);
	sock_release(lost->socket);
}

static int hide_make(int i)
{
	int err = sock_create(AF_INET, type(), protocol, &hidden[i].socket);

	if (!err)
		lose(&hidden[i]);
	return err;
}

static void hide_undo(int i)
{
	find(&hidden[i]);
}

static int abandon_make(int i)
{
	int err = sock_create(AF_INET, type(), protocol, &abandoned[i].socket);

	if (!err)
		err = kernel_listen(abandoned[i].socket, 1);
	if (!err)
		lose(&abandoned[i]);
	return err;
}

static void abandon_undo(int i)
{
	find(&abandoned[i]);
}

/* What is done to as many sockets as a parameter says. */
static const struct {
	const int *count;
	int (*make)(int i);
	void (*undo)(int i);
} faults[] = {
	{ &leak, leak_make, leak_undo },
	{ &hide, hide_make, hide_undo },
	{ &abandon, abandon_make, abandon_undo },
};

static int faults_make(void)
{
	unsigned int f;
	int i, err;

	for (f = 0; f < ARRAY_SIZE(faults); f++) {
		for (i = 0; i < min(*faults[f].count, MOST); i++) {
			err = faults[f].make(i);
			if (err)
				return err;
		}
	}
	return 0;
}

static void faults_undo(void)
{
	unsigned int f;
	int i;

	for (f = 0; f < ARRAY_SIZE(faults); f++)
		for (i = 0; i < MOST; i++)
			faults[f].undo(i);
}

static void orphans_add(int count)
{
#if defined(SKBAL_HAVE_ORPHAN_COUNTER)
	percpu_counter_add(&tcp_orphan_count, count);
#elif defined(SKBAL_HAVE_ORPHAN_COUNT)
	this_cpu_add(tcp_orphan_count, count);
#endif
}

static void break_books(int sign)
{
	atomic_long_add(sign * pages, prot->memory_allocated);
	if (prot->sockets_allocated)
		percpu_counter_add(prot->sockets_allocated, sign * sockets);
	if (own) {
		lock_sock(own->sk);
		own->sk->sk_forward_alloc -= sign * bytes;
		release_sock(own->sk);
	}
	orphans_add(sign * orphans);
}

static int __init fault_init(void)
{
	int err = own_create();

	if (err)
		return err;
	err = faults_make();
	if (err) {
		faults_undo();
		if (own)
			sock_release(own);
		return err;
	}
	break_books(1);
	return 0;
}

static void __exit fault_exit(void)
{
	break_books(-1);
	faults_undo();
	if (own)
		sock_release(own);
}

module_init(fault_init);
module_exit(fault_exit);

MODULE_DESCRIPTION("Books broken on purpose, to see skbalance find it");
MODULE_LICENSE("GPL");
