/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A socket as a process has one: with a file, and a descriptor in the table
 * that the kernel's threads share. It is watched until its memory is freed.
 */
#ifndef SKBAL_ENDPOINT_H
#define SKBAL_ENDPOINT_H

#include <linux/completion.h>
#include <linux/net.h>
#include <linux/types.h>

struct net;
struct sock;

struct skbal_endpoint {
	struct socket *sock;		/* NULL once its descriptor is closed */
	struct sock *sk;		/* its identity; the memory may be freed */
	int fd;				/* -1 if it is hidden */
	/* while it is watched */
	struct list_head watched;
	struct completion freed;
	s64 left;			/* bytes it was charged when freed */
};

/** skbal_endpoint_make() - socket() */
int skbal_endpoint_make(struct skbal_endpoint *end, struct net *net, int family,
			int type);

/** skbal_endpoint_bind() - bind() to a loopback address, to any free port */
int skbal_endpoint_bind(struct skbal_endpoint *end);

/** skbal_endpoint_listen() - bind() and listen() */
int skbal_endpoint_listen(struct skbal_endpoint *end, int backlog);

/** skbal_endpoint_connect() - connect() to where another one is bound
 * @flags: O_NONBLOCK, or 0
 */
int skbal_endpoint_connect(struct skbal_endpoint *end,
			   const struct skbal_endpoint *to, int flags);

/** skbal_endpoint_disconnect() - connect() to AF_UNSPEC */
int skbal_endpoint_disconnect(struct skbal_endpoint *end);

/** skbal_endpoint_accept() - accept(), which waits for a connection */
int skbal_endpoint_accept(struct skbal_endpoint *end,
			  const struct skbal_endpoint *listener);

/** skbal_endpoint_send() - send() some bytes, without waiting
 * @flags: MSG_...
 *
 * Return: as of send().
 */
int skbal_endpoint_send(struct skbal_endpoint *end, size_t size, int flags);

/** skbal_endpoint_receive() - recv() at most so many bytes, without waiting */
int skbal_endpoint_receive(struct skbal_endpoint *end, size_t size, int flags);

/** skbal_endpoint_drain() - recv() what there is
 *
 * Return: how many bytes.
 */
int skbal_endpoint_drain(struct skbal_endpoint *end);

/** skbal_endpoint_shutdown() - shutdown() */
int skbal_endpoint_shutdown(struct skbal_endpoint *end, enum sock_shutdown_cmd how);

/** skbal_endpoint_linger() - SO_LINGER, with a time in jiffies */
void skbal_endpoint_linger(struct skbal_endpoint *end, unsigned long linger);

/** skbal_endpoint_hide() - take the descriptor away; the file stays open */
void skbal_endpoint_hide(struct skbal_endpoint *end);
void skbal_endpoint_show(struct skbal_endpoint *end);

/** skbal_endpoint_close() - close() */
void skbal_endpoint_close(struct skbal_endpoint *end);

/** skbal_endpoint_is_freed() - whether its memory was freed, or is within a
 * time that no timer of these tests exceeds
 *
 * Context: may sleep.
 */
bool skbal_endpoint_is_freed(struct skbal_endpoint *end);

/** skbal_endpoint_forget() - watch no longer
 *
 * If the socket is kept, this module is, too.
 */
void skbal_endpoint_forget(struct skbal_endpoint *end);

#endif /* SKBAL_ENDPOINT_H */
