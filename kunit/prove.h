/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The proof that a case can fail: with the parameter prove=1 the subject of
 * each is replaced by a broken one, and then each must fail.
 */
#ifndef SKBAL_PROVE_H
#define SKBAL_PROVE_H

#include <linux/types.h>

struct kunit;
struct skbal_endpoint;

/** skbal_prove() - whether subjects are to be broken */
bool skbal_prove(void);

/** skbal_prove_by() - the same; if so, the test's log says what is broken */
bool skbal_prove_by(struct kunit *test, const char *what);

/** skbal_patience() - how long to wait for what must happen, in jiffies
 *
 * Not long for what cannot.
 */
unsigned long skbal_patience(void);

enum skbal_damage {
	SKBAL_PAGE_ADDED,	/* the counter has one too few */
	SKBAL_BYTE_ADDED,	/* the subject has one too many */
	SKBAL_SOCKET_KEPT,	/* the subject is closed, but never freed */
	SKBAL_SOCKET_HIDDEN,	/* no descriptor leads to the subject */
	/* that UDP pages have an owner is believed for seconds */
	SKBAL_PAGE_LOST,
	SKBAL_BYTE_LOST,
	SKBAL_DAMAGES,
};

/** skbal_damage_pick() - what is to be broken in the case of a name */
enum skbal_damage skbal_damage_pick(const char *name, bool udp);

const char *skbal_damage_name(enum skbal_damage damage);

void skbal_damage_do(enum skbal_damage damage, struct skbal_endpoint *subject);
void skbal_damage_undo(enum skbal_damage damage, struct skbal_endpoint *subject);

#endif /* SKBAL_PROVE_H */
