// SPDX-License-Identifier: GPL-2.0-only
/* Many sockets: in a row, at once, on all CPUs, and where memory is short. */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "connection.h"
#include "scene.h"
#include "suites.h"

#define IN_A_ROW 1000
/* A kernel's thread may have 1024 descriptors. */
#define AT_ONCE 400
#define SOME 1000

static struct skbal_scene *open_scene(struct kunit *test)
{
	struct skbal_scene *scene = skbal_scene_open(test, skbal_case_family(test),
						     SKBAL_POOL_TCP);

	if (!scene)
		return NULL;
	if (skbal_connection_listen(scene, AT_ONCE, 0)) {
		skbal_scene_close(scene);
		return NULL;
	}
	scene->subject = scene->listener;
	return scene;
}

static int connect_two(struct skbal_scene *scene, struct skbal_endpoint *client,
		       struct skbal_endpoint *server)
{
	return skbal_scene_step(scene, skbal_endpoint_make(client, scene->net,
							   scene->family,
							   SOCK_STREAM)) ?:
	       skbal_scene_step(scene, skbal_endpoint_connect(client,
							      scene->listener,
							      0)) ?:
	       skbal_scene_step(scene, skbal_endpoint_accept(server,
							     scene->listener));
}

static void look(struct skbal_scene *scene)
{
	const struct skbal_expectation want = {
		.when = "at the peak",
		.class = SKBAL_LISTEN,
	};

	skbal_scene_check(scene, &want);
}

/* Both have data that they have not read; one closes first, or both wait. */
static int end_two(struct skbal_scene *scene, struct skbal_endpoint *client,
		   struct skbal_endpoint *server, unsigned int way)
{
	int err = skbal_scene_step(scene, skbal_endpoint_send(client, SOME, 0)) ?:
		  skbal_scene_step(scene, skbal_endpoint_send(server, SOME, 0));

	if (err)
		return err;
	if (way & 1)
		swap(client, server);
	if (way & 2)
		skbal_endpoint_linger(client, 0);
	skbal_endpoint_close(client);
	skbal_endpoint_close(server);
	skbal_scene_expect_freed(scene, client);
	skbal_scene_expect_freed(scene, server);
	return 0;
}

static void in_a_row(struct kunit *test)
{
	struct skbal_scene *scene = open_scene(test);
	unsigned int i;
	int err = 0;

	if (!scene)
		return;
	for (i = 0; i < IN_A_ROW && !err; i++) {
		struct skbal_endpoint *client = skbal_scene_add(scene);
		struct skbal_endpoint *server = skbal_scene_add(scene);

		err = connect_two(scene, client, server) ?:
		      end_two(scene, client, server, i);
		if (!err)
			scene->used -= 2;
	}
	look(scene);
	skbal_scene_close(scene);
}

static int connect_all(struct skbal_scene *scene)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < AT_ONCE && !err; i++) {
		struct skbal_endpoint *client = skbal_scene_add(scene);
		struct skbal_endpoint *server = skbal_scene_add(scene);

		err = connect_two(scene, client, server) ?:
		      skbal_scene_step(scene, skbal_endpoint_send(client, SOME, 0));
	}
	return err;
}

static void at_once(struct kunit *test)
{
	struct skbal_scene *scene = open_scene(test);

	if (!scene)
		return;
	if (!connect_all(scene))
		look(scene);
	skbal_scene_close(scene);
}

/* One of several that close a share of the sockets each. */
struct closer {
	struct skbal_scene *scene;
	unsigned int first, step;
	struct completion done;
};

static int close_share(void *data)
{
	struct closer *closer = data;
	struct skbal_scene *scene = closer->scene;
	unsigned int i;

	for (i = closer->first; i < scene->used; i += closer->step) {
		if (&scene->ends[i] == scene->listener)
			continue;
		if (i & 2)
			skbal_endpoint_linger(&scene->ends[i], 0);
		skbal_endpoint_close(&scene->ends[i]);
	}
	complete(&closer->done);
	return 0;
}

static int closer_start(struct closer *closer, unsigned int cpu)
{
	struct task_struct *task;

	init_completion(&closer->done);
	task = kthread_create(close_share, closer, "skbalance/%u", cpu);
	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, cpu);
	wake_up_process(task);
	return 0;
}

/* Two on each CPU: if there is only one, it is not alone. */
#define CLOSERS 16

static void close_concurrently(struct skbal_scene *scene)
{
	static struct closer closers[CLOSERS];
	unsigned int started = 0;
	unsigned int cpu, i;

	for (i = 0; i < CLOSERS; i++)
		closers[i] = (struct closer){
			.scene = scene, .first = i, .step = CLOSERS,
		};
	while (started < CLOSERS) {
		for_each_online_cpu(cpu)
			if (started < CLOSERS &&
			    !skbal_scene_step(scene,
					      closer_start(&closers[started], cpu)))
				started++;
	}
	for (i = 0; i < started; i++)
		wait_for_completion(&closers[i].done);
	flush_delayed_fput();
}

static void concurrently(struct kunit *test)
{
	struct skbal_scene *scene = open_scene(test);

	if (!scene)
		return;
	if (!connect_all(scene)) {
		look(scene);
		close_concurrently(scene);
	}
	skbal_scene_close(scene);
}

static void fill_all(struct skbal_scene *scene)
{
	unsigned int i;

	for (i = 0; i < scene->used; i++)
		if (&scene->ends[i] != scene->listener)
			skbal_endpoint_send(&scene->ends[i], SZ_64K, 0);
}

/* With tcp_mem lowered: where pressure begins, and how much there is in all. */
static void with_memory(struct kunit *test, long pressure, long all)
{
	struct skbal_scene *scene = open_scene(test);
	long saved[3];

	if (!scene)
		return;
	memcpy(saved, tcp_prot.sysctl_mem, sizeof(saved));
	if (!connect_all(scene)) {
		tcp_prot.sysctl_mem[0] = pressure;
		tcp_prot.sysctl_mem[1] = pressure;
		tcp_prot.sysctl_mem[2] = all;
		fill_all(scene);
		KUNIT_EXPECT_TRUE(test, *tcp_prot.memory_pressure);
		look(scene);
		close_concurrently(scene);
	}
	memcpy(tcp_prot.sysctl_mem, saved, sizeof(saved));
	tcp_prot.leave_memory_pressure(scene->listener->sk);
	skbal_scene_close(scene);
}

/* Below what the sockets need, and above what a CPU holds back. */
#define PRESSURE 512

static void under_pressure(struct kunit *test)
{
	with_memory(test, PRESSURE, 1 << 20);
}

static void out_of_memory(struct kunit *test)
{
	with_memory(test, PRESSURE, PRESSURE);
}

#ifdef CONFIG_FAILSLAB
/* More than a connection needs. */
#define ALLOCATIONS 200

/* What fails, fails: that must not cost anything. */
static void try_connection(struct skbal_scene *scene,
			   struct skbal_endpoint *client,
			   struct skbal_endpoint *server)
{
	if (skbal_endpoint_make(client, scene->net, scene->family, SOCK_STREAM))
		return;
	/* only what may not wait is made to fail */
	client->sk->sk_allocation = GFP_ATOMIC;
	/* it says so before the answer, which has come by now, was looked at */
	if (skbal_endpoint_connect(client, scene->listener, O_NONBLOCK) !=
	    -EINPROGRESS || READ_ONCE(client->sk->sk_state) != TCP_ESTABLISHED)
		return;
	skbal_endpoint_send(client, SOME, 0);
	if (skbal_endpoint_accept(server, scene->listener))
		return;
	server->sk->sk_allocation = GFP_ATOMIC;
	skbal_endpoint_send(server, SOME, 0);
	skbal_endpoint_drain(client);
}

/* Return: whether there was an nth allocation. */
static bool fail_nth(struct skbal_scene *scene, unsigned int nth)
{
	struct skbal_endpoint *client = skbal_scene_add(scene);
	struct skbal_endpoint *server = skbal_scene_add(scene);
	bool failed;

	current->fail_nth = nth;
	try_connection(scene, client, server);
	skbal_endpoint_close(client);
	skbal_endpoint_close(server);
	failed = !current->fail_nth;
	current->fail_nth = 0;
	return failed;
}

static void failing_allocations(struct kunit *test)
{
	struct skbal_scene *scene = open_scene(test);
	unsigned int nth = 1;

	if (!scene)
		return;
	while (nth < ALLOCATIONS && fail_nth(scene, nth))
		nth++;
	kunit_info(test, "%u allocations failed, one after the other\n", nth - 1);
	KUNIT_EXPECT_GT(test, nth, 1u);
	KUNIT_EXPECT_LT(test, nth, (unsigned int)ALLOCATIONS);
	look(scene);
	skbal_scene_close(scene);
}
#else
static void failing_allocations(struct kunit *test)
{
	kunit_mark_skipped(test, "needs CONFIG_FAILSLAB");
}
#endif

static struct kunit_case cases[] = {
	SKBAL_CASES(in_a_row, in_a_row),
	SKBAL_CASES(at_once, at_once),
	SKBAL_CASES(concurrently, concurrently),
	SKBAL_CASES(under_pressure, under_pressure),
	SKBAL_CASES(out_of_memory, out_of_memory),
	SKBAL_CASES(failing_allocations, failing_allocations),
	{}
};

struct kunit_suite skbal_many_suite = {
	.name = "skbalance_many",
	.test_cases = cases,
};
