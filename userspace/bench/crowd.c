// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "bench/crowd.h"

/* Of one process: fewer than fs.nr_open is by default. */
#define SOCKETS_EACH 250000
/*
 * Connections to one address: fewer than there are even ephemeral ports. The
 * kernel tries all of these, each time, before it takes an odd one.
 */
#define CONNECTIONS_EACH 10000

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int listen_anywhere(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = tcp_socket();

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	if (listen(fd, 128) || getsockname(fd, (void *)address, &size))
		die("listen");
	return fd;
}

/* Descriptors stay open: they are the crowd. */
static void connect_one(int listener, const struct sockaddr_in *address)
{
	int client = tcp_socket();

	if (connect(client, (const void *)address, sizeof(*address)))
		die("connect");
	if (accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0)
		die("accept");
}

static void crowd_tcp(unsigned long count)
{
	struct sockaddr_in address;
	int listener = listen_anywhere(&address);
	unsigned long i;

	for (i = 0; i < count / 2; i++) {
		address.sin_addr.s_addr =
			htonl(INADDR_LOOPBACK + i / CONNECTIONS_EACH);
		connect_one(listener, &address);
	}
}

static void crowd_descriptors(unsigned long count)
{
	int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int last = first;

	if (first < 0)
		die("/dev/null");
	tcp_socket();
	while ((unsigned long)last < count) {
		last = fcntl(first, F_DUPFD_CLOEXEC, 0);
		if (last < 0)
			die("dup");
	}
}

static void *sleep_on(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void crowd_threads(unsigned long count)
{
	pthread_attr_t attributes;
	pthread_t thread;

	crowd_tcp(1000);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	while (count--)
		if (pthread_create(&thread, &attributes, sleep_on, NULL))
			die("pthread_create");
}

/* What a process may call itself, and what must not disturb a reader. */
static void crowd_name(unsigned long number)
{
	static const char *const names[] = {
		"a b=c,d\\e\n", "\n\nend\nfoo", "\033[2J\a\t\r", "\xff\xfe\x80",
		"pid=1 comm=x", "%s%n%p", "",
	};

	prctl(PR_SET_NAME, names[number % ARRAY_SIZE(names)]);
	tcp_socket();
}

/* Sockets that live shortly, and every now and then a namespace with some. */
static void churn(unsigned long number)
{
	struct sockaddr_in address;
	int listener, client, datagrams;
	unsigned int i;

	if (number % 4 == 3 && unshare(CLONE_NEWNET))
		die("unshare");
	/* a new namespace has nothing up: its sockets talk to nobody */
	listener = listen_anywhere(&address);
	for (i = 0; i < 50; i++) {
		client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		datagrams = socket(AF_INET, SOCK_DGRAM, 0);
		connect(client, (const void *)&address, sizeof(address));
		connect(datagrams, (const void *)&address, sizeof(address));
		send(datagrams, &address, sizeof(address), MSG_DONTWAIT);
		close(client);
		close(datagrams);
	}
	close(listener);
}

/* Each turn in a process of its own, so that descriptor tables die, too. */
static void crowd_churn(unsigned long number)
{
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;; number++) {
		pid_t pid = fork();

		if (!pid) {
			churn(number);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

/* Every kind makes its crowd out of processes, each with a part of it. */
static const struct kind {
	const char *name;
	unsigned long each;
	/* with the size of the part or, where parts are of one, its number */
	void (*make)(unsigned long part);
} kinds[] = {
	{ "tcp", SOCKETS_EACH, crowd_tcp },
	{ "descriptors", 1048576, crowd_descriptors },
	{ "threads", 100000, crowd_threads },
	{ "names", 1, crowd_name },
	{ "churn", 1, crowd_churn },
};

static void make_part(const struct kind *kind, unsigned long part,
		      unsigned long number)
{
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		die("pipe");
	switch (fork()) {
	case -1:
		die("fork");
		break;
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		kind->make(kind->each == 1 ? number : part);
		if (write(ready[1], "", 1) != 1)
			die("pipe");
		sleep_on(NULL);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		exit(2);
	close(ready[0]);
}

static void make_parts(const struct kind *kind, unsigned long count)
{
	unsigned long number = 0;

	while (count) {
		unsigned long part = count < kind->each ? count : kind->each;

		make_part(kind, part, number++);
		count -= part;
	}
}

bool crowd_make(const char *name, unsigned long count)
{
	struct rlimit limit = { 1048576, 1048576 };
	size_t i;

	setrlimit(RLIMIT_NOFILE, &limit);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(name, kinds[i].name))
			continue;
		make_parts(&kinds[i], count);
		return true;
	}
	return false;
}
