/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_BPF_H
#define SKBALANCE_BPF_H

/*
 * Maps of sockets, and programs that decide on what those send or receive:
 * bpf(2) without a library. All return a descriptor or 0; -1: errno says why.
 */

/* A map for so many sockets. */
int bpf_sockmap(unsigned int entries);

/* Puts the socket into the map, or takes it out. */
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

/* The same of datagrams, with any verdict, to the socket at key 0 of targets. */
int bpf_attach_datagrams(int map, enum bpf_verdict verdict, int targets);

/* What the kernel lacks for programs of each sort; NULL: nothing. */
const char *bpf_lacks_for_sending(void);
const char *bpf_lacks_for_receiving(void);
const char *bpf_lacks_for_datagrams(void);

#endif
