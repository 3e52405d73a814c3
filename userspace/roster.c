// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "roster.h"

static int compare_inodes(const void *a, const void *b)
{
	const struct roster_entry *const *l = a, *const *r = b;
	const struct roster_entry *left = *l, *right = *r;

	if (left->inode != right->inode)
		return left->inode < right->inode ? -1 : 1;
	return 0;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct roster_entry *const *l = a, *const *r = b;
	const struct roster_entry *left = *l, *right = *r;
	int order;

	if (left->hashed != right->hashed)
		return left->hashed ? 1 : -1;
	if (left->netns != right->netns)
		return left->netns < right->netns ? -1 : 1;
	order = endpoint_compare(&left->local, &right->local);
	return order ? order : endpoint_compare(&left->remote, &right->remote);
}

static int allocate(struct roster *roster, size_t count)
{
	*roster = (struct roster){
		.entries = calloc(count + 1, sizeof(*roster->entries)),
		.by_inode = calloc(count + 1, sizeof(*roster->by_inode)),
		.by_address = calloc(count + 1, sizeof(*roster->by_address)),
	};
	return roster->entries && roster->by_inode && roster->by_address ?
		0 : -ENOMEM;
}

static void sort(struct roster *roster)
{
	for (size_t i = 0; i < roster->count; i++) {
		roster->by_inode[i] = &roster->entries[i];
		roster->by_address[i] = &roster->entries[i];
	}
	qsort(roster->by_inode, roster->count, sizeof(*roster->by_inode),
	      compare_inodes);
	qsort(roster->by_address, roster->count, sizeof(*roster->by_address),
	      compare_addresses);
}

static struct roster_entry entry_of_books(const struct books_socket *socket)
{
	struct roster_entry entry = {
		.hashed = strcmp(socket->state, "CLOSE") != 0,
		.netns = (unsigned int)socket->netns,
		.inode = (uint32_t)socket->inode,
		.booked = socket,
	};

	if (socket->class == BOOKS_CLASS_UNREACHABLE)
		entry.hashed = false;
	/* its subflow has the same addresses and inode number */
	if (strncmp(socket->protocol, "MPTCP", 5) == 0) {
		entry.hashed = false;
		entry.inode = 0;
	}
	if (!socket->local || !socket->remote ||
	    !endpoint_parse(&entry.local, socket->local) ||
	    !endpoint_parse(&entry.remote, socket->remote))
		entry.hashed = false;
	return entry;
}

int roster_of_books(struct roster *roster, const struct books *books)
{
	int status = allocate(roster, books->n_sockets);

	if (status)
		return status;
	roster->count = books->n_sockets;
	for (size_t i = 0; i < books->n_sockets; i++)
		roster->entries[i] = entry_of_books(&books->sockets[i]);
	sort(roster);
	return 0;
}

int roster_of_sockdiag(struct roster *roster, const struct sockdiag *diag)
{
	int status = allocate(roster, diag->n_sockets);

	if (status)
		return status;
	roster->count = diag->n_sockets;
	for (size_t i = 0; i < diag->n_sockets; i++) {
		const struct sockdiag_socket *socket = &diag->sockets[i];

		roster->entries[i] = (struct roster_entry){
			.hashed = !socket->bound_only,
			.netns = socket->netns,
			.inode = socket->inode,
			.local = socket->local,
			.remote = socket->remote,
			.seen = socket,
		};
	}
	sort(roster);
	return 0;
}

const struct roster_entry *roster_find(const struct roster *roster,
				       const struct roster_entry *entry)
{
	const struct roster_entry **found = NULL;

	if (entry->inode)
		found = bsearch(&entry, roster->by_inode, roster->count,
				sizeof(*roster->by_inode), compare_inodes);
	if (found)
		return *found;
	found = bsearch(&entry, roster->by_address, roster->count,
			sizeof(*roster->by_address), compare_addresses);
	if (!found || (entry->inode && (*found)->inode))
		return NULL;
	return *found;
}

void roster_free(struct roster *roster)
{
	free(roster->entries);
	free(roster->by_inode);
	free(roster->by_address);
	*roster = (struct roster){ 0 };
}
