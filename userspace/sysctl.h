/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_SYSCTL_H
#define SKBALANCE_SYSCTL_H

/*
 * Settings of the kernel that scenarios rely on. What they were before is put
 * back at the end, also when the process is interrupted.
 */

/*
 * Sets "net.ipv4.tcp_rmem" and the like below /proc/sys, or a file below /sys
 * by its path. Returns 0, or a negative errno with *error set; -ENOENT where
 * the kernel has no such setting.
 */
int sysctl_set(const char *name, const char *value, char **error);

/* Puts everything back as it was, the latest first. */
void sysctl_restore(void);

#endif
