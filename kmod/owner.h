/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Owners: the processes that have a socket in a descriptor table. A socket in
 * TCP_CLOSE is in no other table, so this is also a part of the census.
 */
#ifndef SKBAL_OWNER_H
#define SKBAL_OWNER_H

struct skbal_snapshot;

/**
 * skbal_owner_walk() - meet the sockets in all descriptor tables
 *
 * Those of all processes, and of threads that have unshared theirs.
 * Context: RCU read side; the machine may be stopped.
 */
void skbal_owner_walk(struct skbal_snapshot *snap);

#endif /* SKBAL_OWNER_H */
