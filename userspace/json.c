// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"

json_t *json_text(const char *text)
{
	char *utf8;
	json_t *value;

	if (!text)
		return json_null();
	utf8 = text_utf8(text);
	value = utf8 ? json_string(utf8) : NULL;
	free(utf8);
	return value;
}

json_t *json_number_or_none(long long number)
{
	return number == BOOKS_NONE ? json_null() : json_integer(number);
}

json_t *json_append(json_t *array, json_t *value)
{
	if (!array) {
		json_decref(value);
		return NULL;
	}
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

json_t *json_holders(const struct books_holders *holders)
{
	json_t *array = json_array();

	for (size_t i = 0; i < holders->count; i++)
		array = json_append(array, json_integer(holders->pids[i]));
	return array;
}

static json_t *stack_json(const char *stack)
{
	char *utf8 = text_utf8(stack ? stack : ""), *rest = utf8;
	json_t *array = utf8 ? json_array() : NULL;

	for (char *entry; stack && array && (entry = strsep(&rest, ","));)
		array = json_append(array, json_string(entry));
	free(utf8);
	return array;
}

json_t *json_birth(const struct books_birth *birth)
{
	if (!birth)
		return json_null();
	return json_pack("{s:I, s:o, s:o, s:o}",
			 "age_ms", birth->age_ms,
			 "pid", json_number_or_none(birth->pid),
			 "comm", json_text(birth->comm),
			 "stack", stack_json(birth->stack));
}

static json_t *states_json(const struct books_states *states)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < states->count; i++) {
		const struct books_state *state = &states->list[i];

		if (json_object_set_new(object, state->name,
					json_integer(state->sockets))) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

json_t *json_owner(const struct books_owner *owner,
		   const struct cgroups *cgroups)
{
	const struct books_charge *charge = &owner->charge;

	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
			 "pool", json_text(owner->pool),
			 "class", books_class_name(owner->class),
			 "pid", json_number_or_none(owner->pid),
			 "comm", json_text(owner->comm),
			 "holders", json_holders(&owner->holders),
			 "netns", owner->netns,
			 "listener", json_text(owner->listener),
			 "uid", json_number_or_none(owner->uid),
			 "cgroup", json_text(cgroups_path(cgroups,
							  owner->cgroup)),
			 "cgroup_id", json_number_or_none(owner->cgroup),
			 "memcg_id", json_number_or_none(owner->memcg),
			 "via", json_text(owner->via),
			 "sockets", charge->sockets,
			 "pages", charge->pages,
			 "forward_alloc_bytes", charge->forward_alloc_bytes,
			 "write_queue_bytes", charge->write_queue_bytes,
			 "receive_queue_bytes", charge->receive_queue_bytes,
			 "hidden_bytes", charge->hidden_bytes,
			 "state", states_json(&owner->states),
			 "longest_wait_ms",
			 json_number_or_none(owner->longest_wait_ms));
}

json_t *json_unseen(const struct witness *witness, size_t i)
{
	const struct witness_group *group = &witness->groups[i];
	const struct books_socket *example = group->example;

	return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:s}",
			 "class", books_class_name(example->class),
			 "pid", json_number_or_none(example->pid),
			 "comm", json_text(example->comm),
			 "listener", json_text(example->listener),
			 "sockets", group->tally.sockets,
			 "pages", witness_pages(witness, &group->tally),
			 "bytes", group->tally.bytes,
			 "reason", witness_reason_text(group->reason));
}

int json_print(json_t *value, FILE *out, size_t flags)
{
	char *text = value ? json_dumps(value, flags) : NULL;

	json_decref(value);
	if (!text)
		return -ENOMEM;
	fputs(text, out);
	fputc('\n', out);
	free(text);
	return 0;
}
