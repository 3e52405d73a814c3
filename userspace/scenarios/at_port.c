// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../endpoint.h"
#include "../sockdiag.h"
#include "../transport.h"
#include "at_port.h"

struct tally {
	long long sockets;
	long long bytes;
	long long kernel;
	long long writing;
	long long queued;
};

bool at_port_find(struct play *play, struct at_port *at,
		  const struct actor *actor)
{
	struct stat found;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", actor->pid);
	if (stat(path, &found))
		return play_fail(play, "%s: %s", path, strerror(errno));
	at->netns = (long long)found.st_ino;
	return true;
}

static bool ask_sockdiag(struct play *play, const struct at_port *at,
			 struct tally *tally)
{
	struct sockdiag diag;
	char *error = NULL;
	bool ok;

	*tally = (struct tally){ 0 };
	ok = !sockdiag_read(&diag, transport_of(at->protocol)->protocol,
			    &error) ||
	     play_fail(play, "sock_diag: %s", error ? error : "no memory");
	for (size_t i = 0; ok && i < diag.n_sockets; i++) {
		if (diag.sockets[i].local.port != at->port ||
		    diag.sockets[i].netns != at->netns)
			continue;
		tally->sockets++;
		tally->bytes += sockdiag_socket_bytes(&diag.sockets[i]);
	}
	sockdiag_free(&diag);
	free(error);
	return ok;
}

static bool is_at(const struct at_port *at, const struct books_socket *socket)
{
	struct endpoint local;

	return socket->netns == at->netns && socket->local &&
	       endpoint_parse(&local, socket->local) && local.port == at->port;
}

static bool is_listener(const struct at_port *at, const char *listener)
{
	char text[ENDPOINT_TEXT_SIZE];

	snprintf(text, sizeof(text), "%s:%u", at->listener, at->port);
	return listener && !strcmp(listener, text);
}

static void add(const struct at_port *at, const struct books_socket *socket,
		struct tally *tally)
{
	tally->sockets++;
	tally->bytes += socket->charged_bytes;
	if (socket->holders.count)
		return;
	tally->kernel += socket->class == BOOKS_CLASS_KERNEL;
	tally->writing += socket->class == BOOKS_CLASS_KERNEL &&
			  socket->write_queue_bytes;
	tally->queued += socket->class == BOOKS_CLASS_ACCEPT_QUEUE &&
			 is_listener(at, socket->listener);
}

static bool read_books(struct play *play, const struct at_port *at,
		       struct tally *tally)
{
	struct books books;

	*tally = (struct tally){ 0 };
	if (!play_books(play, "sockets", &books))
		return false;
	for (size_t i = 0; i < books.n_sockets; i++)
		if (is_at(at, &books.sockets[i]))
			add(at, &books.sockets[i], tally);
	books_free(&books);
	return true;
}

/* The kernel works when it likes. */
static bool await(struct play *play, const struct at_port *expected,
		  struct tally *seen, struct tally *booked)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;

	for (;;) {
		if (!ask_sockdiag(play, expected, seen) ||
		    !read_books(play, expected, booked))
			return false;
		if ((booked->kernel == expected->kernel &&
		     booked->queued == expected->queued &&
		     booked->bytes == seen->bytes) ||
		    play_clock_ms() > deadline)
			return true;
		play_pause();
	}
}

bool at_port_expect(struct play *play, const char *phase,
		    const struct at_port *expected)
{
	struct tally seen, booked;

	if (!await(play, expected, &seen, &booked))
		return false;
	ktap_check(play->ktap, booked.writing >= expected->writing,
		   "%s: kernel sockets with something to send: expected at least %lld, actual %lld",
		   phase, expected->writing, booked.writing);
	return booked.writing >= expected->writing &&
	       play_expect(play, phase, "kernel sockets at the port",
			   expected->kernel, booked.kernel) &&
	       play_expect(play, phase, "sockets that wait to be accepted",
			   expected->queued, booked.queued) &&
	       play_expect(play, phase, "all at the port, by sock_diag",
			   seen.sockets, booked.sockets) &&
	       play_expect(play, phase, "bytes charged, by sock_diag",
			   seen.bytes, booked.bytes) &&
	       play_expect_balanced(play, phase);
}

/* The three readings are of different moments, as in play_expect_meminfo(). */
static bool await_pages(struct play *play, const char *phase,
			const struct at_port *at, const struct actor *clients,
			long long *bytes, long long *charged, long long *pages)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS;
	long long page = sysconf(_SC_PAGESIZE), before = *pages;
	struct meminfo theirs;
	struct tally booked;

	for (;;) {
		if (!play_meminfo(play, phase, clients, &theirs) ||
		    !read_books(play, at, &booked) || !play_pages(play, pages))
			return false;
		*bytes = booked.bytes;
		*charged = booked.bytes + meminfo_bytes(&theirs);
		if (*charged == (*pages - before) * page ||
		    play_clock_ms() > deadline)
			return true;
		play_pause();
	}
}

bool at_port_expect_pages(struct play *play, const char *phase,
			  const struct at_port *expected, long long least,
			  const struct actor *clients, long long pages)
{
	long long now = pages, bytes, charged;

	if (!await_pages(play, phase, expected, clients, &bytes, &charged,
			 &now))
		return false;
	ktap_check(play->ktap, bytes >= least,
		   "%s: bytes charged: expected at least %lld, actual %lld",
		   phase, least, bytes);
	return bytes >= least &&
	       play_expect(play, phase, "bytes charged since, also to clients",
			   (now - pages) * sysconf(_SC_PAGESIZE), charged);
}
