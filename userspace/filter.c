// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cgroup.h"
#include "endpoint.h"
#include "error.h"
#include "filter.h"
#include "number.h"

/* as the kernel calls them in include/net/tcp_states.h */
static const char *const states[] = {
	"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
	"TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
	"NEW_SYN_RECV",
};

static const char *class_name(size_t i)
{
	return books_class_name((enum books_class)i);
}

static const char *state_name(size_t i)
{
	return states[i];
}

static int refuse(const char *what, const char *text,
		  const char *(*known)(size_t i), size_t count, char **error)
{
	char *list = NULL;
	size_t size;
	FILE *stream = open_memstream(&list, &size);
	int status;

	if (!stream)
		return error_set(error, ENOMEM, "not enough memory");
	for (size_t i = 0; i < count; i++)
		fprintf(stream, " %s", known(i));
	fclose(stream);
	status = error_set(error, EINVAL, "unknown %s '%s': there is%s", what,
			   text, list ? list : "");
	free(list);
	return status;
}

int filter_set_class(struct filter *filter, const char *text, char **error)
{
	filter->class = books_class_find(text);
	if (filter->class != BOOKS_CLASSES)
		return 0;
	return refuse("class", text, class_name, BOOKS_CLASSES, error);
}

static bool is_state(const char *state, const char *text)
{
	while (*state && (toupper((unsigned char)*text) == *state ||
			  (*text == '-' && *state == '_'))) {
		state++;
		text++;
	}
	return !*state && !*text;
}

int filter_set_state(struct filter *filter, const char *text, char **error)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (is_state(states[i], text)) {
			filter->state = states[i];
			return 0;
		}
	}
	return refuse("state", text, state_name, ARRAY_SIZE(states), error);
}

int filter_set_pid(struct filter *filter, const char *text, char **error)
{
	if (number_parse(&filter->pid, text, 1, INT_MAX))
		return 0;
	return error_set(error, EINVAL, "'%s' is no process id", text);
}

int filter_set_port(struct filter *filter, const char *text, char **error)
{
	if (number_parse(&filter->port, text, 0, UINT16_MAX))
		return 0;
	return error_set(error, EINVAL, "'%s' is no port: 0 to 65535", text);
}

int filter_set_uid(struct filter *filter, const char *text, char **error)
{
	if (number_parse(&filter->uid, text, 0, UINT32_MAX))
		return 0;
	return error_set(error, EINVAL, "'%s' is no user id", text);
}

int filter_set_cgroup(struct filter *filter, const char *text, char **error)
{
	struct cgroups cgroups;
	int status = cgroups_read(&cgroups, error);

	for (size_t i = 0; !status && i < cgroups.count; i++)
		if (strcmp(cgroups.list[i].path, text) == 0)
			filter->cgroup = cgroups.list[i].id;
	cgroups_free(&cgroups);
	if (!status && filter->cgroup == BOOKS_NONE)
		status = error_set(error, EINVAL,
				   "no version-2 cgroup '%s': a path like /system.slice",
				   text);
	return status;
}

static bool has_port(const char *address, long long port)
{
	struct endpoint endpoint;

	return address && endpoint_parse(&endpoint, address) &&
	       endpoint.port == port;
}

bool filter_match(const struct filter *filter,
		  const struct books_socket *socket)
{
	if (filter->class != BOOKS_CLASSES && filter->class != socket->class)
		return false;
	if (filter->state && strcmp(filter->state, socket->state) != 0)
		return false;
	if (filter->pid != BOOKS_NONE &&
	    !books_socket_held_by(socket, filter->pid))
		return false;
	if (filter->protocol &&
	    strcasecmp(filter->protocol, socket->protocol) != 0)
		return false;
	if (filter->uid != BOOKS_NONE && filter->uid != socket->uid)
		return false;
	if (filter->cgroup != BOOKS_NONE && filter->cgroup != socket->cgroup)
		return false;
	return filter->port == BOOKS_NONE ||
	       has_port(socket->local, filter->port) ||
	       has_port(socket->remote, filter->port);
}
