/* SPDX-License-Identifier: GPL-2.0-only */
/* How kernels differ in what hook.c uses. */
#ifndef SKBAL_COMPAT_HOOK_H
#define SKBAL_COMPAT_HOOK_H

#include <linux/ftrace.h>
#include <linux/kprobes.h>

/*
 * PERMANENT: while they are there, ftrace cannot be switched off. Without the
 * kernel's protection against recursion nothing is skipped; we need none.
 */
#ifdef SKBAL_HAVE_FTRACE_REGS
#define SKBAL_FTRACE_FLAGS (FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_SAVE_REGS)
#else
#define SKBAL_FTRACE_FLAGS (FTRACE_OPS_FL_PERMANENT | \
			    FTRACE_OPS_FL_SAVE_REGS | \
			    FTRACE_OPS_FL_RECURSION_SAFE)
#define ftrace_regs pt_regs
#define ftrace_get_regs(regs) (regs)
#endif

#ifndef SKBAL_HAVE_KRETPROBE_RETADDR
#define get_kretprobe_retaddr(instance) ((unsigned long)(instance)->ret_addr)
#endif

#ifdef SKBAL_HAVE_SK_CLONE
#define SKBAL_CLONE "sk_clone"
#else
#define SKBAL_CLONE "sk_clone_lock"
#endif

#endif /* SKBAL_COMPAT_HOOK_H */
