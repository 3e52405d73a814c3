// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "sysctl.h"

#define SETTINGS 16

/* Static, as it is also used when a signal ends the process. */
static struct setting {
	char path[96];
	char before[96];
	size_t length;
} settings[SETTINGS];
static unsigned int n_settings;

static void path_of(const char *name, char *path, size_t size)
{
	if (*name == '/') {
		snprintf(path, size, "%s", name);
		return;
	}
	snprintf(path, size, "/proc/sys/%s", name);
	for (char *c = path + strlen("/proc/sys/"); *c; c++)
		if (*c == '.')
			*c = '/';
}

static int write_file(const char *path, const char *value, size_t length)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int code = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, length) != (ssize_t)length)
		code = errno ? -errno : -EIO;
	close(fd);
	return code;
}

static int read_file(const char *path, char *value, size_t size, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, value, size);
	close(fd);
	if (n < 0)
		return -errno;
	*length = (size_t)n;
	return 0;
}

int sysctl_set(const char *name, const char *value, char **error)
{
	struct setting *setting = &settings[n_settings];
	int code;

	if (n_settings == SETTINGS)
		return error_set(error, ENOSPC, "%s: too many settings", name);
	path_of(name, setting->path, sizeof(setting->path));
	code = read_file(setting->path, setting->before,
			 sizeof(setting->before), &setting->length);
	if (!code)
		code = write_file(setting->path, value, strlen(value));
	if (code)
		return error_set(error, -code, "cannot set %s to \"%s\": %s",
				 name, value, strerror(-code));
	n_settings++;
	return 0;
}

void sysctl_restore(void)
{
	while (n_settings) {
		const struct setting *setting = &settings[--n_settings];

		write_file(setting->path, setting->before, setting->length);
	}
}
