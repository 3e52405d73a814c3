// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "cgroup.h"
#include "error.h"

/* The mount point, to be freed, or NULL. */
static char *find_mount(void)
{
	const char *given = getenv("SKBALANCE_CGROUP");
	struct mntent *entry;
	char *mount = NULL;
	FILE *mounts;

	if (given)
		return strdup(given);
	mounts = setmntent("/proc/self/mounts", "re");
	while (mounts && !mount && (entry = getmntent(mounts)))
		if (strcmp(entry->mnt_type, "cgroup2") == 0)
			mount = strdup(entry->mnt_dir);
	if (mounts)
		endmntent(mounts);
	return mount;
}

static char *join(const char *parent, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent,
		     name) < 0)
		return NULL;
	return path;
}

static int walk(struct cgroups *cgroups, int fd, size_t parent, char *path);

/* Walks those below the one in the list whose directory it is. */
static int walk_below(struct cgroups *cgroups, DIR *directory, size_t place)
{
	struct dirent *entry;
	int status = 0;

	while (!status && (entry = readdir(directory))) {
		int fd;

		if (entry->d_type != DT_DIR ||
		    strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		fd = openat(dirfd(directory), entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			status = walk(cgroups, fd, place,
				      join(cgroups->list[place].path,
					   entry->d_name));
	}
	return status;
}

/* Adds the one whose directory is open as fd, and all below; frees both. */
static int walk(struct cgroups *cgroups, int fd, size_t parent, char *path)
{
	struct cgroup *cgroup = array_append(&cgroups->list, &cgroups->count,
					     sizeof(*cgroup));
	DIR *directory = fdopendir(fd);
	struct stat status;
	int result = -ENOMEM;

	if (cgroup)
		*cgroup = (struct cgroup){ .path = path, .parent = parent };
	else
		free(path);
	if (cgroup && path && directory && fstat(fd, &status) == 0) {
		cgroup->id = (long long)status.st_ino;
		result = walk_below(cgroups, directory, cgroups->count - 1);
	}
	if (directory)
		closedir(directory);
	else
		close(fd);
	return result;
}

static int compare_ids(const void *a, const void *b, void *list)
{
	const struct cgroup *left = (struct cgroup *)list + *(size_t *)a;
	const struct cgroup *right = (struct cgroup *)list + *(size_t *)b;

	return left->id < right->id ? -1 : left->id > right->id;
}

static int sort(struct cgroups *cgroups)
{
	cgroups->by_id = calloc(cgroups->count + 1, sizeof(*cgroups->by_id));
	if (!cgroups->by_id)
		return -ENOMEM;
	for (size_t i = 0; i < cgroups->count; i++)
		cgroups->by_id[i] = i;
	if (cgroups->count)
		qsort_r(cgroups->by_id, cgroups->count,
			sizeof(*cgroups->by_id), compare_ids, cgroups->list);
	return 0;
}

int cgroups_read(struct cgroups *cgroups, char **error)
{
	int fd = -1, status = 0;

	*cgroups = (struct cgroups){ .mount = find_mount() };
	if (cgroups->mount)
		fd = open(cgroups->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		status = walk(cgroups, fd, CGROUP_NONE, strdup("/"));
	if (!status)
		status = sort(cgroups);
	if (status)
		return error_set(error, ENOMEM, "not enough memory");
	return 0;
}

size_t cgroups_find(const struct cgroups *cgroups, long long id)
{
	size_t low = 0, high = cgroups->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		size_t place = cgroups->by_id[middle];

		if (cgroups->list[place].id == id)
			return place;
		if (cgroups->list[place].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return CGROUP_NONE;
}

const char *cgroups_path(const struct cgroups *cgroups, long long id)
{
	size_t place = cgroups_find(cgroups, id);

	return place == CGROUP_NONE ? NULL : cgroups->list[place].path;
}

void cgroups_free(struct cgroups *cgroups)
{
	for (size_t i = 0; i < cgroups->count; i++)
		free(cgroups->list[i].path);
	free(cgroups->list);
	free(cgroups->by_id);
	free(cgroups->mount);
	*cgroups = (struct cgroups){ 0 };
}
