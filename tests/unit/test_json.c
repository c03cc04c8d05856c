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

#include "base/json.h"
#include "lib/support.h"

/* 1: JSON; 0: none; -1: JSON to json-c, but with a number that is none. */
static int
test_judge(const char *text, size_t len)
{
	struct json_object *o;
	int rc = json_parse(support_guard(text, len), len, 4, &o);

	if (rc == 1 && json_wrong_number(o) != NULL)
		rc = -1;
	assert_true(rc == 1 || rc == -1 || o == NULL);
	json_object_put(o);
	return rc;
}

static void
test_values(void **state)
{
	static const struct {
		const char *text;
		int want;
	} table[] = {
		{ "{}", 1 },
		{ "[]", 1 },
		{ "\"\"", 1 },
		{ "null", 1 },
		{ "true", 1 },
		{ " [ 1 ] ", 1 },
		{ "5", 1 },
		{ "-5", 1 },
		{ "0", 1 },
		{ "0.5", 1 },
		{ "-10.25e+3", 1 },
		{ "1E5", 1 },
		{ "[1e-5]", 1 },
		{ "9223372036854775807", 1 },
		{ "18446744073709551614", 1 },
		{ "[[[[[]]]]]", 0 },
		{ "[[[[]]]]", 1 },
		{ "", 0 },
		{ " ", 0 },
		{ "x", 0 },
		{ "-", 0 },
		{ "1e", 0 },
		{ "+1", 0 },
		{ ".5", 0 },
		{ "01", 0 },
		{ "{", 0 },
		{ "[1,]", 0 },
		{ "{}{}", 0 },
		{ "{} x", 0 },
		{ "{\"a\":'b'}", 0 },
		{ "[1] // x", 0 },
		{ "\"\xff\"", 0 },
		{ "\"\\x\"", 0 },
		{ "1.", -1 },
		{ "[1.]", -1 },
		{ "-.5", -1 },
		{ "01.5", -1 },
		{ "{\"a\":[1.e5]}", -1 },
		{ "NaN", -1 },
		{ "[Infinity]", -1 },
		{ "[-Infinity]", -1 },
		{ "1e999", -1 },
		{ "18446744073709551616", -1 },
		{ "-9223372036854775809", -1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof *table; i++)
		if (test_judge(table[i].text, strlen(table[i].text)) !=
		    table[i].want)
			fail_msg("%s", table[i].text);
	assert_int_equal(test_judge("{}\0", 3), 0);
	assert_int_equal(test_judge("\0", 1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
