/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_BPF_H
#define SKBALANCE_BPF_H

/*
 * Maps of sockets, and programs that decide on what those send or receive:
 * bpf(2) without a library. All return a descriptor or 0; -1: errno says why.
 */

/* A map for so many sockets. */
int bpf_sockmap(unsigned int entries);

/* Puts the socket into the map. */
int bpf_sockmap_add(int map, unsigned int key, int fd);

/* What is sent waits until so many bytes are together. */
int bpf_attach_cork(int map, unsigned int bytes);

/* What is sent can be received from the socket at key 0 of the map. */
int bpf_attach_ingress(int map);

/*
 * What is received on sockets of the map can be received from the socket at
 * key 0 of the map of targets instead.
 */
int bpf_attach_verdict(int map, int targets);

#endif
