/* SPDX-License-Identifier: GPL-2.0-only */
/* How kernels differ in what hook.c uses. */
#ifndef SKBAL_COMPAT_HOOK_H
#define SKBAL_COMPAT_HOOK_H

#include <linux/ftrace.h>

/*
 * PERMANENT: while they are there, ftrace cannot be switched off. Without the
 * kernel's protection against recursion nothing is skipped; we need none. Where
 * arguments cannot be had alone, all registers are saved.
 */
#if !defined(SKBAL_HAVE_FTRACE_REGS)
#define SKBAL_FTRACE_FLAGS (FTRACE_OPS_FL_PERMANENT | \
			    FTRACE_OPS_FL_SAVE_REGS | \
			    FTRACE_OPS_FL_RECURSION_SAFE)
#define ftrace_regs pt_regs
#define ftrace_get_regs(regs) (regs)
#define skbal_argument(regs, n) regs_get_kernel_argument(regs, n)
#elif !defined(ftrace_regs_get_argument)
#define SKBAL_FTRACE_FLAGS (FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_SAVE_REGS)
#define skbal_argument(fregs, n) \
	regs_get_kernel_argument(ftrace_get_regs(fregs), n)
#else
#define SKBAL_FTRACE_FLAGS FTRACE_OPS_FL_PERMANENT
#define skbal_argument(fregs, n) ftrace_regs_get_argument(fregs, n)
#endif

#endif /* SKBAL_COMPAT_HOOK_H */
