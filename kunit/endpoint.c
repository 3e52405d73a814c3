// SPDX-License-Identifier: GPL-2.0-only
#include <linux/file.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "compat.h"
#include "endpoint.h"
#include "prove.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* What is sent, and where it is received to. */
static u8 payload[65536];

typedef void (*destruct_fn)(struct sock *sk);

static LIST_HEAD(all_watched);
static DEFINE_SPINLOCK(all_watched_lock);
/* A listener's children inherit our destructor, whose place this takes. */
static destruct_fn protocol_destruct[2][2];

static destruct_fn *destruct_of(const struct sock *sk)
{
	return &protocol_destruct[sk->sk_family == AF_INET6]
				 [sk->sk_type == SOCK_DGRAM];
}

static struct skbal_endpoint *watched_take(const struct sock *sk)
{
	struct skbal_endpoint *end, *found = NULL;

	spin_lock_bh(&all_watched_lock);
	list_for_each_entry(end, &all_watched, watched)
		if (end->sk == sk)
			found = end;
	if (found)
		list_del(&found->watched);
	spin_unlock_bh(&all_watched_lock);
	return found;
}

/* The last that is heard of a socket: what its protocol leaves is lost. */
static void watched_destruct(struct sock *sk)
{
	struct skbal_endpoint *end = watched_take(sk);

	(*destruct_of(sk))(sk);
	if (!end)
		return;
	end->left = (s64)sk->sk_forward_alloc + sk->sk_wmem_queued +
		    atomic_read(&sk->sk_rmem_alloc);
	complete(&end->freed);
	module_put(THIS_MODULE);
}

static void watch(struct skbal_endpoint *end)
{
	struct sock *sk = end->sock->sk;

	__module_get(THIS_MODULE);
	end->sk = sk;
	if (sk->sk_destruct != watched_destruct)
		*destruct_of(sk) = sk->sk_destruct;
	init_completion(&end->freed);
	spin_lock_bh(&all_watched_lock);
	list_add(&end->watched, &all_watched);
	spin_unlock_bh(&all_watched_lock);
	sk->sk_destruct = watched_destruct;
}

/* From here on the file has the socket. */
static int put_into_table(struct skbal_endpoint *end, struct socket *sock)
{
	struct file *file;
	int fd = get_unused_fd_flags(0);

	if (fd < 0) {
		sock_release(sock);
		return fd;
	}
	/* releases the socket if it fails */
	file = sock_alloc_file(sock, 0, NULL);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	end->sock = sock;
	end->fd = fd;
	watch(end);
	fd_install(fd, file);
	return 0;
}

int skbal_endpoint_make(struct skbal_endpoint *end, struct net *net, int family,
			int type)
{
	struct socket *sock;
	int err = __sock_create(net, family, type, 0, &sock, 0);

	return err ?: put_into_table(end, sock);
}

/* Of nobody else, and with the port that the socket has, if it has one. */
static int address_of(const struct sock *sk, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (sk->sk_family == AF_INET) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		ret->v4.sin_port = inet_sk(sk)->inet_sport;
		return sizeof(ret->v4);
	}
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_addr = in6addr_loopback;
	ret->v6.sin6_port = inet_sk(sk)->inet_sport;
	return sizeof(ret->v6);
}

int skbal_endpoint_bind(struct skbal_endpoint *end)
{
	union address address;
	int len = address_of(end->sk, &address);

	return kernel_bind(end->sock, (void *)&address, len);
}

int skbal_endpoint_listen(struct skbal_endpoint *end, int backlog)
{
	return skbal_endpoint_bind(end) ?: kernel_listen(end->sock, backlog);
}

int skbal_endpoint_connect(struct skbal_endpoint *end,
			   const struct skbal_endpoint *to, int flags)
{
	union address address;
	int len = address_of(to->sk, &address);

	return kernel_connect(end->sock, (void *)&address, len, flags);
}

int skbal_endpoint_disconnect(struct skbal_endpoint *end)
{
	union address address = { .any.sa_family = AF_UNSPEC };

	return kernel_connect(end->sock, (void *)&address, sizeof(address), 0);
}

int skbal_endpoint_accept(struct skbal_endpoint *end,
			  const struct skbal_endpoint *listener)
{
	struct socket *sock;
	int err;

	listener->sk->sk_rcvtimeo = skbal_patience();
	err = kernel_accept(listener->sock, &sock, 0);
	return err ?: put_into_table(end, sock);
}

int skbal_endpoint_send(struct skbal_endpoint *end, size_t size, int flags)
{
	struct msghdr msg = { .msg_flags = flags | MSG_DONTWAIT | MSG_NOSIGNAL };
	struct kvec vec = {
		.iov_base = payload,
		.iov_len = min(size, sizeof(payload)),
	};

	return kernel_sendmsg(end->sock, &msg, &vec, 1, vec.iov_len);
}

int skbal_endpoint_receive(struct skbal_endpoint *end, size_t size, int flags)
{
	struct msghdr msg = { };
	struct kvec vec = {
		.iov_base = payload,
		.iov_len = min(size, sizeof(payload)),
	};

	return kernel_recvmsg(end->sock, &msg, &vec, 1, vec.iov_len,
			      flags | MSG_DONTWAIT);
}

int skbal_endpoint_drain(struct skbal_endpoint *end)
{
	int sum = 0;
	int len;

	while ((len = skbal_endpoint_receive(end, sizeof(payload), 0)) > 0)
		sum += len;
	return sum;
}

int skbal_endpoint_shutdown(struct skbal_endpoint *end, enum sock_shutdown_cmd how)
{
	return kernel_sock_shutdown(end->sock, how);
}

void skbal_endpoint_linger(struct skbal_endpoint *end, unsigned long linger)
{
	lock_sock(end->sk);
	sock_set_flag(end->sk, SOCK_LINGER);
	end->sk->sk_lingertime = linger;
	release_sock(end->sk);
}

/* A file that is closed by a kernel's thread is so by a worker, later. */
static void table_remove(struct skbal_endpoint *end)
{
	close_fd(end->fd);
	flush_delayed_fput();
}

void skbal_endpoint_hide(struct skbal_endpoint *end)
{
	get_file(end->sock->file);
	table_remove(end);
	end->fd = -1;
}

void skbal_endpoint_show(struct skbal_endpoint *end)
{
	int fd = get_unused_fd_flags(0);

	if (fd < 0)
		return;
	fd_install(fd, end->sock->file);
	end->fd = fd;
}

void skbal_endpoint_close(struct skbal_endpoint *end)
{
	if (!end->sock)
		return;
	end->sock = NULL;
	table_remove(end);
}

bool skbal_endpoint_is_freed(struct skbal_endpoint *end)
{
	if (try_wait_for_completion(&end->freed)) {
		complete(&end->freed);
		return true;
	}
	/* UDP sockets and listeners wait for that */
	rcu_barrier();
	if (!wait_for_completion_timeout(&end->freed, skbal_patience()))
		return false;
	complete(&end->freed);
	return true;
}

void skbal_endpoint_forget(struct skbal_endpoint *end)
{
	/* otherwise it is free, or about to be */
	if (!watched_take(end->sk))
		wait_for_completion(&end->freed);
}
