/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The encoder, judged by what the reference parser makes of its records; the
 * cases follow the format-* tests of web-platform-tests.
 */

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
	TEST_ID_MAX = 64
};

static struct event_fields
test_fields(const char *data, size_t len)
{
	struct event_fields e = {
		.data = data, .data_len = len, .retry_ms = EVENT_RETRY_NONE
	};

	return e;
}

static void
test_encode(struct buffer *b, const struct event_fields *e, const char *id)
{
	assert_null(event_check(e, 1 << 20));
	assert_int_equal(event_encode(b, e, id, strlen(id)), 0);
}

static void
test_assert(const struct buffer *have, const void *want, size_t len)
{
	if (have->len != len || memcmp(have->data, want, len) != 0)
		fail_msg("\"%.*s\" instead of \"%.*s\"", (int)have->len,
		    have->data, (int)len, (const char *)want);
}

/* Data as it is published, and as a client has it. */
struct test_data {
	const char *data;
	size_t len; /* 0: strlen */
	const char *want;
	size_t want_len; /* 0: strlen */
};

static const struct test_data test_datas[] = {
	{ "a", 0, "a", 0 },
	{ "", 0, "", 0 },
	{ "a b", 0, "a b", 0 },
	/* Each kind of line end, within and at the end. */
	{ "a\nb", 0, "a\nb", 0 },
	{ "a\rb", 0, "a\nb", 0 },
	{ "a\r\nb", 0, "a\nb", 0 },
	{ "a\n\rb", 0, "a\n\nb", 0 },
	{ "a\r\rb", 0, "a\n\nb", 0 },
	{ "a\r\n\r\nb", 0, "a\n\nb", 0 },
	{ "a\r\n\nb", 0, "a\n\nb", 0 },
	{ "a\r\r\nb", 0, "a\n\nb", 0 },
	{ "a\n", 0, "a\n", 0 },
	{ "a\r", 0, "a\n", 0 },
	{ "a\r\n", 0, "a\n", 0 },
	{ "a\n\n", 0, "a\n\n", 0 },
	{ "\na", 0, "\na", 0 },
	{ "\ra", 0, "\na", 0 },
	{ "\r\na", 0, "\na", 0 },
	{ "\n", 0, "\n", 0 },
	{ "\r", 0, "\n", 0 },
	{ "\r\n", 0, "\n", 0 },
	{ "\n\n\n", 0, "\n\n\n", 0 },
	{ "\r\r\r", 0, "\n\n\n", 0 },
	{ "\r\n\r\n\r", 0, "\n\n\n", 0 },
	{ "\n\r\n\r", 0, "\n\n\n", 0 },
	/* What the parser would take for its own. */
	{ " a", 0, " a", 0 },
	{ "  a", 0, "  a", 0 },
	{ " ", 0, " ", 0 },
	{ "a ", 0, "a ", 0 },
	{ "\ta", 0, "\ta", 0 },
	{ ":a", 0, ":a", 0 },
	{ ":", 0, ":", 0 },
	{ "a:b", 0, "a:b", 0 },
	{ "x\n:y\n z\n", 0, "x\n:y\n z\n", 0 },
	{ "\ndata: x\n\nid: 9\nevent: e\n\n", 0,
	    "\ndata: x\n\nid: 9\nevent: e\n\n", 0 },
	{ "x\rid: 9\r\revent: e\rretry: 1\r", 0,
	    "x\nid: 9\n\nevent: e\nretry: 1\n", 0 },
	{ "a\v\f\x85z", 3, "a\v\f", 0 },
	{ "\xc2\x85\xe2\x80\xa8\xe2\x80\xa9", 0,
	    "\xc2\x85\xe2\x80\xa8\xe2\x80\xa9", 0 },
	/* The byte order mark is data. */
	{ "\xef\xbb\xbf"
	  "a",
	    0,
	    "\xef\xbb\xbf"
	    "a",
	    0 },
	{ "\xef\xbb\xbf", 0, "\xef\xbb\xbf", 0 },
	{ "a\n\xef\xbb\xbf"
	  "b",
	    0,
	    "a\n\xef\xbb\xbf"
	    "b",
	    0 },
	/* UTF-8 of one to four bytes, and its borders. */
	{ "\x01\x7f", 0, "\x01\x7f", 0 },
	{ "\xc2\x80\xdf\xbf", 0, "\xc2\x80\xdf\xbf", 0 },
	{ "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 0,
	    "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 0 },
	{ "\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", 0,
	    "\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", 0 },
	{ "ok\xe2\x80\xa6\n\xe2\x82\xac", 0, "ok\xe2\x80\xa6\n\xe2\x82\xac",
	    0 },
};

static void
test_one_data(const struct test_data *t, size_t step)
{
	size_t len = t->len == 0 ? strlen(t->data) : t->len;
	size_t want_len = t->want_len == 0 ? strlen(t->want) : t->want_len;
	struct event_fields e = test_fields(support_guard(t->data, len), len);
	struct buffer b = { 0 }, want = { 0 }, have;

	test_encode(&b, &e, "7-0");
	/* The same again: the first has left nothing open. */
	e = test_fields("end", 3);
	test_encode(&b, &e, "8-0");
	have = support_parse(b.data, b.len, step, 0);
	buffer_append_text(&want, "<7-0|message|");
	buffer_append(&want, t->want, want_len);
	buffer_append_text(&want, "><8-0|message|end>");
	test_assert(&have, want.data, want.len);
	buffer_clear(&have);
	buffer_clear(&want);
	buffer_clear(&b);
}

static void
test_data(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_datas / sizeof *test_datas; i++) {
		test_one_data(&test_datas[i], SIZE_MAX);
		test_one_data(&test_datas[i], 1);
	}
}

static void
test_long_lines(void **state)
{
	static const size_t sizes[] = { 1023, 4096, 65535, 65536, 1 << 20 };
	struct event_fields e;
	struct buffer b = { 0 }, have;
	char *data;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		data = malloc(sizes[i]);
		assert_non_null(data);
		memset(data, 'x', sizes[i]);
		e = test_fields(data, sizes[i]);
		test_encode(&b, &e, "1-0");
		have = support_parse(b.data, b.len, 4093, 0);
		assert_int_equal(have.len, sizes[i] + 14);
		assert_memory_equal(have.data + 13, data, sizes[i]);
		buffer_clear(&have);
		buffer_truncate(&b, 0);
		/* Nothing but line ends, which take the most. */
		memset(data, '\n', sizes[i]);
		test_encode(&b, &e, "1-0");
		assert_int_equal(b.len, 15 + 6 * sizes[i]);
		have = support_parse(b.data, b.len, 4093, 0);
		assert_int_equal(have.len, sizes[i] + 14);
		assert_memory_equal(have.data + 13, data, sizes[i]);
		buffer_clear(&have);
		buffer_clear(&b);
		free(data);
	}
}

/* Wherever a line ends, also where the encoder looks in pieces. */
static void
test_line_ends(void **state)
{
	static const char *const ends[] = { "\n", "\r", "\r\n" };
	char data[600], want[600];
	struct event_fields e;
	struct buffer b = { 0 }, have;
	size_t len, i, n;

	(void)state;
	for (len = 0; len < sizeof data - 4; len++) {
		for (i = 0; i < sizeof ends / sizeof *ends; i++) {
			memset(data, 'x', sizeof data);
			n = strlen(ends[i]);
			memcpy(data + len, ends[i], n);
			e = test_fields(data, len + n + 1);
			test_encode(&b, &e, "1-0");
			memset(want, 'x', sizeof want);
			want[len] = '\n';
			have = support_parse(b.data, b.len, SIZE_MAX, 0);
			assert_int_equal(have.len, len + 2 + 14);
			assert_memory_equal(have.data + 13, want, len + 2);
			buffer_clear(&have);
			buffer_truncate(&b, 0);
		}
	}
	buffer_clear(&b);
}

/* Names are one line of any characters, and so are ids for the encoder. */
static void
test_names(void **state)
{
	static const char *const names[] = { "e", "message", " e", "  ", ":",
		"::e", "e:", "data: x", "e f", "\t", "\v\f\x7f\x01", "open",
		"error",
		("\xef\xbb\xbf"
		 "e"),
		"\xc3\xa4\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xe2\x80\xa8",
		"\"\\<>&", "0", "id" };
	struct event_fields e = test_fields("d", 1);
	struct buffer b = { 0 }, have;
	char want[256];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		e.name_len = strlen(names[i]);
		e.name = support_guard(names[i], e.name_len);
		test_encode(&b, &e, names[i]);
		n = (size_t)snprintf(want, sizeof want, "<%s|%s|d>", names[i],
		    names[i]);
		have = support_parse(b.data, b.len, 1, 0);
		test_assert(&have, want, n);
		buffer_clear(&have);
		buffer_truncate(&b, 0);
	}
	buffer_clear(&b);
}

/* A name holds for its own event alone. */
static void
test_name_ends(void **state)
{
	struct event_fields named = test_fields("a", 1),
			    plain = test_fields("b", 1);
	struct buffer b = { 0 }, have;

	(void)state;
	named.name = "e";
	named.name_len = 1;
	test_encode(&b, &named, "1-0");
	test_encode(&b, &plain, "2-0");
	have = support_parse(b.data, b.len, SIZE_MAX, 0);
	test_assert(&have, "<1-0|e|a><2-0|message|b>", 24);
	buffer_clear(&have);
	buffer_clear(&b);
}

static void
test_retry(void **state)
{
	static const struct {
		uint64_t ms;
		const char *want;
	} cases[] = {
		{ 0, "r=0<1-0|message|d>" },
		{ 1, "r=1<1-0|message|d>" },
		{ 3000, "r=3000<1-0|message|d>" },
		{ 86400000, "r=86400000<1-0|message|d>" },
		{ EVENT_RETRY_NONE, "<1-0|message|d>" },
	};
	struct event_fields e = test_fields("d", 1);
	struct buffer b = { 0 }, have;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		e.retry_ms = cases[i].ms;
		test_encode(&b, &e, "1-0");
		have = support_parse(b.data, b.len, 1, 0);
		test_assert(&have, cases[i].want, strlen(cases[i].want));
		buffer_clear(&have);
		buffer_truncate(&b, 0);
	}
	buffer_clear(&b);
}

/* The bytes themselves: the order of the fields is promised. */
static void
test_order(void **state)
{
	static const char want[] =
	    "id: 5-0\nevent: tick\nretry: 10\ndata: a\ndata:\ndata: b\n\n";
	struct event_fields e = test_fields("a\n\nb", 4);
	struct buffer b = { 0 };

	(void)state;
	e.name = "tick";
	e.name_len = 4;
	e.retry_ms = 10;
	test_encode(&b, &e, "5-0");
	test_assert(&b, want, sizeof want - 1);
	assert_memory_equal(b.data + EVENT_ID_OFFSET, "5-0", 3);
	buffer_truncate(&b, 0);
	e = test_fields("", 0);
	test_encode(&b, &e, "5-0");
	test_assert(&b, "id: 5-0\ndata:\n\n", 15);
	buffer_clear(&b);
}

/* It appends, and a reader of any record finds its id at the same place. */
static void
test_append(void **state)
{
	struct event_fields e = test_fields("x", 1);
	struct buffer b = { 0 };

	(void)state;
	assert_int_equal(buffer_append_text(&b, "before"), 0);
	test_encode(&b, &e, "1-0");
	test_assert(&b, "beforeid: 1-0\ndata: x\n\n", 23);
	buffer_clear(&b);
}

static size_t
test_random_data(uint64_t *seed, char *data, size_t size)
{
	static const char *const pieces[] = { "\n", "\r", "\r\n", "\n\r", " ",
		":", "data:", "id: 1", "event: x", "a", "bc", "\xef\xbb\xbf",
		"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xe2\x80\xa8",
		"\xc2\x85", "retry: 1", "\x7f", "\\" };
	size_t n = 0, len, count = support_random(seed, 30);
	const char *piece;

	while (count-- > 0) {
		piece = pieces[support_random(seed,
		    sizeof pieces / sizeof *pieces)];
		len = strlen(piece);
		assert_true(n + len <= size);
		memcpy(data + n, piece, len);
		n += len;
	}
	return n;
}

/* Its lines joined by LF, by the book and byte by byte. */
static size_t
test_join_lines(const char *data, size_t len, char *to)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (data[i] == '\n' && i > 0 && data[i - 1] == '\r')
			continue;
		to[n] = data[i];
		if (data[i] == '\r')
			to[n] = '\n';
		n++;
	}
	return n;
}

static void
test_round_trip(void **state)
{
	char data[512], joined[512], id[TEST_ID_MAX];
	struct event_fields e;
	struct buffer b = { 0 }, want = { 0 }, have;
	uint64_t seed = 5;
	size_t i, k, n, m;

	(void)state;
	for (i = 0; i < 3000; i++) {
		/* A few in a row, as one stream. */
		for (k = 0; k < 3; k++) {
			n = test_random_data(&seed, data, sizeof data);
			snprintf(id, sizeof id, "%zu-%zu", i, k);
			e = test_fields(support_guard(data, n), n);
			if (support_random(&seed, 2)) {
				e.name = "e";
				e.name_len = 1;
			}
			test_encode(&b, &e, id);
			m = test_join_lines(data, n, joined);
			assert_int_equal(buffer_printf(&want, "<%s|%s|", id,
					     e.name_len ? "e" : "message"),
			    0);
			buffer_append(&want, joined, m);
			buffer_append(&want, ">", 1);
		}
		have = support_parse(b.data, b.len,
		    support_random(&seed, 2) ? 1 + support_random(&seed, 9)
					     : SIZE_MAX,
		    0);
		test_assert(&have, want.data, want.len);
		buffer_clear(&have);
		buffer_truncate(&want, 0);
		buffer_truncate(&b, 0);
	}
	buffer_clear(&want);
	buffer_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_ends),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
