// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "endpoint.h"
#include "number.h"
#include "tests/helper.h"
#include "text.h"

static void escapes_are_undone(void **state)
{
	char text[] = "a\\040b\\377\\134";

	(void)state;
	assert_true(text_unescape(text));
	assert_string_equal(text, "a b\377\\");
}

static void an_empty_text_is_written_as_its_end(void **state)
{
	char text[] = "\\000";

	(void)state;
	assert_true(text_unescape(text));
	assert_string_equal(text, "");
}

static void bad_escapes_are_refused(void **state)
{
	static const char *const bad[] = {
		"\\", "a\\1", "\\12", "\\128", "\\400", "\\777", "a\\000",
		"\\000a", "\\x41", "\\\\",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *text = strdup(bad[i]);

		assert_false(text_unescape(text));
		free(text);
	}
}

/* Every byte survives being escaped and unescaped. */
static void escaping_is_reversible(void **state)
{
	char bytes[256], *text;

	(void)state;
	for (int i = 0; i < 255; i++)
		bytes[i] = (char)(i + 1);
	bytes[255] = '\0';
	text = text_escape(bytes);
	for (const char *c = text; *c; c++)
		assert_in_range((unsigned char)*c, ' ', '~');
	assert_true(text_unescape(text));
	assert_string_equal(text, bytes);
	free(text);
}

static void assert_utf8(const char *text, const char *expected)
{
	char *utf8 = text_utf8(text);

	assert_string_equal(utf8, expected);
	free(utf8);
}

static void utf8_is_valid_always(void **state)
{
	(void)state;
	assert_utf8("", "");
	assert_utf8("plain \n\x7f", "plain \n\x7f");
	assert_utf8("gr\xc3\xb6\xc3\x9f" "e", "gr\xc3\xb6\xc3\x9f" "e");
	assert_utf8("\xe2\x82\xac\xf0\x9f\x98\x80",
		    "\xe2\x82\xac\xf0\x9f\x98\x80");
	/* alone, cut off, overlong, surrogate, beyond U+10FFFF */
	assert_utf8("\x80", "\xef\xbf\xbd");
	assert_utf8("\xc3", "\xef\xbf\xbd");
	assert_utf8("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd");
	assert_utf8("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");
	assert_utf8("\xe0\x80\xaf",
		    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_utf8("\xed\xa0\x80",
		    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_utf8("\xf4\x90\x80\x80",
		    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_utf8("\xf0\x8f\xbf\xbf",
		    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_utf8("\xff" "a", "\xef\xbf\xbd" "a");
}

static void numbers_are_whole_and_in_range(void **state)
{
	static const char *const bad[] = {
		"", "-", "+1", " 1", "1 ", "1x", "0x1", "--1", "1.0", "11",
		"-1", "99999999999999999999999",
	};
	long long number = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(number_parse(&number, bad[i], 0, 10));
		assert_int_equal(number, 77);
	}
	assert_true(number_parse(&number, "10", 0, 10));
	assert_int_equal(number, 10);
	assert_true(number_parse(&number, "-3", -3, 10));
	assert_int_equal(number, -3);
	assert_true(number_parse(&number, "007", 0, 10));
	assert_int_equal(number, 7);
}

static void assert_endpoint(const char *text, int family, int port)
{
	char again[ENDPOINT_TEXT_SIZE];
	struct endpoint endpoint;

	assert_true(endpoint_parse(&endpoint, text));
	assert_int_equal(endpoint.family, family);
	assert_int_equal(endpoint.port, port);
	assert_string_equal(endpoint_format(&endpoint, again), text);
}

static void endpoints_are_read(void **state)
{
	(void)state;
	assert_endpoint("127.0.0.1:80", AF_INET, 80);
	assert_endpoint("0.0.0.0:0", AF_INET, 0);
	assert_endpoint("255.255.255.255:65535", AF_INET, 65535);
	assert_endpoint("[::1]:80", AF_INET6, 80);
	assert_endpoint("[::]:0", AF_INET6, 0);
	assert_endpoint("[::ffff:127.0.0.1]:8000", AF_INET6, 8000);
	assert_endpoint("[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
			AF_INET6, 65535);
}

static void wrong_endpoints_are_refused(void **state)
{
	static const char *const bad[] = {
		"", ":", "[", "]", "[]", "[:1", "[]:1", "]:1", "80",
		"127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
		"127.0.0.1:-1", "127.0.0:80", "::1:80", "[::1:80", "::1]:80",
		"[::1]80", "[127.0.0.1]:80", "[::1%lo]:80",
		"[2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999]:1",
	};
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(endpoint_parse(&endpoint, bad[i]));
}

static void endpoints_have_an_order(void **state)
{
	static const char *const ordered[] = {
		"2.0.0.0:1", "1.0.0.0:2", "1.0.0.1:2", "[::2]:1", "[::1]:2",
	};
	struct endpoint a, b;

	(void)state;
	for (int i = 0; i < 5; i++) {
		for (int j = 0; j < 5; j++) {
			int order;

			assert_true(endpoint_parse(&a, ordered[i]));
			assert_true(endpoint_parse(&b, ordered[j]));
			order = endpoint_compare(&a, &b);
			assert_true(i < j ? order < 0 :
				    i > j ? order > 0 : order == 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_are_undone),
		cmocka_unit_test(an_empty_text_is_written_as_its_end),
		cmocka_unit_test(bad_escapes_are_refused),
		cmocka_unit_test(escaping_is_reversible),
		cmocka_unit_test(utf8_is_valid_always),
		cmocka_unit_test(numbers_are_whole_and_in_range),
		cmocka_unit_test(endpoints_are_read),
		cmocka_unit_test(wrong_endpoints_are_refused),
		cmocka_unit_test(endpoints_have_an_order),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
