// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"

int error_set(char **error, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(error, format, arguments) < 0)
		*error = NULL;
	va_end(arguments);
	return -code;
}

void error_print(const char *format, ...)
{
	va_list arguments;

	fputs("skbalance: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

void error_report(char **error)
{
	error_print("%s", *error ? *error : "out of memory");
	free(*error);
	*error = NULL;
}
