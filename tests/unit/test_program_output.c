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

#include "base/log.h"
#include "lib/support.h"
#include "protocol/command.h"
#include "source/program_output.h"

enum {
	TEST_MAX = 100 /* bytes of an event's data */
};

static struct json_tokener *test_tokener;

static void
test_feed(struct program_output *p, const char *text, size_t len)
{
	assert_int_equal(buffer_append(&p->in, text, len), 0);
	assert_int_equal(program_output_take(p, false), 0);
}

/* Of raw text a CR may have been taken for all of a line's end. */
static void
test_same(bool is_raw, const struct buffer *have, const char *want)
{
	struct buffer a, b;

	if (!is_raw) {
		assert_string_equal(have->data, want);
		return;
	}
	a = support_parse(have->data, have->len - 1, 1, 0);
	b = support_parse(want, strlen(want), 1, 0);
	assert_string_equal(a.data, b.data);
	buffer_clear(&a);
	buffer_clear(&b);
}

/* How many events a client gets from a stream, none of which has a '<'. */
static uint64_t
test_count(const struct buffer *out)
{
	struct buffer heard = support_parse(out->data, out->len - 1, 1, 0);
	const char *p = heard.data;
	uint64_t count = 0;

	for (; (p = strchr(p, '<')) != NULL; p++)
		count++;
	buffer_clear(&heard);
	return count;
}

/* A text, in pieces of so many bytes, makes these records. */
static void
test_pieces(bool is_raw, const char *text, size_t len, size_t step,
    const char *want)
{
	struct program_output p = { .name = "test",
		.tokener = test_tokener,
		.max_line = TEST_MAX,
		.is_raw = is_raw };
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = len - i < step ? len - i : step;
		test_feed(&p, text + i, n);
	}
	assert_int_equal(program_output_take(&p, true), 0);
	assert_int_equal(p.in.len, 0);
	assert_int_equal(buffer_append(&p.out, "", 1), 0);
	assert_int_equal(p.events, test_count(&p.out));
	test_same(is_raw, &p.out, want);
	program_output_clear(&p);
}

static void
test_all(bool is_raw, const char *text, size_t len, const char *want)
{
	size_t step;

	for (step = 1; step <= len + 1; step++)
		test_pieces(is_raw, text, len, step, want);
}

static void
test_lines(void **state)
{
	static const struct {
		const char *text, *want;
	} texts[] = {
		{ "", "" },
		{ "one\ntwo\n", "data: one\n\ndata: two\n\n" },
		{ "no end", "data: no end\n\n" },
		{ "\n", "data:\n\n" },
		{ "\r\n a\r\n", "data:\n\ndata:  a\n\n" },
		{ "a\rb\n", "data: a\ndata: b\n\n" },
		{ "a\xff\nb\xc3\xa9\n", "data: b\xc3\xa9\n\n" },
		/* JSON with data is an event, other JSON is data. */
		{ "{\"data\":\"x\\ny\",\"event\":\"e\",\"id\":\"7\",\"retry\":9}"
		  "\n",
		    "id: 7\nevent: e\nretry: 9\ndata: x\ndata: y\n\n" },
		{ "{\"data\":{\"a\":[1]}}\r\n", "data: {\"a\":[1]}\n\n" },
		{ "{\"data\":\"x\",\"channel\":\"c\"}\n", "data: x\n\n" },
		{ "{\"data\":\"x\"}", "data: x\n\n" },
		{ "{\"a\":1}\n", "data: {\"a\":1}\n\n" },
		{ "{\"data\":\"x\",\"other\":1}\n",
		    "data: {\"data\":\"x\",\"other\":1}\n\n" },
		{ "{\"do\":\"status\"}\n", "data: {\"do\":\"status\"}\n\n" },
		{ "{\"do\":\"handoff\",\"data\":\"x\"}\n",
		    "data: {\"do\":\"handoff\",\"data\":\"x\"}\n\n" },
		{ "{not JSON\n", "data: {not JSON\n\n" },
		{ "[1]\n\"x\"\n", "data: [1]\n\ndata: \"x\"\n\n" },
		/* What an event may not be is left out. */
		{ "{\"data\":\"x\",\"event\":\"crier.end\"}\na\n",
		    "data: a\n\n" },
		{ "{\"data\":\"x\",\"event\":\"a\\nb\"}\na\n", "data: a\n\n" },
		{ "{\"data\":\"x\",\"id\":\"a\\u0000\"}\na\n", "data: a\n\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		test_all(false, texts[i].text, strlen(texts[i].text),
		    texts[i].want);
}

/* Below, at and above what an event may have, and a line. */
static void
test_long_lines(void **state)
{
	/* Around TEST_MAX, and twice that. */
	static const size_t lengths[] = { 99, 100, 101, 199, 200, 201, 500 };
	char text[600], line[600], want[600];
	size_t i, n;
	int all;

	(void)state;
	memset(text, 'x', sizeof text);
	for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		n = lengths[i];
		all = snprintf(line, sizeof line, "%.*s\nnext\n", (int)n, text);
		if (n <= TEST_MAX)
			snprintf(want, sizeof want,
			    "data: %.*s\n\ndata: next\n\n", (int)n, text);
		else
			snprintf(want, sizeof want, "data: next\n\n");
		test_pieces(false, line, (size_t)all, (size_t)all, want);
		test_pieces(false, line, (size_t)all, 1, want);
		test_pieces(false, line, (size_t)all, TEST_MAX, want);
		/* Nothing follows. */
		want[strlen(want) - strlen("data: next\n\n")] = '\0';
		test_pieces(false, line, n, 7, want);
	}
}

/* A line with a NUL is left out: no event may have one. */
static void
test_nul(void **state)
{
	static const char text[] = "{\"data\":\"x\"}\0\n";
	struct program_output p = {
		.name = "test", .tokener = test_tokener, .max_line = TEST_MAX
	};

	(void)state;
	test_feed(&p, text, sizeof text - 1);
	assert_int_equal(p.out.len, 0);
	program_output_clear(&p);
}

/* Its own event-stream text, whole records of it; the last one is ended. */
static void
test_raw(void **state)
{
	static const struct {
		const char *text, *want;
	} texts[] = {
		{ "data: a\n\n", "data: a\n\n\n\n" },
		{ "data: a\n\ndata: b", "data: a\n\ndata: b\n\n" },
		{ "data: a\n\ndata: b\n", "data: a\n\ndata: b\n\n\n" },
		{ "data: a\r\rdata: b\r", "data: a\r\rdata: b\r\n\n" },
		{ "", "\n\n" },
		{ ": only\n", ": only\n\n\n" },
		/* A field that is called data, with an end or without. */
		{ "data\n\ndata:\r\n\r\n", "data\n\ndata:\n\n" },
		{ "datax: 1\n\ndat: 2\r\r data: 3\n\nxdata: 4\n\n",
		    "datax: 1\n\ndat: 2\n\n" },
		{ "data: 1\ndata: 2\n\n:data\n\ndata: data\n\n\n",
		    "data: 1\ndata: 2\n\n:data\n\ndata: data\n\n" },
		{ "id: 1\ndata: \xff\n\nretry: 5\n\n",
		    "id: 1\ndata: \xff\n\nretry: 5\n\n\n\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		test_all(true, texts[i].text, strlen(texts[i].text),
		    texts[i].want);
}

/* Whatever comes, and however, no half record goes out. */
static void
test_raw_between(void **state)
{
	static const char text[] =
	    "data: a\n\n: b\r\n\r\nid: 5\rdata: c\r\rdata: d\n\r\n";
	struct program_output p = { .name = "test",
		.tokener = test_tokener,
		.max_line = TEST_MAX,
		.is_raw = true };
	struct buffer between = { 0 }, whole, heard;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof text - 1; i++) {
		test_feed(&p, text + i, 1);
		if (p.out.len == 0)
			continue;
		assert_int_equal(buffer_append(&between, p.out.data, p.out.len),
		    0);
		buffer_truncate(&p.out, 0);
		/* As a heartbeat. */
		assert_int_equal(buffer_append_text(&between, ":\n"), 0);
	}
	heard = support_parse(between.data, between.len, 1, 1);
	assert_non_null(strstr(heard.data, "<|message|a>"));
	assert_non_null(strstr(heard.data, "<5|message|c>"));
	assert_non_null(strstr(heard.data, "<5|message|d>"));
	whole = support_parse(text, sizeof text - 1, 1, 1);
	assert_true(heard.len > whole.len);
	buffer_clear(&heard);
	buffer_clear(&whole);
	buffer_clear(&between);
	program_output_clear(&p);
}

/* A record beyond all measure is not kept until it is whole. */
static void
test_raw_long(void **state)
{
	struct program_output p = { .name = "test",
		.tokener = test_tokener,
		.max_line = TEST_MAX,
		.is_raw = true };
	char text[50];
	size_t i, all = 0;

	(void)state;
	memset(text, 'x', sizeof text);
	for (i = 0; i < 100; i++) {
		test_feed(&p, text, sizeof text);
		assert_true(p.in.len <= sizeof text * 4);
		all += p.out.len;
		buffer_truncate(&p.out, 0);
	}
	assert_int_equal(all + p.in.len, sizeof text * 100);
	program_output_clear(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_raw_between),
		cmocka_unit_test(test_raw_long),
	};
	int rc;

	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	test_tokener = command_tokener();
	rc = cmocka_run_group_tests_name("program output", tests, NULL, NULL);
	json_tokener_free(test_tokener);
	return rc;
}
