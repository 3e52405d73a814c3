// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

bool text_unescape(char *text)
{
	char *from = strchr(text, '\\');
	char *to = from;

	if (!from)
		return true;
	while (*from) {
		int byte;

		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		if (from[1] < '0' || from[1] > '3' || !is_octal(from[2]) ||
		    !is_octal(from[3]))
			return false;
		byte = (from[1] - '0') << 6 | (from[2] - '0') << 3 |
		       (from[3] - '0');
		/* an empty text is written as its end */
		if (!byte && (to != text || from[4]))
			return false;
		*to++ = (char)byte;
		from += 4;
	}
	*to = '\0';
	return true;
}

char *text_escape(const char *text)
{
	char *copy = malloc(4 * strlen(text) + 1);
	char *to = copy;

	if (!copy)
		return NULL;
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte >= ' ' && byte <= '~' && byte != '\\')
			*to++ = *text;
		else
			to += sprintf(to, "\\%03o", byte);
	}
	*to = '\0';
	return copy;
}

/*
 * The length of the well-formed UTF-8 sequence at the start of text, 0 if
 * there is none (Unicode 15, table 3-7).
 */
static size_t utf8_length(const unsigned char *text)
{
	unsigned char lowest = 0x80, highest = 0xbf;
	size_t length;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	length = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if (text[0] == 0xe0)
		lowest = 0xa0;
	else if (text[0] == 0xed)
		highest = 0x9f;
	else if (text[0] == 0xf0)
		lowest = 0x90;
	else if (text[0] == 0xf4)
		highest = 0x8f;
	if (text[1] < lowest || text[1] > highest)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	return length;
}

char *text_utf8(const char *text)
{
	char *copy = malloc(3 * strlen(text) + 1);
	char *to = copy;

	if (!copy)
		return NULL;
	while (*text) {
		size_t length = utf8_length((const unsigned char *)text);

		if (length) {
			to = mempcpy(to, text, length);
			text += length;
		} else {
			to = stpcpy(to, "\xef\xbf\xbd");
			text++;
		}
	}
	*to = '\0';
	return copy;
}
