// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <net/sock.h>

#include "endpoint.h"
#include "prove.h"

static bool prove;
module_param(prove, bool, 0444);
MODULE_PARM_DESC(prove, "break the subject of each case, which must fail then");

bool skbal_prove(void)
{
	return prove;
}

bool skbal_prove_by(struct kunit *test, const char *what)
{
	if (prove)
		kunit_info(test, "broken: %s\n", what);
	return prove;
}

unsigned long skbal_patience(void)
{
	return prove ? HZ / 2 : 10 * HZ;
}

enum skbal_damage skbal_damage_pick(const char *name, bool udp)
{
	return jhash(name, strlen(name), 0) %
	       (udp ? SKBAL_PAGE_LOST : SKBAL_DAMAGES);
}

const char *skbal_damage_name(enum skbal_damage damage)
{
	static const char *const names[SKBAL_DAMAGES] = {
		[SKBAL_PAGE_ADDED] = "a page added",
		[SKBAL_BYTE_ADDED] = "a byte added",
		[SKBAL_SOCKET_KEPT] = "a socket kept",
		[SKBAL_SOCKET_HIDDEN] = "a socket hidden",
		[SKBAL_PAGE_LOST] = "a page lost",
		[SKBAL_BYTE_LOST] = "a byte lost",
	};

	return names[damage];
}

static void pages_add(struct sock *sk, int pages)
{
	atomic_long_add(pages, sk->sk_prot->memory_allocated);
}

static void bytes_add(struct sock *sk, int bytes)
{
	lock_sock(sk);
	sk->sk_forward_alloc += bytes;
	release_sock(sk);
}

void skbal_damage_do(enum skbal_damage damage, struct skbal_endpoint *subject)
{
	switch (damage) {
	case SKBAL_PAGE_ADDED:
		pages_add(subject->sk, -1);
		break;
	case SKBAL_PAGE_LOST:
		pages_add(subject->sk, 1);
		break;
	case SKBAL_BYTE_ADDED:
		bytes_add(subject->sk, 1);
		break;
	case SKBAL_BYTE_LOST:
		bytes_add(subject->sk, -1);
		break;
	case SKBAL_SOCKET_KEPT:
		sock_hold(subject->sk);
		break;
	case SKBAL_SOCKET_HIDDEN:
		skbal_endpoint_hide(subject);
		break;
	default:
		break;
	}
}

void skbal_damage_undo(enum skbal_damage damage, struct skbal_endpoint *subject)
{
	switch (damage) {
	case SKBAL_PAGE_ADDED:
		pages_add(subject->sk, 1);
		break;
	case SKBAL_PAGE_LOST:
		pages_add(subject->sk, -1);
		break;
	case SKBAL_BYTE_ADDED:
		bytes_add(subject->sk, -1);
		break;
	case SKBAL_BYTE_LOST:
		bytes_add(subject->sk, 1);
		break;
	case SKBAL_SOCKET_KEPT:
		sock_put(subject->sk);
		break;
	case SKBAL_SOCKET_HIDDEN:
		skbal_endpoint_show(subject);
		break;
	default:
		break;
	}
}
