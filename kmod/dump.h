/* SPDX-License-Identifier: GPL-2.0-only */
/* The debugfs files. FORMAT.md says what is in them. */
#ifndef SKBAL_DUMP_H
#define SKBAL_DUMP_H

/** skbal_dump_init() - create the files
 *
 * Return: 0, or what debugfs says, -ENODEV where the kernel has none.
 */
int skbal_dump_init(void);

/** skbal_dump_exit() - remove them; those being read keep the module loaded */
void skbal_dump_exit(void);

#endif /* SKBAL_DUMP_H */
