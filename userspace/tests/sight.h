/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_TESTS_SIGHT_H
#define SKBALANCE_TESTS_SIGHT_H

#include "books.h"
#include "sockdiag.h"

/* What sock_diag would see of these books: the sockets not in state CLOSE. */
void sight_of_books(struct sockdiag *diag, const struct books *books);

/* One more socket, in the namespace of the captured texts. */
void sight_add(struct sockdiag *diag, const char *local, const char *remote,
	       uint32_t inode, long long bytes);

#endif
