/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* A spool's records, and what is made of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sysexits.h>
#include <cmocka.h>

#include "companion/spool_record.h"

/* A record's line, and that no byte of it can change unseen. */
static void
test_record(void **state)
{
	static const char key[] = "0123-1", json[] = "{\"data\":\"x y\"}";
	const struct spool_record r = { SPOOL_KEPT, 17, 5, key, json,
		sizeof key - 1, sizeof json - 1 };
	struct spool_record back;
	struct buffer b = { 0 };
	size_t i;

	(void)state;
	assert_int_equal(buffer_append_text(&b, "before\n"), 0);
	assert_int_equal(spool_record_append(&b, &r), 0);
	buffer_consume(&b, strlen("before\n"));
	assert_int_equal(b.data[b.len - 1], '\n');
	assert_true(spool_record_parse(b.data, b.len - 1, &back));
	assert_int_equal(back.kept_ms, 17);
	assert_int_equal(back.expires_ms, 5);
	assert_int_equal(back.key_len, sizeof key - 1);
	assert_memory_equal(back.key, key, back.key_len);
	assert_int_equal(back.json_len, sizeof json - 1);
	assert_memory_equal(back.json, json, back.json_len);
	for (i = 0; i < b.len - 1; i++) {
		assert_false(spool_record_parse(b.data, i, &back));
		b.data[i] ^= 1;
		assert_false(spool_record_parse(b.data, b.len - 1, &back));
		b.data[i] ^= 1;
	}
	for (i = 0; i < 3; i++) {
		b.data[0] = "SRX"[i];
		assert_true(spool_record_parse(b.data, b.len - 1, &back));
		assert_int_equal(back.state, "SRX"[i]);
	}
	buffer_clear(&b);
}

static const struct {
	const char *json, *want;
	uint64_t kept_ms, expires_ms, now_ms;
} line_cases[] = {
	{ "{\"data\":1}", "{\"key\":\"k\",\"data\":1}\n", 0, 0, 0 },
	{ "{ \t}", "{\"key\":\"k\" \t}\n", 0, 0, 0 },
	{ "{}", "{\"key\":\"k\"}\n", 0, 0, 0 },
	{ "[1]", "[1]\n", 0, 0, 0 },
	{ "", "\n", 0, 0, 0 },
	{ "{\"expires\":2}",
	    "{\"key\":\"k\",\"expires\":2,\"expires\":2.000}\n", 1000, 2000,
	    1000 },
	{ "{\"expires\":2}",
	    "{\"key\":\"k\",\"expires\":2,\"expires\":0.001}\n", 1000, 2000,
	    2999 },
	{ "{\"expires\":2}", NULL, 1000, 2000, 3000 },
	{ "{\"expires\":2}", NULL, 1000, 2000, 30000 },
	/* The clock was set back. */
	{ "{\"expires\":2}",
	    "{\"key\":\"k\",\"expires\":2,\"expires\":2.000}\n", 1000, 2000,
	    5 },
};

static void
test_record_line(void **state)
{
	struct spool_record r = {
		.state = SPOOL_KEPT, .key = "k", .key_len = 1
	};
	struct buffer b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof line_cases / sizeof line_cases[0]; i++) {
		r.kept_ms = line_cases[i].kept_ms;
		r.expires_ms = line_cases[i].expires_ms;
		r.json = line_cases[i].json;
		r.json_len = strlen(r.json);
		assert_int_equal(spool_record_append_line(&b, &r,
				     line_cases[i].now_ms),
		    line_cases[i].want != NULL);
		assert_int_equal(buffer_append(&b, "", 1), 0);
		assert_string_equal(b.data,
		    line_cases[i].want == NULL ? "" : line_cases[i].want);
		buffer_truncate(&b, 0);
	}
	buffer_clear(&b);
}

static const struct {
	const char *json;
	int code;
	uint64_t expires_ms;
} check_cases[] = {
	{ "{\"channel\":\"a\",\"data\":1}", 0, 0 },
	{ "{\"channel\":[\"a\",\"b\"],\"data\":\"x\",\"expires\":1.5}", 0,
	    1500 },
	{ "{\"channel\":\"a\",\"data\":1,\"key\":\"mine\"}", 0, 0 },
	{ "{\"channel\":\"a\"}", EX_DATAERR, 0 },
	{ "{\"data\":\"a\"}", EX_DATAERR, 0 },
	{ "{\"channel\":\"a b\",\"data\":1}", EX_DATAERR, 0 },
	{ "{\"channel\":[\"a\",\"*\"],\"data\":1}", EX_DATAERR, 0 },
	{ "{\"channel\":\"$x\",\"data\":1}", EX_NOPERM, 0 },
	{ "{\"channel\":\"a\",\"data\":\"\xff\"}", EX_DATAERR, 0 },
	{ "{\"channel\":\"a\",\"data\":1", EX_DATAERR, 0 },
	{ "{\"do\":\"status\"}", EX_DATAERR, 0 },
	{ "text", EX_DATAERR, 0 },
	{ "", EX_DATAERR, 0 },
};

static void
test_record_check(void **state)
{
	uint64_t expires_ms;
	char why[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof check_cases / sizeof check_cases[0]; i++) {
		expires_ms = 0;
		why[0] = '\0';
		assert_int_equal(spool_record_check(check_cases[i].json,
				     strlen(check_cases[i].json), &expires_ms,
				     why, sizeof why),
		    check_cases[i].code);
		assert_int_equal(expires_ms, check_cases[i].expires_ms);
		assert_int_equal(why[0] != '\0', check_cases[i].code != 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_record_line),
		cmocka_unit_test(test_record_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
