// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a socket is born: sock_init_data(), to which every family hands what
 * sk_alloc() gave it, and bpf_sk_storage_clone(), to which every clone comes
 * that is to be a listener's child. Where it dies: __sk_destruct(), after which
 * its memory is freed.
 *
 * A death that is not seen would leave a pointer to freed memory. That is why
 * there are no kprobes: they are skipped while another one is being handled.
 */
#include <asm/unwind.h>
#include <linux/ftrace.h>
#include <linux/in.h>
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
	skbal_track_born(sk, NULL, parent_ip, &caller);
}

static void notrace on_clone(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct sock *parent = (struct sock *)skbal_argument(fregs, 0);
	struct sock *sk = (struct sock *)skbal_argument(fregs, 1);

	skbal_track_born(sk, parent, parent_ip, NULL);
}

static void notrace on_destruct(unsigned long ip, unsigned long parent_ip,
				struct ftrace_ops *ops,
				struct ftrace_regs *fregs)
{
	struct rcu_head *head = (struct rcu_head *)skbal_argument(fregs, 0);

	skbal_track_died(container_of(head, struct sock, sk_rcu));
}

/* Deaths first and last: nobody may be born whose death would not be seen. */
static struct {
	const char *function;
	struct ftrace_ops ops;
} hooks[] = {
	{
		.function = "__sk_destruct",
		.ops.func = on_destruct,
		.ops.flags = SKBAL_FTRACE_FLAGS,
	}, {
		.function = "sock_init_data",
		.ops.func = on_init_data,
		.ops.flags = SKBAL_FTRACE_FLAGS | FTRACE_OPS_FL_SAVE_REGS,
	}, {
		.function = "bpf_sk_storage_clone",
		.ops.func = on_clone,
		.ops.flags = SKBAL_FTRACE_FLAGS,
	},
};

/* ftrace_free_filter() is not exported everywhere. */
static void filter_free(struct ftrace_ops *ops)
{
	ftrace_set_filter(ops, NULL, 0, 1);
}

static int hook(struct ftrace_ops *ops, const char *function)
{
	int err = ftrace_set_filter(ops, (unsigned char *)function,
				    strlen(function), 1);

	if (!err)
		err = register_ftrace_function(ops);
	if (err) {
		pr_err("skbalance: track=1: %s() cannot be hooked (error %d)\n",
		       function, err);
		filter_free(ops);
	}
	return err;
}

static void unhook(unsigned int count)
{
	while (count--) {
		unregister_ftrace_function(&hooks[count].ops);
		filter_free(&hooks[count].ops);
	}
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

int skbal_hook_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		err = hook(&hooks[i].ops, hooks[i].function);
		if (err)
			break;
	}
	if (!err)
		err = try_hooks();
	if (err)
		unhook(i);
	return err;
}

void skbal_hook_exit(void)
{
	unhook(ARRAY_SIZE(hooks));
}
