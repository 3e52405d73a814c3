/* SPDX-License-Identifier: GPL-2.0-only */
/* Foreign text, made safe for a line of space-separated name=value pairs. */
#ifndef SKBAL_TEXT_H
#define SKBAL_TEXT_H

struct seq_file;

/**
 * skbal_text_escape() - print text that somebody else has chosen
 *
 * Every byte that is not printable ASCII, and space, "=", "," and "\" come out
 * as \ooo (octal), so that a process name can neither break a line nor forge a
 * pair, nor send anything to a terminal. Nor is it taken for no text: a lone
 * "-" is \055, and an empty text \000.
 */
void skbal_text_escape(struct seq_file *seq, const char *text);

#endif /* SKBAL_TEXT_H */
