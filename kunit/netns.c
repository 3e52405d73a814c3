// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <net/net_namespace.h>

#include "netns.h"

#ifdef MODULE
static struct net *netns_make(void)
{
	return get_net(&init_net);
}
#else
static struct net *netns_make(void)
{
	return copy_net_ns(CLONE_NEWNET, current_user_ns(), &init_net);
}
#endif

struct net *skbal_netns_get(void)
{
	struct net *net = netns_make();
	int err;

	if (IS_ERR(net))
		return net;
	rtnl_lock();
	err = dev_change_flags(net->loopback_dev,
			       net->loopback_dev->flags | IFF_UP, NULL);
	rtnl_unlock();
	if (err) {
		put_net(net);
		return ERR_PTR(err);
	}
	return net;
}

void skbal_netns_put(struct net *net)
{
	put_net(net);
}
