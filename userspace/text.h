/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_TEXT_H
#define SKBALANCE_TEXT_H

#include <stdbool.h>

/*
 * Replaces every \ooo (three octal digits) by its byte, in place. False, with
 * the text undefined, if a backslash starts anything else or the byte is 0.
 */
bool text_unescape(char *text);

/*
 * A copy fit for a terminal: every byte that is not printable ASCII, and
 * the backslash, becomes \ooo. To be freed; NULL without memory.
 */
char *text_escape(const char *text);

/*
 * A copy in valid UTF-8: every byte that is not part of a well-formed
 * sequence becomes U+FFFD. To be freed; NULL without memory.
 */
char *text_utf8(const char *text);

#endif
