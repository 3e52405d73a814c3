// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "kmsg.h"

bool kmsg_open(struct kmsg *kmsg)
{
	kmsg->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return kmsg->fd >= 0 && lseek(kmsg->fd, 0, SEEK_END) >= 0;
}

bool kmsg_is_bug(const char *line)
{
	static const char *const signs[] = {
		"WARNING:", "BUG:", "Oops:", "general protection fault",
		"Kernel panic", "refcount_t:", "self-detected stall",
		"detected stalls on", "blocked for more than",
		"possible recursive locking", "circular locking dependency",
		"suspicious RCU usage", "unreferenced object", "UBSAN:",
	};

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (strstr(line, signs[i]))
			return true;
	return false;
}

/* A record is "level,sequence,time,flags;text", then lines of key=value. */
static char *record_text(char *record)
{
	char *text = strchr(record, ';');
	char *end;

	text = text ? text + 1 : record;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	return text;
}

unsigned int kmsg_bugs(struct kmsg *kmsg,
		       void (*report)(void *arg, const char *line), void *arg)
{
	unsigned int bugs = 0;
	char record[8192 + 1];
	const char *text;
	ssize_t length;

	for (;;) {
		length = read(kmsg->fd, record, sizeof(record) - 1);
		if (length < 0 && errno == EPIPE) {
			report(arg, "(the kernel log overflowed: lines lost)");
			bugs++;
			continue;
		}
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return bugs;
		record[length] = '\0';
		text = record_text(record);
		if (kmsg_is_bug(text)) {
			report(arg, text);
			bugs++;
		}
	}
}

void kmsg_close(struct kmsg *kmsg)
{
	close(kmsg->fd);
}
