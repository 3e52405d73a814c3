// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../array.h"
#include "datagrams.h"

/* How long a datagram may take from one socket to the other. */
#define DELIVERY_MS 10000

static int bind_any(struct stage *stage, sa_family_t family, int protocol,
		    struct loopback *address)
{
	int fd;

	loopback_set(address, family, 0);
	address->protocol = protocol;
	fd = loopback_bind(address);
	if (fd < 0)
		stage_fail(stage, "bind");
	return fd;
}

int datagrams_bind(struct stage *stage, sa_family_t family,
		   struct loopback *address)
{
	return bind_any(stage, family, IPPROTO_UDP, address);
}

void datagrams_open(struct stage *stage, struct datagrams *to,
		    const struct play *play, size_t size, int rcvbuf)
{
	*to = (struct datagrams){ .size = size };
	to->fd = bind_any(stage, play->family, play->scenario->protocol,
			  &to->address);
	if (setsockopt(to->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)))
		stage_fail(stage, "SO_RCVBUF");
}

static int open_sender(struct stage *stage, const struct play *play, int type)
{
	int fd = socket(play->family, type | SOCK_CLOEXEC,
			play->scenario->protocol);

	if (fd < 0)
		stage_fail(stage, "socket");
	return fd;
}

int datagrams_sender(struct stage *stage, const struct play *play)
{
	return open_sender(stage, play, SOCK_DGRAM);
}

int datagrams_broken_sender(struct stage *stage, const struct play *play)
{
	return open_sender(stage, play, SOCK_RAW);
}

static const char data[65536];

static bool send_intact(int from, const struct datagrams *to)
{
	return sendto(from, data, to->size, 0,
		      (const struct sockaddr *)&to->address.address,
		      to->address.length) == (ssize_t)to->size;
}

/*
 * With the header by hand. The ports sum to nothing, so that the right checksum
 * is the same for all, and is not this one.
 */
static bool send_broken(int from, const struct datagrams *to)
{
	unsigned short port = htons(loopback_port(&to->address));
	struct udphdr header = {
		.source = (unsigned short)~port,
		.dest = port,
		.len = htons((unsigned short)(sizeof(header) + to->size)),
		.check = htons(1),
	};
	struct iovec parts[] = {
		{ &header, sizeof(header) },
		{ (void *)(uintptr_t)data, to->size },
	};
	struct sockaddr_storage address = to->address.address;
	struct msghdr message = {
		.msg_name = &address,
		.msg_namelen = to->address.length,
		.msg_iov = parts,
		.msg_iovlen = ARRAY_SIZE(parts),
	};

	/* of a raw socket that is no port */
	if (address.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&address)->sin6_port = 0;
	return sendmsg(from, &message, 0) ==
	       (ssize_t)(sizeof(header) + to->size);
}

static void send_one(struct stage *stage, int from, const struct datagrams *to)
{
	if (!(to->broken ? send_broken : send_intact)(from, to))
		stage_fail(stage, "sending a datagram");
}

static void look(struct stage *stage, int fd, struct meminfo *info)
{
	if (!meminfo_of_socket(fd, info))
		stage_fail(stage, "SO_MEMINFO");
}

long long datagrams_settle(struct stage *stage, struct datagrams *to,
			   long long count)
{
	long long deadline = play_clock_ms() + DELIVERY_MS;
	struct meminfo info;

	for (;;) {
		look(stage, to->fd, &info);
		if (info.receive_queue_bytes / to->truesize + info.drops >=
		    count) {
			to->queued = count - info.drops;
			return info.drops;
		}
		if (play_clock_ms() > deadline) {
			errno = ETIMEDOUT;
			stage_fail(stage, "delivery of a datagram");
		}
	}
}

/* The first datagram tells what all of them, being equal, are counted. */
static void send_first(struct stage *stage, int from, struct datagrams *to)
{
	long long deadline = play_clock_ms() + DELIVERY_MS;
	struct meminfo info;

	send_one(stage, from, to);
	do
		look(stage, to->fd, &info);
	while (!info.receive_queue_bytes && play_clock_ms() < deadline);
	to->truesize = info.receive_queue_bytes;
	if (to->truesize < (long long)to->size) {
		errno = ETIMEDOUT;
		stage_fail(stage, "delivery of the first datagram");
	}
	to->queued = 1;
}

void datagrams_send(struct stage *stage, int from, struct datagrams *to,
		    long long count)
{
	long long sent = 1;

	for (send_first(stage, from, to); sent < count; sent++)
		send_one(stage, from, to);
	if (datagrams_settle(stage, to, count)) {
		errno = ENOBUFS;
		stage_fail(stage, "a datagram was dropped");
	}
}

void datagrams_fill(struct stage *stage, int from, struct datagrams *to)
{
	long long sent = 1;

	send_first(stage, from, to);
	do
		send_one(stage, from, to);
	while (!datagrams_settle(stage, to, ++sent));
}

void datagrams_receive(struct stage *stage, struct datagrams *to,
		       long long count)
{
	static char received[65536];

	for (; count; count--, to->queued--)
		if (recv(to->fd, received, sizeof(received), MSG_DONTWAIT) < 0)
			stage_fail(stage, "recv");
}

long long datagrams_bytes(const struct datagrams *to)
{
	return to->queued * to->truesize;
}

bool datagrams_expect_queued(struct play *play, const char *phase,
			     const struct actor *actor, long long bytes)
{
	struct whose all = whose(BOOKS_CLASS_OPEN, actor);
	struct books_charge charge;

	return play_expect_settled(play, phase) &&
	       play_charge(play, all, &charge) &&
	       play_expect(play, phase, "bytes queued", bytes,
			   charge.receive_queue_bytes) &&
	       play_expect_meminfo(play, phase, all);
}
