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

#include "debugfs.h"
#include "error.h"
#include "version.h"

#define FIRST_READ_BYTES (64 * 1024)

/* Whether the kernel was built with debugfs. */
static bool kernel_has_debugfs(void)
{
	FILE *file = fopen("/proc/filesystems", "re");
	char line[128];
	bool found = false;

	if (!file)
		return true;
	while (!found && fgets(line, sizeof(line), file))
		found = strcmp(line, "nodev\tdebugfs\n") == 0;
	fclose(file);
	return found;
}

static int not_mounted(char **error)
{
	if (!kernel_has_debugfs())
		return error_set(error, ENODEV,
				 "this kernel has no debugfs: it needs CONFIG_DEBUG_FS=y");
	return error_set(error, ENODEV,
			 "debugfs is not mounted: mount -t debugfs none /sys/kernel/debug");
}

static int no_memory(char **error)
{
	return error_set(error, ENOMEM, "not enough memory");
}

/* Sets *root to the module's directory, to be freed. */
static int find_root(char **root, char **error)
{
	const char *mount = getenv("SKBALANCE_DEBUGFS");
	struct mntent *entry = NULL;
	FILE *mounts = NULL;
	int length = -1;

	if (!mount) {
		mounts = setmntent("/proc/self/mounts", "re");
		while (mounts && (entry = getmntent(mounts)))
			if (strcmp(entry->mnt_type, "debugfs") == 0)
				break;
		if (entry)
			mount = entry->mnt_dir;
	}
	if (mount)
		length = asprintf(root, "%s/skbalance", mount);
	if (mounts)
		endmntent(mounts);
	if (!mount)
		return not_mounted(error);
	return length < 0 ? no_memory(error) : 0;
}

/* Why root, the module's directory, cannot be used, given errno. */
static int explain_root(const char *root, int code, char **error)
{
	switch (code) {
	case EACCES:
		return error_set(error, code,
				 "%s is readable by root only: run as root",
				 root);
	case EPERM:
		return error_set(error, code,
				 "the kernel refuses to open files in %s: it is locked down (see /sys/kernel/security/lockdown)",
				 root);
	case ENOENT:
	case ENOTDIR:
		return error_set(error, ENXIO,
				 "the kernel module is not loaded (no %s): modprobe skbalance, or insmod skbalance.ko",
				 root);
	default:
		return error_set(error, code, "cannot open %s: %s", root,
				 strerror(code));
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether the directory entry is a pool: a directory, but not "live". */
static bool is_pool(DIR *directory, const char *name)
{
	struct stat status;

	if (name[0] == '.' || strcmp(name, "live") == 0)
		return false;
	return fstatat(dirfd(directory), name, &status, 0) == 0 &&
	       S_ISDIR(status.st_mode);
}

/* The pools in the directory as debugfs_list_pools() returns them, or NULL */
static char **collect_pools(DIR *directory)
{
	char **names = calloc(1, sizeof(*names));
	struct dirent *entry;
	size_t count = 0;

	while (names && (entry = readdir(directory))) {
		char **more;

		if (!is_pool(directory, entry->d_name))
			continue;
		more = reallocarray(names, count + 2, sizeof(*names));
		if (more) {
			names = more;
			names[count] = strdup(entry->d_name);
		}
		if (!more || !names[count]) {
			debugfs_free_pools(names);
			return NULL;
		}
		names[++count] = NULL;
	}
	if (names)
		qsort(names, count, sizeof(*names), compare_names);
	return names;
}

static int list_pools(const char *root, char ***names, char **error)
{
	DIR *directory = opendir(root);

	if (!directory)
		return explain_root(root, errno, error);
	*names = collect_pools(directory);
	closedir(directory);
	return *names ? 0 : no_memory(error);
}

int debugfs_list_pools(char ***names, char **error)
{
	char *root;
	int status = find_root(&root, error);

	if (status)
		return status;
	status = list_pools(root, names, error);
	free(root);
	return status;
}

void debugfs_free_pools(char **names)
{
	if (names)
		for (char **name = names; *name; name++)
			free(*name);
	free(names);
}

/* -ENOENT with the known pools listed if the module has no such pool. */
static int check_pool(const char *root, const char *pool, char **error)
{
	char *known = NULL;
	char **names, **name;
	size_t size;
	FILE *list;
	int status = list_pools(root, &names, error);

	if (status)
		return status;
	for (name = names; *name && strcmp(*name, pool) != 0; name++)
		;
	if (!*name) {
		list = open_memstream(&known, &size);
		for (name = names; list && *name; name++)
			fprintf(list, " %s", *name);
		if (list)
			fclose(list);
		status = error_set(error, ENOENT, "no pool '%s': there is%s",
				   pool, known && *known ? known : " none");
		free(known);
	}
	debugfs_free_pools(names);
	return status;
}

/* Why path, a file of the module, could not be opened or read, given errno */
static int explain_file(const char *root, const char *path, int code,
			char **error)
{
	switch (code) {
	case EACCES:
	case EPERM:
		return explain_root(root, code, error);
	case ENOENT:
		if (access(root, F_OK) < 0)
			return explain_root(root, code, error);
		return error_set(error, code,
				 "%s is missing: the module is of another version than this program (%s)",
				 path, VERSION);
	case ENOMEM:
		return error_set(error, code,
				 "the kernel has too little memory for the snapshot: free some and try again");
	case EAGAIN:
		return error_set(error, code,
				 "the sockets did not hold still for a snapshot: try again");
	case ENOPROTOOPT:
		return error_set(error, code,
				 "the protocols of this pool are not loaded: it has no sockets");
	case EOPNOTSUPP:
		return error_set(error, code,
				 "this kernel (PREEMPT_RT) allows no exact reading: use --live");
	default:
		return error_set(error, code, "cannot read %s: %s", path,
				 strerror(code));
	}
}

/* Reads everything; a negative errno value on failure. */
static int read_all(int fd, char **text, size_t *length)
{
	size_t room = FIRST_READ_BYTES;
	char *buffer = malloc(room);
	size_t used = 0;

	while (buffer) {
		ssize_t count = read(fd, buffer + used, room - used - 1);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			int code = errno;

			free(buffer);
			return -code;
		}
		if (count == 0) {
			buffer[used] = '\0';
			*text = buffer;
			*length = used;
			return 0;
		}
		used += (size_t)count;
		if (room - used < 2) {
			char *larger = realloc(buffer, 2 * room);

			room *= 2;
			if (!larger)
				free(buffer);
			buffer = larger;
		}
	}
	return -ENOMEM;
}

/* debugfs_read() below the module's directory. */
static int read_file(const char *root, const char *pool, const char *file,
		     bool live, char **text, size_t *length, char **error)
{
	int fd, status = pool ? check_pool(root, pool, error) : 0;
	char *path;

	if (status)
		return status;
	if (asprintf(&path, "%s/%s%s%s%s", root, live ? "live/" : "",
		     pool ? pool : "", pool ? "/" : "", file) < 0)
		return no_memory(error);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	status = fd < 0 ? -errno : read_all(fd, text, length);
	if (fd >= 0)
		close(fd);
	if (status)
		status = explain_file(root, path, -status, error);
	free(path);
	return status;
}

int debugfs_read(const char *pool, const char *file, bool live, char **text,
		 size_t *length, char **error)
{
	char *root;
	int status = find_root(&root, error);

	if (status)
		return status;
	status = read_file(root, pool, file, live, text, length, error);
	free(root);
	return status;
}
