/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracker: with the module parameter track=1, every socket that charges a
 * pool is followed from its birth until its memory is freed. It knows those
 * that are in no table and in no descriptor table, and who made them.
 * Sockets born before the module was loaded are not known.
 */
#ifndef SKBAL_TRACK_H
#define SKBAL_TRACK_H

#include <linux/types.h>

struct pt_regs;
struct skbal_snapshot;
struct sock;

/**
 * skbal_track_init() - begin to follow sockets, if the parameter says so
 *
 * Return: 0; what skbal_hook_init() says, or -ENOMEM: nothing is hooked then.
 */
int skbal_track_init(void);

/** skbal_track_exit() - unhook everything, and forget */
void skbal_track_exit(void);

/**
 * skbal_track_born() - a socket has come into being
 * @parent: the socket that it was cloned from, or NULL
 * @from: what called the function that made it
 * @regs: of @from, to name its callers, too, or NULL
 *
 * Context: any but hard interrupt.
 */
void skbal_track_born(struct sock *sk, const struct sock *parent,
		      unsigned long from, struct pt_regs *regs);

/**
 * skbal_track_died() - a socket's memory is about to be freed
 *
 * Context: any but hard interrupt.
 */
void skbal_track_died(const struct sock *sk);

/**
 * skbal_track_is_mine() - whether a socket at this address is known that the
 * calling process has made
 */
bool skbal_track_is_mine(const struct sock *sk);

/**
 * skbal_track_walk() - meet every socket that is followed
 *
 * None of them is freed meanwhile: live, by the lock that skbal_track_died()
 * takes; stopped, because nobody is there to do it.
 */
void skbal_track_walk(struct skbal_snapshot *snap);

/** skbal_track_on() - whether sockets are followed */
bool skbal_track_on(void);

/** skbal_track_lost() - how many births could not be recorded */
unsigned long skbal_track_lost(void);

#endif /* SKBAL_TRACK_H */
