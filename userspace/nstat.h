/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_NSTAT_H
#define SKBALANCE_NSTAT_H

#include "actor.h"

/*
 * For actors: one of TCP's counters of events in their network namespace, of
 * /proc/net/netstat, as in "SyncookiesRecv". They report a failure themselves.
 */
long long nstat_tcp(struct stage *stage, const char *name);

/* Waits until there have been so many. */
void nstat_await_tcp(struct stage *stage, const char *name, long long least);

/* Those of MPTCP. */
long long nstat_mptcp(struct stage *stage, const char *name);
void nstat_await_mptcp(struct stage *stage, const char *name, long long least);

#endif
