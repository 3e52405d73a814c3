/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_IDLE_H
#define SKBALANCE_IDLE_H

/*
 * Whether a TCP socket keeps pages of a queue that has become empty, for what
 * comes next. Kernels do before 6.0 ("net: keep sk->sk_forward_alloc as small as
 * possible", 4890b686f408). Tried with a connection of this process. Returns 1
 * or 0; -1: errno says why it could not be tried.
 */
int idle_keeps_pages(void);

#endif
