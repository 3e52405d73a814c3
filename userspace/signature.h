/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_SIGNATURE_H
#define SKBALANCE_SIGNATURE_H

#include <stdbool.h>

#include "loopback.h"

/*
 * TCP-MD5: from now on what the socket sends to that address is signed, and
 * what comes from there must be, with the one key that there is. False: errno
 * says why, ENOPROTOOPT if the kernel has no CONFIG_TCP_MD5SIG.
 */
bool signature_require(int fd, const struct loopback *peer);

/* No longer. */
bool signature_renounce(int fd, const struct loopback *peer);

#endif
