/* SPDX-License-Identifier: GPL-2.0-only */
/* How kernels differ in what hook.c uses. */
#ifndef SKBAL_COMPAT_HOOK_H
#define SKBAL_COMPAT_HOOK_H

#ifdef SKBAL_HAVE_SK_CLONE
#define SKBAL_CLONE "sk_clone"
#else
#define SKBAL_CLONE "sk_clone_lock"
#endif

#endif /* SKBAL_COMPAT_HOOK_H */
