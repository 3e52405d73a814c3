// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "connections.h"
#include "forgery.h"
#include "raw.h"
#include "segment.h"

#define TTL 64

/* One range, and two bytes before it, so that it is aligned. */
struct sack {
	unsigned char padding[2], kind, length;
	unsigned int begin, end;
};

struct segment {
	struct tcphdr tcp;
	unsigned char rest[FORGERY_OPTIONS + FORGERY_LARGEST];
};

struct packet {
	struct iphdr ip;
	struct segment segment;
};

struct packet6 {
	struct ip6_hdr ip;
	struct segment segment;
};

bool forgery_try(int fd, struct forgery *forgery)
{
	const struct sockaddr_in6 *to = (const void *)&forgery->to;
	socklen_t from_length = sizeof(forgery->from);
	socklen_t to_length = sizeof(forgery->to);

	return !getsockname(fd, (struct sockaddr *)&forgery->from,
			    &from_length) &&
	       !getpeername(fd, (struct sockaddr *)&forgery->to, &to_length) &&
	       (to->sin6_family == AF_INET ||
		!IN6_IS_ADDR_V4MAPPED(&to->sin6_addr)) &&
	       segment_try_end_of_queue(fd, TCP_SEND_QUEUE, &forgery->sent) &&
	       segment_try_end_of_queue(fd, TCP_RECV_QUEUE, &forgery->received);
}

struct forgery forgery_of(struct stage *stage, int fd)
{
	struct forgery forgery;

	if (!forgery_try(fd, &forgery))
		stage_fail(stage, "what a connection has sent and received");
	return forgery;
}

/* Those of IPv4 come with its header, of which there are no options. */
static bool is_of(const struct forgery *forgery, const struct segment *segment,
		  ssize_t size, unsigned int bytes)
{
	const struct sockaddr_in *from = (const void *)&forgery->from;
	const struct sockaddr_in *to = (const void *)&forgery->to;

	return size == segment->tcp.th_off * 4 + (ssize_t)bytes &&
	       segment->tcp.th_sport == from->sin_port &&
	       segment->tcp.th_dport == to->sin_port;
}

static void overhear(struct stage *stage, struct forgery *forgery, int raw,
		     unsigned int bytes)
{
	size_t ip = forgery->from.ss_family == AF_INET ? sizeof(struct iphdr) :
							 0;
	unsigned char packet[sizeof(struct packet)];
	struct segment segment;
	ssize_t size;

	do {
		size = recv(raw, packet, sizeof(packet), 0);
		if (size < (ssize_t)(ip + sizeof(segment.tcp)))
			stage_fail(stage, "recv from a raw socket");
		memcpy(&segment, packet + ip, (size_t)size - ip);
	} while (!is_of(forgery, &segment, size - (ssize_t)ip, bytes));
	forgery->sent = ntohl(segment.tcp.th_seq) + bytes;
	forgery->received = ntohl(segment.tcp.th_ack);
}

struct forgery forgery_overhear(struct stage *stage, int fd, unsigned int bytes)
{
	static const unsigned char data[FORGERY_LARGEST];
	struct forgery forgery = {
		.from = connection_name(stage, fd),
		.to = connection_peer_name(stage, fd),
	};
	int raw = socket(forgery.from.ss_family, SOCK_RAW | SOCK_CLOEXEC,
			 IPPROTO_TCP);

	if (raw < 0 || send(fd, data, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
		stage_fail(stage, "something to be overheard");
	overhear(stage, &forgery, raw, bytes);
	close(raw);
	return forgery;
}

static unsigned int position(unsigned int base, int offset)
{
	return htonl(base + (unsigned int)offset);
}

/* Returns their size. */
static size_t set_options(unsigned char *options, const struct forgery *forgery,
			  const struct forged *forged)
{
	struct sack sack = {
		.padding = { TCPOPT_NOP, TCPOPT_NOP },
		.kind = TCPOPT_NOP,
		.length = TCPOPT_NOP,
	};

	if (forged->options) {
		memcpy(options, forged->options, FORGERY_OPTIONS);
		return FORGERY_OPTIONS;
	}
	if (forged->sacked_end) {
		sack.kind = TCPOPT_SACK;
		sack.length = 2 + 2 * sizeof(unsigned int);
		sack.begin = position(forgery->received, forged->sacked_begin);
		sack.end = position(forgery->received, forged->sacked_end);
	}
	memcpy(options, &sack, sizeof(sack));
	return sizeof(sack);
}

/* Without a checksum. Returns its size. */
static size_t set_segment(struct segment *segment,
			  const struct forgery *forgery,
			  const struct forged *forged)
{
	/* sin_port and sin6_port are at the same place */
	const struct sockaddr_in *from = (const void *)&forgery->from;
	const struct sockaddr_in *to = (const void *)&forgery->to;
	size_t header;

	*segment = (struct segment){
		.tcp = {
			.th_sport = from->sin_port,
			.th_dport = to->sin_port,
			.th_seq = position(forgery->sent, forged->begin),
			.th_ack = position(forgery->received,
					   forged->acknowledged),
			.th_win = htons(forged->window),
		},
	};
	segment->tcp.th_flags = (unsigned char)(forged->flags | TH_ACK);
	header = sizeof(segment->tcp) +
		 set_options(segment->rest, forgery, forged);
	segment->tcp.th_off = (header / 4) & 0xf;
	return header + forged->length;
}

/* addresses: those of source and destination, one after the other. */
static void set_checksum(struct segment *segment, size_t size,
			 const void *addresses, size_t addresses_size,
			 bool broken)
{
	const unsigned short rest[] = { htons(IPPROTO_TCP),
					htons((unsigned short)size) };
	unsigned int sum = raw_sum(0, addresses, addresses_size);

	sum = raw_sum(sum, rest, sizeof(rest));
	segment->tcp.th_sum = raw_checksum(raw_sum(sum, segment, size));
	if (broken)
		segment->tcp.th_sum ^= htons(1);
}

/* The kernel adds the length and the checksum of the header. */
static void send4(struct stage *stage, const struct forgery *forgery,
		  const struct forged *forged)
{
	const struct sockaddr_in *from = (const void *)&forgery->from;
	const struct sockaddr_in *to = (const void *)&forgery->to;
	const struct in_addr addresses[] = { from->sin_addr, to->sin_addr };
	struct packet packet = {
		.ip = { .version = 4, .ihl = 5, .ttl = TTL,
			.protocol = IPPROTO_TCP,
			.saddr = from->sin_addr.s_addr,
			.daddr = to->sin_addr.s_addr },
	};
	size_t size = set_segment(&packet.segment, forgery, forged);

	set_checksum(&packet.segment, size, addresses, sizeof(addresses),
		     forged->broken);
	raw_send(stage, &forgery->to, IPPROTO_RAW, &packet,
		 offsetof(struct packet, segment) + size);
}

static void send6(struct stage *stage, const struct forgery *forgery,
		  const struct forged *forged)
{
	const struct sockaddr_in6 *from = (const void *)&forgery->from;
	const struct sockaddr_in6 *to = (const void *)&forgery->to;
	struct packet6 packet = {
		.ip = { .ip6_src = from->sin6_addr, .ip6_dst = to->sin6_addr },
	};
	size_t size = set_segment(&packet.segment, forgery, forged);

	packet.ip.ip6_vfc = 6 << 4;
	packet.ip.ip6_plen = htons((unsigned short)size);
	packet.ip.ip6_nxt = IPPROTO_TCP;
	packet.ip.ip6_hlim = TTL;
	set_checksum(&packet.segment, size, &packet.ip.ip6_src,
		     sizeof(packet.ip.ip6_src) + sizeof(packet.ip.ip6_dst),
		     forged->broken);
	raw_send(stage, &forgery->to, IPPROTO_RAW, &packet,
		 offsetof(struct packet6, segment) + size);
}

void forgery_send(struct stage *stage, const struct forgery *forgery,
		  const struct forged *forged)
{
	if (forgery->from.ss_family == AF_INET)
		send4(stage, forgery, forged);
	else
		send6(stage, forgery, forged);
}
