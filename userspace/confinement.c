// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "confinement.h"

static bool write_file(const char *directory, const char *name,
		       const char *text)
{
	ssize_t length = (ssize_t)strlen(text);
	char path[320];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = write(fd, text, (size_t)length) == length;
	close(fd);
	return ok;
}

/* Below the root of the hierarchy, wherever that is mounted. */
static bool make_below(struct confinement *confinement, const char *mount,
		       const char *name)
{
	struct stat stat;

	/* stays on: others may have come to need it meanwhile */
	confinement->memory = write_file(mount, "cgroup.subtree_control",
					 "+memory");
	snprintf(confinement->path, sizeof(confinement->path), "%s/%s", mount,
		 name);
	/* it may be left from a run that was interrupted */
	rmdir(confinement->path);
	if (mkdir(confinement->path, 0700) || lstat(confinement->path, &stat)) {
		confinement->path[0] = '\0';
		return false;
	}
	confinement->id = (long long)stat.st_ino;
	return true;
}

bool confinement_make(struct confinement *confinement, const char *name)
{
	struct cgroups cgroups;
	char *error = NULL;
	bool ok;

	*confinement = (struct confinement){ 0 };
	ok = !cgroups_read(&cgroups, &error) && cgroups.mount &&
	     make_below(confinement, cgroups.mount, name);
	cgroups_free(&cgroups);
	return ok;
}

void confinement_enter(struct stage *stage,
		       const struct confinement *confinement)
{
	if (!write_file(confinement->path, "cgroup.procs", "0"))
		stage_fail(stage, "cgroup.procs");
}

bool confinement_limit(const struct confinement *confinement, const char *bytes)
{
	return write_file(confinement->path, "memory.max", bytes);
}

int confinement_open(const struct confinement *confinement)
{
	return open(confinement->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void confinement_remove(struct confinement *confinement)
{
	if (confinement->path[0])
		rmdir(confinement->path);
	confinement->path[0] = '\0';
}
