// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "array.h"
#include "bpf.h"

static int call(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* Before 5.11 maps and programs count as locked memory (3ac1f01b43b6). */
static void raise_limit(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &all);
}

int bpf_sockmap(unsigned int entries)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_SOCKMAP,
		.key_size = sizeof(unsigned int),
		.value_size = sizeof(int),
		.max_entries = entries,
	};

	raise_limit();
	return call(BPF_MAP_CREATE, &attr);
}

int bpf_sockmap_add(int map, unsigned int key, int fd)
{
	union bpf_attr attr = {
		.map_fd = (unsigned int)map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)&fd,
	};

	return call(BPF_MAP_UPDATE_ELEM, &attr);
}

#define MOVE(to, value) \
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), \
	  .imm = (int)(value) }
/* Takes the place of two instructions. */
#define MOVE_MAP(to, map) \
	{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = (to), \
	  .src_reg = BPF_PSEUDO_MAP_FD, .imm = (map) }, { 0 }
#define CALL(function) { .code = BPF_JMP | BPF_CALL, .imm = (function) }
#define RETURN { .code = BPF_JMP | BPF_EXIT }

/* The program stays with the map when its descriptor is closed. */
static int attach(int map, enum bpf_prog_type type, enum bpf_attach_type where,
		  const struct bpf_insn *code, unsigned int length)
{
	union bpf_attr load = {
		.prog_type = type,
		.expected_attach_type = where,
		.insns = (uintptr_t)code,
		.insn_cnt = length,
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr attach = {
		.target_fd = (unsigned int)map,
		.attach_type = where,
	};
	int program = call(BPF_PROG_LOAD, &load), result;

	if (program < 0)
		return -1;
	attach.attach_bpf_fd = (unsigned int)program;
	result = call(BPF_PROG_ATTACH, &attach);
	close(program);
	return result;
}

static int attach_to_sending(int map, const struct bpf_insn *code,
			     unsigned int length)
{
	return attach(map, BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT, code,
		      length);
}

/* Register 1 is the message at first. */
int bpf_attach_cork(int map, unsigned int bytes)
{
	const struct bpf_insn code[] = {
		MOVE(BPF_REG_2, bytes),
		CALL(BPF_FUNC_msg_cork_bytes),
		MOVE(BPF_REG_0, SK_PASS),
		RETURN,
	};

	return attach_to_sending(map, code, ARRAY_SIZE(code));
}

int bpf_attach_ingress(int map)
{
	const struct bpf_insn code[] = {
		MOVE_MAP(BPF_REG_2, map),
		MOVE(BPF_REG_3, 0),
		MOVE(BPF_REG_4, BPF_F_INGRESS),
		CALL(BPF_FUNC_msg_redirect_map),
		RETURN,
	};

	return attach_to_sending(map, code, ARRAY_SIZE(code));
}

int bpf_attach_verdict(int map, int targets)
{
	const struct bpf_insn code[] = {
		MOVE_MAP(BPF_REG_2, targets),
		MOVE(BPF_REG_3, 0),
		MOVE(BPF_REG_4, BPF_F_INGRESS),
		CALL(BPF_FUNC_sk_redirect_map),
		RETURN,
	};

	return attach(map, BPF_PROG_TYPE_SK_SKB, BPF_SK_SKB_STREAM_VERDICT,
		      code, ARRAY_SIZE(code));
}
