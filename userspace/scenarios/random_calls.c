// SPDX-License-Identifier: GPL-2.0-only
/*
 *	caller ---- connection 1..N ---- itself
 *
 * System calls in no sensible order, on both ends of all connections: what one
 * of them leaves behind, and no other scenario, is what another one finds; in
 * the last rounds also under memory pressure, above the limit, and, if the kernel
 * can do that, while allocations of its own fail. The order is the same each
 * time; what has failed is as good as what has not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../array.h"
#include "../association.h"
#include "../forgery.h"
#include "../icmp.h"
#include "../link.h"
#include "../owned.h"
#include "../segment.h"
#include "../shortage.h"
#include "../sockdiag.h"
#include "../transport.h"
#include "ktls.h"
#include "scenarios.h"

/* From this round on there is pressure, from that one on nothing is left. */
#define PRESSED 4
#define LIMITED 6
/* And from here on there is enough again, but allocations fail. */
#define FAILING 8
#define ROUNDS 12
/* For each connection in each round. */
#define CALLS 25
/* Meanwhile, for one that somebody owns. */
#define OWNED_CALLS 8
/* Of IPv6: who does not know its kind skips it. */
#define UNKNOWN_OPTION 0x1e
/* What can be sent and received at most; behind it is nothing. */
#define MEMORY 65536

/* Who has no peer any more gives up soon; TCP_FASTOPEN, without cookies. */
#define IMPATIENT \
	"cd /proc/sys/net && echo 1 >ipv4/tcp_orphan_retries && " \
	"echo 1 >ipv4/tcp_fin_timeout && echo 3 >ipv4/tcp_retries2 && " \
	"{ [ ! -e mptcp/close_timeout ] || echo 1 >mptcp/close_timeout; } && " \
	"{ [ ! -e ipv4/tcp_migrate_req ] || echo 1 >ipv4/tcp_migrate_req; } && " \
	"echo 1 >ipv4/tcp_synack_retries && echo 1543 >ipv4/tcp_fastopen"
#define IMPATIENT_SCTP \
	"cd /proc/sys/net/sctp && echo 100 >rto_min && echo 200 >rto_max && " \
	"echo 100 >rto_initial && echo 3 >association_max_retrans"

/* How much each socket of TCP gets in any case: that of Linux, or more pages. */
#define WMEM(least) "echo " #least " 16384 4194304 >/proc/sys/net/ipv4/tcp_wmem"

/* 2: a listener of TCP keeps nothing of a handshake. */
#define COOKIES(how) "echo " #how " >/proc/sys/net/ipv4/tcp_syncookies"

/*
 * What the rounds are played over, in turn: what is sent is split where packets
 * are small. With tc(8) they overtake each other, come twice, or not at all.
 */
static const char *const links[] = {
	"tc qdisc del dev lo root; ip link set dev lo mtu 65536; " WMEM(4096),
	"tc qdisc add dev lo root netem delay 2ms reorder 30%; " COOKIES(2),
	"tc qdisc del dev lo root; ip link set dev lo mtu 1500; " WMEM(20000)
	"; " COOKIES(1),
	"tc qdisc add dev lo root netem delay 2ms reorder 30% duplicate 10% loss 1%",
};

enum { ENDS = 2 };

struct pair {
	int fds[ENDS];		/* -1: closed */
};

struct caller {
	struct stage *stage;
	struct loopback anywhere;	/* all addresses, and no port yet */
	struct loopback server;
	int listener;		/* of UDP there is none */
	unsigned int connections;
	struct pair *pairs;
	char *memory;
	int pipe[2], null, file;
	unsigned int rounds;
	struct shortage shortage;
	bool failing;		/* is anything allowed to, now */
	bool owning;		/* does somebody own a socket, now */
};

static bool is_of_datagrams(const struct caller *caller)
{
	return caller->server.protocol == IPPROTO_UDP ||
	       caller->server.protocol == IPPROTO_UDPLITE;
}

static unsigned int pick(unsigned int count)
{
	return (unsigned int)random() % count;
}

/* When what is sent has left, and is acknowledged; with the data. */
#define STAMPS (SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | \
		SOF_TIMESTAMPING_SOFTWARE)

#define PICK(array) ((array)[pick((unsigned int)ARRAY_SIZE(array))])

/* An IPv6 socket can be one of IPv4, too. */
static struct loopback place(const struct loopback *anywhere)
{
	struct loopback at = *anywhere;

	if (at.address.ss_family == AF_INET)
		loopback_place(&at, "127.0.0.1");
	else
		loopback_place(&at, pick(4) ? "::1" : "::ffff:127.0.0.1");
	return at;
}

/* What is sent at once. */
static const size_t sizes[] = { 1, 100, 1448, 5000, 30000 };

static void call_send(struct caller *caller, int *fd)
{
	static const int flags[] = { 0, 0, MSG_MORE, MSG_OOB, MSG_ZEROCOPY };

	send(*fd, caller->memory, PICK(sizes),
	     PICK(flags) | PICK(flags) | MSG_NOSIGNAL);
}

/*
 * With the first segment, if it is not connected. Connections of MPTCP are too
 * often stuck then, for a minute.
 */
static void call_send_first(struct caller *caller, int *fd)
{
	struct loopback server = place(&caller->server);

	if (caller->server.protocol == IPPROTO_MPTCP)
		return;
	sendto(*fd, caller->memory, PICK(sizes), MSG_FASTOPEN | MSG_NOSIGNAL,
	       (const struct sockaddr *)&server.address, server.length);
}

/* In one of several streams, out of turn, or the last: SCTP alone knows that. */
static void call_send_message(struct caller *caller, int *fd)
{
	static const __u16 flags[] = {
		0, 0, 0, SCTP_UNORDERED, SCTP_UNORDERED, SCTP_EOF, SCTP_ABORT,
	};
	const struct sctp_sndinfo info = {
		.snd_sid = (__u16)pick(8),
		.snd_flags = PICK(flags),
	};

	association_send(*fd, NULL, caller->memory, PICK(sizes), &info,
			 MSG_NOSIGNAL);
}

/* Only the first bytes can be read. */
static void call_send_faulty(struct caller *caller, int *fd)
{
	static const size_t good[] = { 0, 100, 5000 };
	static const size_t more[] = { 1, 1000, MEMORY / 2 };
	static const int flags[] = { 0, MSG_MORE, MSG_ZEROCOPY };
	size_t begin = PICK(good);

	send(*fd, caller->memory + MEMORY - begin, begin + PICK(more),
	     PICK(flags) | MSG_NOSIGNAL);
}

/* From what was sent, or received. */
static const int where[] = { -100000, -100, -1, 0, 0, 0, 1, 100, 100000 };

/* In the name of that end, and its peer gets it: of TCP only. */
static void call_forge(struct caller *caller, int *fd)
{
	static const unsigned int lengths[] = { 0, 0, 1, 500 };
	static const unsigned int flags[] = {
		0, 0, TH_PUSH, TH_URG, TH_FIN, TH_SYN, TH_RST,
	};
	static const unsigned short windows[] = { 0, 1, 1000, 65535 };
	const struct forged forged = {
		.begin = PICK(where),
		.length = PICK(lengths),
		.flags = PICK(flags),
		.acknowledged = PICK(where),
		.sacked_begin = PICK(where),
		.sacked_end = PICK(where),
		.window = PICK(windows),
		.broken = !pick(8),
	};
	struct forgery forgery;

	/* it would fail as such */
	if (!caller->failing && forgery_try(*fd, &forgery))
		forgery_send(caller->stage, &forgery, &forged);
}

/* Of a segment that it has sent, or not: likewise. */
static void call_complain(struct caller *caller, int *fd)
{
	struct icmp_quotation quotation;
	struct forgery forgery;

	if (caller->failing || !forgery_try(*fd, &forgery))
		return;
	quotation = (struct icmp_quotation){
		.from = forgery.from,
		.to = forgery.to,
		.sequence = forgery.sent + (unsigned int)PICK(where),
	};
	icmp_complain(caller->stage, &quotation, pick(ICMP_COMPLAINTS),
		      600 + pick(1000));
}

static void call_send_file(struct caller *caller, int *fd)
{
	off_t start = 0;

	sendfile(*fd, caller->file, &start, 1 + pick(MEMORY));
}

static void call_receive(struct caller *caller, int *fd)
{
	static const size_t room[] = { 1, 100, 3000, MEMORY };
	static const int flags[] = {
		0, 0, MSG_PEEK, MSG_TRUNC, MSG_PEEK | MSG_TRUNC, MSG_OOB,
		MSG_ERRQUEUE,
	};

	recv(*fd, caller->memory, PICK(room), PICK(flags));
}

static void call_receive_faulty(struct caller *caller, int *fd)
{
	static const int flags[] = { 0, MSG_PEEK };

	recv(*fd, caller->memory + MEMORY - 50, 1000, PICK(flags));
}

static void empty_pipe(struct caller *caller, ssize_t length)
{
	if (length > 0)
		splice(caller->pipe[0], NULL, caller->null, NULL,
		       (size_t)length, 0);
}

static void call_splice(struct caller *caller, int *fd)
{
	empty_pipe(caller, splice(*fd, NULL, caller->pipe[1], NULL,
				  1 + pick(MEMORY), SPLICE_F_NONBLOCK));
}

static void call_splice_to(struct caller *caller, int *fd)
{
	ssize_t length = write(caller->pipe[1], caller->memory,
			       1 + pick(MEMORY / 2));
	ssize_t sent;

	if (length < 0)
		return;
	sent = splice(caller->pipe[0], NULL, *fd, NULL, (size_t)length,
		      SPLICE_F_NONBLOCK);
	empty_pipe(caller, length - (sent > 0 ? sent : 0));
}

/*
 * Around what sends a FIN, or a SHUTDOWN: TCP forgets one that there is no memory
 * for, as does SCTP, and their orphans may then stay for ever (see
 * end_without_memory.c).
 */
static void pause_shortage(struct caller *caller)
{
	if (caller->failing && !is_of_datagrams(caller) &&
	    !shortage_end(&caller->shortage))
		stage_fail(caller->stage, "to let an end's allocation succeed");
}

static void resume_shortage(struct caller *caller)
{
	if (caller->failing && !is_of_datagrams(caller) &&
	    !shortage_resume(&caller->shortage))
		stage_fail(caller->stage, "to let allocations fail again");
}

static void call_shutdown(struct caller *caller, int *fd)
{
	static const int hows[] = { SHUT_RD, SHUT_WR, SHUT_RDWR };
	int how = PICK(hows);

	pause_shortage(caller);
	shutdown(*fd, how);
	resume_shortage(caller);
}

static void detach_filter(int fd)
{
	int none = 0;

	setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));
}

/* A socket that heard nothing would not hear that its peer is gone. */
static void call_close(struct caller *caller, int *fd)
{
	bool reset = pick(2);

	detach_filter(*fd);
	loopback_linger(*fd, reset ? 0 : -1);
	if (!reset)
		pause_shortage(caller);
	close(*fd);
	if (!reset)
		resume_shortage(caller);
	*fd = -1;
}

static void call_disconnect(struct caller *caller, int *fd)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	(void)caller;
	connect(*fd, &nobody, sizeof(nobody));
}

static void call_connect(struct caller *caller, int *fd)
{
	struct loopback server = place(&caller->server);

	connect(*fd, (const struct sockaddr *)&server.address, server.length);
}

static void call_destroy(struct caller *caller, int *fd)
{
	(void)caller;
	sockdiag_destroy(*fd);
}

static void call_ask(struct caller *caller, int *fd)
{
	(void)caller;
	sockdiag_ask(*fd);
	sockdiag_mistake(*fd);
}

static void call_encrypt(struct caller *caller, int *fd)
{
	(void)caller;
	ktls_start(*fd, pick(2) ? TLS_TX : TLS_RX);
}

/* From now on all, or a half of what comes is lost. */
static void call_lose(struct caller *caller, int *fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_RANDOM),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, pick(2) << 31, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	(void)caller;
	setsockopt(*fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void call_heed(struct caller *caller, int *fd)
{
	(void)caller;
	detach_filter(*fd);
}

static void call_set(struct caller *caller, int *fd)
{
	static const struct {
		int level, name, values[2];
	} options[] = {
		{ SOL_SOCKET, SO_SNDBUF, { 1, 50000 } },
		{ SOL_SOCKET, SO_RCVBUF, { 1, 50000 } },
		{ SOL_SOCKET, SO_RCVLOWAT, { 1, 10000 } },
		{ SOL_SOCKET, SO_PEEK_OFF, { -1, 0 } },
		{ SOL_SOCKET, SO_ZEROCOPY, { 0, 1 } },
		{ SOL_SOCKET, SO_RESERVE_MEM, { 0, 10000 } },
		{ SOL_SOCKET, SO_TIMESTAMPING,
		  { STAMPS | SOF_TIMESTAMPING_OPT_TSONLY, STAMPS } },
		{ SOL_SOCKET, SO_KEEPALIVE, { 0, 1 } },
		{ SOL_SOCKET, SO_OOBINLINE, { 0, 1 } },
		{ SOL_SOCKET, SO_MAX_PACING_RATE, { 100000, -1 } },
		{ SOL_SOCKET, SO_TIMESTAMPNS, { 0, 1 } },
		{ SOL_SOCKET, SO_RXQ_OVFL, { 0, 1 } },
		{ SOL_SOCKET, SO_NO_CHECK, { 0, 1 } },
		{ SOL_SOCKET, SO_DONTROUTE, { 0, 1 } },
		{ IPPROTO_IP, IP_RECVERR, { 0, 1 } },
		{ IPPROTO_IP, IP_PKTINFO, { 0, 1 } },
		{ IPPROTO_IP, IP_MTU_DISCOVER, { IP_PMTUDISC_DONT, IP_PMTUDISC_DO } },
		{ IPPROTO_IP, IP_RECVOPTS, { 0, 1 } },
		{ IPPROTO_IP, IP_RETOPTS, { 0, 1 } },
		{ IPPROTO_IP, IP_RECVORIGDSTADDR, { 0, 1 } },
		{ IPPROTO_IP, IP_RECVFRAGSIZE, { 0, 1 } },
		{ IPPROTO_IP, IP_CHECKSUM, { 0, 1 } },
		{ IPPROTO_IPV6, IPV6_RECVHOPOPTS, { 0, 1 } },
		{ IPPROTO_IPV6, IPV6_RECVDSTOPTS, { 0, 1 } },
		{ IPPROTO_IPV6, IPV6_RECVPATHMTU, { 0, 1 } },
		{ IPPROTO_IPV6, IPV6_DONTFRAG, { 0, 1 } },
		{ IPPROTO_IPV6, IPV6_MTU, { 1280, 65535 } },
		{ IPPROTO_IPV6, IPV6_MTU_DISCOVER,
		  { IPV6_PMTUDISC_DONT, IPV6_PMTUDISC_DO } },
		{ IPPROTO_IPV6, IPV6_RECVERR, { 0, 1 } },
		{ IPPROTO_IPV6, IPV6_RECVPKTINFO, { 0, 1 } },
		{ IPPROTO_IPV6, IPV6_ADDRFORM, { AF_INET, AF_INET } },
		{ IPPROTO_TCP, TCP_NODELAY, { 0, 1 } },
		{ IPPROTO_TCP, TCP_CORK, { 0, 1 } },
		{ IPPROTO_TCP, TCP_WINDOW_CLAMP, { 1000, 65536 } },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, { 1, 100000 } },
		{ IPPROTO_TCP, TCP_LINGER2, { -1, 1 } },
		{ IPPROTO_TCP, TCP_KEEPIDLE, { 1, 100 } },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, { 0, 100 } },
		{ IPPROTO_TCP, TCP_QUICKACK, { 0, 1 } },
		{ IPPROTO_TCP, TCP_MAXSEG, { 100, 1000 } },
		{ IPPROTO_TCP, TCP_FASTOPEN_CONNECT, { 0, 1 } },
		{ IPPROTO_TCP, TCP_SAVE_SYN, { 0, 1 } },
		{ IPPROTO_TCP, TCP_INQ, { 0, 1 } },
		{ IPPROTO_TCP, TCP_TX_DELAY, { 0, 1000 } },
		{ IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, { 0, 1 } },
		{ IPPROTO_SCTP, SCTP_NODELAY, { 0, 1 } },
		{ IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, { 0, 1 } },
		{ IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, { 0, 1 } },
		{ IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, { 100, 20000 } },
		{ IPPROTO_SCTP, SCTP_MAXSEG, { 0, 500 } },
		{ IPPROTO_SCTP, SCTP_RECVRCVINFO, { 0, 1 } },
		{ IPPROTO_SCTP, SCTP_RECVNXTINFO, { 0, 1 } },
		{ IPPROTO_SCTP, SCTP_AUTOCLOSE, { 0, 1 } },
		{ IPPROTO_UDP, UDP_CORK, { 0, 1 } },
		{ IPPROTO_UDP, UDP_SEGMENT, { 0, 1000 } },
		{ IPPROTO_UDP, UDP_GRO, { 0, 1 } },
		{ IPPROTO_UDP, UDP_NO_CHECK6_TX, { 0, 1 } },
	};
	size_t which = pick((unsigned int)ARRAY_SIZE(options));

	(void)caller;
	setsockopt(*fd, options[which].level, options[which].name,
		   &options[which].values[pick(2)], sizeof(int));
}

/*
 * Of SCTP: when the messages to come are given up. Not by their age: with that an
 * orphan stayed in SHUTDOWN-PENDING, on 6.12, with nothing to be sent or in flight,
 * and no timer but for heartbeats. By the source, messages that expire unsent are
 * dropped (sctp_outq_flush_data()) after sctp_outq_sack() has looked whether the
 * SHUTDOWN's turn has come, and nothing is acknowledged any more.
 */
static void call_value(struct caller *caller, int *fd)
{
	static const __u16 policies[] = {
		SCTP_PR_SCTP_NONE, SCTP_PR_SCTP_RTX, SCTP_PR_SCTP_PRIO,
	};
	const struct sctp_default_prinfo info = {
		.pr_policy = PICK(policies),
		.pr_value = 1 + pick(10),
	};

	(void)caller;
	setsockopt(*fd, IPPROTO_SCTP, SCTP_DEFAULT_PRINFO, &info, sizeof(info));
}

/* Likewise: which of its streams comes next. */
static void call_schedule(struct caller *caller, int *fd)
{
	const struct sctp_assoc_value schedule = {
		.assoc_value = pick(SCTP_SS_MAX + 1),
	};

	(void)caller;
	setsockopt(*fd, IPPROTO_SCTP, SCTP_STREAM_SCHEDULER, &schedule,
		   sizeof(schedule));
}

/* Likewise: what its associations, or those to come, are to have. */
static void call_associate(struct caller *caller, int *fd)
{
	static const struct {
		int name;
		unsigned int values[2];
	} options[] = {
		{ SCTP_MAX_BURST, { 0, 1 } },
		{ SCTP_PR_SUPPORTED, { 0, 1 } },
		{ SCTP_RECONFIG_SUPPORTED, { 0, 1 } },
		{ SCTP_ECN_SUPPORTED, { 0, 1 } },
		{ SCTP_ENABLE_STREAM_RESET, { 0, SCTP_ENABLE_STRRESET_MASK } },
	};
	size_t which = pick((unsigned int)ARRAY_SIZE(options));
	const struct sctp_assoc_value value = {
		.assoc_id = SCTP_ALL_ASSOC,
		.assoc_value = PICK(options[which].values),
	};

	(void)caller;
	setsockopt(*fd, IPPROTO_SCTP, options[which].name, &value, sizeof(value));
}

static void need(struct stage *stage, const struct caller *caller, bool done,
		 const char *what)
{
	if (!done && !caller->failing)
		stage_fail(stage, what);
}

static void listen_anew(struct stage *stage, struct caller *caller)
{
	if (caller->listener >= 0)
		close(caller->listener);
	caller->server = caller->anywhere;
	caller->listener = loopback_listen(&caller->server, 4096);
	need(stage, caller,
	     caller->listener >= 0 &&
	     !fcntl(caller->listener, F_SETFL, O_NONBLOCK),
	     "listen");
}

/* At the same port: whoever waits moves there. */
static void move_listener(struct caller *caller)
{
	int heir = loopback_listen(&caller->server, 4096);

	if (heir < 0)
		return;
	fcntl(heir, F_SETFL, O_NONBLOCK);
	close(caller->listener);
	caller->listener = heir;
}

/*
 * Whoever waits to be accepted, or for the end of a handshake, is alone then, or
 * moves, for which memory may be lacking.
 */
static void call_listen(struct caller *caller, int *fd)
{
	(void)fd;
	if (is_of_datagrams(caller))
		return;
	if (caller->anywhere.shared && pick(2)) {
		move_listener(caller);
		return;
	}
	pause_shortage(caller);
	listen_anew(caller->stage, caller);
	resume_shortage(caller);
}

/*
 * From now on handshakes wait for data, or not, and their ends are lost (not those
 * of MPTCP, which has no filters), or not: requests pend for long. Of TCP only.
 */
static void call_defer(struct caller *caller, int *fd)
{
	int seconds = !pick(2);

	(void)fd;
	setsockopt(caller->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
		   sizeof(seconds));
	if (caller->server.protocol || caller->failing)
		return;
	if (pick(3))
		detach_filter(caller->listener);
	else
		segment_ignore_answers(caller->stage, caller->listener);
}

/*
 * A one-to-many socket of SCTP becomes the one that its association gets; or it
 * has got one that nobody can be told of, which is closed at once, for which
 * there is to be memory.
 */
static void call_peel(struct caller *caller, int *fd)
{
	sctp_peeloff_arg_t peel = { 0 };
	socklen_t length = sizeof(peel);
	bool told = caller->failing || pick(4);
	struct sctp_status status;

	if (!association_status(*fd, &status))
		return;
	if (!told) {
		association_try_peel_off_untold(*fd, status.sstat_assoc_id);
		return;
	}
	peel.associd = status.sstat_assoc_id;
	if (getsockopt(*fd, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF, &peel,
		       &length) < 0)
		return;
	close(*fd);
	*fd = peel.sd;
	fcntl(*fd, F_SETFL, O_NONBLOCK);
}

/*
 * Of IPv4 they are of no operation; of IPv6 nobody knows them, and skips them. None
 * of SCTP: where options grow while it makes a packet there is no room for them,
 * and Linux 6.12 panics (skb_under_panic() of sctp_packet_transmit()).
 */
static void call_options(struct caller *caller, int *fd)
{
	unsigned char options[512] = { 0 };
	size_t size = 8 * (1 + pick(sizeof(options) / 8));

	if (caller->server.protocol == IPPROTO_SCTP)
		return;
	if (caller->server.address.ss_family == AF_INET) {
		memset(options, IPOPT_NOP, sizeof(options));
		setsockopt(*fd, IPPROTO_IP, IP_OPTIONS, options, pick(11) * 4);
		return;
	}
	options[1] = (unsigned char)(size / 8 - 1);
	for (size_t at = 2, length; at < size; at += length) {
		length = size - at < 256 ? size - at : 256;
		options[at] = UNKNOWN_OPTION;
		options[at + 1] = (unsigned char)(length - 2);
	}
	setsockopt(*fd, IPPROTO_IPV6, pick(2) ? IPV6_DSTOPTS : IPV6_HOPOPTS,
		   options, pick(4) ? size : 0);
}

static void call_owned(struct caller *caller, int *fd);

/* What is there more than once is called more often. */
static void (*const calls[])(struct caller *caller, int *fd) = {
	call_send, call_send, call_send, call_send, call_send_first,
	call_send_message, call_send_message, call_send_faulty, call_forge,
	call_complain, call_send_file,
	call_receive, call_receive, call_receive, call_receive_faulty,
	call_splice, call_splice_to, call_shutdown, call_close,
	call_disconnect, call_connect, call_destroy, call_ask,
	call_encrypt, call_lose, call_heed, call_set, call_set, call_set, call_set,
	call_value, call_schedule, call_associate, call_owned, call_listen,
	call_defer, call_peel, call_options,
};

/* The other end of the same connection. */
static int *peer_of(struct caller *caller, int *fd)
{
	ptrdiff_t i = fd - caller->pairs->fds;

	return &caller->pairs[i / ENDS].fds[!(i % ENDS)];
}

/*
 * While somebody sends on the one end, and has to wait for the page, calls on the
 * other end: what comes from there has to wait, too. Of datagrams nothing does.
 */
static void call_owned(struct caller *caller, int *fd)
{
	int *peer = peer_of(caller, fd);
	struct owned owned;

	if (is_of_datagrams(caller) || caller->failing || caller->owning ||
	    !owned_works() || !owned_try(caller->stage, &owned, *fd))
		return;
	caller->owning = true;
	for (int i = 0; i < OWNED_CALLS && *peer >= 0; i++)
		PICK(calls)(caller, peer);
	caller->owning = false;
	owned_try_end(caller->stage, &owned);
}

/* Two sockets of UDP that send to each other. */
static void make_bound(struct stage *stage, struct caller *caller,
		       struct pair *pair)
{
	const struct loopback from = place(&caller->server);
	struct loopback addresses[ENDS] = { from, from };

	for (int end = 0; end < ENDS; end++) {
		pair->fds[end] = loopback_bind(&addresses[end]);
		need(stage, caller, pair->fds[end] >= 0, "bind");
	}
	for (int end = 0; end < ENDS; end++)
		need(stage, caller,
		     !connect(pair->fds[end],
			      (struct sockaddr *)&addresses[!end].address,
			      addresses[!end].length),
		     "connect");
}

/*
 * Some are left to wait; whoever accepts next gets the first of those. SCTP may
 * give up on a busy machine, as it does soon here. Nobody listens any more when
 * what call_destroy() was to hit had just ended: the kernel then takes whoever
 * listens at that port.
 */
static void make_connected(struct stage *stage, struct caller *caller,
			   struct pair *pair)
{
	struct loopback server = place(&caller->server);

	if (server.protocol == IPPROTO_SCTP && !pick(3))
		server.type = SOCK_SEQPACKET;
	pair->fds[0] = loopback_connect(&server);
	if (pair->fds[0] < 0 && errno == ECONNREFUSED)
		listen_anew(stage, caller);
	else
		need(stage, caller, pair->fds[0] >= 0 || errno == ETIMEDOUT,
		     "connect");
	if (pair->fds[0] < 0)
		return;
	if (pick(8))
		pair->fds[1] = accept(caller->listener, NULL, NULL);
}

static void make(struct stage *stage, struct caller *caller,
		 struct pair *pair)
{
	(is_of_datagrams(caller) ? make_bound :
				   make_connected)(stage, caller, pair);
	for (int end = 0; end < ENDS; end++)
		if (pair->fds[end] >= 0)
			fcntl(pair->fds[end], F_SETFL, O_NONBLOCK);
}

static void call_any(struct stage *stage, struct caller *caller)
{
	struct pair *pair = &caller->pairs[pick(caller->connections)];
	unsigned int end = pick(ENDS);

	if (pair->fds[end] >= 0)
		PICK(calls)(caller, &pair->fds[end]);
	else if (pair->fds[!end] < 0)
		make(stage, caller, pair);
}

static void set_up(struct stage *stage, struct caller *caller)
{
	caller->pairs = malloc(caller->connections *
			       sizeof(*caller->pairs));
	caller->memory = mmap(NULL, 2 * MEMORY, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	caller->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	caller->file = memfd_create("file", MFD_CLOEXEC);
	if (!caller->pairs || caller->memory == MAP_FAILED ||
	    mprotect(caller->memory + MEMORY, MEMORY, PROT_NONE) ||
	    pipe2(caller->pipe, O_NONBLOCK) || caller->null < 0 || caller->file < 0 ||
	    ftruncate(caller->file, MEMORY))
		stage_fail(stage, "memory, pipe and file");
	for (unsigned int i = 0; i < caller->connections; i++)
		caller->pairs[i] = (struct pair){ { -1, -1 } };
}

/* It has a namespace of its own, which gives up soon. */
static void enter_namespace(struct stage *stage, struct caller *caller)
{
	if (!loopback_unshare(CLONE_NEWNET) || !link_run(IMPATIENT) ||
	    (caller->server.protocol == IPPROTO_SCTP &&
	     !link_run(IMPATIENT_SCTP)))
		stage_fail(stage, "a namespace of its own");
	if (is_of_datagrams(caller))
		return;
	listen_anew(stage, caller);
}

static void call_each(struct stage *stage, struct caller *caller)
{
	for (unsigned int i = 0; i < CALLS * caller->connections; i++)
		call_any(stage, caller);
}

static void interrupt(int signal)
{
	(void)signal;
}

/* 0: no more. */
static void interrupt_every(time_t seconds)
{
	const struct sigaction action = { .sa_handler = interrupt };
	const struct itimerval timer = { { seconds, 0 }, { seconds, 0 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/*
 * SCTP does not send again what it has not got memory for, so that connect()
 * would wait for ever. MPTCP's FINs are sent by a kernel thread, and SCTP's
 * SHUTDOWNs when all is acknowledged, by an interrupt: only failures of this
 * process's own spare them.
 */
static void call_without_memory(struct stage *stage, struct caller *caller,
				bool own)
{
	own |= caller->server.protocol == IPPROTO_MPTCP ||
	       caller->server.protocol == IPPROTO_SCTP;
	if (!(own ? shortage_begin_own(&caller->shortage) :
		    shortage_begin_atomic(&caller->shortage)))
		stage_fail(stage, "to let allocations fail");
	caller->failing = true;
	interrupt_every(1);
	call_each(stage, caller);
	interrupt_every(0);
	caller->failing = false;
	if (!shortage_end(&caller->shortage))
		stage_fail(stage, "to let allocations succeed again");
}

static void play_round(struct stage *stage, struct caller *caller,
		       unsigned int round)
{
	srandom(round);
	/* as far as there is tc(8) */
	link_run("{ %s; } 2>/dev/null", links[round % ARRAY_SIZE(links)]);
	if (round >= FAILING)
		call_without_memory(stage, caller, round % 2);
	else
		call_each(stage, caller);
}

static void part(struct stage *stage, void *arg)
{
	struct caller *caller = arg;

	caller->stage = stage;
	enter_namespace(stage, caller);
	set_up(stage, caller);
	for (unsigned int round = 0; round < caller->rounds; round++) {
		play_round(stage, caller, round);
		stage_report(stage, round);
	}
	for (unsigned int i = 0; i < caller->connections; i++)
		for (int end = 0; end < ENDS; end++)
			if (caller->pairs[i].fds[end] >= 0)
				call_close(caller, &caller->pairs[i].fds[end]);
	stage_report(stage, 0);
}

/* What all sockets of the machine may take, in that round. */
static bool limit(struct play *play, unsigned int round)
{
	const char *pool = transport_of(play->scenario->protocol)->pool;
	const char *pages = round == PRESSED ? "1 1 1000000" :
			    round == LIMITED ? "1 1 1" :
			    round == FAILING ? "1000000 1000000 1000000" :
					       NULL;
	char name[32];

	if (!pages)
		return true;
	snprintf(name, sizeof(name), "net.%s.%s_mem",
		 play->scenario->protocol == IPPROTO_SCTP ? pool : "ipv4", pool);
	return play_sysctl(play, name, pages);
}

static bool go_through(struct play *play, struct actor *caller,
		       unsigned int rounds)
{
	char phase[16];
	long long value;

	if (!play_await(play, caller, &value))
		return false;
	for (unsigned int round = 0; round < rounds; round++) {
		snprintf(phase, sizeof(phase), "round %u", round);
		if (!play_expect_settled(play, phase) ||
		    !limit(play, round + 1) ||
		    !play_step(play, caller, &value))
			return false;
	}
	return play_expect_settled(play, "closed");
}

static void play(struct play *play)
{
	struct caller caller = {
		.connections = play->connections,
		.listener = -1,
	};
	struct actor actor = { 0 };
	long long pages;
	bool ok;

	loopback_set(&caller.anywhere, play->family, 0);
	loopback_place(&caller.anywhere,
		       play->family == AF_INET6 ? "::" : "0.0.0.0");
	caller.anywhere.protocol = play->scenario->protocol;
	/*
	 * Not MPTCP's: where its requests moved, Linux 6.12 warned once
	 * (mptcp_token_destroy_request()).
	 */
	caller.anywhere.shared = !play->scenario->protocol;
	caller.server = caller.anywhere;
	caller.rounds = shortage_is_possible() ? ROUNDS : FAILING;
	if (caller.rounds > FAILING &&
	    !play_prepare_shortage(play, &caller.shortage, 1))
		return;
	/* sent uncopied, it would keep its sender: see udp-kept-senders */
	ok = play_free_at_once(play) && play_expect_balanced(play, "before") &&
	     play_pages(play, &pages) &&
	     play_start(play, &actor, "caller", part, &caller) &&
	     go_through(play, &actor, caller.rounds);
	if (ok)
		play_peak(play);
	actor_kill(&actor);
	if (caller.rounds > FAILING)
		ok = play_finish_shortage(play, &caller.shortage) && ok;
	if (ok && play_expect_no_orphans(play, "after"))
		play_expect_return(play, "after", pages);
}

const struct scenario tcp_random_calls = {
	.name = "tcp-random-calls",
	.summary = "system calls in no sensible order, on connections of TCP",
	.connections = 50,
	.pages = 64,
	.play = play,
};

const struct scenario mptcp_random_calls = {
	.name = "mptcp-random-calls",
	.summary = "the same with MPTCP",
	.protocol = IPPROTO_MPTCP,
	.connections = 50,
	.pages = 64,
	.play = play,
};

const struct scenario udp_random_calls = {
	.name = "udp-random-calls",
	.summary = "the same with UDP",
	.protocol = IPPROTO_UDP,
	.connections = 50,
	.pages = 64,
	.play = play,
};

const struct scenario udplite_random_calls = {
	.name = "udplite-random-calls",
	.summary = "the same with UDP-Lite",
	.protocol = IPPROTO_UDPLITE,
	.connections = 50,
	.pages = 64,
	.play = play,
};

const struct scenario sctp_random_calls = {
	.name = "sctp-random-calls",
	.summary = "the same with SCTP",
	.protocol = IPPROTO_SCTP,
	.connections = 50,
	.pages = 64,
	.play = play,
};
