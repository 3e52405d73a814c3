/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own tables of TCP sockets: established, listening, and the
 * accept queues that hang on the latter.
 */
#ifndef SKBAL_TABLE_H
#define SKBAL_TABLE_H

struct skbal_snapshot;

/**
 * skbal_table_walk() - meet the sockets in all tables and accept queues
 *
 * Context: RCU read side; the machine is stopped, or process context with
 * bottom halves enabled.
 */
void skbal_table_walk(struct skbal_snapshot *snap);

#endif /* SKBAL_TABLE_H */
