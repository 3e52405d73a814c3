// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

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

json_t *json_holders(const struct books_holders *holders)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < holders->count; i++) {
		if (json_array_append_new(array,
					  json_integer(holders->pids[i]))) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
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
