// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "array.h"

/* There is always room for a power of two. */
void *array_append(void *array, size_t *count, size_t size)
{
	char *elements;

	memcpy(&elements, array, sizeof(elements));
	if ((*count & (*count - 1)) == 0) {
		size_t room = *count ? 2 * *count : 1;

		elements = reallocarray(elements, room, size);
		if (!elements)
			return NULL;
		memcpy(array, &elements, sizeof(elements));
	}
	elements += *count * size;
	(*count)++;
	return memset(elements, 0, size);
}
