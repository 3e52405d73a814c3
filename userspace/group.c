// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "group.h"

static const char *const names[GROUP_KEYS] = {
	[GROUP_PROCESS] = "process",
	[GROUP_CLASS] = "class",
	[GROUP_STATE] = "state",
	[GROUP_NETNS] = "netns",
	[GROUP_CGROUP] = "cgroup",
	[GROUP_LISTENER] = "listener",
	[GROUP_UID] = "uid",
};

enum group_key group_find(const char *name)
{
	size_t i = 0;

	while (i < GROUP_KEYS && strcmp(names[i], name) != 0)
		i++;
	return (enum group_key)i;
}

const char *group_name(enum group_key key)
{
	return names[key];
}

const char *group_file(enum group_key key)
{
	return key == GROUP_STATE ? "sockets" : "owners";
}

static struct group group_of_owner(enum group_key key,
				   const struct books_owner *owner)
{
	struct group group = {
		.pool = owner->pool,
		.number = BOOKS_NONE,
		.sockets = owner->charge.sockets,
		.bytes = books_charge_bytes(&owner->charge),
	};

	switch (key) {
	case GROUP_PROCESS:
		group.number = owner->pid;
		group.text = owner->comm;
		break;
	case GROUP_CLASS:
		group.text = books_class_name(owner->class);
		break;
	case GROUP_CGROUP:
		group.number = owner->cgroup;
		break;
	case GROUP_LISTENER:
		group.text = owner->listener;
		if (owner->listener)
			group.number = owner->netns;
		break;
	case GROUP_NETNS:
		group.number = owner->netns;
		break;
	default:
		group.number = owner->uid;
		break;
	}
	return group;
}

static struct group group_of_socket(const struct books_socket *socket)
{
	return (struct group){
		.pool = socket->pool,
		.number = BOOKS_NONE,
		.text = socket->state,
		.sockets = 1,
		.bytes = socket->charged_bytes,
	};
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* Equal if they belong together. */
static int compare_keys(const void *a, const void *b)
{
	const struct group *left = a, *right = b;
	int order = strcmp(left->pool, right->pool);

	if (!order)
		order = compare_text(left->text, right->text);
	if (order || left->number == right->number)
		return order;
	return left->number < right->number ? -1 : 1;
}

static int compare_sizes(const void *a, const void *b)
{
	const struct group *left = a, *right = b;

	if (left->bytes != right->bytes)
		return left->bytes > right->bytes ? -1 : 1;
	if (left->sockets != right->sockets)
		return left->sockets > right->sockets ? -1 : 1;
	return compare_keys(a, b);
}

/* One for each row of the books: to be joined. */
static int collect(struct groups *groups, enum group_key key,
		   const struct books *books)
{
	size_t rows = key == GROUP_STATE ? books->n_sockets : books->n_owners;

	for (size_t i = 0; i < rows; i++) {
		struct group *group = array_append(&groups->list,
						   &groups->count,
						   sizeof(*group));

		if (!group)
			return -ENOMEM;
		*group = key == GROUP_STATE ?
			group_of_socket(&books->sockets[i]) :
			group_of_owner(key, &books->owners[i]);
	}
	return 0;
}

/* Makes one of those that belong together and are next to each other. */
static void join(struct groups *groups)
{
	size_t kept = 0;

	for (size_t i = 1; i < groups->count; i++) {
		struct group *group = &groups->list[kept];
		const struct group *next = &groups->list[i];

		if (compare_keys(group, next) == 0) {
			group->sockets += next->sockets;
			group->bytes += next->bytes;
		} else {
			groups->list[++kept] = *next;
		}
	}
	groups->count = kept + 1;
}

int groups_make(struct groups *groups, enum group_key key,
		const struct books *books, size_t n_books)
{
	*groups = (struct groups){ 0 };
	for (size_t i = 0; i < n_books; i++)
		if (collect(groups, key, &books[i]))
			return -ENOMEM;
	if (!groups->count)
		return 0;
	qsort(groups->list, groups->count, sizeof(*groups->list),
	      compare_keys);
	join(groups);
	qsort(groups->list, groups->count, sizeof(*groups->list),
	      compare_sizes);
	for (size_t i = 0; i < groups->count; i++)
		groups->list[i].pages =
			books_pages(books, groups->list[i].bytes);
	return 0;
}

void groups_free(struct groups *groups)
{
	free(groups->list);
	*groups = (struct groups){ 0 };
}
