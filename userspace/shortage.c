// SPDX-License-Identifier: GPL-2.0-only
/* Documentation/fault-injection/fault-injection.rst */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "shortage.h"

#define SLAB "/sys/kernel/debug/failslab"
#define PAGES "/sys/kernel/debug/fail_page_alloc"

bool shortage_is_possible(void)
{
	return !access(SLAB, F_OK) && !access(PAGES, F_OK);
}

static bool set(const char *directory, const char *name, const char *value)
{
	char path[64];
	FILE *file;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	if (!file)
		return false;
	done = fputs(value, file) >= 0;
	return !fclose(file) && done;
}

/* Without a word in the log. */
static bool prepare(const char *directory, int *probability)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/probability", directory);
	*probability = open(path, O_WRONLY | O_CLOEXEC);
	return *probability >= 0 && set(directory, "verbose", "0") &&
	       set(directory, "interval", "1") && set(directory, "times", "-1");
}

static void close_both(const struct shortage *shortage)
{
	if (shortage->slab >= 0)
		close(shortage->slab);
	if (shortage->pages >= 0)
		close(shortage->pages);
}

bool shortage_prepare(struct shortage *shortage, unsigned int percent)
{
	*shortage = (struct shortage){
		.percent = percent, .slab = -1, .pages = -1
	};
	if (prepare(SLAB, &shortage->slab) &&
	    prepare(PAGES, &shortage->pages) && set(PAGES, "min-order", "0"))
		return true;
	close_both(shortage);
	return false;
}

/* Open files: opening one could fail. */
static bool set_probability(const struct shortage *shortage,
			    unsigned int percent)
{
	return dprintf(shortage->slab, "%u", percent) > 0 &&
	       dprintf(shortage->pages, "%u", percent) > 0;
}

static bool choose(const char *directory, bool own)
{
	return set(directory, "task-filter", own ? "Y" : "N") &&
	       set(directory, "ignore-gfp-wait", own ? "N" : "Y");
}

bool shortage_resume(const struct shortage *shortage)
{
	return set_probability(shortage, shortage->percent);
}

bool shortage_begin_own(const struct shortage *shortage)
{
	return choose(SLAB, true) && choose(PAGES, true) &&
	       set("/proc/self", "make-it-fail", "1") &&
	       shortage_resume(shortage);
}

bool shortage_begin_atomic(const struct shortage *shortage)
{
	return choose(SLAB, false) && choose(PAGES, false) &&
	       shortage_resume(shortage);
}

bool shortage_end(const struct shortage *shortage)
{
	return set_probability(shortage, 0);
}

bool shortage_finish(const struct shortage *shortage)
{
	bool ended = shortage_end(shortage);

	close_both(shortage);
	return ended;
}
