// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>

#include "books.h"
#include "netns.h"
#include "scene.h"

void skbal_scene_hurry(struct skbal_scene *scene)
{
	scene->net->ipv4.sysctl_tcp_orphan_retries = 1;
	scene->net->ipv4.sysctl_tcp_syn_retries = 0;
}

static void sysctls_save(struct skbal_scene *scene)
{
	scene->orphan_retries = scene->net->ipv4.sysctl_tcp_orphan_retries;
	scene->syn_retries = scene->net->ipv4.sysctl_tcp_syn_retries;
}

static void sysctls_restore(struct skbal_scene *scene)
{
	scene->net->ipv4.sysctl_tcp_orphan_retries = scene->orphan_retries;
	scene->net->ipv4.sysctl_tcp_syn_retries = scene->syn_retries;
}

static struct skbal_books *read_balanced(struct skbal_scene *scene,
					 const char *when)
{
	struct skbal_books *books = skbal_books_make(scene->test);

	if (books)
		skbal_books_expect(scene->test, books, when);
	return books;
}

static int read_before(struct skbal_scene *scene)
{
	struct skbal_books *books = read_balanced(scene, "before");

	if (!books)
		return -EINVAL;
	scene->pages = books->balances[scene->pool].counter;
	scene->allocated = books->balances[scene->pool].allocated;
	skbal_books_free(books);
	return 0;
}

static int scene_enter(struct skbal_scene *scene)
{
	int err;

	scene->net = skbal_netns_get();
	if (IS_ERR(scene->net))
		return skbal_scene_step(scene, PTR_ERR(scene->net));
	err = skbal_scene_step(scene, skbal_wire_init(&scene->wire, scene->net));
	if (err)
		goto put;
	err = read_before(scene);
	if (err)
		goto exit;
	sysctls_save(scene);
	return 0;
exit:
	skbal_wire_exit(&scene->wire);
put:
	skbal_netns_put(scene->net);
	return err;
}

static void scene_leave(struct skbal_scene *scene)
{
	sysctls_restore(scene);
	skbal_wire_exit(&scene->wire);
	skbal_netns_put(scene->net);
}

struct skbal_scene *skbal_scene_open(struct kunit *test, int family,
				     enum skbal_pool_id pool)
{
	struct skbal_scene *scene = kzalloc(sizeof(*scene), GFP_KERNEL);

	if (!scene) {
		KUNIT_FAIL(test, "no memory");
		return NULL;
	}
	scene->ends = kvcalloc(SKBAL_SCENE_ENDS, sizeof(*scene->ends),
			       GFP_KERNEL);
	scene->test = test;
	scene->family = family;
	scene->pool = pool;
	scene->damage = skbal_damage_pick(test->name, pool == SKBAL_POOL_UDP);
	if (!skbal_scene_step(scene, scene->ends ? 0 : -ENOMEM) &&
	    !scene_enter(scene))
		return scene;
	kvfree(scene->ends);
	kfree(scene);
	return NULL;
}

struct skbal_endpoint *skbal_scene_add(struct skbal_scene *scene)
{
	if (scene->used == SKBAL_SCENE_ENDS) {
		KUNIT_FAIL(scene->test, "too many sockets");
		return NULL;
	}
	return &scene->ends[scene->used++];
}

int skbal_scene_make(struct skbal_scene *scene, int type,
		     struct skbal_endpoint **ret)
{
	struct skbal_endpoint *end = skbal_scene_add(scene);
	int err;

	if (!end)
		return -ENOSPC;
	err = skbal_scene_step(scene, skbal_endpoint_make(end, scene->net,
							  scene->family, type));
	if (!err)
		*ret = end;
	return err;
}

/* What the fields of sockets add up to, and what of it is not charged. */
struct sums {
	s64 bytes, uncharged;
};

static void add_up(struct sock *sk, struct sums *sums)
{
	lock_sock(sk);
	sums->bytes += (s64)sk->sk_forward_alloc + sk->sk_wmem_queued +
		       atomic_read(&sk->sk_rmem_alloc);
	sums->uncharged += skbal_charge_error_queue(sk) +
			   skbal_charge_zerocopy(sk);
	release_sock(sk);
}

/* Those that wait in the accept queue have no descriptor, and no endpoint. */
static void add_up_waiting(struct sock *listener, struct sums *sums)
{
	struct request_sock *req;

	if (listener->sk_state != TCP_LISTEN)
		return;
	req = inet_csk(listener)->icsk_accept_queue.rskq_accept_head;
	for (; req; req = req->dl_next)
		add_up(req->sk, sums);
}

/* Of all that take part; they do not end while they are looked at. */
static struct sums add_up_all(struct skbal_scene *scene)
{
	struct sums sums = { };
	unsigned int i;

	for (i = 0; i < scene->used; i++) {
		struct skbal_endpoint *end = &scene->ends[i];

		if (!end->sk || completion_done(&end->freed))
			continue;
		add_up(end->sk, &sums);
		add_up_waiting(end->sk, &sums);
	}
	return sums;
}

static void expect_growth(struct skbal_scene *scene,
			  const struct skbal_books *books,
			  const struct sums *sums,
			  const struct skbal_expectation *want)
{
	const struct skbal_balance *balance = &books->balances[scene->pool];

	KUNIT_EXPECT_EQ(scene->test, (balance->counter - scene->pages) << PAGE_SHIFT,
			sums->bytes - sums->uncharged);
	KUNIT_EXPECT_EQ(scene->test, sums->uncharged != 0, (int)want->uncharged);
	KUNIT_EXPECT_EQ(scene->test, balance->classes[SKBAL_ACCEPT_QUEUE].sockets,
			want->waiting);
}

static void expect_subject(struct skbal_scene *scene,
			   const struct skbal_books *books,
			   const struct skbal_expectation *want)
{
	const struct skbal_socket *found;

	found = skbal_books_find(books, scene->subject->sk);
	if (!found) {
		KUNIT_FAIL(scene->test, "%s: the subject was not found",
			   want->when);
		return;
	}
	if (found->class != want->class)
		KUNIT_FAIL(scene->test, "%s: the subject is %s, should be %s",
			   want->when, skbal_class_names[found->class],
			   skbal_class_names[want->class]);
}

static void damage(struct skbal_scene *scene)
{
	if (scene->kept ||
	    !skbal_prove_by(scene->test, skbal_damage_name(scene->damage)))
		return;
	scene->kept = scene->damage == SKBAL_SOCKET_KEPT;
	skbal_damage_do(scene->damage, scene->subject);
}

static void undamage(struct skbal_scene *scene)
{
	if (skbal_prove() && !scene->kept)
		skbal_damage_undo(scene->damage, scene->subject);
}

static struct skbal_books *read_damaged(struct skbal_scene *scene,
					const char *when)
{
	struct skbal_books *books;

	damage(scene);
	books = read_balanced(scene, when);
	undamage(scene);
	return books;
}

/* How often timers may come in between, of which none is shorter. */
#define ATTEMPTS 50
#define ATTEMPT_US 20000

void skbal_scene_check(struct skbal_scene *scene,
		       const struct skbal_expectation *want)
{
	struct skbal_books *books = NULL;
	struct sums before, sums;
	unsigned int i;

	for (i = 0; i < ATTEMPTS; i++) {
		before = add_up_all(scene);
		books = read_damaged(scene, want->when);
		sums = add_up_all(scene);
		if (!books || !memcmp(&before, &sums, sizeof(sums)))
			break;
		/* an acknowledgment, or the like */
		skbal_books_free(books);
		books = NULL;
		usleep_range(ATTEMPT_US, 2 * ATTEMPT_US);
	}
	if (!books) {
		KUNIT_FAIL(scene->test, "%s: no rest", want->when);
		return;
	}
	expect_subject(scene, books, want);
	expect_growth(scene, books, &sums, want);
	skbal_books_free(books);
}

bool skbal_scene_expect_freed(struct skbal_scene *scene,
			      struct skbal_endpoint *end)
{
	if (!skbal_endpoint_is_freed(end)) {
		KUNIT_FAIL(scene->test, "socket %zd was never freed",
			   end - scene->ends);
		return false;
	}
	KUNIT_EXPECT_EQ(scene->test, end->left, 0LL);
	return !end->left;
}

static void expect_as_before(struct skbal_scene *scene)
{
	struct skbal_books *books = read_balanced(scene, "after");

	if (!books)
		return;
	KUNIT_EXPECT_EQ(scene->test, books->balances[scene->pool].counter,
			scene->pages);
	KUNIT_EXPECT_EQ(scene->test, books->balances[scene->pool].allocated,
			scene->allocated);
	skbal_books_free(books);
}

static void close_all(struct skbal_scene *scene)
{
	unsigned int i;

	skbal_wire_mend(&scene->wire);
	for (i = 0; i < scene->used; i++) {
		if (!scene->ends[i].sock)
			continue;
		skbal_endpoint_linger(&scene->ends[i], 0);
		skbal_endpoint_close(&scene->ends[i]);
	}
	/* whoever waits for one that is kept need not wait for more */
	for (i = 0; i < scene->used; i++)
		if (scene->ends[i].sk &&
		    !skbal_scene_expect_freed(scene, &scene->ends[i]))
			return;
}

static void forget_all(struct skbal_scene *scene)
{
	unsigned int i;

	for (i = 0; i < scene->used; i++)
		if (scene->ends[i].sk)
			skbal_endpoint_forget(&scene->ends[i]);
}

void skbal_scene_close(struct skbal_scene *scene)
{
	close_all(scene);
	expect_as_before(scene);
	if (scene->kept) {
		skbal_damage_undo(scene->damage, scene->subject);
		skbal_endpoint_is_freed(scene->subject);
	}
	forget_all(scene);
	scene_leave(scene);
	kvfree(scene->ends);
	kfree(scene);
}
