/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/support.h"
#include "protocol/id.h"

#define MAX UINT64_MAX

static void
test_cmp(void **state)
{
	static const struct id sorted[] = { { 0, 0 }, { 0, 1 }, { 0, MAX },
		{ 1, 0 }, { 1, 1 }, { 2, 0 }, { MAX, 0 }, { MAX, MAX } };
	const size_t count = sizeof sorted / sizeof *sorted;
	size_t i, j;
	int cmp;

	(void)state;
	for (i = 0; i < count; i++) {
		for (j = 0; j < count; j++) {
			cmp = id_cmp(sorted[i], sorted[j]);
			assert_true(i < j ? cmp < 0
				: i > j   ? cmp > 0
					  : cmp == 0);
		}
	}
}

static void
test_next(void **state)
{
	static const struct {
		struct id last;
		uint64_t now_ms;
		struct id want;
	} cases[] = {
		{ { 0, 0 }, 5, { 5, 0 } },
		{ { 5, 0 }, 5, { 5, 1 } },
		{ { 5, 7 }, 6, { 6, 0 } },
		/* The clock was set back. */
		{ { 5, 7 }, 4, { 5, 8 } },
		{ { 5, 7 }, 0, { 5, 8 } },
		/* No number is left in the millisecond. */
		{ { 5, MAX - 1 }, 5, { 5, MAX } },
		{ { 5, MAX }, 5, { 6, 0 } },
		{ { 5, MAX }, 4, { 6, 0 } },
		{ { MAX, 0 }, 5, { MAX, 1 } },
		{ { 0, 0 }, MAX, { MAX, 0 } },
	};
	struct id id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		id = id_next(cases[i].last, cases[i].now_ms);
		if (id_cmp(id, cases[i].want) != 0)
			fail_msg("case %zu", i);
		assert_true(id_cmp(id, cases[i].last) > 0);
	}
}

/* Whatever the clock does, ids only grow. */
static void
test_next_grows(void **state)
{
	struct id last = { 100, 0 }, id;
	uint64_t seed = 2;
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		id = id_next(last, 90 + support_random(&seed, 20));
		assert_true(id_cmp(id, last) > 0);
		last = id;
	}
}

static void
test_format(void **state)
{
	static const struct {
		struct id id;
		const char *want;
	} cases[] = {
		{ { 0, 0 }, "0-0" },
		{ { 1763620000123, 7 }, "1763620000123-7" },
		{ { 10, 100 }, "10-100" },
		{ { 9, 99 }, "9-99" },
		{ { MAX, MAX }, "18446744073709551615-18446744073709551615" },
	};
	char text[ID_TEXT_SIZE];
	struct id back;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(text, '!', sizeof text);
		n = id_format(cases[i].id, text);
		assert_string_equal(text, cases[i].want);
		assert_int_equal(n, strlen(cases[i].want));
		assert_true(id_parse(support_guard(text, n), n, &back));
		assert_int_equal(id_cmp(back, cases[i].id), 0);
	}
}

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		size_t len; /* 0: strlen */
		int good;
		struct id want;
	} cases[] = {
		{ "1-2", 0, 1, { 1, 2 } },
		{ "0-0", 0, 1, { 0, 0 } },
		{ "007-0008", 0, 1, { 7, 8 } },
		{ "18446744073709551615-0", 0, 1, { MAX, 0 } },
		{ "18446744073709551616-0", 0, 0, { 0, 0 } },
		{ "18446744073709551614-18446744073709551615", 0, 1,
		    { MAX - 1, MAX } },
		{ "0-18446744073709551616", 0, 0, { 0, 0 } },
		{ "99999999999999999999-0", 0, 0, { 0, 0 } },
		{ "184467440737095516150-0", 0, 0, { 0, 0 } },
		{ "00000000000000000000000000000000001-1", 0, 1, { 1, 1 } },
		{ "", 0, 0, { 0, 0 } },
		{ "-", 0, 0, { 0, 0 } },
		{ "1", 0, 0, { 0, 0 } },
		{ "1-", 0, 0, { 0, 0 } },
		{ "-1", 0, 0, { 0, 0 } },
		{ "1-2-", 0, 0, { 0, 0 } },
		{ "1-2-3", 0, 0, { 0, 0 } },
		{ "1--2", 0, 0, { 0, 0 } },
		{ "--", 0, 0, { 0, 0 } },
		{ " 1-2", 0, 0, { 0, 0 } },
		{ "1-2 ", 0, 0, { 0, 0 } },
		{ "1 -2", 0, 0, { 0, 0 } },
		{ "+1-2", 0, 0, { 0, 0 } },
		{ "1-+2", 0, 0, { 0, 0 } },
		{ "1-2\n", 0, 0, { 0, 0 } },
		{ "1-2\0", 4, 0, { 0, 0 } },
		{ "\0001-2", 4, 0, { 0, 0 } },
		{ "1-0x2", 0, 0, { 0, 0 } },
		{ "a-1", 0, 0, { 0, 0 } },
		{ "1-a", 0, 0, { 0, 0 } },
		{ "1/2-3", 0, 0, { 0, 0 } },
		{ "1:-3", 0, 0, { 0, 0 } },
		{ "1.5-3", 0, 0, { 0, 0 } },
		{ "1_2", 0, 0, { 0, 0 } },
		{ "\xb1-1", 0, 0, { 0, 0 } },
	};
	struct id id;
	size_t i, len;
	const char *text;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		len = cases[i].len == 0 ? strlen(cases[i].text) : cases[i].len;
		text = support_guard(cases[i].text, len);
		if (id_parse(text, len, &id) != cases[i].good)
			fail_msg("%s", cases[i].text);
		if (cases[i].good)
			assert_int_equal(id_cmp(id, cases[i].want), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cmp),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_next_grows),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
