/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * FastCGI's records as Apache's module writes and reads them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apache/record.h"

static size_t
add_record(char *to, int type, const char *content, size_t len, size_t padding)
{
	record_put_header(to, (enum record_type)type, len);
	to[6] = (char)padding;
	memcpy(to + RECORD_HEADER, content, len);
	memset(to + RECORD_HEADER + len, 'p', padding);
	return RECORD_HEADER + len + padding;
}

/* All of an answer, with other records and padding between. */
static size_t
put_answer(char *to)
{
	static const char end[8] = { 0x01, 0x02, 0x03, 0x04 };
	size_t n = 0;

	n += add_record(to + n, RECORD_STDOUT, "Status: 200\r\n", 13, 3);
	n += add_record(to + n, 7, "to the log", 10, 0);
	n += add_record(to + n, RECORD_STDOUT, "", 0, 8);
	n += add_record(to + n, RECORD_STDOUT, "\r\nbody", 6, 255);
	n += add_record(to + n, RECORD_STDOUT, "", 0, 0);
	n += add_record(to + n, RECORD_END_REQUEST, end, sizeof end, 0);
	return n;
}

static void
check_split(size_t part)
{
	struct record_reader r = { 0 };
	char answer[1024], found[1024], data[1024];
	size_t len = put_answer(answer), at, n, stripped, all = 0;

	for (at = 0; at < len; at += n) {
		n = len - at < part ? len - at : part;
		memcpy(data, answer + at, n);
		stripped = record_strip(&r, data, n);
		assert_true(stripped <= n);
		memcpy(found + all, data, stripped);
		all += stripped;
	}
	assert_int_equal(all, 19);
	assert_memory_equal(found, "Status: 200\r\n\r\nbody", 19);
	assert_int_equal(r.ended, 1);
	assert_int_equal(r.app_status, 0x01020304);
}

static void
test_split_anywhere(void **state)
{
	char answer[1024];
	size_t part, len = put_answer(answer);

	(void)state;
	for (part = 1; part <= len; part++)
		check_split(part);
}

static void
test_pairs(void **state)
{
	char to[1024], name[200], *end;

	(void)state;
	end = record_put_pair(to, "A", "");
	assert_int_equal(end - to, 3);
	assert_memory_equal(to, "\1\0A", 3);
	memset(name, 'n', sizeof name - 1);
	name[127] = '\0';
	end = record_put_pair(to, name, "v");
	assert_int_equal(end - to, 2 + 127 + 1);
	assert_int_equal((unsigned char)to[0], 127);
	memset(name, 'n', sizeof name - 1);
	name[128] = '\0';
	end = record_put_pair(to, name, name);
	assert_memory_equal(to, "\x80\0\0\x80\x80\0\0\x80n", 9);
	assert_int_equal(end - to, 8 + 256);
	assert_int_equal(record_pair_size(name, name), 8 + 256);
}

static void
test_begin(void **state)
{
	char to[16];

	(void)state;
	record_put_begin(to);
	assert_memory_equal(to, "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_anywhere),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
