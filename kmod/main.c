// SPDX-License-Identifier: GPL-2.0-only
/*
 * skbalance balances the books of socket memory: each protocol's
 * memory_allocated against the sum of what all live sockets are charged.
 */
#include <linux/module.h>

#include "dump.h"
#include "track.h"

static int __init skbal_init(void)
{
	int err = skbal_track_init();

	if (err)
		return err;
	err = skbal_dump_init();
	if (err)
		skbal_track_exit();
	return err;
}

static void __exit skbal_exit(void)
{
	skbal_dump_exit();
	skbal_track_exit();
}

module_init(skbal_init);
module_exit(skbal_exit);

MODULE_DESCRIPTION("Balance of protocols' memory_allocated and sockets' charges");
MODULE_LICENSE("GPL");
MODULE_VERSION(SKBALANCE_VERSION);
