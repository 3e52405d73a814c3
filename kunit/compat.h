/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How kernels differ in what the suites use; the newest is the main path. What
 * the module itself meets is in kmod/compat/.
 */
#ifndef SKBAL_KUNIT_COMPAT_H
#define SKBAL_KUNIT_COMPAT_H

#include <kunit/test.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/version.h>
#include <net/tcp.h>

/* 5.15: "kunit: Support skipped tests" (6d2426b2f258) */
#ifndef kunit_skip
#define kunit_mark_skipped(test, fmt, ...) \
	kunit_info(test, "# SKIP " fmt "\n", ##__VA_ARGS__)
#endif

/* 6.0: "kunit: unify module and builtin suite definitions" (3d6e44623841). From
 * then until 6.6: "kunit: Fix wild-memory-access bug in kunit_free_suite_set()"
 * (2810c1e99867) a module's suites run before its parameters are read.
 */
#if defined(MODULE) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0) && \
	LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#undef kunit_test_suites
#define kunit_test_suites(...)						\
static struct kunit_suite *all_suites[] = { __VA_ARGS__ };		\
									\
static int __init suites_init(void)					\
{									\
	return __kunit_test_suites_init(all_suites,			\
					ARRAY_SIZE(all_suites));	\
}									\
module_init(suites_init);						\
									\
static void __exit suites_exit(void)					\
{									\
	__kunit_test_suites_exit(all_suites, ARRAY_SIZE(all_suites));	\
}									\
module_exit(suites_exit)
#endif

#ifdef SKBAL_HAVE_CLOSE_FD_OF
#define close_fd(fd) __close_fd(current->files, fd)
#endif

/* as in kmod/charge.c */
#ifdef SKBAL_HAVE_ZCOPY_PURE
#define SKBAL_ZEROCOPY_UNCHARGED true
#else
#define SKBAL_ZEROCOPY_UNCHARGED false
#endif

#endif /* SKBAL_KUNIT_COMPAT_H */
