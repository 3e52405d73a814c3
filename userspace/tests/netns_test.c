// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "netns.h"
#include "sockdiag.h"
#include "tests/helper.h"

#define PORT 8000

static unsigned int current_netns(void)
{
	struct stat file;

	assert_int_equal(stat("/proc/thread-self/ns/net", &file), 0);
	return (unsigned int)file.st_ino;
}

/* The namespaces that were visited, in this order. */
struct visited {
	unsigned int netns[1000];
	size_t count;
};

static int remember(unsigned int netns, int code, void *context, char **error)
{
	struct visited *visited = context;

	(void)error;
	assert_int_equal(code, 0);
	assert_int_equal(netns, current_netns());
	assert_true(visited->count < ARRAY_SIZE(visited->netns));
	visited->netns[visited->count++] = netns;
	return 0;
}

static size_t count_visits(const struct visited *visited, unsigned int netns)
{
	size_t count = 0;

	for (size_t i = 0; i < visited->count; i++)
		count += visited->netns[i] == netns;
	return count;
}

/* A process in a network namespace of its own, where it listens. */
static pid_t start_child(unsigned int *netns)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
	};
	int ends[2], listener;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWNET) < 0)
			_exit(1);
		listener = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(listener, (struct sockaddr *)&address,
			 sizeof(address)) || listen(listener, 1))
			_exit(1);
		*netns = current_netns();
		if (write(ends[1], netns, sizeof(*netns)) != sizeof(*netns))
			_exit(1);
		pause();
		_exit(0);
	}
	close(ends[1]);
	if (read(ends[0], netns, sizeof(*netns)) != sizeof(*netns))
		skip();
	close(ends[0]);
	return child;
}

static void stop_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void each_namespace_is_visited_once(void **state)
{
	struct visited visited = { .count = 0 };
	unsigned int own = current_netns(), other;
	pid_t child = start_child(&other);
	char *error;

	(void)state;
	assert_int_not_equal(own, other);
	assert_int_equal(netns_visit(remember, &visited, &error), 0);
	assert_int_equal(visited.netns[0], own);
	for (size_t i = 0; i < visited.count; i++)
		assert_int_equal(count_visits(&visited, visited.netns[i]), 1);
	assert_int_equal(count_visits(&visited, other), 1);
	assert_int_equal(current_netns(), own);
	stop_child(child);
}

/* As "ip netns" does it: a namespace that only a mount keeps. */
static void mounted_namespace_is_visited(void **state)
{
	char path[] = "/tmp/skbalance netns-XXXXXX", source[64];
	struct visited visited = { .count = 0 };
	struct netns_names names;
	int fd = mkstemp(path), status;
	unsigned int other;
	char *error;
	pid_t child;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	child = start_child(&other);
	snprintf(source, sizeof(source), "/proc/%d/ns/net", child);
	status = mount(source, path, "none", MS_BIND, NULL);
	stop_child(child);
	if (status == 0) {
		status = netns_visit(remember, &visited, &error);
		assert_int_equal(netns_names_read(&names, &error), 0);
		umount(path);
		assert_int_equal(status, 0);
		assert_int_equal(count_visits(&visited, other), 1);
		assert_string_equal(netns_name(&names, other),
				    strrchr(path, '/') + 1);
		assert_null(netns_name(&names, 1));
		netns_names_free(&names);
	}
	unlink(path);
	if (status < 0)
		skip();
}

static int refuse(unsigned int netns, int code, void *context, char **error)
{
	(void)netns;
	(void)code;
	(void)error;
	++*(int *)context;
	return -EIO;
}

static void walk_ends_with_an_error(void **state)
{
	unsigned int own = current_netns();
	int visits = 0;
	char *error;

	(void)state;
	assert_int_equal(netns_visit(refuse, &visits, &error), -EIO);
	assert_int_equal(visits, 1);
	assert_int_equal(current_netns(), own);
}

static void sockets_are_seen_in_every_namespace(void **state)
{
	struct sockdiag diag;
	unsigned int other;
	pid_t child = start_child(&other);
	size_t found = 0;
	char *error;

	(void)state;
	if (sockdiag_read(&diag, IPPROTO_TCP, &error)) {
		print_message("# SKIP %s\n", error);
		free(error);
		stop_child(child);
		skip();
	}
	for (size_t i = 0; i < diag.n_sockets; i++)
		found += diag.sockets[i].netns == other &&
			 diag.sockets[i].local.port == PORT;
	assert_int_equal(found, 1);
	assert_true(diag.n_namespaces >= 2);
	sockdiag_free(&diag);
	stop_child(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_namespace_is_visited_once),
		cmocka_unit_test(mounted_namespace_is_visited),
		cmocka_unit_test(walk_ends_with_an_error),
		cmocka_unit_test(sockets_are_seen_in_every_namespace),
	};

	return cmocka_run_group_tests_name("netns", tests, NULL, NULL);
}
