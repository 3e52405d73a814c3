// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/io_uring_types.h>
#include <linux/magic.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "uring.h"

/* By name: io_is_uring_fops() is not exported. No user can make such an inode. */
bool skbal_uring_is(const struct file *file)
{
	return IS_ENABLED(CONFIG_IO_URING) &&
	       file_inode(file)->i_sb->s_magic == ANON_INODE_FS_MAGIC &&
	       !strcmp(file->f_path.dentry->d_name.name, "[io_uring]");
}

static void visit_all(struct io_ring_ctx *ring,
		      void (*fn)(struct file *file, void *data), void *data)
{
	unsigned int i;

	for (i = 0; i < skbal_uring_files(ring); i++) {
		struct file *file = skbal_uring_file(ring, i);

		if (file)
			fn(file, data);
	}
}

/* The mutex protects the table; it can be tried, not waited for. */
void skbal_uring_visit(struct file *ring, bool live,
		       void (*fn)(struct file *file, void *data), void *data)
{
	struct io_ring_ctx *ctx = ring->private_data;

	if (!live && !mutex_is_locked(&ctx->uring_lock)) {
		visit_all(ctx, fn, data);
	} else if (live && mutex_trylock(&ctx->uring_lock)) {
		visit_all(ctx, fn, data);
		mutex_unlock(&ctx->uring_lock);
	}
}
