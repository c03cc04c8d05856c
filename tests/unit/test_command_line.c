/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Lines that are not what they should be, and those of the named pipe. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/support.h"
#include "protocol/command.h"

enum {
	TEST_DATAERR = 65
};

static struct json_tokener *test_tokener;

#define TEST_BYTES(text) text, sizeof(text) - 1

/* Must be refused, with an error that has this in it. */
static void
test_assert_refused(const char *line, size_t len, const char *why)
{
	struct command c;

	if (command_parse(&c, test_tokener, support_guard(line, len), len) !=
	    -1)
		fail_msg("accepted: %s", line);
	assert_int_equal(c.code, TEST_DATAERR);
	if (strstr(c.error, why) == NULL)
		fail_msg("%s: %s instead of %s", line, c.error, why);
	command_clear(&c);
}

static void
test_assert_good(const char *line, size_t len)
{
	struct command c;

	if (command_parse(&c, test_tokener, support_guard(line, len), len) != 0)
		fail_msg("%s: %s", line, c.error);
	command_clear(&c);
}

static void
test_json(void **state)
{
	static const struct {
		const char *line;
		size_t len;
		const char *why;
	} cases[] = {
		{ TEST_BYTES(""), "ends too early" },
		{ TEST_BYTES(" "), "ends too early" },
		{ TEST_BYTES("{"), "ends too early" },
		{ TEST_BYTES("{\"a"), "ends too early" },
		{ TEST_BYTES("{\"channel\":\"a\",\"data\":\"b\""),
		    "ends too early" },
		{ TEST_BYTES("x"), "at byte 1" },
		{ TEST_BYTES("{x"), "at byte 2" },
		{ TEST_BYTES("{\"a\" 1}"), "at byte 6" },
		{ TEST_BYTES("{\"a\":1 \"b\"}"), "at byte 8" },
		{ TEST_BYTES("{\"a\":'1'}"), "not valid JSON" },
		{ TEST_BYTES("{\"a\":1,}"), "at byte 8" },
		{ TEST_BYTES("{\"a\":\"\\x\"}"), "not valid JSON" },
		{ TEST_BYTES("{\"a\":\"\\u12g4\"}"), "not valid JSON" },
		{ TEST_BYTES("{\"a\":01}"), "not valid JSON" },
		{ TEST_BYTES("{\"a\":tru}"), "not valid JSON" },
		{ TEST_BYTES("{\"a\":True}"), "not valid JSON" },
		{ TEST_BYTES("{\"channel\":\"a\",\"data\":NaN}"), "" },
		{ TEST_BYTES("{\"channel\":\"a\",\"data\":[-Infinity]}"), "" },
		{ TEST_BYTES("{\"a\":1}x"), "at byte 8" },
		{ TEST_BYTES("{\"a\":1}{}"), "at byte 8" },
		{ TEST_BYTES("{\"a\":1}]"), "at byte 8" },
		{ TEST_BYTES("{\"a\":/**/1}"), "not valid JSON" },
		{ TEST_BYTES("[]"), "not a JSON object" },
		{ TEST_BYTES("\"a\""), "not a JSON object" },
		{ TEST_BYTES("null "), "not a JSON object" },
		{ TEST_BYTES("5 "), "not a JSON object" },
		{ TEST_BYTES("\xef\xbb\xbf{}"), "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		test_assert_refused(cases[i].line, cases[i].len, cases[i].why);
}

#define DATA(bytes) "{\"channel\":\"a\",\"data\":\"" bytes "\"}"

static void
test_utf8(void **state)
{
	static const struct {
		const char *line;
		size_t len;
	} cases[] = {
		{ TEST_BYTES(DATA("\xff")) },
		{ TEST_BYTES(DATA("\x80")) },
		{ TEST_BYTES(DATA("\xc3")) },
		{ TEST_BYTES(DATA("\xe2\x82")) },
		{ TEST_BYTES(DATA("\xf0\x9f\x98")) },
		{ TEST_BYTES(DATA("ok\xc3\x28")) },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		test_assert_refused(cases[i].line, cases[i].len, "UTF-8");
	test_assert_good(TEST_BYTES(DATA("\xf0\x9f\x98\x80")));
}

/* What json-c lets through is caught when the event is checked. */
static void
test_utf8_odd(void **state)
{
	static const char *const lines[] = { DATA("\xed\xa0\x80"),
		DATA("\xc0\x80"), DATA("\xe0\x80\x80"),
		DATA("\xf4\x90\x80\x80"), DATA("\\ud800"), DATA("\\udc00x"),
		DATA("\\ud800\\u0041") };
	struct command c;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof lines / sizeof *lines; i++) {
		len = strlen(lines[i]);
		if (command_parse(&c, test_tokener,
			support_guard(lines[i], len), len) == 0 &&
		    event_check(&c.event, 1000) == NULL)
			assert_true(text_is_utf8(c.event.data,
			    c.event.data_len));
		command_clear(&c);
	}
}

/* A NUL is not the end of a line, nor of a text. */
static void
test_nul(void **state)
{
	static const struct {
		const char *line;
		size_t len;
	} cases[] = {
		{ TEST_BYTES("\0") },
		{ TEST_BYTES("{\"channel\":\"a\",\"data\":\"b\"}\0") },
		{ TEST_BYTES("{\"channel\":\"a\",\"data\":\"b\"}\0x") },
		{ TEST_BYTES("{\"channel\":\"a\",\"data\":\"b\"}\0{}") },
		{ TEST_BYTES("\0{\"channel\":\"a\",\"data\":\"b\"}") },
		{ TEST_BYTES("{\0\"channel\":\"a\",\"data\":\"b\"}") },
		{ TEST_BYTES(DATA("b\0c")) },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		test_assert_refused(cases[i].line, cases[i].len,
		    "not valid JSON");
}

static void
test_escaped_nul(void **state)
{
	static const char line[] =
	    "{\"channel\":\"a\\u0000b\",\"data\":\"c\\u0000d\","
	    "\"id\":\"\\u0000\",\"event\":\"e\\u0000\"}";
	struct command c;

	(void)state;
	assert_int_equal(command_parse(&c, test_tokener, line, sizeof line - 1),
	    0);
	assert_int_equal(c.channels[0].len, 3);
	assert_memory_equal(c.channels[0].text, "a\0b", 3);
	assert_int_equal(c.event.data_len, 3);
	assert_memory_equal(c.event.data, "c\0d", 3);
	assert_int_equal(c.event.id_len, 1);
	assert_int_equal(c.event.name_len, 2);
	command_clear(&c);
}

/* Nor may it make one word of the protocol out of another. */
static void
test_escaped_nul_in_words(void **state)
{
	static const char *const lines[] = {
		"{\"do\":\"status\\u0000x\"}",
		"{\"do\":\"close\",\"user\":\"u\\u0000x\"}",
		"{\"channel\":\"a\",\"data\":\"b\",\"retry\":\"5\\u0000\"}",
	};
	struct command c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof lines / sizeof *lines; i++) {
		if (command_parse(&c, test_tokener, lines[i],
			strlen(lines[i])) == 0)
			fail_msg("accepted: %s", lines[i]);
		command_clear(&c);
	}
}

static void
test_since_nul(void **state)
{
	static const char line[] = "{\"do\":\"stream\",\"channel\":\"a\","
				   "\"since\":\"all\\u0000\"}";
	struct command c;

	(void)state;
	if (command_parse(&c, test_tokener, line, sizeof line - 1) == 0)
		assert_false(c.since_all);
	command_clear(&c);
}

static void
test_nested(unsigned depth, int good)
{
	char line[4096] = "{\"channel\":\"a\",\"data\":";
	size_t n = strlen(line);

	memset(line + n, '[', depth);
	memset(line + n + depth, ']', depth);
	strcpy(line + n + (size_t)2 * depth, "}");
	if (good)
		test_assert_good(line, strlen(line));
	else
		test_assert_refused(line, strlen(line), "not valid JSON");
}

static void
test_depth(void **state)
{
	(void)state;
	test_nested(1, 1);
	test_nested(20, 1);
	test_nested(30, 1);
	test_nested(31, 1);
	test_nested(32, 0);
	test_nested(1000, 0);
	/* And it is as good as new. */
	test_assert_good(TEST_BYTES(DATA("x")));
}

/* Cut anywhere, a line is refused; the next one is not touched by it. */
static void
test_cut(void **state)
{
	static const char line[] =
	    "{\"channel\":[\"a\",\"b\"],\"data\":{\"x\":[1,2.5,null,true]},"
	    "\"event\":\"\xc3\xa4\\u00e4\",\"retry\":5,\"expires\":1.5}";
	size_t len;

	(void)state;
	for (len = 0; len < sizeof line - 1; len++) {
		test_assert_refused(line, len, "");
		test_assert_good(line, sizeof line - 1);
	}
}

/* A byte changed anywhere must not make the parser read elsewhere. */
static void
test_changed(void **state)
{
	static const char line[] = "{\"do\":\"stream\",\"channel\":[\"a\"],"
				   "\"since\":\"5-0\",\"last\":10}";
	char changed[sizeof line];
	struct command c;
	size_t i;
	int byte;

	(void)state;
	for (i = 0; i < sizeof line - 1; i++) {
		for (byte = 0; byte < 256; byte++) {
			memcpy(changed, line, sizeof line);
			changed[i] = (char)byte;
			if (command_parse(&c, test_tokener,
				support_guard(changed, sizeof line - 1),
				sizeof line - 1) == -1)
				assert_true(c.error[0] != '\0');
			command_clear(&c);
		}
	}
}

static void
test_long_error(void **state)
{
	char line[1000] = "{\"";
	struct command c;

	(void)state;
	memset(line + 2, 'x', 900);
	strcpy(line + 902, "\":1}");
	assert_int_equal(command_parse(&c, test_tokener, line, strlen(line)),
	    -1);
	assert_true(strlen(c.error) < sizeof c.error);
	assert_memory_equal(c.error, "unknown field \"xxx", 18);
	command_clear(&c);
}

static void
test_plain(void **state)
{
	static const struct {
		const char *line;
		size_t len;
		const char *channel; /* NULL: refused */
		size_t channel_len;
		const char *data;
		size_t data_len;
	} cases[] = {
		{ TEST_BYTES("news text"), TEST_BYTES("news"),
		    TEST_BYTES("text") },
		{ TEST_BYTES("a"), TEST_BYTES("a"), TEST_BYTES("") },
		{ TEST_BYTES("a "), TEST_BYTES("a"), TEST_BYTES("") },
		{ TEST_BYTES("a  b c "), TEST_BYTES("a"), TEST_BYTES(" b c ") },
		{ TEST_BYTES("a\tb c"), TEST_BYTES("a\tb"), TEST_BYTES("c") },
		{ TEST_BYTES(" x"), TEST_BYTES(""), TEST_BYTES("x") },
		{ TEST_BYTES(" "), TEST_BYTES(""), TEST_BYTES("") },
		{ TEST_BYTES("a {\"x\":1}"), TEST_BYTES("a"),
		    TEST_BYTES("{\"x\":1}") },
		{ TEST_BYTES("a b\0c"), TEST_BYTES("a"), TEST_BYTES("b\0c") },
		{ TEST_BYTES("\0 b"), TEST_BYTES("\0"), TEST_BYTES("b") },
		{ TEST_BYTES("[1] x"), TEST_BYTES("[1]"), TEST_BYTES("x") },
		{ TEST_BYTES("a \xff"), TEST_BYTES("a"), TEST_BYTES("\xff") },
		{ TEST_BYTES(""), NULL, 0, NULL, 0 },
		{ TEST_BYTES("{"), NULL, 0, NULL, 0 },
		{ TEST_BYTES("{a} x"), NULL, 0, NULL, 0 },
		{ TEST_BYTES("{\"channel\":\"a\",\"data\":\"b\"}"),
		    TEST_BYTES("a"), TEST_BYTES("b") },
	};
	struct command c;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(&c, 0xa5, sizeof c);
		rc = command_parse_plain(&c, test_tokener,
		    support_guard(cases[i].line, cases[i].len), cases[i].len);
		assert_int_equal(rc, cases[i].channel == NULL ? -1 : 0);
		if (cases[i].channel == NULL) {
			assert_int_equal(c.code, TEST_DATAERR);
			command_clear(&c);
			continue;
		}
		assert_int_equal(c.kind, COMMAND_PUBLISH);
		assert_int_equal(c.channel_count, 1);
		assert_int_equal(c.channels[0].len, cases[i].channel_len);
		assert_memory_equal(c.channels[0].text, cases[i].channel,
		    cases[i].channel_len);
		assert_int_equal(c.event.data_len, cases[i].data_len);
		assert_memory_equal(c.event.data, cases[i].data,
		    cases[i].data_len);
		assert_int_equal(c.event.name_len + c.event.id_len, 0);
		assert_true(c.event.retry_ms == EVENT_RETRY_NONE);
		assert_int_equal(c.event.expires_ms, 0);
		command_clear(&c);
	}
}

static int
test_setup(void **state)
{
	(void)state;
	test_tokener = command_tokener();
	return test_tokener == NULL ? -1 : 0;
}

static int
test_teardown(void **state)
{
	(void)state;
	json_tokener_free(test_tokener);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_utf8_odd),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_escaped_nul),
		cmocka_unit_test(test_escaped_nul_in_words),
		cmocka_unit_test(test_since_nul),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_long_error),
		cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests_name("command lines", tests, test_setup,
	    test_teardown);
}
