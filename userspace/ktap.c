// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <stdarg.h>
#include <stdlib.h>

#include "command.h"
#include "ktap.h"

void ktap_start(struct ktap *ktap, FILE *out, unsigned int tests)
{
	ktap->out = out;
	fprintf(out, "KTAP version 1\n1..%u\n", tests);
	fflush(out);
}

void ktap_test_start(struct ktap *ktap)
{
	ktap->checks = 0;
	ktap->failed_checks = 0;
	ktap->lines = open_memstream(&ktap->text, &ktap->length);
	if (!ktap->lines)
		err(EXIT_USAGE, "open_memstream");
}

static unsigned int test_number(const struct ktap *ktap)
{
	return ktap->passed + ktap->failed + ktap->skipped;
}

static void close_lines(struct ktap *ktap)
{
	fclose(ktap->lines);
	ktap->lines = NULL;
}

void ktap_test_end(struct ktap *ktap, const char *name)
{
	bool ok = ktap->checks && !ktap->failed_checks;

	close_lines(ktap);
	if (!ktap->brief)
		fprintf(ktap->out,
			"    KTAP version 1\n    # Subtest: %s\n    1..%u\n",
			name, ktap->checks);
	if (!ktap->brief || !ok)
		fputs(ktap->text, ktap->out);
	free(ktap->text);
	ktap->passed += ok;
	ktap->failed += !ok;
	fprintf(ktap->out, "%sok %u %s\n", ok ? "" : "not ",
		test_number(ktap), name);
	fflush(ktap->out);
}

void ktap_test_skip(struct ktap *ktap, const char *name, const char *reason)
{
	if (ktap->lines) {
		close_lines(ktap);
		free(ktap->text);
	}
	ktap->skipped++;
	fprintf(ktap->out, "ok %u %s # SKIP %s\n", test_number(ktap), name,
		reason);
	fflush(ktap->out);
}

void ktap_check(struct ktap *ktap, bool ok, const char *format, ...)
{
	va_list args;

	ktap->checks++;
	ktap->failed_checks += !ok;
	if (ok && ktap->brief)
		return;
	fprintf(ktap->lines, "    %sok %u ", ok ? "" : "not ", ktap->checks);
	va_start(args, format);
	vfprintf(ktap->lines, format, args);
	va_end(args);
	fputc('\n', ktap->lines);
}

void ktap_remark(struct ktap *ktap, const char *format, ...)
{
	va_list args;

	fputs("    # ", ktap->lines);
	va_start(args, format);
	vfprintf(ktap->lines, format, args);
	va_end(args);
	fputc('\n', ktap->lines);
}

void ktap_end(struct ktap *ktap)
{
	fprintf(ktap->out, "# Totals: pass:%u fail:%u skip:%u\n", ktap->passed,
		ktap->failed, ktap->skipped);
	fflush(ktap->out);
}
