// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "number.h"

bool number_parse(long long *number, const char *text, long long lowest,
		  long long highest)
{
	const char *digits = text + (*text == '-');
	long long value;
	char *end;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (*end || errno || value < lowest || value > highest)
		return false;
	*number = value;
	return true;
}
