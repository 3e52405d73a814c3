/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_BPF_H
#define SKBALANCE_BPF_H

#include <linux/bpf.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Maps of sockets, and programs that decide on what those send or receive, or
 * look them up: bpf(2) without a library. All return a descriptor or 0; -1:
 * errno says why.
 */

/* A map for so many sockets; of the second kind, which finds them by a hash. */
int bpf_sockmap(unsigned int entries);
int bpf_sockhash(unsigned int entries);

/*
 * Puts the socket into the map, of either kind, instead of the one that is at
 * that key, or takes it out.
 */
int bpf_sockmap_add(int map, unsigned int key, int fd);
int bpf_sockmap_remove(int map, unsigned int key);

enum bpf_verdict {
	BPF_VERDICT_PASSES,
	BPF_VERDICT_DROPS,
	/* redirects it to the socket at key 0 of a map ... */
	BPF_VERDICT_RECEIVED,	/* ... from which it can be received */
	BPF_VERDICT_MOVED,	/* ... which sends it */
};

/* What a program does with what is sent, in this order. */
struct bpf_sending {
	unsigned int apply;	/* it decides on so many bytes; 0: on all */
	unsigned int cork;	/* nothing, until so many are together */
	unsigned int cut;	/* takes off so many at the start */
	unsigned int add;	/* puts so many at the start, not set */
	enum bpf_verdict verdict;
	int targets;		/* the map to whose socket it is redirected */
};

int bpf_attach_sending(int map, const struct bpf_sending *what);

/*
 * What comes for sockets of the map can be received from them, but not as TCP
 * has it; or from the socket at key 0 of the map of targets instead.
 */
int bpf_attach_passing(int map);
int bpf_attach_redirecting(int map, int targets);

/* Beside either: it comes in messages of that size, what is less waits. */
int bpf_attach_cutting(int map, unsigned int size);

/* The same of datagrams, with any verdict, to the socket at key 0 of targets. */
int bpf_attach_datagrams(int map, enum bpf_verdict verdict, int targets);

/* A map of one number, at first 0. */
int bpf_counter(void);
int bpf_counter_read(int counter, uint64_t *value);

/*
 * Programs that a cgroup, given its directory, runs for the sockets made in it,
 * until they are detached or it is removed. This one looks up whom each of their
 * packets of that family is for, and whom the sockmap has at key 0, lets go of
 * both, and counts whom it has found.
 */
int bpf_attach_looking_up(int cgroup, sa_family_t family, int map, int counter);

/* Whatever it is asked for there is not permitted. */
int bpf_attach_refusing(int cgroup, enum bpf_attach_type where);
int bpf_detach(int cgroup, enum bpf_attach_type where);

/*
 * Whoever looks for a listener, or an unconnected socket, in this network
 * namespace finds the one at key 0 of the sockmap, if it is of that protocol;
 * until the descriptor that is returned is closed.
 */
int bpf_attach_steering(int map);

/* What the kernel lacks for programs of each sort; NULL: nothing. */
const char *bpf_lacks_for_sending(void);
const char *bpf_lacks_for_receiving(void);
const char *bpf_lacks_for_datagrams(void);
/* The directory is of a cgroup without processes. */
const char *bpf_lacks_for_cgroup(int cgroup);

#endif
