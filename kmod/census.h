/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The census: every socket is met wherever the kernel keeps a way to it
 * (table.h, owner.h), and entered once.
 */
#ifndef SKBAL_CENSUS_H
#define SKBAL_CENSUS_H

struct skbal_snapshot;
struct skbal_socket;
struct sock;

/**
 * skbal_census_init() - enter the protocols and namespaces that are known
 * beforehand
 *
 * Other protocols are entered when their first socket is met.
 * Context: RCU read side.
 */
void skbal_census_init(struct skbal_snapshot *snap);

/**
 * skbal_census_meet() - enter a socket, or find its entry
 * @found: where it was met: SKBAL_HASHED, ...; 0 if it belongs to another one
 *
 * Context: something keeps @sk alive: the lock of the table that it is in, or
 * the stopped machine. RCU read side.
 * Return: the entry; NULL if the socket is not wanted, or if there is no room:
 *	   then it is only counted, in @snap->sockets.wanted.
 */
struct skbal_socket *skbal_census_meet(struct skbal_snapshot *snap,
				       struct sock *sk, unsigned int found);

/**
 * skbal_census_name() - name an entry, unless it has a name
 *
 * Context: @snap has detail; otherwise as of skbal_census_meet().
 */
void skbal_census_name(struct skbal_snapshot *snap,
		       struct skbal_socket *socket, const struct sock *sk);

/**
 * skbal_census_finish() - enter what can be told only at the end of a walk
 *
 * Context: as of the walk: the machine is still stopped, if it was.
 */
void skbal_census_finish(struct skbal_snapshot *snap);

#endif /* SKBAL_CENSUS_H */
