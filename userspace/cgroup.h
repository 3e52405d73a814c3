/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_CGROUP_H
#define SKBALANCE_CGROUP_H

#include <stddef.h>

/*
 * The version-2 control groups that there are. The mount point is looked for
 * in /proc/self/mounts; the environment variable SKBALANCE_CGROUP names
 * another directory instead.
 */

#define CGROUP_NONE ((size_t)-1)

/* The root of the kernel's hierarchy, wherever it is mounted. */
#define CGROUP_ROOT_ID 1

struct cgroup {
	long long id;		/* the inode of its directory */
	char *path;		/* below the mount point; "/" for the first */
	size_t parent;		/* its place in the list, NONE for the first */
};

struct cgroups {
	char *mount;		/* NULL: version 2 is not mounted */
	struct cgroup *list;	/* each one before what is below it */
	size_t count;
	size_t *by_id;		/* places in the list */
};

/*
 * Walks the directories. That there are none is no error; what goes meanwhile
 * is left out. 0 or -ENOMEM; to be freed in any case.
 */
int cgroups_read(struct cgroups *cgroups, char **error);

/* The place of that id in the list, CGROUP_NONE if it is not there. */
size_t cgroups_find(const struct cgroups *cgroups, long long id);

/* The path of that id, or NULL: it is none, was removed, or is not visible. */
const char *cgroups_path(const struct cgroups *cgroups, long long id);

void cgroups_free(struct cgroups *cgroups);

#endif
