// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fdtable.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>
#include <net/udp.h>

#include "counter.h"
#include "pause.h"

static unsigned int max_pause_ms = 5000;
module_param(max_pause_ms, uint, 0644);
MODULE_PARM_DESC(max_pause_ms, "longest time that a reading may stop the machine");

/* A socket costs about as much as so many descriptors or empty slots. */
#define DESCRIPTORS 16
#define SLOTS 64

/* At first more than was ever measured at rest, also without KVM. */
#define NS_PER_WORK 4000
/* Less tells nothing: what it takes is by chance. */
#define WORTH_LEARNING 10000

static u64 ns_per_work = NS_PER_WORK;

u64 skbal_pause_max(void)
{
	return (u64)READ_ONCE(max_pause_ms) * NSEC_PER_MSEC;
}

static u64 descriptors(void)
{
	struct task_struct *task;
	u64 sum = 0;

	rcu_read_lock();
	for_each_process(task) {
		task_lock(task);
		if (task->files)
			sum += files_fdtable(task->files)->max_fds;
		task_unlock(task);
	}
	rcu_read_unlock();
	return sum;
}

static u64 slots(void)
{
	return init_net.ipv4.tcp_death_row.hashinfo->ehash_mask +
	       skbal_udp_table(&init_net)->mask;
}

u64 skbal_pause_work(void)
{
	return skbal_counter_expect().sockets + descriptors() / DESCRIPTORS +
	       slots() / SLOTS + 1;
}

u64 skbal_pause_estimate(u64 work)
{
	return work * READ_ONCE(ns_per_work);
}

/*
 * Whatever else the host of a virtual machine does makes a walk longer, and
 * nothing makes it shorter: so the quick ones count.
 */
void skbal_pause_learn(u64 work, u64 pause_ns)
{
	u64 measured = div64_u64(pause_ns, work) + 1;
	u64 known = READ_ONCE(ns_per_work);

	if (work < WORTH_LEARNING)
		return;
	if (measured > known)
		measured = min_t(u64, known + (measured - known) / 8,
				 4 * NS_PER_WORK);
	WRITE_ONCE(ns_per_work, measured);
}

/* What is refused is not measured, so experience must fade. */
void skbal_pause_refused(void)
{
	u64 known = READ_ONCE(ns_per_work);

	WRITE_ONCE(ns_per_work, max_t(u64, known - known / 8, 1));
}
