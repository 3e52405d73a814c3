// SPDX-License-Identifier: GPL-2.0-only
/*
 * skbalance balances the books of socket memory: each protocol's
 * memory_allocated against the sum of what all live sockets are charged.
 */
#include <linux/module.h>

#include "dump.h"

static int __init skbal_init(void)
{
	return skbal_dump_init();
}

static void __exit skbal_exit(void)
{
	skbal_dump_exit();
}

module_init(skbal_init);
module_exit(skbal_exit);

MODULE_DESCRIPTION("Balance of protocols' memory_allocated and sockets' charges");
MODULE_LICENSE("GPL");
MODULE_VERSION(SKBALANCE_VERSION);
