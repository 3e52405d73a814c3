/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_KTLS_H
#define SKBALANCE_KTLS_H

#include <linux/tls.h>

#include "scenarios.h"

/* Of a record: type, version, length. */
#define KTLS_HEADER 5
/* What it is longer than its plaintext: its nonce and tag, too. */
#define KTLS_OVERHEAD (KTLS_HEADER + TLS_CIPHER_AES_GCM_128_IV_SIZE + \
		       TLS_CIPHER_AES_GCM_128_TAG_SIZE)

/* The kernel encrypts what is sent (TLS_TX), or decrypts (TLS_RX). */
bool ktls_start(int fd, int direction);

/* Whether it can do that. Otherwise the scenario is skipped, or has failed. */
bool ktls_is_possible(struct play *play);

#endif
