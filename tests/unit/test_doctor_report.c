/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* crier doctor without a network: how what it found is told. */

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/measured.h"

static void
test_print(void **state)
{
	struct measure m = measured_good();
	struct report report;
	static const char line[] = "        fastcgi_buffering off;\n";
	char *text = NULL, *first;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	assert_non_null(to);
	measured_nothing(&m);
	report_init(&report, "http://h/events", &m);
	report_print(&report, to);
	fclose(to);
	assert_int_equal(report.faults, 4);
	assert_int_equal(report.warnings, 0);
	first = strstr(text, line);
	assert_non_null(first);
	/* Four checks have that fault; it is told once how to mend it. */
	assert_null(strstr(first + strlen(line), line));
	assert_non_null(strstr(text, "\n4 faults, 0 warnings\n"));
	free(text);
}

static void
test_json(void **state)
{
	struct measure m = measured_good();
	struct report report;
	struct json_object *o, *value, *list;

	(void)state;
	strcpy(m.head.encoding, "gzip");
	m.left_us = MEASURE_NEVER;
	report_init(&report, "http://h/events", &m);
	o = report_json(&report);
	assert_true(json_object_object_get_ex(o, "ok", &value));
	assert_false(json_object_get_boolean(value));
	assert_true(json_object_object_get_ex(o, "faults", &value));
	assert_int_equal(json_object_get_int(value), 2);
	assert_true(json_object_object_get_ex(o, "checks", &list));
	assert_int_equal(json_object_array_length(list), VERDICT_CHECKS);
	assert_true(json_object_object_get_ex(o, "advice", &list));
	value = json_object_array_get_idx(list, 0);
	assert_true(json_object_object_get_ex(value, "directive", &value));
	assert_string_equal(json_object_get_string(value), "gzip off;\n");
	assert_true(json_object_object_get_ex(o, "measured", &list));
	assert_true(json_object_object_get_ex(list, "leaving_ms", &value));
	assert_null(value);
	json_object_put(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
