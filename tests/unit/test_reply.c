/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <cmocka.h>

#include "base/json.h"
#include "protocol/reply.h"

static void
test_assert(struct buffer *b, const char *want)
{
	assert_int_equal(b->len, strlen(want));
	assert_memory_equal(b->data, want, b->len);
	buffer_clear(b);
}

static void
test_make(void **state)
{
	const struct text_span id = { "1763620000123-0", 15 };
	const struct text_span own = { "a\"b\xff", 4 };
	struct json_object *o;
	struct buffer b = { 0 };

	(void)state;
	assert_int_equal(reply_put_new_event(&b, id, 3), 0);
	test_assert(&b,
	    "{\"ok\":true,\"id\":\"1763620000123-0\",\"streams\":3}\n");
	assert_int_equal(reply_put_event(&b, id, 3, false), 0);
	test_assert(&b,
	    "{\"ok\":true,\"id\":\"1763620000123-0\",\"streams\":3}\n");
	assert_int_equal(reply_put_event(&b, own, 0, true), 0);
	test_assert(&b,
	    "{\"ok\":true,\"id\":\"a\\\"b\\\\xff\",\"streams\":0,"
	    "\"duplicate\":true}\n");
	assert_int_equal(reply_put_error(&b, EX_DATAERR, "no/\t"), 0);
	test_assert(&b, "{\"ok\":false,\"error\":\"no/\\t\",\"code\":65}\n");
	o = reply_new(true);
	json_add_number(o, "closed", 7);
	assert_int_equal(json_append_line(&b, o), 0);
	test_assert(&b, "{\"ok\":true,\"closed\":7}\n");
}

/* What is made is read. */
static void
test_read(void **state)
{
	struct buffer b = { 0 };
	struct reply r;

	(void)state;
	assert_int_equal(reply_put_error(&b, EX_NOPERM, "not you"), 0);
	assert_int_equal(reply_read(&r, b.data, b.len - 1), 0);
	assert_false(r.is_ok);
	assert_int_equal(r.code, EX_NOPERM);
	assert_string_equal(r.error, "not you");
	reply_clear(&r);
	assert_null(r.json);
	buffer_clear(&b);
	assert_int_equal(reply_read(&r, "{\"ok\":true,\"id\":\"5\"}", 20), 0);
	assert_true(r.is_ok);
	assert_int_equal(r.code, 0);
	assert_null(r.error);
	assert_string_equal(json_get_string(json_member(r.json, "id")), "5");
	reply_clear(&r);
	/* No reply, but what it says is there. */
	assert_int_equal(reply_read(&r, "{\"error\":\"x\"}", 13), -1);
	assert_false(r.is_ok);
	assert_string_equal(r.error, "x");
	reply_clear(&r);
	assert_int_equal(reply_read(&r, "[true]", 6), -1);
	assert_null(r.json);
	reply_clear(&r);
}

static void
test_code(void **state)
{
	static const struct {
		const char *reply;
		int code;
		const char *why;
	} table[] = {
		{ "{\"ok\":true}", 0, "" },
		{ "{\"ok\":true,\"id\":\"1-0\",\"streams\":12}", 0, "" },
		{ "{ \"ok\" : true }", 0, "" },
		{ "{\"ok\":false,\"error\":\"x\",\"code\":65}", 65, "x" },
		{ "{\"code\":77,\"error\":\"a\\u001b\\n\",\"ok\":false}", 77,
		    "a\\x1b\\x0a" },
		{ "{\"ok\":false,\"code\":0}", 65,
		    "crierd refused without a reason" },
		{ "{\"ok\":false,\"code\":126}", 65,
		    "crierd refused without a reason" },
		{ "{\"ok\":false,\"error\":5}", 65,
		    "crierd refused without a reason" },
		{ "{}", 75, "crierd's answer cannot be understood" },
		{ "[]", 75, "crierd's answer cannot be understood" },
		{ "", 75, "crierd's answer cannot be understood" },
		{ "{\"ok\":tru", 75, "crierd's answer cannot be understood" },
	};
	char why[64], *reply;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		len = strlen(table[i].reply);
		reply = malloc(len + (len == 0));
		assert_non_null(reply);
		memcpy(reply, table[i].reply, len);
		why[0] = '\0';
		assert_int_equal(reply_code(reply, len, why, sizeof why),
		    table[i].code);
		assert_string_equal(why, table[i].why);
		free(reply);
	}
}

static void
test_id(void **state)
{
	char *id = reply_id("{\"ok\":true,\"id\":\"7-0\"}", 22);

	(void)state;
	assert_string_equal(id, "7-0");
	free(id);
	assert_null(reply_id("{\"ok\":true,\"id\":7}", 18));
	assert_null(reply_id("", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_id),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
