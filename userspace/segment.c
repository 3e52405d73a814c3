// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include "array.h"
#include "segment.h"

/*
 * Two minutes: TCP waits twice as long after each loss. Who waits for more than
 * that waits for ever.
 */
#define PATIENCE 12000
#define PAUSE_NS 10000000
/* In the flags of a TCP header. */
#define SYN 0x02
/*
 * A filter of SCTP does not see the common header: where the first chunk begins,
 * and the data, if it is of data.
 */
#define SCTP_CHUNK 0
#define SCTP_DATA 16
/* The same of a chunk of type I-DATA. */
#define SCTP_I_DATA_TYPE 64
#define SCTP_I_DATA 20

static void attach(struct stage *stage, int fd, struct sock_filter *code,
		   unsigned short length)
{
	struct sock_fprog program = { length, code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)))
		stage_fail(stage, "SO_ATTACH_FILTER");
}

void segment_ignore(struct stage *stage, int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	attach(stage, fd, code, ARRAY_SIZE(code));
}

void segment_ignore_marked(struct stage *stage, int fd, char mark)
{
	struct sock_filter code[] = {
		/* X: the length of the TCP header, which is at offset 0 */
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x3c),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		/* without data there is no first byte */
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 2, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned char)mark, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	attach(stage, fd, code, ARRAY_SIZE(code));
}

void segment_ignore_marked_chunk(struct stage *stage, int fd, char mark)
{
	struct sock_filter code[] = {
		/* of the first chunk: its type, that of data is 0, and its data */
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SCTP_CHUNK),
		BPF_STMT(BPF_LDX | BPF_IMM, SCTP_DATA),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0),
		BPF_STMT(BPF_LDX | BPF_IMM, SCTP_I_DATA),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SCTP_I_DATA_TYPE, 0, 4),
		/* what is too short has no data */
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned char)mark, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	attach(stage, fd, code, ARRAY_SIZE(code));
}

void segment_ignore_chunk(struct stage *stage, int fd, unsigned char type)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SCTP_CHUNK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, type, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	attach(stage, fd, code, ARRAY_SIZE(code));
}

void segment_ignore_answers(struct stage *stage, int fd)
{
	struct sock_filter code[] = {
		/* the flags */
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	attach(stage, fd, code, ARRAY_SIZE(code));
}

void segment_heed(struct stage *stage, int fd)
{
	int unused = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused,
		       sizeof(unused)))
		stage_fail(stage, "SO_DETACH_FILTER");
}

/* Under repair, and only then, a socket tells where a queue of it ends. */
bool segment_try_end_of_queue(int fd, int queue, unsigned int *sequence)
{
	int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP;
	socklen_t length = sizeof(*sequence);
	bool told;

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)))
		return false;
	told = !setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue,
			   sizeof(queue)) &&
	       !getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, sequence, &length);
	return !setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) &&
	       told;
}

unsigned int segment_end_of_queue(struct stage *stage, int fd, int queue)
{
	unsigned int sequence;

	if (!segment_try_end_of_queue(fd, queue, &sequence))
		stage_fail(stage, "TCP_REPAIR");
	return sequence;
}

static struct tcp_info info_of(struct stage *stage, int fd)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length))
		stage_fail(stage, "TCP_INFO");
	return info;
}

static void await(struct stage *stage, int fd, const char *what,
		  bool (*is_so)(const struct tcp_info *info, int state),
		  int state)
{
	for (int tries = 0; tries < PATIENCE; tries++) {
		struct tcp_info info = info_of(stage, fd);

		if (is_so(&info, state))
			return;
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
	errno = ETIMEDOUT;
	stage_fail(stage, what);
}

static bool is_acknowledged(const struct tcp_info *info, int state)
{
	(void)state;
	return !info->tcpi_unacked && !info->tcpi_notsent_bytes;
}

void segment_await_acknowledged(struct stage *stage, int fd)
{
	await(stage, fd, "waiting for acknowledgements", is_acknowledged, 0);
}

static bool is_in_state(const struct tcp_info *info, int state)
{
	return info->tcpi_state == state;
}

void segment_await_state(struct stage *stage, int fd, int state)
{
	await(stage, fd, "waiting for a state", is_in_state, state);
}

static bool is_backing_off(const struct tcp_info *info, int state)
{
	(void)state;
	return info->tcpi_backoff;
}

void segment_await_backoff(struct stage *stage, int fd)
{
	await(stage, fd, "waiting for a retransmission", is_backing_off, 0);
}

unsigned int segment_path_mtu(struct stage *stage, int fd)
{
	return info_of(stage, fd).tcpi_pmtu;
}

unsigned int segment_out_of_order(struct stage *stage, int fd)
{
	return info_of(stage, fd).tcpi_rcv_ooopack;
}

static bool is_out_of_order(const struct tcp_info *info, int state)
{
	(void)state;
	return info->tcpi_rcv_ooopack;
}

void segment_await_out_of_order(struct stage *stage, int fd)
{
	await(stage, fd, "waiting for a segment out of order", is_out_of_order,
	      0);
}

/* How many segments the kernel makes of what it is given is its affair. */
static bool is_all_but_one(const struct tcp_info *info, int state)
{
	(void)state;
	return info->tcpi_sacked && !info->tcpi_notsent_bytes &&
	       info->tcpi_sacked + 1 == info->tcpi_unacked;
}

void segment_await_all_but_one(struct stage *stage, int fd)
{
	await(stage, fd, "waiting for selective acknowledgements",
	      is_all_but_one, 0);
}
