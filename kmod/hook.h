/* SPDX-License-Identifier: GPL-2.0-only */
/* Hooks: how the tracker learns that a socket is born or dies. */
#ifndef SKBAL_HOOK_H
#define SKBAL_HOOK_H

#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/types.h>

struct pt_regs;

/* as in Kbuild */
#if defined(CONFIG_X86) && defined(CONFIG_DYNAMIC_FTRACE)

/**
 * skbal_hook_init() - have skbal_track_born() and skbal_track_died() called
 *
 * Return: 0; or a negative error, logged: nothing is hooked then.
 */
int skbal_hook_init(void);

/** skbal_hook_exit() - no longer; when it returns nobody is in there any more */
void skbal_hook_exit(void);

/**
 * skbal_hook_stack() - the call stack, innermost first
 * @regs: of the function whose callers it is to name
 *
 * Return: the depth, at most @size.
 */
unsigned int skbal_hook_stack(struct pt_regs *regs, unsigned long *stack,
			      unsigned int size);

#else

static inline int skbal_hook_init(void)
{
	pr_err("skbalance: track=1 needs CONFIG_X86 and CONFIG_DYNAMIC_FTRACE\n");
	return -EOPNOTSUPP;
}

static inline void skbal_hook_exit(void)
{
}

static inline unsigned int skbal_hook_stack(struct pt_regs *regs,
					    unsigned long *stack,
					    unsigned int size)
{
	return 0;
}

#endif

#endif /* SKBAL_HOOK_H */
