/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_SOCKSTAT_H
#define SKBALANCE_SOCKSTAT_H

#include <stdio.h>

/* What /proc/net/sockstat and sockstat6 show about TCP. */
struct sockstat {
	long long inuse;	/* hashed, IPv4, of this network namespace */
	long long inuse6;	/* the same for IPv6; 0 without IPv6 */
	long long orphan;
	long long tw;		/* time-wait, of this network namespace */
	long long alloc;	/* allocated, of all namespaces */
	long long mem;		/* pages in the counter, of all namespaces */
};

/* Reads both. 0 or a negative errno value. */
int sockstat_read(struct sockstat *stat, char **error);

/*
 * Reads the line of /proc/net/sockstat that starts with "TCP:" from file.
 * 0, or -EPROTO if it is not there or lacks a number.
 */
int sockstat_parse(struct sockstat *stat, FILE *file, char **error);

#endif
