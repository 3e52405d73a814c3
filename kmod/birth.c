// SPDX-License-Identifier: GPL-2.0-only
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/math64.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "birth.h"
#include "text.h"

/* Where the module is gone that it was in, nothing is known but a number. */
static void show_symbol(struct seq_file *seq, unsigned long address)
{
	char text[KSYM_SYMBOL_LEN];
	char *size;

	snprintf(text, sizeof(text), "%pS", (void *)address);
	size = strchr(text, '/');
	if (!size) {
		seq_putc(seq, '?');
		return;
	}
	*size = '\0';
	skbal_text_escape(seq, text);
}

void skbal_birth_show(struct seq_file *seq, const struct skbal_birth *birth,
		      unsigned long now)
{
	const char *separator = " stack=";
	unsigned int i;

	seq_printf(seq, "birth age_ms=%llu",
		   div_u64((u64)(now - birth->jiffies) * MSEC_PER_SEC, HZ));
	if (birth->child)
		seq_puts(seq, " pid=0 comm=-");
	seq_printf(seq, " %s=%d", birth->child ? "listener_pid" : "pid",
		   birth->pid);
	seq_printf(seq, " %s=", birth->child ? "listener_comm" : "comm");
	skbal_text_escape(seq, *birth->comm ? birth->comm : "-");
	if (!birth->depth)
		seq_puts(seq, " stack=-");
	for (i = 0; i < birth->depth; i++) {
		seq_puts(seq, separator);
		show_symbol(seq, birth->stack[i]);
		separator = ",";
	}
	seq_putc(seq, '\n');
}
