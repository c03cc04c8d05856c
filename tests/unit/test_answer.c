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

#include <json-c/json.h>

#include "lib/support.h"
#include "request/answer.h"

enum {
	TEST_NONE,
	TEST_ANY,
	TEST_NAMED,
	TEST_BOTH,
	TEST_CONFIGS
};

static struct config *test_configs[TEST_CONFIGS];

/* An answer, taken apart; terminated texts. */
struct test_answer {
	struct buffer text;
	char *body; /* in it */
};

/* Every line of the header ends in CRLF; the body follows an empty one. */
static void
test_split(struct test_answer *a)
{
	char *p, *end;

	assert_int_equal(buffer_append(&a->text, "", 1), 0);
	end = strstr(a->text.data, "\r\n\r\n");
	assert_non_null(end);
	a->body = end + 4;
	end[2] = '\0';
	for (p = a->text.data; p < end; p = strstr(p, "\r\n") + 2) {
		assert_true(strcspn(p, ":") < strcspn(p, "\r\n"));
		assert_int_equal(p[strcspn(p, "\r\n")], '\r');
		assert_int_equal(p[strcspn(p, "\r\n") + 1], '\n');
	}
}

static void
test_assert_field(const struct test_answer *a, const char *field, int wanted)
{
	char line[512];

	snprintf(line, sizeof line, "%s\r\n", field);
	if ((strstr(a->text.data, line) != NULL) != wanted)
		fail_msg("\"%s\" is %s:\n%s", field,
		    wanted ? "missing" : "there", a->text.data);
}

/* No field of this name at all. */
static void
test_assert_no_field(const struct test_answer *a, const char *name)
{
	if (strstr(a->text.data, name) != NULL)
		fail_msg("%s is there:\n%s", name, a->text.data);
}

static struct answer_context
test_context(int config, const char *origin, int is_head)
{
	struct answer_context c = { test_configs[config], origin, is_head, NULL,
		false };

	return c;
}

static void
test_stream(void **state)
{
	struct answer_context c = test_context(TEST_NONE, "", 0);
	struct test_answer a = { { 0 }, NULL };

	(void)state;
	assert_int_equal(buffer_append_text(&a.text, "X: before\r\n"), 0);
	assert_int_equal(answer_stream(&a.text, &c, 0), 0);
	test_split(&a);
	assert_memory_equal(a.text.data, "X: before\r\nStatus: 200 OK\r\n", 27);
	test_assert_field(&a, "Content-Type: text/event-stream; charset=utf-8",
	    1);
	test_assert_field(&a, "Cache-Control: no-cache, no-store, no-transform",
	    1);
	test_assert_field(&a, "X-Accel-Buffering: no", 1);
	test_assert_no_field(&a, "Content-Length");
	assert_string_equal(a.body, "");
	buffer_clear(&a.text);
}

static void
test_padding(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 3, 100, 2048, 4096 };
	struct answer_context c = test_context(TEST_NONE, "", 0);
	struct test_answer a = { { 0 }, NULL };
	struct buffer have;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		assert_int_equal(answer_stream(&a.text, &c, sizes[i]), 0);
		test_split(&a);
		assert_int_equal(strlen(a.body), sizes[i]);
		/* One comment, and nothing that a client would see. */
		have = support_parse(a.body, sizes[i], 1, 1);
		assert_int_equal(have.len, sizes[i] - 1);
		assert_true(have.len == 0 || have.data[0] == ':');
		assert_null(strpbrk(have.data, "<=\n"));
		buffer_clear(&have);
		buffer_clear(&a.text);
	}
	c.is_head = true;
	assert_int_equal(answer_stream(&a.text, &c, 4096), 0);
	test_split(&a);
	assert_string_equal(a.body, "");
	buffer_clear(&a.text);
}

static void
test_later(void **state)
{
	struct answer_context c = test_context(TEST_NAMED, "", 0);
	struct test_answer a = { { 0 }, NULL };
	struct buffer have;

	(void)state;
	assert_int_equal(answer_later(&a.text, &c, 4567, "full"), 0);
	test_split(&a);
	test_assert_field(&a, "Status: 200 OK", 1);
	test_assert_field(&a, "Content-Type: text/event-stream; charset=utf-8",
	    1);
	test_assert_field(&a, "Vary: Origin", 1);
	have = support_parse(a.body, strlen(a.body), 1, 0);
	assert_string_equal(have.data, "r=4567: full");
	buffer_clear(&have);
	buffer_clear(&a.text);
}

static void
test_errors(void **state)
{
	static const struct {
		int status;
		const char *line;
		const char *error;
	} cases[] = {
		{ 400, "Status: 400 Bad Request", "no channel is named" },
		{ 403, "Status: 403 Forbidden", "x" },
		{ 404, "Status: 404 Not Found", "no such route" },
		{ 405, "Status: 405 Method Not Allowed", "" },
		{ 413, "Status: 413 Content Too Large", "/ \" \\ \n <b>" },
		{ 415, "Status: 415 Unsupported Media Type", "\xc3\xa4" },
		{ 431, "Status: 431 Request Header Fields Too Large", "x" },
		{ 503, "Status: 503 Service Unavailable", "x" },
	};
	struct answer_context c = test_context(TEST_NONE, "", 0);
	struct test_answer a = { { 0 }, NULL };
	struct json_object *o, *value;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		c.is_head = false;
		assert_int_equal(answer_error(&a.text, &c, cases[i].status,
				     cases[i].error),
		    0);
		test_split(&a);
		test_assert_field(&a, cases[i].line, 1);
		test_assert_field(&a, "Content-Type: application/json", 1);
		test_assert_field(&a, "Cache-Control: no-store", 1);
		test_assert_field(&a, "Allow: GET, HEAD, POST, OPTIONS",
		    cases[i].status == 405);
		test_assert_field(&a, "Retry-After: 5", cases[i].status == 503);
		o = json_tokener_parse(a.body);
		assert_non_null(o);
		assert_int_equal(json_object_object_length(o), 2);
		assert_true(json_object_object_get_ex(o, "ok", &value));
		assert_string_equal(json_object_to_json_string(value), "false");
		assert_true(json_object_object_get_ex(o, "error", &value));
		assert_string_equal(json_object_get_string(value),
		    cases[i].error);
		json_object_put(o);
		buffer_clear(&a.text);
		c.is_head = true;
		assert_int_equal(answer_error(&a.text, &c, cases[i].status,
				     cases[i].error),
		    0);
		test_split(&a);
		test_assert_field(&a, cases[i].line, 1);
		assert_string_equal(a.body, "");
		buffer_clear(&a.text);
	}
}

static void
test_stop(void **state)
{
	struct answer_context c = test_context(TEST_NONE, "", 0);
	struct test_answer a = { { 0 }, NULL };

	(void)state;
	assert_int_equal(answer_stop(&a.text, &c), 0);
	test_split(&a);
	test_assert_field(&a, "Status: 204 No Content", 1);
	test_assert_field(&a, "Cache-Control: no-store", 1);
	test_assert_no_field(&a, "Content-Type:");
	test_assert_field(&a, "X-Content-Type-Options: nosniff", 1);
	assert_string_equal(a.body, "");
	buffer_clear(&a.text);
}

static void
test_options(void **state)
{
	int i;
	struct answer_context c;
	struct test_answer a = { { 0 }, NULL };

	(void)state;
	for (i = 0; i < TEST_CONFIGS; i++) {
		c = test_context(i, "https://a.example", 0);
		assert_int_equal(answer_options(&a.text, &c), 0);
		test_split(&a);
		test_assert_field(&a, "Status: 204 No Content", 1);
		test_assert_field(&a, "Allow: GET, HEAD, POST, OPTIONS", 1);
		test_assert_field(&a,
		    "Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS",
		    i != TEST_NONE);
		test_assert_field(&a,
		    "Access-Control-Allow-Headers: Last-Event-ID, "
		    "Cache-Control, Authorization, Content-Type, "
		    "Idempotency-Key",
		    i != TEST_NONE);
		assert_string_equal(a.body, "");
		buffer_clear(&a.text);
	}
}

#define TEST_ORIGIN "Access-Control-Allow-Origin"

static int
test_put(int kind, struct buffer *b, const struct answer_context *c)
{
	switch (kind) {
	case 0:
		return answer_stream(b, c, 0);
	case 1:
		return answer_later(b, c, 1000, "full");
	case 2:
		return answer_error(b, c, 404, "no such route");
	case 3:
		return answer_stop(b, c);
	default:
		return answer_options(b, c);
	}
}

/* Every kind of answer alike: a page must be able to read errors too. */
static void
test_cors(void **state)
{
	static const struct {
		int config;
		const char *origin;
		const char *allowed; /* NULL: none */
		int credentials, vary;
	} cases[] = {
		{ TEST_NONE, "", NULL, 0, 0 },
		{ TEST_NONE, "https://a.example", NULL, 0, 0 },
		{ TEST_ANY, "", "*", 0, 1 },
		{ TEST_ANY, "https://a.example", "*", 0, 1 },
		{ TEST_ANY, "null", "*", 0, 1 },
		{ TEST_NAMED, "", NULL, 0, 1 },
		{ TEST_NAMED, "https://a.example", "https://a.example", 1, 1 },
		{ TEST_NAMED, "https://b.example:8443",
		    "https://b.example:8443", 1, 1 },
		{ TEST_NAMED, "https://c.example", NULL, 0, 1 },
		{ TEST_NAMED, "http://a.example", NULL, 0, 1 },
		{ TEST_NAMED, "https://a.example.evil", NULL, 0, 1 },
		{ TEST_NAMED, "https://a.exampl", NULL, 0, 1 },
		{ TEST_NAMED, "https://xa.example", NULL, 0, 1 },
		{ TEST_NAMED, "https://b.example", NULL, 0, 1 },
		{ TEST_NAMED, "null", NULL, 0, 1 },
		{ TEST_NAMED, "*", NULL, 0, 1 },
		{ TEST_BOTH, "https://a.example", "https://a.example", 1, 1 },
		{ TEST_BOTH, "https://c.example", "*", 0, 1 },
		{ TEST_BOTH, "", "*", 0, 1 },
		/* Never credentials for whoever says he is the asterisk. */
		{ TEST_ANY, "*", "*", 0, 1 },
		{ TEST_BOTH, "*", "*", 0, 1 },
	};
	struct answer_context c;
	struct test_answer a = { { 0 }, NULL };
	char line[256];
	size_t i;
	int kind;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (kind = 0; kind < 5; kind++) {
			c = test_context(cases[i].config, cases[i].origin, 0);
			assert_int_equal(test_put(kind, &a.text, &c), 0);
			test_split(&a);
			if (cases[i].allowed == NULL)
				test_assert_no_field(&a, TEST_ORIGIN);
			snprintf(line, sizeof line, TEST_ORIGIN ": %s",
			    cases[i].allowed == NULL ? "" : cases[i].allowed);
			test_assert_field(&a, line, cases[i].allowed != NULL);
			test_assert_field(&a,
			    "Access-Control-Allow-Credentials: true",
			    cases[i].credentials);
			test_assert_field(&a, "Vary: Origin", cases[i].vary);
			buffer_clear(&a.text);
		}
	}
}

static int
test_setup(void **state)
{
	static const char *const any[] = { "allow-origin=*", NULL };
	static const char *const named[] = { "allow-origin=https://a.example",
		"allow-origin=https://b.example:8443", NULL };
	static const char *const both[] = { "allow-origin=*",
		"allow-origin=https://a.example", NULL };

	(void)state;
	test_configs[TEST_NONE] = support_config(NULL);
	test_configs[TEST_ANY] = support_config(any);
	test_configs[TEST_NAMED] = support_config(named);
	test_configs[TEST_BOTH] = support_config(both);
	return 0;
}

static int
test_teardown(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < TEST_CONFIGS; i++)
		config_free(test_configs[i]);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_cors),
	};

	return cmocka_run_group_tests_name("answer", tests, test_setup,
	    test_teardown);
}
