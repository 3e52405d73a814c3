/* SPDX-License-Identifier: GPL-2.0-only */
/* The network namespace that a case plays in. */
#ifndef SKBAL_NETNS_H
#define SKBAL_NETNS_H

struct net;

/** skbal_netns_get() - a namespace with its loopback device up
 *
 * One of its own where the suites are built in. A module cannot make one: it
 * has the first.
 * Return: the namespace, or an ERR_PTR().
 */
struct net *skbal_netns_get(void);
void skbal_netns_put(struct net *net);

#endif /* SKBAL_NETNS_H */
