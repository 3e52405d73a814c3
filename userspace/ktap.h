/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_KTAP_H
#define SKBALANCE_KTAP_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Results in the Kernel Test Anything Protocol, version 1: one test for each
 * scenario, its checks as subtests. The lines of a test are kept until it
 * ends, because the plan comes first and needs their number.
 */
struct ktap {
	FILE *out;
	bool brief;		/* print only those checks that fail */
	unsigned int passed, failed, skipped;	/* tests */

	/* of the test that runs */
	FILE *lines;
	char *text;
	size_t length;
	unsigned int checks;
	unsigned int failed_checks;
};

/* Prints the version and the plan of that many tests. */
void ktap_start(struct ktap *ktap, FILE *out, unsigned int tests);

void ktap_test_start(struct ktap *ktap);

/* Ends a test; it has passed if it had a check and none failed. */
void ktap_test_end(struct ktap *ktap, const char *name);

/* A test that did not run, or not to its end, and why. */
void ktap_test_skip(struct ktap *ktap, const char *name, const char *reason);

/* A check of the running test. */
void ktap_check(struct ktap *ktap, bool ok, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A remark on the check before it, or on the test. */
void ktap_remark(struct ktap *ktap, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints the totals as a remark. */
void ktap_end(struct ktap *ktap);

#endif
