// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "blindspot.h"
#include "error.h"
#include "roster.h"

/*
 * The roster has no sockets of MPTCP: their subflows have the same inode
 * numbers and addresses. In MPTCP's own dump there are none.
 */
static bool is_seen(const struct roster *seen, struct roster_entry entry)
{
	if (strncmp(entry.booked->protocol, "MPTCP", 5) == 0) {
		entry.inode = (uint32_t)entry.booked->inode;
		entry.hashed = strcmp(entry.booked->state, "CLOSE") != 0;
	}
	return roster_find(seen, &entry);
}

/* The kernel's own, like the one that answers for SCTP, is nobody's loss. */
static bool matters(const struct books_socket *socket)
{
	return socket->class != BOOKS_CLASS_KERNEL || socket->charged_bytes;
}

int blindspot_add(struct blindspot *spot, const struct books *books,
		  const struct transport *transport,
		  const struct sockdiag *diag)
{
	struct roster booked, seen = { 0 };
	int status = roster_of_books(&booked, books);

	if (!status)
		status = roster_of_sockdiag(&seen, diag);
	for (size_t i = 0; !status && i < booked.count; i++) {
		const struct books_socket *socket = booked.entries[i].booked;

		if (!transport_is_named(transport, socket->protocol) ||
		    !matters(socket) || is_seen(&seen, booked.entries[i]))
			continue;
		spot->sockets++;
		spot->bytes += socket->charged_bytes;
	}
	roster_free(&booked);
	roster_free(&seen);
	return status;
}

static bool has_sockets(const struct books *books,
			const struct transport *transport)
{
	for (size_t i = 0; i < books->n_sockets; i++)
		if (transport_is_named(transport, books->sockets[i].protocol))
			return true;
	return false;
}

/* Whom the books know only by number, sock_diag does not know either. */
static void add_missing(struct blindspot *spot, const struct books_pool *pool)
{
	if (pool->sockets_allocated != BOOKS_NONE)
		spot->sockets += pool->sockets_allocated - pool->sockets_found;
	spot->bytes += pool->unaccounted_bytes;
}

static int look(struct blindspot *spot, const struct books *books,
		const struct transport *transport, char **error)
{
	struct sockdiag diag;
	int status = sockdiag_read(&diag, transport->protocol, error);

	if (!status && blindspot_add(spot, books, transport, &diag))
		status = error_set(error, ENOMEM, "not enough memory");
	sockdiag_free(&diag);
	return status;
}

int blindspot_read(struct blindspot *spot, const char *pool, char **error)
{
	struct books books;
	int status = books_read(&books, pool, "sockets", false, error);

	*spot = (struct blindspot){ 0 };
	for (size_t i = 0; !status && transports[i].pool; i++)
		if (strcmp(transports[i].pool, pool) == 0 &&
		    has_sockets(&books, &transports[i]))
			status = look(spot, &books, &transports[i], error);
	if (!status && books.n_pools)
		add_missing(spot, &books.pools[0]);
	spot->pages = books_pages(&books, spot->bytes);
	books_free(&books);
	return status;
}
