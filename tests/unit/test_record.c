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

#include "door/record.h"
#include "lib/support.h"

/* FastCGI Specification 1.0, 8. */
enum {
	TEST_STDOUT = 6,
	TEST_GET_VALUES = 9,
	TEST_GET_VALUES_RESULT = 10
};

#define TEST_BYTES(text) text, sizeof(text) - 1

static void
test_assert(const struct buffer *b, const void *want, size_t len)
{
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, want, len);
}

static void
test_parse(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, content_len, padding_len;
		unsigned version, type, request_id;
	} cases[] = {
		{ TEST_BYTES("\x01\x01\0\x01\0\0\0\0"), 0, 0, 1, 1, 1 },
		{ TEST_BYTES("\x01\x05\xff\xfe\0\x03\0\0abc"), 3, 0, 1, 5,
		    0xfffe },
		{ TEST_BYTES("\x01\x05\x01\x02\0\x03\x05\0abc\0\0\0\0\0"), 3, 5,
		    1, 5, 0x102 },
		{ TEST_BYTES("\x01\x05\0\x80\0\0\x02\0pp"), 0, 2, 1, 5, 0x80 },
		{ TEST_BYTES("\xff\xff\0\0\0\x01\0\xffx"), 1, 0, 255, 255, 0 },
	};
	struct record r;
	const char *data;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (len = 0; len < cases[i].len; len++)
			assert_int_equal(record_parse(support_guard(cases[i]
									.bytes,
							  len),
					     len, &r),
			    0);
		data = support_guard(cases[i].bytes, len);
		assert_int_equal(record_parse(data, len, &r), len);
		assert_int_equal(r.version, cases[i].version);
		assert_int_equal(r.type, cases[i].type);
		assert_int_equal(r.request_id, cases[i].request_id);
		assert_int_equal(r.content_len, cases[i].content_len);
		assert_int_equal(r.padding_len, cases[i].padding_len);
		assert_ptr_equal(r.content, data + 8);
	}
}

/* With as much content and padding as there can be, and another behind. */
static void
test_parse_largest(void **state)
{
	static char data[8 + 65535 + 255 + 8];
	struct record r;
	size_t whole = 8 + 65535 + 255;

	(void)state;
	memset(data, 'x', sizeof data);
	memcpy(data, "\x01\x05\0\x01\xff\xff\xff\0", 8);
	assert_int_equal(record_parse(support_guard(data, whole - 1), whole - 1,
			     &r),
	    0);
	assert_int_equal(record_parse(data, sizeof data, &r), whole);
	assert_int_equal(r.content_len, 65535);
	assert_int_equal(r.padding_len, 255);
}

static void
test_stdout_header(void **state)
{
	char to[8];

	(void)state;
	record_put_stdout(to, 0x1234, 0xabcd);
	assert_memory_equal(to, "\x01\x06\x12\x34\xab\xcd\0\0", 8);
	record_put_stdout(to, 1, 0);
	assert_memory_equal(to, "\x01\x06\0\x01\0\0\0\0", 8);
	record_put_stdout(to, 65535, 65535);
	assert_memory_equal(to, "\x01\x06\xff\xff\xff\xff\0\0", 8);
}

static void
test_append(void **state)
{
	struct buffer b = { 0 };

	(void)state;
	assert_int_equal(record_append_stdout(&b, 1, "", 0), 0);
	assert_int_equal(b.len, 0); /* an empty one would end the output */
	assert_int_equal(record_append_stdout(&b, 2, "abc", 3), 0);
	test_assert(&b, TEST_BYTES("\x01\x06\0\x02\0\x03\0\0abc"));
	buffer_truncate(&b, 0);
	assert_int_equal(record_append_end(&b, 0x102, 2), 0);
	test_assert(&b,
	    TEST_BYTES("\x01\x03\x01\x02\0\x08\0\0\0\0\0\0\x02\0\0\0"));
	buffer_truncate(&b, 0);
	assert_int_equal(record_append_finish(&b, 3), 0);
	test_assert(&b,
	    TEST_BYTES("\x01\x06\0\x03\0\0\0\0"
		       "\x01\x03\0\x03\0\x08\0\0\0\0\0\0\0\0\0\0"));
	buffer_truncate(&b, 0);
	assert_int_equal(record_append_unknown_type(&b, 200), 0);
	test_assert(&b, TEST_BYTES("\x01\x0b\0\0\0\x08\0\0\xc8\0\0\0\0\0\0\0"));
	buffer_clear(&b);
}

/* What is longer than a record becomes several. */
static void
test_append_long(void **state)
{
	static const size_t sizes[] = { 1, 65534, 65535, 65536, 131070, 131071,
		300000 };
	struct buffer b = { 0 };
	struct record r;
	char *data;
	size_t i, at, done, n;

	(void)state;
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		data = malloc(sizes[i]);
		assert_non_null(data);
		for (at = 0; at < sizes[i]; at++)
			data[at] = (char)(at * 7 + at / 256);
		assert_int_equal(record_append_stdout(&b, 1, data, sizes[i]),
		    0);
		for (done = at = 0; at < b.len; at += n) {
			n = record_parse(b.data + at, b.len - at, &r);
			assert_true(n > 0);
			assert_int_equal(r.type, TEST_STDOUT);
			assert_int_equal(r.request_id, 1);
			assert_true(r.content_len > 0);
			assert_true(done + r.content_len <= sizes[i]);
			assert_memory_equal(r.content, data + done,
			    r.content_len);
			done += r.content_len;
		}
		assert_int_equal(done, sizes[i]);
		free(data);
		buffer_clear(&b);
	}
}

#define NAME_CONNS "FCGI_MAX_CONNS"
#define NAME_REQS  "FCGI_MAX_REQS"
#define NAME_MPXS  "FCGI_MPXS_CONNS"
#define ASK_CONNS  "\x0e\0" NAME_CONNS
#define ASK_REQS   "\x0d\0" NAME_REQS
#define ASK_MPXS   "\x0f\0" NAME_MPXS
#define SAY_CONNS  "\x0e\x03" NAME_CONNS "100"
#define SAY_REQS   "\x0d\x03" NAME_REQS "100"
#define SAY_MPXS   "\x0f\x01" NAME_MPXS "0"

static const struct {
	const char *content;
	size_t len;
	const char *want;
	size_t want_len;
} test_questions[] = {
	{ "", 0, "", 0 },
	{ TEST_BYTES(ASK_CONNS), TEST_BYTES(SAY_CONNS) },
	{ TEST_BYTES(ASK_REQS), TEST_BYTES(SAY_REQS) },
	{ TEST_BYTES(ASK_MPXS), TEST_BYTES(SAY_MPXS) },
	{ TEST_BYTES(ASK_MPXS ASK_REQS ASK_CONNS),
	    TEST_BYTES(SAY_CONNS SAY_REQS SAY_MPXS) },
	/* A value with the question is not looked at. */
	{ TEST_BYTES("\x0e\x02" NAME_CONNS "xy" ASK_MPXS),
	    TEST_BYTES(SAY_CONNS SAY_MPXS) },
	/* Once, however often it is asked for. */
	{ TEST_BYTES(ASK_CONNS ASK_CONNS ASK_CONNS ASK_CONNS ASK_CONNS
		  ASK_CONNS),
	    TEST_BYTES(SAY_CONNS) },
	/* Unknown names are left out. */
	{ TEST_BYTES("\x03\0abc" ASK_REQS "\0\0" ASK_MPXS),
	    TEST_BYTES(SAY_REQS SAY_MPXS) },
	{ TEST_BYTES("\x0d\0FCGI_MAX_CONN\x0f\0FCGI_MAX_CONNSX"), "", 0 },
	{ TEST_BYTES("\x0e\0fcgi_max_conns"), "", 0 },
	/* Lengths of four bytes. */
	{ TEST_BYTES("\x80\0\0\x0e\0" NAME_CONNS), TEST_BYTES(SAY_CONNS) },
	{ TEST_BYTES("\x0e\x80\0\0\x01" NAME_CONNS "x" ASK_REQS),
	    TEST_BYTES(SAY_CONNS SAY_REQS) },
	/* Lengths that are cut, or longer than the record. */
	{ TEST_BYTES("\x0e"), "", 0 },
	{ TEST_BYTES("\x0e\0"), "", 0 },
	{ TEST_BYTES("\x0e\0FCGI_MAX_CONN"), "", 0 },
	{ TEST_BYTES("\x0e\x01" NAME_CONNS), "", 0 },
	{ TEST_BYTES("\x80"), "", 0 },
	{ TEST_BYTES("\x80\0\0"), "", 0 },
	{ TEST_BYTES("\x80\0\0\x0e"), "", 0 },
	{ TEST_BYTES("\x0e\x80\0\0"), "", 0 },
	{ TEST_BYTES("\xff\xff\xff\xff\0" NAME_CONNS), "", 0 },
	{ TEST_BYTES("\x0e\xff\xff\xff\xff" NAME_CONNS), "", 0 },
	{ TEST_BYTES("\xff\xff\xff\xff\xff\xff\xff\xff" NAME_CONNS), "", 0 },
	{ TEST_BYTES(ASK_REQS "\x7f\x7f" ASK_CONNS), TEST_BYTES(SAY_REQS) },
};

static void
test_values(void **state)
{
	struct buffer b = { 0 };
	struct record r = { .version = 1, .type = TEST_GET_VALUES }, got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_questions / sizeof *test_questions; i++) {
		r.content = support_guard(test_questions[i].content,
		    test_questions[i].len);
		r.content_len = test_questions[i].len;
		assert_int_equal(record_append_values(&b, &r, 100), 0);
		assert_int_equal(record_parse(b.data, b.len, &got), b.len);
		assert_int_equal(got.type, TEST_GET_VALUES_RESULT);
		assert_int_equal(got.request_id, 0);
		if (got.content_len != test_questions[i].want_len ||
		    memcmp(got.content, test_questions[i].want,
			got.content_len) != 0)
			fail_msg("case %zu", i);
		buffer_truncate(&b, 0);
	}
	buffer_clear(&b);
}

/* Random contents, and the largest number: never more than the answer holds. */
static void
test_values_random(void **state)
{
	static const char *const pieces[] = { ASK_CONNS, ASK_REQS, ASK_MPXS,
		"\x7f", "\xff\xff\xff\xff", "\x80", "a", "\x01" };
	static const size_t lengths[] = { sizeof ASK_CONNS - 1,
		sizeof ASK_REQS - 1, sizeof ASK_MPXS - 1, 1, 4, 1, 1, 1 };
	struct buffer b = { 0 };
	struct record r = { .version = 1, .type = TEST_GET_VALUES };
	char content[400];
	uint64_t seed = 6;
	size_t i, n, k, count;

	(void)state;
	for (i = 0; i < 20000; i++) {
		count = support_random(&seed, 20);
		for (n = 0; count-- > 0; n += lengths[k]) {
			k = support_random(&seed, 8);
			memcpy(content + n, pieces[k], lengths[k]);
		}
		r.content = support_guard(content, n);
		r.content_len = n;
		assert_int_equal(record_append_values(&b, &r, SIZE_MAX), 0);
		assert_true(b.len <= 8 + 128);
		buffer_truncate(&b, 0);
	}
	buffer_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_largest),
		cmocka_unit_test(test_stdout_header),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_append_long),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_values_random),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
