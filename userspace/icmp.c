// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connections.h"
#include "icmp.h"
#include "raw.h"
#include "segment.h"

#define TTL 64

/* In IPv4 and IPv6. */
static const struct {
	unsigned char type, code, type6, code6;
} complaints[ICMP_COMPLAINTS] = {
	[ICMP_NO_HOST] = { ICMP_DEST_UNREACH, ICMP_HOST_UNREACH,
			   ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR },
	[ICMP_NO_PORT] = { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH,
			   ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT },
	[ICMP_BAD_HEADER] = { ICMP_PARAMETERPROB, 0,
			      ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER },
	[ICMP_TOO_LARGE] = { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
			     ICMP6_PACKET_TOO_BIG, 0 },
};

/* What of a TCP header is to be quoted at least. */
struct segment {
	in_port_t source, destination;
	unsigned int sequence;
};

struct packet {
	struct icmphdr icmp;
	struct iphdr ip;
	struct segment segment;
};

struct packet6 {
	struct icmp6_hdr icmp;
	struct ip6_hdr ip;
	struct segment segment;
};

static struct segment segment_of(const struct icmp_quotation *quotation)
{
	/* sin_port and sin6_port are at the same place */
	const struct sockaddr_in *from = (const void *)&quotation->from;
	const struct sockaddr_in *to = (const void *)&quotation->to;

	return (struct segment){ from->sin_port, to->sin_port,
				 htonl(quotation->sequence) };
}

static void complain4(struct stage *stage,
		      const struct icmp_quotation *quotation,
		      enum icmp_complaint complaint, unsigned int mtu)
{
	const struct sockaddr_in *from = (const void *)&quotation->from;
	const struct sockaddr_in *to = (const void *)&quotation->to;
	struct packet packet = {
		.icmp = { .type = complaints[complaint].type,
			  .code = complaints[complaint].code },
		.ip = { .version = 4, .ihl = 5, .ttl = TTL,
			.protocol = IPPROTO_TCP,
			.saddr = from->sin_addr.s_addr,
			.daddr = to->sin_addr.s_addr },
		.segment = segment_of(quotation),
	};

	packet.ip.tot_len = htons(sizeof(packet.ip) + sizeof(struct tcphdr));
	packet.icmp.un.frag.mtu = htons((unsigned short)mtu);
	packet.icmp.checksum = raw_checksum(raw_sum(0, &packet,
						    sizeof(packet)));
	raw_send(stage, &quotation->from, IPPROTO_ICMP, &packet, sizeof(packet));
}

/* The kernel adds the checksum. */
static void complain6(struct stage *stage,
		      const struct icmp_quotation *quotation,
		      enum icmp_complaint complaint, unsigned int mtu)
{
	const struct sockaddr_in6 *from = (const void *)&quotation->from;
	const struct sockaddr_in6 *to = (const void *)&quotation->to;
	struct packet6 packet = {
		.icmp = { .icmp6_type = complaints[complaint].type6,
			  .icmp6_code = complaints[complaint].code6 },
		.ip = { .ip6_src = from->sin6_addr, .ip6_dst = to->sin6_addr },
		.segment = segment_of(quotation),
	};

	packet.icmp.icmp6_mtu = htonl(mtu);
	packet.ip.ip6_vfc = 6 << 4;
	packet.ip.ip6_plen = htons(sizeof(struct tcphdr));
	packet.ip.ip6_nxt = IPPROTO_TCP;
	packet.ip.ip6_hlim = TTL;
	raw_send(stage, &quotation->from, IPPROTO_ICMPV6, &packet,
		 sizeof(packet));
}

void icmp_complain(struct stage *stage, const struct icmp_quotation *quotation,
		   enum icmp_complaint complaint, unsigned int mtu)
{
	if (quotation->from.ss_family == AF_INET)
		complain4(stage, quotation, complaint, mtu);
	else
		complain6(stage, quotation, complaint, mtu);
}

struct icmp_quotation icmp_quote_sent(struct stage *stage, int fd,
				      const struct loopback *peer)
{
	int unacknowledged;

	if (ioctl(fd, SIOCOUTQ, &unacknowledged))
		stage_fail(stage, "SIOCOUTQ");
	return (struct icmp_quotation){
		.from = connection_name(stage, fd),
		.to = peer->address,
		.sequence = segment_end_of_queue(stage, fd,
						 TCP_SEND_QUEUE) -
			    (unsigned int)unacknowledged,
	};
}

/* A SYN takes a sequence number of its own. */
struct icmp_quotation icmp_quote_answer(struct stage *stage, int fd,
					const struct loopback *peer)
{
	return (struct icmp_quotation){
		.from = peer->address,
		.to = connection_name(stage, fd),
		.sequence = segment_end_of_queue(stage, fd,
						 TCP_RECV_QUEUE) - 1,
	};
}
