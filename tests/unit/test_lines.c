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

#include "base/lines.h"

enum {
	TEST_MAX = 4 /* bytes of a line */
};

/*
 * Bytes, and what they are: each line in brackets, '!' where one turns out to
 * be too long and '.' where that one ends.
 */
static const struct {
	const char *bytes, *want;
} cases[] = {
	{ "", "" },
	{ "\n", "[]" },
	{ "a\n", "[a]" },
	{ "a", "[a]" },
	{ "a\nb", "[a][b]" },
	{ "a\n\nb\n", "[a][][b]" },
	{ "\r\n", "[]" },
	{ "a\r\nb\r\n", "[a][b]" },
	{ "a\r", "[a]" },
	{ "a\r\r\n\rb\n", "[a\r][\rb]" },
	{ "abcd\re\nabcd\r\r\nx", "!.!.[x]" },
	{ "abc\r\nabcd\r\n", "[abc][abcd]" },
	{ "abc\nabcd\nabcde\nx\n", "[abc][abcd]!.[x]" },
	{ "abcde\nabcde\n", "!.!." },
	{ "abcdefghij\n\nx", "!.[][x]" },
};

struct test {
	struct lines lines;
	struct buffer in;
	char seen[64];
};

static void
test_take(struct test *t, bool is_end)
{
	static const char *const marks[] = {
		[LINES_LONG] = "!", [LINES_LONG_END] = "."
	};
	enum lines_found found;
	struct text_span line;
	size_t n = strlen(t->seen);

	while ((found = lines_find(&t->lines, &t->in, TEST_MAX, is_end,
		    &line)) != LINES_NONE) {
		if (found == LINES_WHOLE)
			n += (size_t)snprintf(t->seen + n, sizeof t->seen - n,
			    "[%.*s]", (int)line.len, line.text);
		else
			n += (size_t)snprintf(t->seen + n, sizeof t->seen - n,
			    "%s", marks[found]);
		lines_pass(&t->lines, &t->in);
	}
	/* A CR may stand behind it. */
	assert_true(t->in.len <= TEST_MAX + 1);
}

static void
test_add(struct test *t, const char *bytes, size_t len)
{
	assert_int_equal(buffer_append(&t->in, bytes, len), 0);
}

/* However the bytes are cut: in pieces of every size. */
static void
test_cases(void **state)
{
	size_t i, at, step, len;
	struct test t;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		len = strlen(cases[i].bytes);
		for (step = 1; step <= len + 1; step++) {
			memset(&t, 0, sizeof t);
			for (at = 0; at < len; at += step) {
				test_add(&t, cases[i].bytes + at,
				    len - at < step ? len - at : step);
				test_take(&t, false);
			}
			test_take(&t, true);
			assert_string_equal(t.seen, cases[i].want);
			assert_int_equal(t.in.len, 0);
			buffer_clear(&t.in);
		}
	}
}

/* The end of a line that is too long and has none: there is nothing to say. */
static void
test_long_without_end(void **state)
{
	struct test t = { 0 };

	(void)state;
	test_add(&t, "abcdef", 6);
	test_take(&t, false);
	test_take(&t, true);
	assert_string_equal(t.seen, "!");
	test_add(&t, "g", 1);
	test_take(&t, true);
	assert_string_equal(t.seen, "!.");
	buffer_clear(&t.in);
}

/* A line that is not passed is there again, with what has come meanwhile. */
static void
test_stays(void **state)
{
	struct test t = { 0 };
	struct text_span line;
	int i;

	(void)state;
	test_add(&t, "ab", 2);
	assert_int_equal(lines_find(&t.lines, &t.in, TEST_MAX, false, &line),
	    LINES_NONE);
	test_add(&t, "\ncd", 3);
	for (i = 0; i < 2; i++) {
		assert_int_equal(lines_find(&t.lines, &t.in, TEST_MAX, false,
				     &line),
		    LINES_WHOLE);
		assert_int_equal(line.len, 2);
		assert_memory_equal(line.text, "ab", 2);
		test_add(&t, "e", 1);
	}
	test_take(&t, true);
	assert_string_equal(t.seen, "[ab][cdee]");
	buffer_clear(&t.in);
}

static void
test_cut(void **state)
{
	struct test t = { 0 };
	struct text_span line;

	(void)state;
	test_add(&t, "abc", 3);
	test_take(&t, false);
	test_add(&t, "d\nx\n", 4);
	assert_int_equal(lines_find(&t.lines, &t.in, TEST_MAX, false, &line),
	    LINES_WHOLE);
	lines_cut(&t.lines, &t.in, 2);
	test_take(&t, false);
	assert_string_equal(t.seen, "[cd][x]");
	buffer_clear(&t.in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_long_without_end),
		cmocka_unit_test(test_stays),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
