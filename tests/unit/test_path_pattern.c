/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/path_pattern.h"
#include "lib/support.h"

enum {
	TEST_SEGMENTS = 64
};

static const struct {
	const char *text, *why;
} test_parse_table[] = {
	{ "/", NULL },
	{ "/a", NULL },
	{ "/a/", NULL },
	{ "/a/{b}/c/{d-e_1}/{f...}", NULL },
	{ "/{a...}", NULL },
	{ "/%7Bx%7D", NULL },
	{ "/caf\xc3\xa9/%E2%82%AC", NULL },
	{ "/a.b/...", NULL },
	{ "", "does not begin with /" },
	{ "a/b", "does not begin with /" },
	{ "/a b", "has a space: write %20" },
	{ "/a//b", "has an empty segment" },
	{ "//", "has an empty segment" },
	{ "/a/./b", "has a . or .. segment, which is refused anyway" },
	{ "/a/%2e%2E",
	    "has a . or .. segment, which is refused "
	    "anyway" },
	{ "/a?b=c", "has a ? or #: parameters are not part of it" },
	{ "/a#b", "has a ? or #: parameters are not part of it" },
	{ "/a%", "has a malformed %-escape" },
	{ "/a%0g", "has a malformed %-escape" },
	{ "/a%00", "has a control character" },
	{ "/a\x7f", "has a control character" },
	{ "/%ff", "is not valid UTF-8" },
	{ "/a{b}", "has a {name} that is not a whole segment" },
	{ "/{b}c", "has a {name} that is not a whole segment" },
	{ "/{a}{b}", "has a {name} that is not a whole segment" },
	{ "/{a/b}", "has a {name} that is not a whole segment" },
	{ "/{a", "has a {name} that is not a whole segment" },
	{ "/a}", "has a {name} that is not a whole segment" },
	{ "/}{", "has a {name} that is not a whole segment" },
	{ "/{{a}}", "has a {name} that is not a whole segment" },
	{ "/{}", "has a variable without a name" },
	{ "/{...}",
	    "has a variable whose name is not letters, "
	    "digits, - and _" },
	{ "/{a.b}",
	    "has a variable whose name is not letters, "
	    "digits, - and _" },
	{ "/{a..}",
	    "has a variable whose name is not letters, "
	    "digits, - and _" },
	{ "/{\xc3\xa9}",
	    "has a variable whose name is not letters, "
	    "digits, - and _" },
	{ "/{1a}", "has a variable whose name begins with no letter" },
	{ "/{a...}/b", "has a {name...} that is not its end" },
	{ "/{a...}/", "has a {name...} that is not its end" },
	{ "/{a}/{a}", "has the same variable twice" },
	{ "/{a}/b/{a...}", "has the same variable twice" },
	{ "/{user}",
	    "has a variable {user} or {body}, which mean "
	    "something else in templates" },
	{ "/{body...}",
	    "has a variable {user} or {body}, which mean "
	    "something else in templates" },
};

static void
test_parse(void **state)
{
	struct path_pattern p;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_parse_table / sizeof *test_parse_table;
	     i++) {
		why = path_pattern_parse(&p, test_parse_table[i].text);
		if ((why == NULL) != (test_parse_table[i].why == NULL) ||
		    (why != NULL && strcmp(why, test_parse_table[i].why) != 0))
			fail_msg("%s: %s", test_parse_table[i].text, why);
		if (why != NULL)
			assert_int_equal(p.count, 0);
		path_pattern_clear(&p);
	}
}

static void
test_limits(void **state)
{
	char text[512], name[128];
	struct path_pattern p;
	size_t i;

	(void)state;
	for (i = 0; i <= PATH_SEGMENTS_MAX; i++)
		memcpy(text + 2 * i, "/a", 3);
	assert_string_equal(path_pattern_parse(&p, text),
	    "has more than 32 segments");
	text[i * 2 - 2] = '\0';
	assert_null(path_pattern_parse(&p, text));
	assert_int_equal(p.count, PATH_SEGMENTS_MAX);
	path_pattern_clear(&p);
	memset(name, 'n', sizeof name);
	memcpy(name, "/{", 2);
	name[2 + PATH_NAME_MAX] = '}';
	name[3 + PATH_NAME_MAX] = '\0';
	assert_null(path_pattern_parse(&p, name));
	path_pattern_clear(&p);
	name[2 + PATH_NAME_MAX] = 'n';
	name[3 + PATH_NAME_MAX] = '}';
	name[4 + PATH_NAME_MAX] = '\0';
	assert_string_equal(path_pattern_parse(&p, name),
	    "has a variable with a name of more than 64 bytes");
}

/* The segments of a path, "/a/b"; they end where a page does. */
static size_t
test_split(const char *path, struct text_span segments[TEST_SEGMENTS])
{
	size_t n = 0;
	const char *p = support_guard(path, strlen(path)),
		   *end = p + strlen(path), *slash;

	for (p++; n < TEST_SEGMENTS; p = slash + 1) {
		slash = memchr(p, '/', (size_t)(end - p));
		segments[n].text = p;
		segments[n++].len = (size_t)((slash == NULL ? end : slash) - p);
		if (slash == NULL)
			break;
	}
	return n;
}

static const struct {
	const char *pattern, *path;
	const char *want; /* NULL: no match; values, each with a | */
} test_match_table[] = {
	{ "/", "/", "" },
	{ "/", "/a", NULL },
	{ "/a", "/a", "" },
	{ "/a", "/", NULL },
	{ "/a", "/a/", NULL },
	{ "/a/", "/a", NULL },
	{ "/a/", "/a/", "" },
	{ "/a", "/A", NULL },
	{ "/a", "/ab", NULL },
	{ "/%61b", "/ab", "" },
	{ "/{x}", "/a", "a|" },
	{ "/{x}", "/", NULL },
	{ "/{x}", "/a/b", NULL },
	{ "/{x}/", "/a/", "a|" },
	{ "/u/{x}/feed", "/u/ann/feed", "ann|" },
	{ "/u/{x}/feed", "/u/ann/feeds", NULL },
	{ "/u/{x}/feed", "/u//feed", NULL },
	{ "/u/{x}/feed", "/u/feed", NULL },
	{ "/{x}/{y}", "/a/b", "a|b|" },
	{ "/e/{x...}", "/e/a", "a|" },
	{ "/e/{x...}", "/e/a/b/c", "a/b/c|" },
	{ "/e/{x...}", "/e/a//c/", "a//c/|" },
	{ "/e/{x...}", "/e/", "|" },
	{ "/e/{x...}", "/e", NULL },
	{ "/{x...}", "/", "|" },
	{ "/{x}/{y...}", "/a/b/c", "a|b/c|" },
};

static void
test_match(void **state)
{
	struct text_span segments[TEST_SEGMENTS], value;
	struct path_pattern p;
	char have[128];
	size_t i, k, n, count;

	(void)state;
	for (i = 0; i < sizeof test_match_table / sizeof *test_match_table;
	     i++) {
		assert_null(path_pattern_parse(&p,
		    test_match_table[i].pattern));
		count = test_split(test_match_table[i].path, segments);
		if (path_pattern_match(&p, segments, count) !=
		    (test_match_table[i].want != NULL))
			fail_msg("%s %s", test_match_table[i].pattern,
			    test_match_table[i].path);
		for (n = k = 0; test_match_table[i].want != NULL && k < p.count;
		     k++) {
			if (p.segments[k].kind == PATH_LITERAL)
				continue;
			assert_int_equal(path_pattern_find(&p,
					     p.segments[k].text),
			    (int)k);
			value = path_pattern_value(&p, k, segments, count);
			n += (size_t)snprintf(have + n, sizeof have - n,
			    "%.*s|", (int)value.len, value.text);
		}
		have[n] = '\0';
		if (test_match_table[i].want != NULL)
			assert_string_equal(have, test_match_table[i].want);
		path_pattern_clear(&p);
	}
}

static void
test_compare(void **state)
{
	static const struct {
		const char *a, *b;
		int want; /* 0: the same; 1: a is the more specific one */
	} table[] = {
		{ "/a", "/a", 0 },
		{ "/{x}", "/{y}", 0 },
		{ "/a/{x...}", "/a/{y...}", 0 },
		{ "/a", "/%61", 0 },
		{ "/a", "/{x}", 1 },
		{ "/a", "/{x...}", 1 },
		{ "/{x}", "/{x...}", 1 },
		{ "/a/{x}", "/{x}/b", 1 },
		{ "/a/b", "/a/{x}", 1 },
		{ "/a/{x}", "/a/{x...}", 1 },
		{ "/a/{x}/c", "/a/{x...}", 1 },
		{ "/a/b/{x...}", "/a/{x}/c", 1 },
		{ "/{x}/{y...}", "/{x...}", 1 },
		{ "/a/{x...}", "/{y}/{x...}", 1 },
	};
	struct path_pattern a, b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		assert_null(path_pattern_parse(&a, table[i].a));
		assert_null(path_pattern_parse(&b, table[i].b));
		if (path_pattern_compare(&a, &b) != table[i].want ||
		    path_pattern_compare(&b, &a) != -table[i].want)
			fail_msg("%s %s", table[i].a, table[i].b);
		path_pattern_clear(&a);
		path_pattern_clear(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests_name("path_pattern", tests, NULL, NULL);
}
