// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a socket is born: sock_init_data(), to which every family hands what
 * sk_alloc() gave it, and the clone that becomes a listener's child. Where it
 * dies: __sk_destruct(), after which its memory is freed.
 *
 * A death that is not seen would leave a pointer to freed memory. That is why
 * it is not a kprobe: those are skipped while another one is being handled.
 */
#include <asm/unwind.h>
#include <linux/ftrace.h>
#include <linux/in.h>
#include <linux/kprobes.h>
#include <linux/net.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/hook.h"
#include "hook.h"
#include "track.h"

/*
 * stack_trace_save() begins at itself, and would spend most of its time on what
 * is between @regs and here.
 */
unsigned int skbal_hook_stack(struct pt_regs *regs, unsigned long *stack,
			      unsigned int size)
{
	struct unwind_state state;
	unsigned int depth = 0;

	stack[depth++] = instruction_pointer(regs);
	if (depth == size)
		return depth;
	unwind_start(&state, current, regs, NULL);
	while (!unwind_done(&state)) {
		unsigned long address = unwind_get_return_address(&state);

		if (!address)
			break;
		stack[depth++] = address;
		if (depth == size)
			break;
		unwind_next_frame(&state);
	}
	return depth;
}

static void notrace on_init_data(unsigned long ip, unsigned long parent_ip,
				 struct ftrace_ops *ops,
				 struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);
	struct sock *sk = (struct sock *)regs_get_kernel_argument(regs, 1);
	struct pt_regs caller = *regs;

	/* as if it had just returned: */
	caller.sp += sizeof(long);
	caller.ip = parent_ip;
	skbal_track_born(sk, NULL, &caller);
}

static void notrace on_destruct(unsigned long ip, unsigned long parent_ip,
				struct ftrace_ops *ops,
				struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);
	struct rcu_head *head;

	head = (struct rcu_head *)regs_get_kernel_argument(regs, 0);
	skbal_track_died(container_of(head, struct sock, sk_rcu));
}

static int on_clone_entry(struct kretprobe_instance *instance,
			  struct pt_regs *regs)
{
	*(unsigned long *)instance->data = regs_get_kernel_argument(regs, 0);
	return 0;
}

static int on_clone(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct sock *sk = (struct sock *)regs_return_value(regs);

	/* before 5.15 it is that of the probe's trampoline */
	instruction_pointer_set(regs, get_kretprobe_retaddr(instance));
	if (sk)
		skbal_track_born(sk, *(struct sock **)instance->data, regs);
	return 0;
}

static struct ftrace_ops births = {
	.func = on_init_data,
	.flags = SKBAL_FTRACE_FLAGS,
};

static struct ftrace_ops deaths = {
	.func = on_destruct,
	.flags = SKBAL_FTRACE_FLAGS,
};

static struct kretprobe clones = {
	.kp.symbol_name = SKBAL_CLONE,
	.entry_handler = on_clone_entry,
	.handler = on_clone,
	.data_size = sizeof(unsigned long),
};

unsigned long skbal_hook_missed(void)
{
	return clones.nmissed + clones.kp.nmissed;
}

/* ftrace_free_filter() is not exported everywhere. */
static void filter_free(struct ftrace_ops *ops)
{
	ftrace_set_filter(ops, NULL, 0, 1);
}

static int hook_function(struct ftrace_ops *ops, const char *function)
{
	int err = ftrace_set_filter(ops, (unsigned char *)function,
				    strlen(function), 1);

	if (!err)
		err = register_ftrace_function(ops);
	if (err) {
		pr_err("skbalance: track=1: %s() cannot be hooked (error %d)\n", function, err);
		filter_free(ops);
	}
	return err;
}

static void unhook_function(struct ftrace_ops *ops)
{
	unregister_ftrace_function(ops);
	filter_free(ops);
}

static int hook_clones(void)
{
	int err = register_kretprobe(&clones);

	if (err)
		pr_err("skbalance: track=1: %s() cannot be hooked (error %d)\n", SKBAL_CLONE, err);
	return err;
}

/* A compiler may have inlined what is hooked: see a socket being born and die. */
static int try_socket(int type)
{
	struct socket *socket;
	struct sock *sk;
	int err = sock_create_kern(&init_net, AF_INET, type, 0, &socket);

	if (err)
		return err;
	sk = socket->sk;
	if (!skbal_track_is_mine(sk))
		err = -ENXIO;
	sock_release(socket);
	/* those of UDP are freed after a grace period */
	rcu_barrier();
	if (skbal_track_is_mine(sk))
		err = -ENXIO;
	return err;
}

static int try_hooks(void)
{
	int err = try_socket(SOCK_STREAM);

	if (!err)
		err = try_socket(SOCK_DGRAM);
	if (err)
		pr_err("skbalance: track=1: the birth or death of a socket was not seen (error %d)\n",
		       err);
	return err;
}

/* Deaths first and last: nobody may be born whose death would not be seen. */
int skbal_hook_init(void)
{
	int err;

	err = hook_function(&deaths, "__sk_destruct");
	if (err)
		return err;
	err = hook_function(&births, "sock_init_data");
	if (err)
		goto undo_deaths;
	err = hook_clones();
	if (err)
		goto undo_births;
	err = try_hooks();
	if (err)
		goto undo_clones;
	return 0;

undo_clones:
	unregister_kretprobe(&clones);
undo_births:
	unhook_function(&births);
undo_deaths:
	unhook_function(&deaths);
	return err;
}

void skbal_hook_exit(void)
{
	unregister_kretprobe(&clones);
	unhook_function(&births);
	unhook_function(&deaths);
}
