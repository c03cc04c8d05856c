/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "lib/support.h"

static void
test_assert(const struct buffer *b, const char *want)
{
	assert_int_equal(b->len, strlen(want));
	assert_true(b->cap >= b->len);
	if (b->len > 0)
		assert_memory_equal(b->data, want, b->len);
}

static void
test_append(void **state)
{
	struct buffer b = { 0 };

	(void)state;
	assert_int_equal(buffer_append(&b, NULL, 0), 0);
	assert_null(b.data);
	assert_int_equal(buffer_append(&b, "abc", 3), 0);
	assert_int_equal(buffer_append(&b, "", 0), 0);
	assert_int_equal(buffer_append_text(&b, "de"), 0);
	test_assert(&b, "abcde");
	assert_int_equal(buffer_printf(&b, "%d-%s", 42, "x"), 0);
	test_assert(&b, "abcde42-x");
	assert_int_equal(buffer_printf(&b, "%s", ""), 0);
	test_assert(&b, "abcde42-x");
	buffer_truncate(&b, 2);
	test_assert(&b, "ab");
	buffer_truncate(&b, 0);
	test_assert(&b, "");
	buffer_clear(&b);
	assert_null(b.base);
	assert_null(b.data);
	assert_int_equal(b.len + b.cap, 0);
	buffer_clear(&b);
}

static void
test_reserve(void **state)
{
	struct buffer b = { 0 };
	char *to;

	(void)state;
	to = buffer_reserve(&b, 5);
	assert_non_null(to);
	memcpy(to, "hello", 5);
	test_assert(&b, "");
	buffer_commit(&b, 4);
	test_assert(&b, "hell");
	/* What was reserved and not committed is no part of it. */
	assert_int_equal(buffer_append(&b, "!", 1), 0);
	test_assert(&b, "hell!");
	buffer_clear(&b);
}

static void
test_printf_long(void **state)
{
	struct buffer b = { 0 };
	size_t n;

	(void)state;
	/* Around the smallest allocation and its doublings. */
	for (n = 250; n < 1030; n++) {
		buffer_truncate(&b, 0);
		assert_int_equal(buffer_printf(&b, "%*s", (int)n, "x"), 0);
		assert_int_equal(b.len, n);
		assert_int_equal(b.data[n - 1], 'x');
		assert_int_equal(b.data[0], ' ');
		if (n % 3 == 0)
			buffer_clear(&b);
	}
	buffer_clear(&b);
}

static void
test_consume(void **state)
{
	struct buffer b = { 0 };
	char *base;

	(void)state;
	assert_int_equal(buffer_append_text(&b, "abcdef"), 0);
	base = b.base;
	buffer_consume(&b, 0);
	test_assert(&b, "abcdef");
	buffer_consume(&b, 2);
	test_assert(&b, "cdef");
	assert_int_equal(buffer_append_text(&b, "g"), 0);
	test_assert(&b, "cdefg");
	buffer_consume(&b, 5);
	test_assert(&b, "");
	assert_ptr_equal(b.data, base);
	buffer_clear(&b);
}

static void
test_too_much(void **state)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2,
		SIZE_MAX / 4, SIZE_MAX / 4 - 2 };
	struct buffer b = { 0 }, before;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		buffer_clear(&b);
		errno = 0;
		assert_null(buffer_reserve(&b, SIZE_MAX));
		assert_int_equal(errno, ENOMEM);
		assert_int_equal(buffer_append_text(&b, "kept"), 0);
		before = b;
		errno = 0;
		assert_null(buffer_reserve(&b, sizes[i]));
		assert_int_equal(errno, ENOMEM);
		assert_memory_equal(&b, &before, sizeof b);
		test_assert(&b, "kept");
	}
	buffer_clear(&b);
}

/* Written and consumed for ever, it stays small. */
static void
test_bounded(void **state)
{
	struct buffer b = { 0 };
	char piece[100];
	size_t i;

	(void)state;
	memset(piece, 'x', sizeof piece);
	assert_int_equal(buffer_append(&b, piece, 50), 0);
	for (i = 0; i < 100000; i++) {
		assert_int_equal(buffer_append(&b, piece, sizeof piece), 0);
		buffer_consume(&b, sizeof piece);
		assert_true((size_t)(b.data - b.base) + b.cap <=
		    16 * sizeof piece);
	}
	assert_int_equal(b.len, 50);
	buffer_clear(&b);
}

/* The pattern of the at-th byte ever written. */
static char
test_byte(size_t at)
{
	return (char)(at * 31 + at / 251);
}

static void
test_model_step(struct buffer *b, uint64_t *seed, size_t *begin, size_t *end)
{
	size_t n = support_random(seed, 600), i;
	char *to;

	switch (support_random(seed, 4)) {
	case 0:
		n = n > b->len ? b->len : n;
		buffer_consume(b, n);
		*begin += n;
		return;
	case 1:
		n = n > b->len ? 0 : b->len - n;
		buffer_truncate(b, n);
		*end = *begin + n;
		return;
	default:
		to = buffer_reserve(b, n);
		assert_non_null(to);
		for (i = 0; i < n; i++)
			to[i] = test_byte(*end + i);
		buffer_commit(b, n);
		*end += n;
		return;
	}
}

static void
test_model(void **state)
{
	struct buffer b = { 0 };
	uint64_t seed = 1;
	size_t begin = 0, end = 0, step, i;

	(void)state;
	for (step = 0; step < 20000; step++) {
		test_model_step(&b, &seed, &begin, &end);
		assert_int_equal(b.len, end - begin);
		assert_true(b.cap >= b.len);
		for (i = 0; i < b.len; i += b.len / 16 + 1)
			assert_int_equal(b.data[i], test_byte(begin + i));
		if (b.len > 0)
			assert_int_equal(b.data[b.len - 1], test_byte(end - 1));
		if (step % 500 == 499) {
			buffer_clear(&b);
			begin = end;
		}
	}
	buffer_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_printf_long),
		cmocka_unit_test(test_consume),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
