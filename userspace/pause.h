/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_PAUSE_H
#define SKBALANCE_PAUSE_H

#include <stddef.h>

/*
 * How long an exact reading would stop the machine: asked of the module
 * before it does so.
 */

/*
 * 0 if the module expects no longer pause than that, -ETIME if it does. Errors
 * beyond as of debugfs_read(), and -EPROTO for a text that is not understood.
 */
int pause_check(long long max_ns, char **error);

/* Sets *estimate_ns from the text of the module's file. 0 or -EPROTO. */
int pause_parse(long long *estimate_ns, char *text, char **error);

/* Says that the pause would be longer than what whose allows. -ETIME. */
int pause_refuse(long long estimate_ns, const char *whose, long long max_ns,
		 char **error);

#endif
