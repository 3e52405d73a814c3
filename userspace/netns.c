// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "error.h"
#include "netns.h"
#include "text.h"

#define OWN_NETNS "/proc/thread-self/ns/net"

struct walk {
	int (*visit)(unsigned int netns, int code, void *context,
		     char **error);
	void *context;
	char **error;
	int home;		/* the caller's namespace */
	unsigned int *visited;
	size_t n_visited;
};

static bool was_visited(const struct walk *walk, ino_t netns)
{
	for (size_t i = 0; i < walk->n_visited; i++)
		if (walk->visited[i] == netns)
			return true;
	return false;
}

/* Visits the namespace inside it and comes back. */
static int visit_inside(struct walk *walk, int fd, unsigned int netns)
{
	int status;

	if (setns(fd, CLONE_NEWNET) < 0)
		return walk->visit(netns, errno, walk->context, walk->error);
	status = walk->visit(netns, 0, walk->context, walk->error);
	if (setns(walk->home, CLONE_NEWNET) < 0 && !status)
		status = error_set(walk->error, errno,
				   "cannot return to the network namespace: %s",
				   strerror(errno));
	return status;
}

/* Visits the namespace that path leads to, unless it was. */
static int visit_path(struct walk *walk, const char *path)
{
	struct stat file;
	unsigned int *visited;
	int fd, status = 0;

	if (stat(path, &file) < 0 || was_visited(walk, file.st_ino))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* a process may have ended and its number been used again */
	if (fd < 0 || fstat(fd, &file) < 0 || was_visited(walk, file.st_ino))
		goto out;
	visited = array_append(&walk->visited, &walk->n_visited,
			       sizeof(*visited));
	if (!visited) {
		status = error_set(walk->error, ENOMEM, "not enough memory");
		goto out;
	}
	*visited = (unsigned int)file.st_ino;
	status = visit_inside(walk, fd, *visited);
out:
	if (fd >= 0)
		close(fd);
	return status;
}

static int visit_threads(struct walk *walk, const char *pid)
{
	char path[64];
	struct dirent *entry;
	DIR *threads;
	int status = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/task", pid);
	threads = opendir(path);
	if (!threads)
		return 0;
	while (!status && (entry = readdir(threads))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/ns/net",
			 pid, entry->d_name);
		status = visit_path(walk, path);
	}
	closedir(threads);
	return status;
}

static int visit_processes(struct walk *walk)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	int status = 0;

	if (!processes)
		return error_set(walk->error, errno, "cannot open /proc: %s",
				 strerror(errno));
	while (!status && (entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]))
			status = visit_threads(walk, entry->d_name);
	closedir(processes);
	return status;
}

/*
 * The mount point, if a line of mountinfo is that of a namespace, or NULL;
 * sets *netns to its inode number.
 */
static char *mounted_netns(char *line, long long *netns)
{
	char *field = NULL;

	for (int i = 0; i < 4; i++)
		field = strsep(&line, " ");
	if (!field || !line || sscanf(field, "net:[%lld]", netns) != 1)
		return NULL;
	field = strsep(&line, " ");
	return text_unescape(field) ? field : NULL;
}

/* Calls visit for each namespace that is mounted somewhere. */
static int each_mount(int (*visit)(void *context, const char *path,
				   long long netns),
		      void *context)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *path;
	size_t room = 0;
	int status = 0;

	if (!mounts)
		return 0;
	while (!status && getline(&line, &room, mounts) > 0) {
		long long netns;

		path = mounted_netns(line, &netns);
		if (path)
			status = visit(context, path, netns);
	}
	free(line);
	fclose(mounts);
	return status;
}

static int visit_mount(void *context, const char *path, long long netns)
{
	(void)netns;
	return visit_path(context, path);
}

int netns_visit(int (*visit)(unsigned int netns, int code, void *context,
			     char **error),
		void *context, char **error)
{
	struct walk walk = {
		.visit = visit,
		.context = context,
		.error = error,
		.home = open(OWN_NETNS, O_RDONLY | O_CLOEXEC),
	};
	int status;

	if (walk.home < 0)
		return error_set(error, errno, "cannot open " OWN_NETNS ": %s",
				 strerror(errno));
	status = visit_path(&walk, OWN_NETNS);
	if (!status)
		status = visit_processes(&walk);
	if (!status)
		status = each_mount(visit_mount, &walk);
	close(walk.home);
	free(walk.visited);
	return status;
}

static int add_name(void *context, const char *path, long long netns)
{
	struct netns_names *names = context;
	const char *slash = strrchr(path, '/');
	struct netns_name *name;

	if (netns_name(names, netns))
		return 0;
	name = array_append(&names->list, &names->count, sizeof(*name));
	if (!name)
		return -ENOMEM;
	name->netns = netns;
	name->name = strdup(slash ? slash + 1 : path);
	return name->name ? 0 : -ENOMEM;
}

int netns_names_read(struct netns_names *names, char **error)
{
	*names = (struct netns_names){ 0 };
	if (each_mount(add_name, names))
		return error_set(error, ENOMEM, "not enough memory");
	return 0;
}

const char *netns_name(const struct netns_names *names, long long netns)
{
	for (size_t i = 0; i < names->count; i++)
		if (names->list[i].netns == netns)
			return names->list[i].name;
	return NULL;
}

void netns_names_free(struct netns_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i].name);
	free(names->list);
	*names = (struct netns_names){ 0 };
}

unsigned int netns_of_process(pid_t pid)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return stat(path, &status) ? 0 : (unsigned int)status.st_ino;
}
