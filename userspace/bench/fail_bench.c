// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads a file again and again, each time with one more of the kernel's
 * allocations succeeding before one fails, until none is left to fail. What is
 * read must be whole (its last line "end"), or the reading end with ENOMEM.
 * See fail-nth in Documentation/fault-injection/fault-injection.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"

/* What is made to fail, and how: all of it, whoever can wait for memory. */
static const char *const settings[][2] = {
	{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
};

static void die(const char *what)
{
	fprintf(stderr, "skbalance-fail: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

/* Without an allocation of our own: they would fail instead. */
static char text[1 << 20];

static ssize_t read_all(const char *path)
{
	size_t length = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, text + length, sizeof(text) - 1 - length);
		length += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	if (got < 0)
		got = -errno;
	close(fd);
	text[length] = '\0';
	return got < 0 ? got : (ssize_t)length;
}

static bool is_whole(ssize_t length)
{
	return length >= 5 && !strcmp(text + length - 5, "\nend\n");
}

/* Whether an allocation has failed; *length is what the reading has returned. */
static bool fail_one(int control, unsigned int nth, const char *path,
		     ssize_t *length)
{
	char number[16];
	ssize_t got;

	snprintf(number, sizeof(number), "%u", nth);
	if (pwrite(control, number, strlen(number), 0) < 0)
		die("fail-nth");
	*length = read_all(path);
	got = pread(control, number, sizeof(number) - 1, 0);
	if (got < 0 || pwrite(control, "0", 1, 0) < 0)
		die("fail-nth");
	number[got] = '\0';
	return !atoi(number);
}

static int fail_each(int control, const char *path)
{
	unsigned int nth, errors = 0;
	ssize_t length;

	for (nth = 1; fail_one(control, nth, path, &length); nth++) {
		errors += length == -ENOMEM;
		if (length == -ENOMEM || is_whole(length))
			continue;
		printf("%s: allocation %u: %s\n", path, nth,
		       length < 0 ? strerror((int)-length) : "not whole");
		return 1;
	}
	printf("%s: %u allocations failed, %u readings with an error, the others whole\n",
	       path, nth - 1, errors);
	return nth > 1 && is_whole(length) ? 0 : 1;
}

int main(int argc, char *argv[])
{
	int control = open("/proc/thread-self/fail-nth", O_RDWR);
	int failed = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: skbalance-fail FILE...\n");
		return 2;
	}
	if (control < 0)
		die("fail-nth: no fault injection in this kernel");
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		write_text(settings[i][0], settings[i][1]);
	memset(text, 1, sizeof(text));
	while (*++argv)
		failed |= fail_each(control, *argv);
	return failed;
}
