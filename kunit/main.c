// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way a socket ends must return all that it was charged; and the ledger
 * that says so must be able to see a loss.
 */
#include <linux/module.h>

#include "suites.h"

kunit_test_suites(&skbal_arithmetic_suite, &skbal_class_suite,
		  &skbal_loss_suite, &skbal_linger0_suite, &skbal_linger1_suite,
		  &skbal_acknowledged_suite, &skbal_timeout_suite,
		  &skbal_retries_suite, &skbal_abort_suite,
		  &skbal_disconnect_suite, &skbal_reset_suite,
		  &skbal_vanish_suite, &skbal_keepalive_suite,
		  &skbal_queue_accept_suite,
		  &skbal_queue_close_suite, &skbal_queue_shutdown_suite,
		  &skbal_queue_abort_suite, &skbal_queue_disconnect_suite,
		  &skbal_udp_close_suite, &skbal_udp_disconnect_suite,
		  &skbal_udp_abort_suite, &skbal_many_suite);

MODULE_DESCRIPTION("KUnit tests of what sockets return when they end");
MODULE_LICENSE("GPL");
