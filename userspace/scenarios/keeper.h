/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_KEEPER_H
#define SKBALANCE_KEEPER_H

#include "../confinement.h"
#include "scenarios.h"

/*
 *	keeper ---- connection 1..N ---- itself
 *
 * One process has both ends of all connections.
 */
struct keeper {
	/* What the process does with them, given arg. */
	void (*part)(struct stage *stage, void *arg);
	/* From its start to the peak; false: a check has failed. */
	bool (*direct)(struct play *play, struct actor *keeper);
};

/* What the part makes them with: arg, or its first member. */
struct keeper_cast {
	struct loopback server;
	int listener;
	unsigned int connections;
};

/* Likewise, with a cgroup for which there can be BPF programs. */
struct keeper_confined {
	struct keeper_cast keeper;
	struct confinement confinement;
	int directory;		/* of the cgroup */
};

/* Both ends of a connection: descriptors of the process. */
struct keeper_ends {
	int connected, accepted;
};

/*
 * In the part: makes all connections, and closes the listener. They stay
 * allocated until the process ends.
 */
struct keeper_ends *keeper_connect(struct stage *stage,
				   const struct keeper_cast *cast);

/* In the part: connects ends->connected, which is a socket, and accepts. */
void keeper_join(struct stage *stage, const struct keeper_cast *cast,
		 struct keeper_ends *ends);

/*
 * In the part: goes to a network namespace of its own, and listens there
 * instead.
 */
void keeper_enter_namespace(struct stage *stage, struct keeper_cast *cast,
			    int backlog);

/* So many of its sockets have anything in their receive queues, or beside. */
bool keeper_expect_queues(struct play *play, const char *phase,
			  const struct actor *keeper, long long sockets);

/*
 * Packets that wait may keep sockets that were closed, charged and in no table:
 * nothing can be said then, but that must not be called imbalanced.
 */
bool keeper_expect_kept(struct play *play);

/*
 * After it has reported, lets the process go on, once for each of the phases:
 * all settles there. NULL ends them.
 */
bool keeper_settle(struct play *play, struct actor *keeper,
		   const char *const *phases);

/* Sets *cast. After the peak the process is killed. */
void keeper_play(struct play *play, const struct keeper *how,
		 struct keeper_cast *cast);

/*
 * The same, with a cgroup that the part may enter, if there can be one: arg is
 * *cast, or what that is the first member of.
 */
void keeper_play_confined(struct play *play, const struct keeper *how,
			  struct keeper_confined *cast);

/* The same of a process that needs no listener; arg is what its part gets. */
void keeper_play_alone(struct play *play, const struct keeper *how, void *arg);

#endif
