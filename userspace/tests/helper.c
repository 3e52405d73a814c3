// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "tests/helper.h"
#include "version.h"

#define DATA "tests/data"

bool helper_quick(void)
{
	return !!getenv("SKBALANCE_TEST_QUICK");
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	if (getdelim(&text, &room, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

char *helper_replace(char *text, const char *from, const char *to)
{
	char *found = strstr(text, from);
	char *result;

	if (!found || strstr(found + 1, from))
		fail_msg("'%s' is not there exactly once", from);
	assert_true(asprintf(&result, "%.*s%s%s", (int)(found - text), text,
			     to, found + strlen(from)) >= 0);
	free(text);
	return result;
}

static char *read_data(const char *path)
{
	char *text = read_file(path);

	if (!strstr(text, "@VERSION@"))
		return text;
	return helper_replace(text, "@VERSION@", VERSION);
}

char *helper_data(const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), DATA "/%s", path);
	return read_data(full);
}

void helper_parse(struct books *books, char *text)
{
	char *error;

	if (books_parse(books, text, strlen(text), &error))
		fail_msg("%s", error);
}

/* nftw() has no argument for the caller's own use. */
static const char *copy_to;
static size_t copy_skip;

static int copy_entry(const char *path, const struct stat *status, int type,
		      struct FTW *position)
{
	char target[512];
	char *text;

	(void)status;
	(void)position;
	snprintf(target, sizeof(target), "%s%s", copy_to, path + copy_skip);
	if (type == FTW_D) {
		assert_true(mkdir(target, 0700) == 0 || errno == EEXIST);
		return 0;
	}
	text = read_data(path);
	write_file(target, text);
	free(text);
	return 0;
}

char *helper_tree(const char *name)
{
	char *tree = strdup("/tmp/skbalance-test-XXXXXX");
	char path[256];

	assert_non_null(mkdtemp(tree));
	snprintf(path, sizeof(path), DATA "/%s", name);
	copy_to = tree;
	copy_skip = strlen(path);
	assert_int_equal(nftw(path, copy_entry, 8, 0), 0);
	return tree;
}

void helper_tree_edit(const char *tree, const char *file, const char *from,
		      const char *to)
{
	char path[512];
	char *text;

	snprintf(path, sizeof(path), "%s/skbalance/%s", tree, file);
	text = helper_replace(read_file(path), from, to);
	write_file(path, text);
	free(text);
}

void helper_tree_cut(const char *tree, const char *file, const char *after)
{
	char path[512];
	char *text, *found;

	snprintf(path, sizeof(path), "%s/skbalance/%s", tree, file);
	text = read_file(path);
	found = strstr(text, after);
	assert_non_null(found);
	found[strlen(after)] = '\0';
	write_file(path, text);
	free(text);
}

static int remove_entry(const char *path, const struct stat *status, int type,
			struct FTW *position)
{
	(void)status;
	(void)type;
	(void)position;
	return remove(path);
}

void helper_tree_free(char *tree)
{
	nftw(tree, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(tree);
}

static void exec_program(const char *tree, const char *arguments, int out,
			 int err)
{
	char *program = getenv("SKBALANCE");
	char *copy = strdup(arguments);
	char *argv[32] = { program };
	size_t argc = 1;

	setenv("SKBALANCE_DEBUGFS", tree ? tree : "/nonexistent", 1);
	setenv("SKBALANCE_CGROUP", "/nonexistent", 0);
	for (char *argument; (argument = strsep(&copy, " "));)
		if (*argument && argc < ARRAY_SIZE(argv) - 1)
			argv[argc++] = argument;
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (program)
		execv(program, argv);
	_exit(127);
}

void helper_run(struct helper_result *result, const char *tree,
		const char *arguments)
{
	char out[] = "/tmp/skbalance-out-XXXXXX";
	char err[] = "/tmp/skbalance-err-XXXXXX";
	int out_fd = mkstemp(out), err_fd = mkstemp(err), status;
	pid_t child;

	assert_true(out_fd >= 0 && err_fd >= 0);
	child = fork();
	if (child == 0)
		exec_program(tree, arguments, out_fd, err_fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	result->status = WIFEXITED(status) ? WEXITSTATUS(status) :
					     128 + WTERMSIG(status);
	result->out = read_file(out);
	result->err = read_file(err);
	close(out_fd);
	close(err_fd);
	unlink(out);
	unlink(err);
}

void helper_result_free(struct helper_result *result)
{
	free(result->out);
	free(result->err);
}
