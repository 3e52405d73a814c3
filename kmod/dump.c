// SPDX-License-Identifier: GPL-2.0-only
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/utsname.h>
#include <net/tcp_states.h>

#include "balance.h"
#include "birth.h"
#include "counter.h"
#include "dump.h"
#include "group.h"
#include "pause.h"
#include "text.h"
#include "track.h"

/* One open file: its snapshot, from open to release. */
struct dump {
	const struct dump_file *file;
	struct skbal_snapshot snap;
	struct skbal_balance balances[SKBAL_POOLS];
	struct skbal_counters counters;
	int snapshots;			/* taken to reach the verdict */
	u64 pause_ns;			/* estimated, if that was too long */
	struct skbal_groups groups;
	u32 rows;
};

/* What a file shows after the header and its pool's balance. */
struct dump_kind {
	const char *name;
	bool sockets, owners, counters;	/* what the rows are; else no rows */
	void (*summary)(struct seq_file *seq, const struct dump *dump,
			enum skbal_pool_id pool);
};

struct dump_file {
	const struct dump_kind *kind;
	enum skbal_pool_id pool;	/* SKBAL_POOL_NONE: all of them */
	bool live;
};

static const char *state_name(u8 state)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_SYN_SENT] = "SYN_SENT",
		[TCP_SYN_RECV] = "SYN_RECV",
		[TCP_FIN_WAIT1] = "FIN_WAIT1",
		[TCP_FIN_WAIT2] = "FIN_WAIT2",
		[TCP_TIME_WAIT] = "TIME_WAIT",
		[TCP_CLOSE] = "CLOSE",
		[TCP_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCP_LAST_ACK] = "LAST_ACK",
		[TCP_LISTEN] = "LISTEN",
		[TCP_CLOSING] = "CLOSING",
		[TCP_NEW_SYN_RECV] = "NEW_SYN_RECV",
	};

	return state < ARRAY_SIZE(names) && names[state] ? names[state] : "-";
}

static void show_versions(struct seq_file *seq)
{
	seq_printf(seq, "version %s\n", SKBALANCE_VERSION);
	seq_printf(seq, "kernel %s\n", init_utsname()->release);
	seq_printf(seq, "page_size %lu\n", PAGE_SIZE);
}

static void show_header(struct seq_file *seq, const struct dump *dump)
{
	u64 owned = 0;
	unsigned int id;

	for (id = 0; id < SKBAL_POOLS; id++)
		owned += dump->balances[id].owned;
	seq_printf(seq, "mode %s\n", dump->file->live ? "live" : "exact");
	seq_printf(seq, "pause_ns %llu\n", dump->snap.pause_ns);
	seq_printf(seq, "snapshots %d\n", dump->snapshots);
	seq_printf(seq, "snapshot_bytes %zu\n",
		   skbal_snapshot_bytes(&dump->snap));
	seq_printf(seq, "sockets_owned %llu\n", owned);
	seq_printf(seq, "memcg_batch_pages %d\n", SKBAL_MEMCG_BATCH);
	seq_printf(seq, "track %d\n", skbal_track_on());
	if (skbal_track_on())
		seq_printf(seq, "track_lost %lu\n", skbal_track_lost());
}

static void show_protocol_names(struct seq_file *seq, const struct dump *dump,
				enum skbal_pool_id pool)
{
	unsigned int i;

	seq_puts(seq, "protocols");
	for (i = 0; i < dump->snap.nr_protocols; i++)
		if (dump->snap.protocols[i].pool == pool)
			seq_printf(seq, " %s", dump->snap.protocols[i].name);
	seq_putc(seq, '\n');
}

static void show_pool(struct seq_file *seq, const struct dump *dump,
		      enum skbal_pool_id pool)
{
	const struct skbal_pool_reading *reading = &dump->snap.pools[pool];
	const struct skbal_balance *b = &dump->balances[pool];

	seq_printf(seq, "pool %s\n", skbal_pool_names[pool]);
	show_protocol_names(seq, dump, pool);
	seq_printf(seq, "memory_allocated_pages %lld\n",
		   reading->memory_allocated);
	seq_printf(seq, "percpu_pages %lld\n", reading->percpu);
	seq_printf(seq, "charged_pages %lld\n",
		   skbal_balance_pages(b->charged));
	seq_printf(seq, "charged_bytes %lld\n", b->charged);
	seq_printf(seq, "unaccounted_pages %lld\n",
		   skbal_balance_pages(b->unaccounted));
	seq_printf(seq, "unaccounted_bytes %lld\n", b->unaccounted);
	seq_printf(seq, "bound_pages %llu\n",
		   DIV_ROUND_UP_ULL(b->bound, PAGE_SIZE));
	seq_printf(seq, "bypassed_pages %lld\n",
		   skbal_balance_pages(b->bypassed));
	if (b->allocated == SKBAL_NOT_COUNTED)
		seq_puts(seq, "sockets_allocated -\n");
	else
		seq_printf(seq, "sockets_allocated %lld\n", b->allocated);
	seq_printf(seq, "sockets_found %llu\n", b->found);
	seq_printf(seq, "fractional_sockets %llu\n", b->fractional);
	seq_printf(seq, "opaque_sockets %llu\n", b->opaque);
	seq_printf(seq, "verdict %s\n", skbal_verdict_names[b->verdict]);
	seq_printf(seq, "reason %s\n", b->reason);
}

static void show_sum(struct seq_file *seq, const struct skbal_sum *sum)
{
	seq_printf(seq, " sockets=%llu pages=%lld", sum->sockets,
		   skbal_balance_pages(skbal_sum_bytes(sum)));
	seq_printf(seq, " forward_alloc_bytes=%lld write_queue_bytes=%lld receive_queue_bytes=%lld hidden_bytes=%lld",
		   sum->forward_alloc, sum->write_queue, sum->receive_queue,
		   sum->hidden);
}

static void show_classes(struct seq_file *seq, const struct dump *dump,
			 enum skbal_pool_id pool)
{
	const struct skbal_sum *classes = dump->balances[pool].classes;
	unsigned int i;

	for (i = 0; i < SKBAL_CLASSES; i++) {
		if (!classes[i].sockets)
			continue;
		seq_printf(seq, "class %s", skbal_class_names[i]);
		show_sum(seq, &classes[i]);
		seq_putc(seq, '\n');
	}
}

static void show_protocols(struct seq_file *seq, const struct dump *dump,
			   enum skbal_pool_id pool)
{
	unsigned int i;

	for (i = 0; i < dump->snap.nr_protocols; i++) {
		if (dump->snap.protocols[i].pool != pool)
			continue;
		seq_printf(seq, "protocol %s", dump->snap.protocols[i].name);
		show_sum(seq, &dump->balances[pool].protocols[i]);
		seq_putc(seq, '\n');
	}
}

static const struct skbal_process *
holder_process(const struct skbal_snapshot *snap, u32 holder)
{
	const struct skbal_holder *entry =
		skbal_snapshot_holder(snap, holder - 1);

	return skbal_snapshot_process(snap, entry->process - 1);
}

/* @holders: the last of a ring, as in struct skbal_socket. */
static void show_holders(struct seq_file *seq,
			 const struct skbal_snapshot *snap, u32 holders)
{
	u32 first, i;

	if (!holders) {
		seq_puts(seq, " pid=- comm=- holders=-");
		return;
	}
	first = skbal_snapshot_holder(snap, holders - 1)->next;
	seq_printf(seq, " pid=%d comm=", holder_process(snap, first)->pid);
	skbal_text_escape(seq, holder_process(snap, first)->comm);
	seq_printf(seq, " holders=%d", holder_process(snap, first)->pid);
	for (i = first; i != holders; ) {
		i = skbal_snapshot_holder(snap, i - 1)->next;
		seq_printf(seq, ",%d", holder_process(snap, i)->pid);
	}
}

static void show_endpoint(struct seq_file *seq, const char *name, bool ipv6,
			  const struct in6_addr *addr, u16 port)
{
	if (ipv6)
		seq_printf(seq, " %s=[%pI6c]:%u", name, addr, port);
	else
		seq_printf(seq, " %s=%pI4:%u", name, &addr->s6_addr32[3], port);
}

static const struct skbal_name *name_of(const struct skbal_snapshot *snap,
					const struct skbal_socket *socket)
{
	return skbal_snapshot_name(snap, skbal_snapshot_detail(snap, socket)->name - 1);
}

static const struct skbal_remains *
remains_of(const struct skbal_snapshot *snap, const struct skbal_socket *socket)
{
	return skbal_snapshot_remains(snap, skbal_snapshot_detail(snap, socket)->remains);
}

static void show_listener(struct seq_file *seq,
			  const struct skbal_snapshot *snap, u32 listener)
{
	const struct skbal_socket *socket;
	const struct skbal_name *name;

	if (!listener) {
		seq_puts(seq, " listener=-");
		return;
	}
	socket = skbal_snapshot_socket(snap, listener - 1);
	name = name_of(snap, socket);
	show_endpoint(seq, "listener", socket->flags & SKBAL_IPV6, &name->local,
		      name->local_port);
}

static void show_states(struct seq_file *seq, const u32 *states)
{
	const char *separator = " state=";
	unsigned int i;

	for (i = 0; i < TCP_MAX_STATES; i++) {
		if (!states[i])
			continue;
		seq_printf(seq, "%s%s:%u", separator, state_name(i), states[i]);
		separator = ",";
	}
}

static void show_wait(struct seq_file *seq, const char *name,
		      const struct skbal_detail *detail, u32 wait_ms)
{
	if (detail->listener)
		seq_printf(seq, " %s=%u", name, wait_ms);
	else
		seq_printf(seq, " %s=-", name);
}

static void show_id(struct seq_file *seq, const char *name, u64 id)
{
	if (id)
		seq_printf(seq, " %s=%llu", name, id);
	else
		seq_printf(seq, " %s=-", name);
}

static const char *via_name(const struct skbal_socket *socket)
{
	if (socket->flags & SKBAL_HELD)
		return "-";
	if (socket->flags & SKBAL_PASSED)
		return "scm";
	return socket->flags & SKBAL_REGISTERED ? "io_uring" : "-";
}

/* What remains of a socket's owner when its process is gone. */
static void show_remains(struct seq_file *seq,
			 const struct skbal_socket *socket,
			 const struct skbal_remains *remains)
{
	show_id(seq, "cgroup", remains->cgroup);
	show_id(seq, "memcg", remains->memcg);
	seq_printf(seq, " via=%s", via_name(socket));
}

static u32 netns_of(const struct skbal_snapshot *snap,
		    const struct skbal_socket *socket)
{
	return skbal_snapshot_net(snap, socket->net)->inum;
}

static void show_owner(struct seq_file *seq, const struct dump *dump, u32 row)
{
	const struct skbal_group *group = &dump->groups.groups[row];
	const struct skbal_snapshot *snap = &dump->snap;
	const struct skbal_remains *remains;
	const struct skbal_detail *detail;
	const struct skbal_socket *any;

	any = skbal_snapshot_socket(snap, group->example);
	detail = skbal_snapshot_detail(snap, any);
	remains = remains_of(snap, any);
	seq_printf(seq, "owner class=%s", skbal_class_names[any->class]);
	show_holders(seq, snap, skbal_group_holders(snap, any));
	seq_printf(seq, " netns=%u", netns_of(snap, any));
	show_listener(seq, snap, detail->listener);
	seq_printf(seq, " uid=%u", remains->uid);
	show_remains(seq, any, remains);
	show_sum(seq, &group->sum);
	show_states(seq, group->states);
	show_wait(seq, "longest_wait_ms", detail, group->longest_wait_ms);
	seq_putc(seq, '\n');
}

static void show_flags(struct seq_file *seq, const struct skbal_snapshot *snap,
		       const struct skbal_socket *socket)
{
	const struct {
		const char *name;
		bool set;
	} flags[] = {
		{ "owned", socket->flags & SKBAL_OWNED },
		{ "fractional", skbal_balance_is_fractional(snap, socket) },
		{ "opaque", socket->flags & SKBAL_OPAQUE },
		{ "bypassed", socket->flags & SKBAL_BYPASSED },
		{ "moving", socket->flags & SKBAL_MOVING },
		{ "timerless", socket->flags & SKBAL_TIMERLESS },
	};
	const char *separator = "";
	unsigned int i;

	seq_puts(seq, " flags=");
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		if (!flags[i].set)
			continue;
		seq_printf(seq, "%s%s", separator, flags[i].name);
		separator = ",";
	}
	if (!*separator)
		seq_putc(seq, '-');
}

/* Where the pool is charged nothing, the total is shown apart. */
static void show_charge(struct seq_file *seq, const struct skbal_socket *socket)
{
	bool bypassed = socket->flags & SKBAL_BYPASSED;
	struct skbal_charge charge = socket->charge;
	s64 total = skbal_charge_total(&charge);

	if (bypassed) {
		charge.forward_alloc = 0;
		charge.write_queue = 0;
		charge.receive_queue = 0;
		charge.hidden = 0;
	}
	seq_printf(seq, " charged_bytes=%lld forward_alloc_bytes=%d write_queue_bytes=%d receive_queue_bytes=%u",
		   bypassed ? 0 : total, charge.forward_alloc,
		   charge.write_queue, charge.receive_queue);
	seq_printf(seq, " hidden_bytes=%u bypassed_bytes=%lld error_queue_bytes=%u zerocopy_bytes=%u",
		   charge.hidden, bypassed ? total : 0, charge.error_queue,
		   charge.zerocopy);
}

static void show_socket(struct seq_file *seq, const struct dump *dump, u32 row)
{
	const struct skbal_snapshot *snap = &dump->snap;
	const struct skbal_socket *socket = skbal_snapshot_socket(snap, row);
	const struct skbal_detail *detail = skbal_snapshot_detail(snap, socket);
	const struct skbal_remains *remains;
	const struct skbal_name *name;

	if (skbal_snapshot_pool(snap, socket) != dump->file->pool)
		return;
	name = name_of(snap, socket);
	remains = remains_of(snap, socket);
	seq_printf(seq, "socket protocol=%s class=%s state=%s netns=%u",
		   snap->protocols[socket->protocol].name,
		   skbal_class_names[socket->class], state_name(socket->state),
		   netns_of(snap, socket));
	show_endpoint(seq, "local", socket->flags & SKBAL_IPV6, &name->local,
		      name->local_port);
	show_endpoint(seq, "remote", socket->flags & SKBAL_IPV6, &name->remote,
		      name->remote_port);
	seq_printf(seq, " inode=%u uid=%u", name->inode, remains->uid);
	show_holders(seq, snap, skbal_group_holders(snap, socket));
	show_listener(seq, snap, detail->listener);
	show_remains(seq, socket, remains);
	show_wait(seq, "wait_ms", detail, detail->wait_ms);
	show_charge(seq, socket);
	show_flags(seq, snap, socket);
	seq_putc(seq, '\n');
	if (detail->birth)
		skbal_birth_show(seq, skbal_snapshot_birth(snap, detail->birth - 1),
				 snap->jiffies);
}

static void show_text(struct seq_file *seq, const char *name, const char *text)
{
	seq_printf(seq, " %s=", name);
	if (*text)
		skbal_text_escape(seq, text);
	else
		seq_putc(seq, '-');
}

static void show_counter(struct seq_file *seq,
			 const struct skbal_counter *counter)
{
	seq_printf(seq, "counter name=%s", counter->name);
	show_id(seq, "netns", counter->netns);
	show_text(seq, "protocol", counter->protocol);
	seq_printf(seq, " kernel=%lld census=%lld verdict=%s",
		   counter->kernel, counter->census,
		   skbal_verdict_names[counter->verdict]);
	show_text(seq, "reason", counter->reason);
	seq_putc(seq, '\n');
}

/* The number of counters and, unless they have rows of their own, which differ. */
static void show_counters(struct seq_file *seq, const struct dump *dump)
{
	const struct skbal_counters *counters = &dump->counters;
	size_t balanced = 0;
	size_t i;

	for (i = 0; i < counters->count; i++)
		balanced += counters->rows[i].verdict == SKBAL_BALANCED;
	seq_printf(seq, "counters held=%zu balanced=%zu\n", counters->count,
		   balanced);
	if (dump->file->kind->counters)
		return;
	for (i = 0; i < counters->count; i++)
		if (counters->rows[i].verdict != SKBAL_BALANCED)
			show_counter(seq, &counters->rows[i]);
}

static bool shows_pool(const struct dump *dump, unsigned int id)
{
	if (dump->file->kind->counters || !dump->snap.protos[id])
		return false;
	return dump->file->pool == SKBAL_POOL_NONE || dump->file->pool == id;
}

static void show_summary(struct seq_file *seq, const struct dump *dump)
{
	const struct dump_file *file = dump->file;
	unsigned int id;

	show_versions(seq);
	if (dump->pause_ns) {
		seq_printf(seq, "refused pause_estimate_ns=%llu max_pause_ns=%llu\n",
			   dump->pause_ns, skbal_pause_max());
		return;
	}
	show_header(seq, dump);
	for (id = 0; id < SKBAL_POOLS; id++) {
		if (!shows_pool(dump, id))
			continue;
		show_pool(seq, dump, id);
		if (file->kind->summary)
			file->kind->summary(seq, dump, id);
	}
	if (file->pool == SKBAL_POOL_NONE)
		show_counters(seq, dump);
}

/* Position 0 is the summary, then the rows, then the end mark. */
static void *dump_start(struct seq_file *seq, loff_t *pos)
{
	const struct dump *dump = seq->private;

	return *pos <= dump->rows + 1 ? pos : NULL;
}

static void *dump_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return dump_start(seq, pos);
}

static void dump_stop(struct seq_file *seq, void *v)
{
}

static int dump_show(struct seq_file *seq, void *v)
{
	const struct dump *dump = seq->private;
	loff_t pos = *(loff_t *)v;

	if (!pos)
		show_summary(seq, dump);
	else if (pos == dump->rows + 1)
		seq_puts(seq, "end\n");
	else if (dump->file->kind->counters)
		show_counter(seq, &dump->counters.rows[pos - 1]);
	else if (dump->file->kind->owners)
		show_owner(seq, dump, pos - 1);
	else
		show_socket(seq, dump, pos - 1);
	return 0;
}

static const struct seq_operations dump_seq_ops = {
	.start = dump_start,
	.next = dump_next,
	.stop = dump_stop,
	.show = dump_show,
};

static void dump_free(struct dump *dump)
{
	skbal_groups_free(&dump->groups);
	skbal_counters_free(&dump->counters);
	skbal_snapshot_free(&dump->snap);
	kfree(dump);
}

/* How many rows there are; groups the sockets if these are of owners. */
static int dump_rows(struct dump *dump)
{
	const struct dump_kind *kind = dump->file->kind;
	int err = 0;

	if (kind->sockets)
		dump->rows = dump->snap.sockets.used;
	if (kind->counters)
		dump->rows = dump->counters.count;
	if (kind->owners) {
		err = skbal_groups_make(&dump->snap, dump->file->pool,
					&dump->groups);
		dump->rows = dump->groups.count;
	}
	return err;
}

static int dump_settle(struct dump *dump)
{
	if (dump->file->pool != SKBAL_POOL_NONE &&
	    !dump->snap.protos[dump->file->pool])
		return -ENOPROTOOPT;
	dump->snapshots = skbal_balance_settle(&dump->snap, dump->file->pool,
					       dump->balances, &dump->counters);
	if (dump->snapshots < 0)
		return dump->snapshots;
	return dump_rows(dump);
}

static int dump_take(struct dump *dump)
{
	const struct dump_kind *kind = dump->file->kind;
	u64 work = skbal_pause_work();
	u64 pause_ns = skbal_pause_estimate(work);
	int err;

	if (!dump->file->live && pause_ns > skbal_pause_max()) {
		dump->pause_ns = pause_ns;
		skbal_pause_refused();
		return 0;
	}
	dump->snap.live = dump->file->live;
	dump->snap.only = dump->file->pool;
	dump->snap.detail = kind->sockets || kind->owners;
	dump->snap.with_names = kind->sockets;
	dump->snap.with_births = kind->sockets && skbal_track_on();
	dump->snap.pid_ns = task_active_pid_ns(current);
	skbal_pools_get(dump->snap.protos);
	err = dump_settle(dump);
	skbal_pools_put(dump->snap.protos);
	/* one pool's may take less than the work there is */
	if (!err && !dump->file->live && dump->file->pool == SKBAL_POOL_NONE)
		skbal_pause_learn(work, dump->snap.pause_ns);
	return err;
}

static int dump_open(struct inode *inode, struct file *file)
{
	struct dump *dump = kzalloc(sizeof(*dump), GFP_KERNEL);
	int err;

	if (!dump)
		return -ENOMEM;
	dump->file = inode->i_private;
	err = dump_take(dump);
	if (!err)
		err = seq_open(file, &dump_seq_ops);
	if (err) {
		dump_free(dump);
		return err;
	}
	((struct seq_file *)file->private_data)->private = dump;
	return 0;
}

static int dump_release(struct inode *inode, struct file *file)
{
	dump_free(((struct seq_file *)file->private_data)->private);
	return seq_release(inode, file);
}

static const struct file_operations dump_fops = {
	.owner = THIS_MODULE,
	.open = dump_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = dump_release,
};

/* Without a snapshot: what an exact one would cost. */
static int pause_show(struct seq_file *seq, void *v)
{
	seq_printf(seq, "pause_estimate_ns %llu\n",
		   skbal_pause_estimate(skbal_pause_work()));
	seq_printf(seq, "max_pause_ns %llu\n", skbal_pause_max());
	seq_puts(seq, "end\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pause);

enum { BALANCE, PROTOCOLS, CLASSES, OWNERS, SOCKETS, COUNTERS, KINDS };

static const struct dump_kind kinds[KINDS] = {
	[BALANCE] = { .name = "balance", .summary = show_classes },
	[PROTOCOLS] = { .name = "protocols", .summary = show_protocols },
	[CLASSES] = { .name = "classes", .summary = show_classes },
	[OWNERS] = { .name = "owners", .owners = true },
	[SOCKETS] = { .name = "sockets", .sockets = true },
	/* only at the top */
	[COUNTERS] = { .name = "counters", .counters = true },
};

/* [exact or live], [pool or all of them], [kind]: what the inodes point to */
static struct dump_file files[2][SKBAL_POOLS + 1][KINDS];
static struct dentry *root;

static void file_create(struct dentry *dir, bool live, enum skbal_pool_id pool,
			unsigned int kind)
{
	struct dump_file *file = &files[live][pool][kind];

	file->kind = &kinds[kind];
	file->pool = pool;
	file->live = live;
	debugfs_create_file(kinds[kind].name, 0400, dir, file, &dump_fops);
}

static void tree_create(struct dentry *dir, bool live)
{
	struct dentry *pool_dir;
	unsigned int pool, kind;

	file_create(dir, live, SKBAL_POOL_NONE, BALANCE);
	file_create(dir, live, SKBAL_POOL_NONE, COUNTERS);
	for (pool = 0; pool < SKBAL_POOLS; pool++) {
		pool_dir = debugfs_create_dir(skbal_pool_names[pool], dir);
		for (kind = 0; kind < COUNTERS; kind++)
			file_create(pool_dir, live, pool, kind);
	}
}

int skbal_dump_init(void)
{
	root = debugfs_create_dir("skbalance", NULL);
	if (IS_ERR(root))
		return PTR_ERR(root);
	debugfs_create_file("pause", 0400, root, NULL, &pause_fops);
	tree_create(root, false);
	tree_create(debugfs_create_dir("live", root), true);
	return 0;
}

void skbal_dump_exit(void)
{
	debugfs_remove_recursive(root);
}
