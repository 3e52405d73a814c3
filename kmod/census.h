/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The census: every socket is met wherever the kernel keeps a way to it, and
 * entered once.
 */
#ifndef SKBAL_CENSUS_H
#define SKBAL_CENSUS_H

struct skbal_snapshot;
struct skbal_socket;
struct sock;

/**
 * skbal_census_init() - enter the protocols that are known beforehand
 *
 * The others are entered when their first socket is met.
 */
void skbal_census_init(struct skbal_snapshot *snap);

/**
 * skbal_census_walk() - meet all sockets
 *
 * Context: the machine is stopped; or, for a live snapshot, process context.
 * Results are in @snap. A socket for which there was no room is only counted
 * in @snap->sockets.wanted.
 */
void skbal_census_walk(struct skbal_snapshot *snap);

/**
 * skbal_census_meet() - enter a socket, or find its entry
 * @found: where it was met: SKBAL_HASHED, SKBAL_QUEUED or SKBAL_HELD
 *
 * Context: something keeps @sk alive: the lock of the table that it is in, or
 * the stopped machine. RCU read side.
 * Return: the entry; NULL if @sk charges no pool, or there is no room.
 */
struct skbal_socket *skbal_census_meet(struct skbal_snapshot *snap,
				       struct sock *sk, unsigned int found);

#endif /* SKBAL_CENSUS_H */
