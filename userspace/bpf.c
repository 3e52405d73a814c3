// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

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

int bpf_sockmap_remove(int map, unsigned int key)
{
	union bpf_attr attr = {
		.map_fd = (unsigned int)map,
		.key = (uintptr_t)&key,
	};

	return call(BPF_MAP_DELETE_ELEM, &attr);
}

struct program {
	struct bpf_insn code[32];
	unsigned int length;
};

static void emit(struct program *program, struct bpf_insn instruction)
{
	program->code[program->length++] = instruction;
}

static void move(struct program *program, unsigned char to, unsigned int value)
{
	emit(program, (struct bpf_insn){
		.code = BPF_ALU64 | BPF_MOV | BPF_K,
		.dst_reg = to & 15,
		.imm = (int)value,
	});
}

static void copy(struct program *program, unsigned char to, unsigned char from)
{
	emit(program, (struct bpf_insn){
		.code = BPF_ALU64 | BPF_MOV | BPF_X,
		.dst_reg = to & 15,
		.src_reg = from & 15,
	});
}

/* Takes two instructions. */
static void move_map(struct program *program, unsigned char to, int map)
{
	emit(program, (struct bpf_insn){
		.code = BPF_LD | BPF_DW | BPF_IMM,
		.dst_reg = to & 15,
		.src_reg = BPF_PSEUDO_MAP_FD,
		.imm = map,
	});
	emit(program, (struct bpf_insn){ 0 });
}

static void call_helper(struct program *program, enum bpf_func_id helper)
{
	emit(program, (struct bpf_insn){
		.code = BPF_JMP | BPF_CALL,
		.imm = helper,
	});
}

static void leave(struct program *program)
{
	emit(program, (struct bpf_insn){
		.code = BPF_JMP | BPF_EXIT,
	});
}

/* The program stays with the map when its descriptor is closed. */
static int attach(int map, enum bpf_prog_type type, enum bpf_attach_type where,
		  const struct program *program)
{
	union bpf_attr load = {
		.prog_type = type,
		.expected_attach_type = where,
		.insns = (uintptr_t)program->code,
		.insn_cnt = program->length,
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr attach = {
		.target_fd = (unsigned int)map,
		.attach_type = where,
	};
	int fd = call(BPF_PROG_LOAD, &load), result;

	if (fd < 0)
		return -1;
	attach.attach_bpf_fd = (unsigned int)fd;
	result = call(BPF_PROG_ATTACH, &attach);
	close(fd);
	return result;
}

/* The message is in register 6: calls lose 1 to 5. */
static void call_on_message(struct program *program, enum bpf_func_id helper,
			    unsigned int second, unsigned int third)
{
	copy(program, BPF_REG_1, BPF_REG_6);
	move(program, BPF_REG_2, second);
	move(program, BPF_REG_3, third);
	move(program, BPF_REG_4, 0);
	call_helper(program, helper);
}

static void redirect(struct program *program, int targets, unsigned int flags,
		     enum bpf_func_id helper)
{
	copy(program, BPF_REG_1, BPF_REG_6);
	move_map(program, BPF_REG_2, targets);
	move(program, BPF_REG_3, 0);
	move(program, BPF_REG_4, flags);
	call_helper(program, helper);
}

static void decide(struct program *program, enum bpf_verdict verdict,
		   int targets, enum bpf_func_id helper)
{
	if (verdict == BPF_VERDICT_PASSES)
		move(program, BPF_REG_0, SK_PASS);
	else if (verdict == BPF_VERDICT_DROPS)
		move(program, BPF_REG_0, SK_DROP);
	else
		redirect(program, targets,
			 verdict == BPF_VERDICT_RECEIVED ? BPF_F_INGRESS : 0,
			 helper);
}

int bpf_attach_sending(int map, const struct bpf_sending *what)
{
	struct program program = { 0 };

	copy(&program, BPF_REG_6, BPF_REG_1);
	if (what->apply)
		call_on_message(&program, BPF_FUNC_msg_apply_bytes,
				what->apply, 0);
	if (what->cork)
		call_on_message(&program, BPF_FUNC_msg_cork_bytes,
				what->cork, 0);
	if (what->cut)
		call_on_message(&program, BPF_FUNC_msg_pop_data, 0, what->cut);
	if (what->add)
		call_on_message(&program, BPF_FUNC_msg_push_data, 0, what->add);
	decide(&program, what->verdict, what->targets,
	       BPF_FUNC_msg_redirect_map);
	leave(&program);
	return attach(map, BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT, &program);
}

static int attach_to_receiving(int map, enum bpf_attach_type where,
			       enum bpf_verdict verdict, int targets)
{
	struct program program = { 0 };

	copy(&program, BPF_REG_6, BPF_REG_1);
	decide(&program, verdict, targets, BPF_FUNC_sk_redirect_map);
	leave(&program);
	return attach(map, BPF_PROG_TYPE_SK_SKB, where, &program);
}

int bpf_attach_passing(int map)
{
	return attach_to_receiving(map, BPF_SK_SKB_STREAM_VERDICT,
				   BPF_VERDICT_PASSES, 0);
}

int bpf_attach_redirecting(int map, int targets)
{
	return attach_to_receiving(map, BPF_SK_SKB_STREAM_VERDICT,
				   BPF_VERDICT_RECEIVED, targets);
}

int bpf_attach_datagrams(int map, enum bpf_verdict verdict, int targets)
{
	return attach_to_receiving(map, BPF_SK_SKB_VERDICT, verdict, targets);
}

static const char *lacks(int (*attach_any)(int map), const char *programs)
{
	int map = bpf_sockmap(1);
	bool attached;

	if (map < 0)
		return "the kernel has no sockmap";
	attached = !attach_any(map);
	close(map);
	return attached ? NULL : programs;
}

static int attach_any_sending(int map)
{
	return bpf_attach_sending(map, &(struct bpf_sending){ 0 });
}

static int attach_any_datagrams(int map)
{
	return bpf_attach_datagrams(map, BPF_VERDICT_PASSES, 0);
}

const char *bpf_lacks_for_sending(void)
{
	return lacks(attach_any_sending, "the kernel has no SK_MSG programs");
}

const char *bpf_lacks_for_receiving(void)
{
	return lacks(bpf_attach_passing, "the kernel has no SK_SKB programs");
}

const char *bpf_lacks_for_datagrams(void)
{
	return lacks(attach_any_datagrams,
		     "the kernel has no SK_SKB programs for datagrams");
}
