// SPDX-License-Identifier: GPL-2.0-only
/*
 * Breaks the books of the tcp pool on purpose, for as long as it is loaded: a
 * ledger that has never been seen to find a loss proves nothing. For test
 * kernels only; never installed.
 */
#include <linux/in.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/percpu_counter.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>

static int pages;
module_param(pages, int, 0444);
MODULE_PARM_DESC(pages, "pages that memory_allocated has too many");

static int bytes;
module_param(bytes, int, 0444);
MODULE_PARM_DESC(bytes, "bytes that a listening socket has lost");

static int sockets;
module_param(sockets, int, 0444);
MODULE_PARM_DESC(sockets, "sockets that sockets_allocated has too many");

static struct socket *listener;

/* A kernel socket that is in the listening table, for the lost bytes. */
static int listener_create(void)
{
	int err = sock_create_kern(&init_net, AF_INET, SOCK_STREAM,
				   IPPROTO_TCP, &listener);

	if (err)
		return err;
	err = kernel_listen(listener, 1);
	if (err)
		sock_release(listener);
	return err;
}

static void break_books(int sign)
{
	atomic_long_add(sign * pages, tcp_prot.memory_allocated);
	percpu_counter_add(tcp_prot.sockets_allocated, sign * sockets);
	if (listener) {
		lock_sock(listener->sk);
		listener->sk->sk_forward_alloc -= sign * bytes;
		release_sock(listener->sk);
	}
}

static int __init fault_init(void)
{
	int err = bytes ? listener_create() : 0;

	if (err)
		return err;
	break_books(1);
	return 0;
}

static void __exit fault_exit(void)
{
	break_books(-1);
	if (listener)
		sock_release(listener);
}

module_init(fault_init);
module_exit(fault_exit);

MODULE_DESCRIPTION("Books broken on purpose, to see skbalance find it");
MODULE_LICENSE("GPL");
