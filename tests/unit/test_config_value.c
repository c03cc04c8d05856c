/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Single values, patterns and what is done to the text before it is read. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/config_scan.h"
#include "config/config_value.h"

static void
test_listen(void **state)
{
	static const struct {
		const char *address;
		bool good;
	} table[] = {
		{ "unix:/run/x", true },
		{ "unix:x", true },
		{ "tcp:127.0.0.1:9100", true },
		{ "tcp:[::1]:9100", true },
		{ "tcp:[::ffff:1.2.3.4]:1", true },
		{ "tcp:www-1.example.org:65535", true },
		{ "tcp:a_b:1", true },
		{ "unix:", false },
		{ "", false },
		{ "/run/x", false },
		{ "tcp:", false },
		{ "tcp:a", false },
		{ "tcp::1", false },
		{ "tcp:a:", false },
		{ "tcp:a:0", false },
		{ "tcp:a:65536", false },
		{ "tcp:a:1x", false },
		{ "tcp:::1:9100", false },
		{ "tcp:[::1]9100", false },
		{ "tcp:[::1:9100", false },
		{ "tcp:[]:1", false },
		{ "tcp:[g]:1", false },
		{ "tcp:a b:1", false },
		{ "tcp:*:1", false },
		{ "tcp:.a:1", false },
		{ "udp:a:1", false },
		{ "unix:/a\nb", false },
	};
	char path[5 + 109] = "unix:/";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++)
		if ((config_value_wrong_listen(table[i].address) == NULL) !=
		    table[i].good)
			fail_msg("%s", table[i].address);
	memset(path + 6, 'a', 107);
	path[5 + 106] = '\0';
	assert_null(config_value_wrong_listen(path));
	path[5 + 106] = 'a';
	path[5 + 107] = '\0';
	assert_null(config_value_wrong_listen(path));
	path[5 + 107] = 'a';
	path[5 + 108] = '\0';
	assert_string_equal(config_value_wrong_listen(path),
	    "is too long for a socket (at most 107 bytes of path)");
}

static void
test_origin(void **state)
{
	static const struct {
		const char *origin;
		bool good;
	} table[] = {
		{ "*", true },
		{ "https://www.example.org", true },
		{ "http://localhost:8080", true },
		{ "http://[::1]:1", true },
		{ "HTTPS://A", true },
		{ "chrome-extension://abc", true },
		{ "http://a:443", true },
		{ "https://a:80", true },
		{ "http://a:80", false },
		{ "HTTPS://a:443", false },
		{ "", false },
		{ "null", false },
		{ "a", false },
		{ "https:", false },
		{ "https://", false },
		{ "https://a/", false },
		{ "https://a:", false },
		{ "https://a:0", false },
		{ "https://a:65536", false },
		{ "https://*.a", false },
		{ "**", false },
		{ "//a", false },
		{ "1http://a", false },
		{ "https://a b", false },
		{ "https://a\n", false },
		{ "https://u@a", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++)
		if ((config_value_wrong_origin(table[i].origin) == NULL) !=
		    table[i].good)
			fail_msg("%s", table[i].origin);
}

static void
test_pattern_form(void **state)
{
	static const struct {
		const char *pattern;
		bool good;
	} table[] = {
		{ "**", true },
		{ "*", true },
		{ "a", true },
		{ "a/b", true },
		{ "*/a/*/**", true },
		{ "$stats", true },
		{ "\xc3\xa9", true },
		{ "", false },
		{ "/", false },
		{ "/a", false },
		{ "a/", false },
		{ "a//b", false },
		{ "**/a", false },
		{ "a/**/b", false },
		{ "a*", false },
		{ "***", false },
		{ "a/*b", false },
		{ "a b", false },
		{ "a\tb", false },
		{ "a\x7f", false },
		{ "{a}", false },
		{ "\xff", false },
	};
	char pattern[257];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++)
		if ((config_value_wrong_pattern(table[i].pattern) == NULL) !=
		    table[i].good)
			fail_msg("%s", table[i].pattern);
	for (i = 254; i <= 256; i++) {
		memset(pattern, 'a', i);
		pattern[i] = '\0';
		assert_int_equal(config_value_wrong_pattern(pattern) == NULL,
		    i <= 255);
	}
}

static void
test_pattern_match(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} table[] = {
		{ "**", "a", true },
		{ "**", "a/b/c", true },
		{ "*", "a", true },
		{ "*", "a/b", false },
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "ab", false },
		{ "ab", "a", false },
		{ "a/*", "a/b", true },
		{ "a/*", "a", false },
		{ "a/*", "a/b/c", false },
		{ "a/*/c", "a/b/c", true },
		{ "a/*/c", "a/b/d", false },
		{ "a/**", "a", false },
		{ "a/**", "a/b", true },
		{ "a/**", "a/b/c", true },
		{ "a/**", "b/c", false },
		{ "*/*", "a/b", true },
		{ "*/**", "a", false },
		{ "*/**", "a/b/c", true },
		{ "**", "", false },
		{ "a/b", "a", false },
	};
	char *name;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		/* Exactly its bytes, no NUL: reading beyond is an error. */
		len = strlen(table[i].name);
		name = malloc(len + (len == 0));
		assert_non_null(name);
		memcpy(name, table[i].name, len);
		if (config_pattern_match(table[i].pattern, name, len) !=
		    table[i].match)
			fail_msg("%s %s", table[i].pattern, table[i].name);
		free(name);
	}
}

static void
test_scan(void **state)
{
	static const char *const table[][2] = {
		{ "a#b\nc", "a  \nc" },
		{ "a = b//c", "a = b//c" },
		{ "a = //b", "a =    " },
		{ "x/*", NULL },
		{ "/*a\nb*/c", "   \n   c" },
		{ "\"#'//\" '/*\"' #", "\"#'//\" '/*\"'  " },
		{ "\"\\\"#\"#x", "\"\\\"#\"  " },
		{ "{{}}", "{{}}" },
		{ "{}}", NULL },
		{ "{{}", NULL },
		{ "\"a\\", NULL },
		{ "/*/", NULL },
	};
	char *text;
	size_t i, len, n;
	int line;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		len = strlen(table[i][0]);
		/* Every prefix too, in memory that ends with it. */
		for (n = 1; n <= len; n++) {
			text = malloc(n);
			assert_non_null(text);
			memcpy(text, table[i][0], n);
			if ((config_scan(text, n, &line) == NULL) !=
				(table[i][1] != NULL) &&
			    n == len)
				fail_msg("%s", table[i][0]);
			if (n == len && table[i][1] != NULL)
				assert_memory_equal(text, table[i][1], n);
			free(text);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_pattern_form),
		cmocka_unit_test(test_pattern_match),
		cmocka_unit_test(test_scan),
	};

	return cmocka_run_group_tests_name("config_value", tests, NULL, NULL);
}
