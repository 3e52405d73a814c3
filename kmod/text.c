// SPDX-License-Identifier: GPL-2.0-only
#include <linux/seq_file.h>
#include <linux/string.h>

#include "text.h"

static bool is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && !strchr("=,\\", c);
}

static void escape_all(struct seq_file *seq, const char *text)
{
	for (; *text; text++) {
		if (is_plain(*text))
			seq_putc(seq, *text);
		else
			seq_printf(seq, "\\%03o", (unsigned char)*text);
	}
}

void skbal_text_escape(struct seq_file *seq, const char *text)
{
	if (!*text)
		seq_puts(seq, "\\000");
	else if (!strcmp(text, "-"))
		seq_puts(seq, "\\055");
	else
		escape_all(seq, text);
}
