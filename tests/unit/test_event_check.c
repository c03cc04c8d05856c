/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What may be published, and to which channels. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/support.h"
#include "protocol/event.h"

enum {
	TEST_MAX = 1000,
	TEST_LONG = 2000
};

enum test_field {
	TEST_DATA,
	TEST_NAME,
	TEST_ID
};

static const char test_long[] = "longer than 255 bytes";

/* The event with this text in one field, and "x" as its data. */
static const char *
test_check(enum test_field field, const char *text, size_t len)
{
	struct event_fields e = {
		.data = "x", .data_len = 1, .retry_ms = EVENT_RETRY_NONE
	};

	text = support_guard(text, len);
	if (field == TEST_NAME) {
		e.name = text;
		e.name_len = len;
	} else if (field == TEST_ID) {
		e.id = text;
		e.id_len = len;
	} else {
		e.data = text;
		e.data_len = len;
	}
	return event_check(&e, TEST_MAX);
}

/* why: a part of what is said; NULL: accepted. */
static void
test_assert_refused(const char *have, const char *why, const char *what)
{
	if (why == NULL && have != NULL)
		fail_msg("%s: %s", what, have);
	if (why != NULL && (have == NULL || strstr(have, why) == NULL))
		fail_msg("%s: %s instead of %s", what,
		    have == NULL ? "accepted" : have, why);
}

static void
test_bytes(void **state)
{
	static const char line_end[] = "line end or NUL";
	static const char control[] = "control character", space[] = "space";
	static const char utf8[] = "not valid UTF-8";
	static const struct {
		const char *text;
		size_t len; /* 0: strlen */
		const char *data, *name, *id;
	} cases[] = {
		{ "", 0, NULL, NULL, NULL },
		{ "plain", 0, NULL, NULL, NULL },
		{ "a b", 0, NULL, NULL, NULL },
		{ "\"(),:;<=>?@[\\]{}\x7e", 0, NULL, NULL, NULL },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 0, NULL, NULL, NULL },
		{ "\xef\xbb\xbf", 0, NULL, NULL, NULL },
		{ "\0", 1, "data has a NUL in it", line_end, line_end },
		{ "a\0b", 3, "data has a NUL in it", line_end, line_end },
		{ "a\nb", 0, NULL, line_end, line_end },
		{ "a\rb", 0, NULL, line_end, line_end },
		{ "a\r\n", 0, NULL, line_end, line_end },
		{ "\n", 0, NULL, line_end, line_end },
		/* An id has to come back in a field of HTTP. */
		{ "\x01", 0, NULL, NULL, control },
		{ "a\tb", 0, NULL, NULL, control },
		{ "a\x1f", 0, NULL, NULL, control },
		{ "\x7f", 0, NULL, NULL, control },
		{ " a", 0, NULL, NULL, space },
		{ "a ", 0, NULL, NULL, space },
		{ " ", 0, NULL, NULL, space },
		{ "\x80", 0, utf8, utf8, utf8 },
		{ "a\xff", 0, utf8, utf8, utf8 },
		{ "\xc0\x8a", 0, utf8, utf8, utf8 },
		{ "\xe2\x82", 0, utf8, utf8, utf8 },
		{ "\xed\xa0\x80", 0, utf8, utf8, utf8 },
		{ "\xf4\x90\x80\x80", 0, utf8, utf8, utf8 },
	};
	size_t i, len;
	const char *t;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		t = cases[i].text;
		len = cases[i].len == 0 ? strlen(t) : cases[i].len;
		test_assert_refused(test_check(TEST_DATA, t, len),
		    cases[i].data, t);
		test_assert_refused(test_check(TEST_NAME, t, len),
		    cases[i].name, t);
		test_assert_refused(test_check(TEST_ID, t, len), cases[i].id,
		    t);
	}
	/* It says which field it is. */
	test_assert_refused(test_check(TEST_DATA, "\xff", 1), "data", "data");
	test_assert_refused(test_check(TEST_NAME, "\xff", 1), "event", "name");
	test_assert_refused(test_check(TEST_NAME, "\n", 1), "event", "name");
	test_assert_refused(test_check(TEST_ID, "\xff", 1), "id", "id");
	test_assert_refused(test_check(TEST_ID, "\n", 1), "id", "id");
}

static void
test_lengths(void **state)
{
	static const struct {
		enum test_field field;
		size_t len;
		const char *why;
	} cases[] = {
		{ TEST_DATA, TEST_MAX - 1, NULL },
		{ TEST_DATA, TEST_MAX, NULL },
		{ TEST_DATA, TEST_MAX + 1, "max-event" },
		{ TEST_NAME, 254, NULL },
		{ TEST_NAME, 255, NULL },
		{ TEST_NAME, 256, test_long },
		{ TEST_NAME, TEST_LONG, test_long },
		{ TEST_ID, 254, NULL },
		{ TEST_ID, 255, NULL },
		{ TEST_ID, 256, test_long },
		{ TEST_ID, TEST_LONG, test_long },
	};
	char text[TEST_LONG];
	size_t i;

	(void)state;
	memset(text, 'x', sizeof text);
	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		test_assert_refused(test_check(cases[i].field, text,
					cases[i].len),
		    cases[i].why, "length");
}

/* As a client sends it back. */
static void
test_id(void **state)
{
	(void)state;
	test_assert_refused(event_check_id("x", 1), NULL, "x");
	test_assert_refused(event_check_id("", 0), "empty", "");
	test_assert_refused(event_check_id("a\nb", 3), "line end", "a\nb");
	test_assert_refused(event_check_id(" a", 2), "space", " a");
}

static void
test_retry(void **state)
{
	static const struct {
		uint64_t ms;
		const char *why;
	} cases[] = {
		{ 0, NULL },
		{ 86399999, NULL },
		{ 86400000, NULL },
		{ 86400001, "retry is more than a day" },
		{ EVENT_RETRY_NONE - 1, "retry is more than a day" },
		{ EVENT_RETRY_NONE, NULL },
	};
	struct event_fields e = { .data = "x", .data_len = 1 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		e.retry_ms = cases[i].ms;
		test_assert_refused(event_check(&e, TEST_MAX), cases[i].why,
		    "retry");
	}
}

static void
test_channels(void **state)
{
	static const char letters[] = "space or control", marks[] = "* { }";
	static const struct {
		const char *name;
		size_t len; /* 0: strlen */
		const char *why;
	} cases[] = {
		{ "a", 0, NULL },
		{ "news/sports", 0, NULL },
		{ "a.b_c-d~e:f,g;h@i!j?k#l%m&n=o+p", 0, NULL },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 0, NULL },
		{ "\xc2\xa0", 0, NULL },
		{ "$own", 0, NULL },
		{ "a/b/c", 0, NULL },
		{ "/", 0, "empty segment" },
		{ "//", 0, "empty segment" },
		{ "/a", 0, "empty segment" },
		{ "a/", 0, "empty segment" },
		{ "a//b", 0, "empty segment" },
		{ "a/b//", 0, "empty segment" },
		{ "a b", 0, letters },
		{ " ", 0, letters },
		{ "a\n", 0, letters },
		{ "a\t", 0, letters },
		{ "a\0b", 3, letters },
		{ "\0", 1, letters },
		{ "a\x1f", 0, letters },
		{ "a\x7f", 0, letters },
		{ "a\xc2\x80", 0, letters },
		{ "a\xc2\x9f", 0, letters },
		{ "*", 0, marks },
		{ "a/*", 0, marks },
		{ "a{", 0, marks },
		{ "a}b", 0, marks },
		{ "\xff", 0, "not valid UTF-8" },
		{ "a\xc2", 0, "not valid UTF-8" },
		{ "\xed\xa0\x80", 0, "not valid UTF-8" },
	};
	char name[300];
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		len = cases[i].len == 0 ? strlen(cases[i].name) : cases[i].len;
		test_assert_refused(event_check_channel(support_guard(cases[i]
									  .name,
							    len),
					len),
		    cases[i].why, cases[i].name);
	}
	memset(name, 'x', sizeof name);
	test_assert_refused(event_check_channel(name, 0), "empty", "0");
	test_assert_refused(event_check_channel(name, 254), NULL, "254");
	test_assert_refused(event_check_channel(name, 255), NULL, "255");
	test_assert_refused(event_check_channel(name, 256), test_long, "256");
}

static void
test_reserved(void **state)
{
	(void)state;
	assert_true(event_channel_is_reserved("$streams", 8));
	assert_true(event_channel_is_reserved("$", 1));
	assert_false(event_channel_is_reserved("a$", 2));
	assert_false(event_channel_is_reserved("", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_reserved),
	};

	return cmocka_run_group_tests_name("event check", tests, NULL, NULL);
}
