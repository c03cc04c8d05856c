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

/* What each getter makes of a value: "s" a string, "w" whole, and so on. */
static void
test_getters(void **state)
{
	static const struct {
		const char *text, *takers;
	} table[] = {
		{ "null", "" },
		{ "true", "f" },
		{ "\"\"", "s" },
		{ "\"1\"", "s" },
		{ "0", "wr" },
		{ "9", "wr" },
		{ "10", "r" },
		{ "-1", "r" },
		{ "1.0", "r" },
		{ "18446744073709551615", "r" },
		{ "[]", "" },
		{ "[1]", "l" },
		{ "{\"a\":1}", "m" },
		{ "{\"a\":null}", "" },
	};
	struct json_object *o;
	struct text_span text;
	uint64_t whole;
	double real;
	bool flag;
	size_t i;
	char got[8];

	(void)state;
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		o = json_tokener_parse(table[i].text);
		assert_true(json_get_text(o, &text) ==
		    (json_get_string(o) != NULL));
		snprintf(got, sizeof got, "%s%s%s%s%s%s",
		    json_get_text(o, &text) ? "s" : "",
		    json_get_flag(o, &flag) ? "f" : "",
		    json_get_whole(o, 9, &whole) ? "w" : "",
		    json_get_real(o, &real) ? "r" : "",
		    json_length(o) > 0 ? "l" : "",
		    json_member(o, "a") != NULL ? "m" : "");
		if (strcmp(got, table[i].takers) != 0)
			fail_msg("%s: %s", table[i].text, got);
		json_object_put(o);
	}
	o = json_object_new_string_len("a\0b", 3);
	assert_true(json_get_text(o, &text));
	assert_int_equal(text.len, 3);
	assert_string_equal(json_get_string(o), "a");
	assert_true(json_get_whole(json_member(o, "a"), 9, &whole) == false);
	json_object_put(o);
}

static void
test_parse_object(void **state)
{
	static const char *const none[] = { "", "[]", "5", "null", "{", "x" };
	struct json_object *o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof none / sizeof *none; i++)
		assert_null(json_parse_object(support_guard(none[i],
						  strlen(none[i])),
		    strlen(none[i])));
	o = json_parse_object(support_guard("{\"a\":\"b\"}", 9), 9);
	assert_string_equal(json_get_string(json_member(o, "a")), "b");
	json_object_put(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_getters),
		cmocka_unit_test(test_parse_object),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
