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
