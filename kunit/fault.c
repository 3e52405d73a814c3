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

static struct proto *prot;
static struct socket *own;

/*
 * A kernel socket that is in the protocol's table, as one must be to be found.
 * It tells the protocol, which not every kernel exports, and loses the bytes.
 */
static int own_create(void)
{
	bool datagram = protocol == IPPROTO_UDP;
	struct sockaddr_in address = { .sin_family = AF_INET };
	int err = sock_create_kern(&init_net, AF_INET,
				   datagram ? SOCK_DGRAM : SOCK_STREAM,
				   protocol, &own);

	if (err)
		return err;
	/* any port; what is bound to none cannot listen with SCTP */
	err = kernel_bind(own, (void *)&address, sizeof(address));
	if (!err && !datagram)
		err = kernel_listen(own, 1);
	prot = own->sk->sk_prot;
	if (err || !bytes) {
		sock_release(own);
		own = NULL;
	}
	return err;
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
}

static int __init fault_init(void)
{
	int err = own_create();

	if (err)
		return err;
	break_books(1);
	return 0;
}

static void __exit fault_exit(void)
{
	break_books(-1);
	if (own)
		sock_release(own);
}

module_init(fault_init);
module_exit(fault_exit);

MODULE_DESCRIPTION("Books broken on purpose, to see skbalance find it");
MODULE_LICENSE("GPL");
