// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdbool.h>
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

static int create_map(enum bpf_map_type type, unsigned int value_size,
		      unsigned int entries)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = sizeof(unsigned int),
		.value_size = value_size,
		.max_entries = entries,
	};

	raise_limit();
	return call(BPF_MAP_CREATE, &attr);
}

int bpf_sockmap(unsigned int entries)
{
	return create_map(BPF_MAP_TYPE_SOCKMAP, sizeof(int), entries);
}

int bpf_sockhash(unsigned int entries)
{
	return create_map(BPF_MAP_TYPE_SOCKHASH, sizeof(int), entries);
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

int bpf_counter(void)
{
	return create_map(BPF_MAP_TYPE_ARRAY, sizeof(uint64_t), 1);
}

int bpf_counter_read(int counter, uint64_t *value)
{
	unsigned int key = 0;
	union bpf_attr attr = {
		.map_fd = (unsigned int)counter,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)value,
	};

	return call(BPF_MAP_LOOKUP_ELEM, &attr);
}

struct program {
	struct bpf_insn code[64];
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

static int load(enum bpf_prog_type type, enum bpf_attach_type where,
		const struct program *program)
{
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = where,
		.insns = (uintptr_t)program->code,
		.insn_cnt = program->length,
		.license = (uintptr_t)"GPL",
	};

	return call(BPF_PROG_LOAD, &attr);
}

/* The program stays with the map, or cgroup, when its descriptor is closed. */
static int attach(int target, enum bpf_prog_type type,
		  enum bpf_attach_type where, const struct program *program)
{
	union bpf_attr attach = {
		.target_fd = (unsigned int)target,
		.attach_type = where,
	};
	int fd = load(type, where, program), result;

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

static void add(struct program *program, unsigned char to, int value)
{
	emit(program, (struct bpf_insn){
		.code = BPF_ALU64 | BPF_ADD | BPF_K,
		.dst_reg = to & 15,
		.imm = value,
	});
}

/* Where a key, which is 0, and an address are on the stack. */
#define KEY_AT (-4)
#define ADDRESS_AT (-48)

/* Sets the register to its address. */
static void store_key(struct program *program, unsigned char to)
{
	emit(program, (struct bpf_insn){
		.code = BPF_ST | BPF_MEM | BPF_W,
		.dst_reg = BPF_REG_10,
		.off = KEY_AT,
	});
	copy(program, to, BPF_REG_10);
	add(program, to, KEY_AT);
}

static bool is_sockhash(int map)
{
	struct bpf_map_info info = { 0 };
	union bpf_attr attr = {
		.info.bpf_fd = (unsigned int)map,
		.info.info_len = sizeof(info),
		.info.info = (uintptr_t)&info,
	};

	return !call(BPF_OBJ_GET_INFO_BY_FD, &attr) &&
	       info.type == BPF_MAP_TYPE_SOCKHASH;
}

/* What redirects to a socket of either kind of map. */
struct redirection {
	enum bpf_func_id by_sockmap, by_sockhash;
};

static const struct redirection of_messages = {
	BPF_FUNC_msg_redirect_map, BPF_FUNC_msg_redirect_hash
};

static const struct redirection of_packets = {
	BPF_FUNC_sk_redirect_map, BPF_FUNC_sk_redirect_hash
};

static void redirect(struct program *program, int targets, unsigned int flags,
		     const struct redirection *how)
{
	bool hashed = is_sockhash(targets);

	copy(program, BPF_REG_1, BPF_REG_6);
	move_map(program, BPF_REG_2, targets);
	if (hashed)
		store_key(program, BPF_REG_3);
	else
		move(program, BPF_REG_3, 0);
	move(program, BPF_REG_4, flags);
	call_helper(program, hashed ? how->by_sockhash : how->by_sockmap);
}

static void decide(struct program *program, enum bpf_verdict verdict,
		   int targets, const struct redirection *how)
{
	if (verdict == BPF_VERDICT_PASSES)
		move(program, BPF_REG_0, SK_PASS);
	else if (verdict == BPF_VERDICT_DROPS)
		move(program, BPF_REG_0, SK_DROP);
	else
		redirect(program, targets,
			 verdict == BPF_VERDICT_RECEIVED ? BPF_F_INGRESS : 0,
			 how);
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
	decide(&program, what->verdict, what->targets, &of_messages);
	leave(&program);
	return attach(map, BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT, &program);
}

static int attach_to_receiving(int map, enum bpf_attach_type where,
			       enum bpf_verdict verdict, int targets)
{
	struct program program = { 0 };

	copy(&program, BPF_REG_6, BPF_REG_1);
	decide(&program, verdict, targets, &of_packets);
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

int bpf_attach_cutting(int map, unsigned int size)
{
	struct program program = { 0 };

	move(&program, BPF_REG_0, size);
	leave(&program);
	return attach(map, BPF_PROG_TYPE_SK_SKB, BPF_SK_SKB_STREAM_PARSER,
		      &program);
}

int bpf_attach_datagrams(int map, enum bpf_verdict verdict, int targets)
{
	return attach_to_receiving(map, BPF_SK_SKB_VERDICT, verdict, targets);
}

/* So many instructions, unless the register has anything. */
static void skip_without(struct program *program, unsigned char what,
			 short instructions)
{
	emit(program, (struct bpf_insn){
		.code = BPF_JMP | BPF_JEQ | BPF_K,
		.dst_reg = what & 15,
		.off = instructions,
	});
}

static void look_up_first(struct program *program, int map)
{
	move_map(program, BPF_REG_1, map);
	store_key(program, BPF_REG_2);
	call_helper(program, BPF_FUNC_map_lookup_elem);
}

/* Counts, in register 7, and lets go of what was found, if anything was. */
static void release_found(struct program *program)
{
	skip_without(program, BPF_REG_0, 3);
	add(program, BPF_REG_7, 1);
	copy(program, BPF_REG_1, BPF_REG_0);
	call_helper(program, BPF_FUNC_sk_release);
}

/* Both addresses and ports of a packet follow each other, as in a tuple. */
static void load_address(struct program *program, sa_family_t family)
{
	copy(program, BPF_REG_1, BPF_REG_6);
	move(program, BPF_REG_2, family == AF_INET6 ? 8 : 12);
	copy(program, BPF_REG_3, BPF_REG_10);
	add(program, BPF_REG_3, ADDRESS_AT);
	move(program, BPF_REG_4, family == AF_INET6 ? 36 : 12);
	call_helper(program, BPF_FUNC_skb_load_bytes);
}

static void look_up_address(struct program *program, sa_family_t family,
			    enum bpf_func_id helper)
{
	copy(program, BPF_REG_1, BPF_REG_6);
	copy(program, BPF_REG_2, BPF_REG_10);
	add(program, BPF_REG_2, ADDRESS_AT);
	move(program, BPF_REG_3, family == AF_INET6 ? 36 : 12);
	move(program, BPF_REG_4, (unsigned int)BPF_F_CURRENT_NETNS);
	move(program, BPF_REG_5, 0);
	call_helper(program, helper);
	release_found(program);
}

/* By what register 7 has. */
static void count(struct program *program, int counter)
{
	look_up_first(program, counter);
	skip_without(program, BPF_REG_0, 1);
	emit(program, (struct bpf_insn){
		.code = BPF_STX | BPF_XADD | BPF_DW,
		.dst_reg = BPF_REG_0,
		.src_reg = BPF_REG_7,
	});
}

int bpf_attach_looking_up(int cgroup, sa_family_t family, int map, int counter)
{
	struct program program = { 0 };

	copy(&program, BPF_REG_6, BPF_REG_1);
	move(&program, BPF_REG_7, 0);
	look_up_first(&program, map);
	release_found(&program);
	load_address(&program, family);
	look_up_address(&program, family, BPF_FUNC_sk_lookup_tcp);
	look_up_address(&program, family, BPF_FUNC_skc_lookup_tcp);
	look_up_address(&program, family, BPF_FUNC_sk_lookup_udp);
	count(&program, counter);
	move(&program, BPF_REG_0, 1);
	leave(&program);
	if (attach(cgroup, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS,
		   &program))
		return -1;
	return attach(cgroup, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS,
		      &program);
}

static enum bpf_prog_type type_for(enum bpf_attach_type where)
{
	switch (where) {
	case BPF_CGROUP_INET_INGRESS:
	case BPF_CGROUP_INET_EGRESS:
		return BPF_PROG_TYPE_CGROUP_SKB;
	case BPF_CGROUP_INET_SOCK_CREATE:
	case BPF_CGROUP_INET4_POST_BIND:
	case BPF_CGROUP_INET6_POST_BIND:
		return BPF_PROG_TYPE_CGROUP_SOCK;
	default:
		return BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	}
}

int bpf_attach_refusing(int cgroup, enum bpf_attach_type where)
{
	struct program program = { 0 };

	move(&program, BPF_REG_0, 0);
	leave(&program);
	return attach(cgroup, type_for(where), where, &program);
}

int bpf_detach(int cgroup, enum bpf_attach_type where)
{
	union bpf_attr attr = {
		.target_fd = (unsigned int)cgroup,
		.attach_type = where,
	};

	return call(BPF_PROG_DETACH, &attr);
}

static int link_to_namespace(int program)
{
	int namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), link;
	union bpf_attr attr = {
		.link_create.prog_fd = (unsigned int)program,
		.link_create.target_fd = (unsigned int)namespace,
		.link_create.attach_type = BPF_SK_LOOKUP,
	};

	if (namespace < 0)
		return -1;
	link = call(BPF_LINK_CREATE, &attr);
	close(namespace);
	return link;
}

int bpf_attach_steering(int map)
{
	struct program program = { 0 };
	int fd, link;

	copy(&program, BPF_REG_6, BPF_REG_1);
	look_up_first(&program, map);
	skip_without(&program, BPF_REG_0, 7);
	copy(&program, BPF_REG_7, BPF_REG_0);
	copy(&program, BPF_REG_1, BPF_REG_6);
	copy(&program, BPF_REG_2, BPF_REG_7);
	move(&program, BPF_REG_3, 0);
	call_helper(&program, BPF_FUNC_sk_assign);
	copy(&program, BPF_REG_1, BPF_REG_7);
	call_helper(&program, BPF_FUNC_sk_release);
	move(&program, BPF_REG_0, SK_PASS);
	leave(&program);
	fd = load(BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, &program);
	if (fd < 0)
		return -1;
	link = link_to_namespace(fd);
	close(fd);
	return link;
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

const char *bpf_lacks_for_cgroup(int cgroup)
{
	const enum bpf_attach_type any = BPF_CGROUP_INET_SOCK_CREATE;

	if (bpf_attach_refusing(cgroup, any))
		return "the kernel has no BPF programs for cgroups, or this one may have none";
	bpf_detach(cgroup, any);
	return NULL;
}
