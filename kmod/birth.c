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
	const char *module;
	char *size;

	/* NAME+OFFSET/SIZE [MODULE] */
	snprintf(text, sizeof(text), "%pS", (void *)address);
	size = strchr(text, '/');
	if (!size) {
		seq_putc(seq, '?');
		return;
	}
	*size = '\0';
	skbal_text_escape(seq, text);
	module = strchr(size + 1, '[');
	if (module)
		skbal_text_escape(seq, module);
}

/* Of a child, who made its listener, if that is known. */
static void show_maker(struct seq_file *seq, const struct skbal_birth *birth)
{
	if (birth->child)
		seq_puts(seq, " pid=0 comm=-");
	if (!birth->known) {
		seq_puts(seq, " listener_pid=- listener_comm=-");
		return;
	}
	seq_printf(seq, " %s=%d", birth->child ? "listener_pid" : "pid",
		   birth->pid);
	seq_printf(seq, " %s=", birth->child ? "listener_comm" : "comm");
	skbal_text_escape(seq, birth->comm);
}

void skbal_birth_show(struct seq_file *seq, const struct skbal_birth *birth,
		      unsigned long now)
{
	unsigned int i;

	seq_printf(seq, "birth age_ms=%llu",
		   div_u64((u64)(now - birth->jiffies) * MSEC_PER_SEC, HZ));
	show_maker(seq, birth);
	seq_puts(seq, birth->depth ? " stack=" : " stack=-");
	for (i = 0; i < birth->depth; i++) {
		if (i)
			seq_putc(seq, ',');
		show_symbol(seq, birth->stack[i]);
	}
	seq_putc(seq, '\n');
}
