/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AF_UNIX: its sockets are charged to no pool, but the messages that wait in
 * them can hold descriptors (SCM_RIGHTS), hence sockets that nobody else has.
 */
#ifndef SKBAL_UNIX_H
#define SKBAL_UNIX_H

struct file;
struct skbal_snapshot;
struct sock;

/**
 * skbal_unix_walk() - meet all AF_UNIX sockets, and the sockets in their queues
 *
 * Context: RCU read side; the machine is stopped, or process context.
 */
void skbal_unix_walk(struct skbal_snapshot *snap);

/**
 * skbal_unix_visit() - call @fn for every file in the messages that
 * wait in an AF_UNIX socket or, if it listens, in the connections that it has
 * not accepted yet
 * @depth: how deep to follow sockets that are themselves in such a message
 *
 * Context: something keeps @sk alive; spinlocks are taken.
 */
void skbal_unix_visit(struct sock *sk, unsigned int depth,
		      void (*fn)(struct file *file, void *data), void *data);

#endif /* SKBAL_UNIX_H */
