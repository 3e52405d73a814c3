// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/net.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <net/sock.h>

#include "census.h"
#include "owner.h"
#include "snapshot.h"
#include "unix.h"
#include "uring.h"

struct visit {
	struct skbal_snapshot *snap;
	struct task_struct *leader;
	u32 process;		/* index plus one, once it has a socket */
};

/* Where there is no room the walk will be repeated: only the number matters. */
static u32 process_add(struct skbal_snapshot *snap, struct task_struct *leader)
{
	struct skbal_process *process;

	if (snap->processes.used < snap->processes.size) {
		process = skbal_snapshot_process(snap, snap->processes.used++);
		process->pid = task_tgid_nr_ns(leader, snap->pid_ns);
		strscpy(process->comm, leader->comm, sizeof(process->comm));
	}
	return ++snap->processes.wanted;
}

/*
 * The holders of a socket are a ring, entered at the latest: that tells several
 * descriptors of one process, and keeps the order in which they were met.
 */
static void holder_add(struct visit *visit, struct skbal_socket *socket)
{
	struct skbal_snapshot *snap = visit->snap;
	struct skbal_holder *holder, *latest = NULL;

	if (socket->holders)
		latest = skbal_snapshot_holder(snap, socket->holders - 1);
	if (!visit->process)
		visit->process = process_add(snap, visit->leader);
	if (latest && latest->process == visit->process)
		return;
	snap->holders.wanted++;
	if (snap->holders.used == snap->holders.size)
		return;
	holder = skbal_snapshot_holder(snap, snap->holders.used++);
	holder->process = visit->process;
	holder->next = latest ? latest->next : snap->holders.used;
	if (latest)
		latest->next = snap->holders.used;
	socket->holders = snap->holders.used;
}

/* Messages in messages, as deep as the kernel let them nest (before 6.10). */
#define NESTED 4

static void meet(struct visit *visit, struct sock *sk, unsigned int found)
{
	struct skbal_snapshot *snap = visit->snap;
	struct skbal_socket *socket = skbal_census_meet(snap, sk, found);

	/* in the second walk of a live snapshot the holders are known */
	if (!snap->detail || !socket || snap->walk != 1 ||
	    skbal_snapshot_pool(snap, socket) == SKBAL_POOL_NONE)
		return;
	holder_add(visit, socket);
}

/* The file's socket, if it is one, and still has a struct sock. */
static void meet_file(struct visit *visit, struct file *file, unsigned int found)
{
	const struct socket *sock = sock_from_file(file);
	struct sock *sk = sock ? READ_ONCE(sock->sk) : NULL;

	if (sk)
		meet(visit, sk, found);
}

static void meet_passed(struct file *file, void *visit)
{
	meet_file(visit, file, SKBAL_PASSED);
}

static void meet_registered(struct file *file, void *visit)
{
	meet_file(visit, file, SKBAL_REGISTERED);
}

static void visit_socket(struct visit *visit, const struct socket *sock)
{
	struct sock *sk = READ_ONCE(sock->sk);

	if (!sk)
		return;
	meet(visit, sk, SKBAL_HELD);
	/* asks the struct socket, which was just read, and spares its struct sock */
	if (sock->ops->family == PF_UNIX)
		skbal_unix_visit(sk, NESTED, meet_passed, visit);
}

/* For iterate_fd(): under file_lock, which keeps the file in the table. */
static int visit_file(const void *data, struct file *file, unsigned int fd)
{
	struct visit *visit = (struct visit *)data;
	const struct socket *sock = sock_from_file(file);

	if (sock)
		visit_socket(visit, sock);
	else if (skbal_uring_is(file))
		skbal_uring_visit(file, visit->snap->live, meet_registered,
				  visit);
	return 0;
}

static void visit_table(struct visit *visit, struct task_struct *task)
{
	/* task_lock() keeps task->files (exit_files() clears it under it) */
	task_lock(task);
	iterate_fd(task->files, 0, visit_file, visit);
	task_unlock(task);
}

static void visit_process(struct skbal_snapshot *snap,
			  struct task_struct *leader)
{
	struct visit visit = { .snap = snap, .leader = leader };
	const struct files_struct *last = READ_ONCE(leader->files);
	struct task_struct *thread;

	visit_table(&visit, leader);
	for_each_thread(leader, thread) {
		if (READ_ONCE(thread->files) == last)
			continue;
		last = READ_ONCE(thread->files);
		visit_table(&visit, thread);
	}
}

void skbal_owner_walk(struct skbal_snapshot *snap)
{
	struct visit kernel = { .snap = snap, .leader = &init_task };
	struct task_struct *leader;

	/* the kernel's threads share one table, mostly empty */
	visit_table(&kernel, &init_task);
	for_each_process(leader)
		if (!(leader->flags & PF_KTHREAD))
			visit_process(snap, leader);
}
