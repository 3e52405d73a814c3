/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scene of a case: a namespace, the wire in it, the sockets that take part,
 * and the books, which must balance before, at the peak and after.
 */
#ifndef SKBAL_SCENE_H
#define SKBAL_SCENE_H

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/types.h>

#include "../kmod/balance.h"
#include "compat.h"
#include "endpoint.h"
#include "prove.h"
#include "wire.h"

#define SKBAL_SCENE_ENDS 1000

struct skbal_scene {
	struct kunit *test;
	struct net *net;
	int family;
	enum skbal_pool_id pool;
	struct skbal_wire wire;
	struct skbal_endpoint *ends;	/* SKBAL_SCENE_ENDS */
	unsigned int used;
	struct skbal_endpoint *subject, *peer, *listener;
	/* before, to be restored */
	int orphan_retries, syn_retries;
	/* before, to be reached again */
	s64 pages, allocated;
	enum skbal_damage damage;
	bool kept;
};

/* What the subject is expected to be when the books are read. */
struct skbal_expectation {
	const char *when;
	enum skbal_class class;
	/* do the queues hold bytes that are, by design, not charged? */
	bool uncharged;
	/* connections that nobody has accepted */
	u64 waiting;
};

/** skbal_scene_open() - set the scene
 *
 * Return: the scene, for skbal_scene_close(); NULL if the test has failed.
 */
struct skbal_scene *skbal_scene_open(struct kunit *test, int family,
				     enum skbal_pool_id pool);

/** skbal_scene_add() - one more socket takes part
 *
 * Return: it, with nothing made yet; NULL if there are too many.
 */
struct skbal_endpoint *skbal_scene_add(struct skbal_scene *scene);

/** skbal_scene_make() - likewise, and make the socket
 * @ret: is set to it, once it is made
 *
 * Return: 0, or the test has failed.
 */
int skbal_scene_make(struct skbal_scene *scene, int type,
		     struct skbal_endpoint **ret);

/** skbal_scene_hurry() - have the kernel try as seldom as can be before it gives
 * a connection up
 */
void skbal_scene_hurry(struct skbal_scene *scene);

/** skbal_scene_check() - read the books now, and look at the subject
 *
 * The pool must have grown by what the sockets that take part are charged, and
 * by nothing else.
 */
void skbal_scene_check(struct skbal_scene *scene,
		       const struct skbal_expectation *want);

/** skbal_scene_expect_freed() - a socket must be freed now, with nothing left
 *
 * Return: whether it is.
 */
bool skbal_scene_expect_freed(struct skbal_scene *scene,
			      struct skbal_endpoint *end);

/** skbal_scene_close() - close what is open; all must be as it was before
 *
 * Sockets that are closed here are reset.
 */
void skbal_scene_close(struct skbal_scene *scene);

/** skbal_scene_step() - a step that must succeed, or the test fails
 *
 * Return: 0 or what the step said.
 */
#define skbal_scene_step(scene, call) ({				\
	int _err = (call);						\
									\
	if (_err < 0)							\
		KUNIT_FAIL((scene)->test, "%s: %d", #call, _err);	\
	min(_err, 0);							\
})

/** skbal_scene_await() - something that must become true, or the test fails
 *
 * Return: 0 or -ETIMEDOUT.
 */
#define skbal_scene_await(scene, condition) ({				\
	unsigned long _end = jiffies + skbal_patience();		\
									\
	while (!(condition) && time_before(jiffies, _end))		\
		usleep_range(100, 200);					\
	if (!(condition))						\
		KUNIT_FAIL((scene)->test, "never so: %s", #condition);	\
	(condition) ? 0 : -ETIMEDOUT;					\
})

#endif /* SKBAL_SCENE_H */
