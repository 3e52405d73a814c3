/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows that kernels differ. Force-included, so that the
 * rest reads as if the newest kernel were the only one. Kbuild.include asks
 * the kernel's headers what they have and sets SKBAL_HAVE_...
 */
#ifndef SKBAL_COMPAT_H
#define SKBAL_COMPAT_H

#include <linux/skbuff.h>
#include <linux/version.h>
#include <net/sock.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "skbalance supports kernels from 6.1 on"
#endif

static inline int skbal_forward_alloc(const struct sock *sk)
{
#ifdef SKBAL_HAVE_FORWARD_ALLOC_GET
	return sk_forward_alloc_get(sk);
#else
	return READ_ONCE(sk->sk_forward_alloc);
#endif
}

/* Does the socket leave its protocol's memory_allocated alone? */
static inline bool skbal_bypasses(const struct sock *sk)
{
#ifdef SKBAL_HAVE_BYPASS
	return sk->sk_bypass_prot_mem;
#else
	return false;
#endif
}

#endif /* SKBAL_COMPAT_H */
