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

#include "lib/support.h"
#include "request/request.h"

static void
test_add(struct request *r, const char *name, const char *value)
{
	char text[512];

	if (value == NULL)
		return;
	snprintf(text, sizeof text, "%s=%s", name, value);
	assert_int_equal(request_add(r, text), 0);
}

static void
test_get(void **state)
{
	struct request r = { 0 };

	(void)state;
	assert_string_equal(request_get(&r, "A"), "");
	assert_int_equal(request_add(&r, "AB=long"), 0);
	assert_int_equal(request_add(&r, "A=short"), 0);
	assert_int_equal(request_add(&r, "EMPTY="), 0);
	assert_int_equal(request_add(&r, "NONE"), 0);
	assert_int_equal(request_add(&r, "=nameless"), 0);
	assert_int_equal(request_add(&r, "EQ=a=b"), 0);
	assert_int_equal(request_add(&r, "A=second"), 0);
	assert_string_equal(request_get(&r, "A"), "short");
	assert_string_equal(request_get(&r, "AB"), "long");
	assert_string_equal(request_get(&r, "EMPTY"), "");
	assert_string_equal(request_get(&r, "NONE"), "");
	assert_string_equal(request_get(&r, "NON"), "");
	assert_string_equal(request_get(&r, "EQ"), "a=b");
	assert_string_equal(request_get(&r, "a"), "");
	assert_string_equal(request_get(&r, "short"), "");
	request_clear(&r);
	assert_string_equal(request_get(&r, "A"), "");
}

#define TEST_BAD "the path has a malformed %-escape"

static const struct {
	const char *uri, *script, *info, *query;
	const char *path; /* NULL: malformed */
	size_t path_len;  /* 0: strlen */
	const char *want_query;
} test_target_cases[] = {
	{ "/events", NULL, NULL, NULL, "/events", 0, "" },
	{ "/events?channel=a", NULL, NULL, NULL, "/events", 0, "channel=a" },
	{ "/events?", NULL, NULL, NULL, "/events", 0, "" },
	{ "/events?a=?&b=/", NULL, NULL, NULL, "/events", 0, "a=?&b=/" },
	{ "/", NULL, NULL, NULL, "/", 0, "" },
	{ "/a%20b", NULL, NULL, NULL, "/a b", 0, "" },
	{ "/a+b", NULL, NULL, NULL, "/a+b", 0, "" },
	{ "/a%2Fb", NULL, NULL, NULL, "/a/b", 0, "" },
	{ "/a%3Fb?c%3Fd", NULL, NULL, NULL, "/a?b", 0, "c%3Fd" },
	{ "/%C3%A4", NULL, NULL, NULL, "/\xc3\xa4", 0, "" },
	{ "/\xc3\xa4", NULL, NULL, NULL, "/\xc3\xa4", 0, "" },
	{ "/%ff", NULL, NULL, NULL, "/\xff", 0, "" },
	{ "/a%00b", NULL, NULL, NULL, "/a\0b", 4, "" },
	{ "/a#b", NULL, NULL, NULL, "/a", 0, "" },
	{ "/a?b#c", NULL, NULL, NULL, "/a", 0, "b" },
	{ "//a//b/", NULL, NULL, NULL, "//a//b/", 0, "" },
	{ "/a/../b", NULL, NULL, NULL, "/a/../b", 0, "" },
	{ "*", NULL, NULL, NULL, "*", 0, "" },
	/* Not decoded twice. */
	{ "/%252F", NULL, NULL, NULL, "/%2F", 0, "" },
	/* Malformed. */
	{ "/%", NULL, NULL, NULL, NULL, 0, TEST_BAD },
	{ "/%2", NULL, NULL, NULL, NULL, 0, TEST_BAD },
	{ "/%zz", NULL, NULL, NULL, NULL, 0, TEST_BAD },
	{ "/%2?a", NULL, NULL, NULL, NULL, 0, TEST_BAD },
	/* In the query it is for whoever reads the parameter. */
	{ "/a?%", NULL, NULL, NULL, "/a", 0, "%" },
	/* The absolute form. */
	{ "http://h/events", NULL, NULL, NULL, "/events", 0, "" },
	{ "https://h:443/a?b", NULL, NULL, NULL, "/a", 0, "b" },
	{ "http://u@[::1]:80/a", NULL, NULL, NULL, "/a", 0, "" },
	{ "http://h?q", NULL, NULL, NULL, "", 0, "q" },
	{ "/a://b", NULL, NULL, NULL, "/a://b", 0, "" },
	{ "/a?u=http://x/y", NULL, NULL, NULL, "/a", 0, "u=http://x/y" },
	/* It comes before what the server has decoded. */
	{ "/a%2Fb", "/a/b", "/c", "q=1", "/a/b", 0, "" },
	{ "/x", "/y", "/z", "q=1", "/x", 0, "" },
	/* A server without it. */
	{ NULL, "/events", "/news", "a=b", "/events/news", 0, "a=b" },
	{ NULL, "", "/events", "", "/events", 0, "" },
	{ NULL, "/events", NULL, NULL, "/events", 0, "" },
	{ NULL, "/a%20b", "/%zz", NULL, "/a%20b/%zz", 0, "" },
	{ "", "/events", "/x", "q", "/events/x", 0, "q" },
	{ NULL, NULL, NULL, NULL, "", 0, "" },
};

static void
test_target(void **state)
{
	struct request r = { 0 };
	struct request_target t;
	const char *why;
	size_t i, len;
	int rc;

	(void)state;
	for (i = 0; i < sizeof test_target_cases / sizeof *test_target_cases;
	     i++) {
		test_add(&r, "REQUEST_URI", test_target_cases[i].uri);
		test_add(&r, "SCRIPT_NAME", test_target_cases[i].script);
		test_add(&r, "PATH_INFO", test_target_cases[i].info);
		test_add(&r, "QUERY_STRING", test_target_cases[i].query);
		rc = request_read_target(&r, &t, &why);
		if (test_target_cases[i].path == NULL) {
			assert_int_equal(rc, -1);
			assert_string_equal(why,
			    test_target_cases[i].want_query);
			assert_null(t.path);
			request_clear(&r);
			continue;
		}
		if (rc != 0)
			fail_msg("case %zu: %s", i, why);
		len = test_target_cases[i].path_len == 0
		    ? strlen(test_target_cases[i].path)
		    : test_target_cases[i].path_len;
		assert_int_equal(t.path_len, len);
		assert_memory_equal(t.path, test_target_cases[i].path, len + 1);
		assert_int_equal(t.query.len,
		    strlen(test_target_cases[i].want_query));
		assert_memory_equal(t.query.text,
		    test_target_cases[i].want_query, t.query.len);
		request_target_clear(&t);
		request_clear(&r);
	}
}

/* The index-th (from 0) parameter of this name. */
static int
test_nth_parameter(struct text_span form, const char *name, size_t index,
    char **value, size_t *len, const char **why)
{
	int got;

	while ((got = request_next_parameter(&form, name, value, len, why)) ==
		1 &&
	    index-- > 0)
		free(*value);
	return got;
}

static const struct {
	const char *form, *name;
	size_t index;
	int want;
	const char *value;
	size_t len; /* 0: strlen */
} test_parameter_cases[] = {
	{ "", "a", 0, 0, NULL, 0 },
	{ "a=1", "a", 0, 1, "1", 0 },
	{ "a=1", "a", 1, 0, NULL, 0 },
	{ "a=1", "b", 0, 0, NULL, 0 },
	{ "a", "a", 0, 1, "", 0 },
	{ "a=", "a", 0, 1, "", 0 },
	{ "a=1&a=2&b=9&a=3", "a", 0, 1, "1", 0 },
	{ "a=1&a=2&b=9&a=3", "a", 1, 1, "2", 0 },
	{ "a=1&a=2&b=9&a=3", "a", 2, 1, "3", 0 },
	{ "a=1&a=2&b=9&a=3", "a", 3, 0, NULL, 0 },
	{ "a=x+y", "a", 0, 1, "x y", 0 },
	{ "a=x%2By", "a", 0, 1, "x+y", 0 },
	{ "a=%C3%A4%20", "a", 0, 1, "\xc3\xa4 ", 0 },
	{ "a=x%00y", "a", 0, 1, "x\0y", 3 },
	{ "a=x%26y&b", "a", 0, 1, "x&y", 0 },
	{ "a=x=y", "a", 0, 1, "x=y", 0 },
	/* Names may be encoded too. */
	{ "%61=1", "a", 0, 1, "1", 0 },
	{ "%6c%61st=1", "last", 0, 1, "1", 0 },
	{ "Last-Event-ID=1", "Last-Event-ID", 0, 1, "1", 0 },
	{ "last%2devent%2did=1", "last-event-id", 0, 1, "1", 0 },
	{ "a+b=1", "a b", 0, 1, "1", 0 },
	{ "a%00=1", "a", 0, 0, NULL, 0 },
	{ "A=1", "a", 0, 0, NULL, 0 },
	{ "aa=1", "a", 0, 0, NULL, 0 },
	{ "a=1", "aa", 0, 0, NULL, 0 },
	{ "=1", "a", 0, 0, NULL, 0 },
	{ "%=1&%4=2&%zz=3&a=4", "a", 0, 1, "4", 0 },
	/* Only the value that is asked for must be well-formed. */
	{ "b=%&a=1", "a", 0, 1, "1", 0 },
	{ "a=%&a=1", "a", 0, -1, NULL, 0 },
	{ "a=1&a=%", "a", 0, 1, "1", 0 },
	{ "a=%", "a", 0, -1, NULL, 0 },
	{ "a=1%4", "a", 0, -1, NULL, 0 },
	{ "a=%xy&a=1", "a", 0, -1, NULL, 0 },
};

static void
test_parameter(void **state)
{
	struct text_span form;
	const char *why;
	char *value;
	size_t i, len, want;

	(void)state;
	for (i = 0;
	     i < sizeof test_parameter_cases / sizeof *test_parameter_cases;
	     i++) {
		form.len = strlen(test_parameter_cases[i].form);
		form.text =
		    support_guard(test_parameter_cases[i].form, form.len);
		value = NULL;
		if (test_nth_parameter(form, test_parameter_cases[i].name,
			test_parameter_cases[i].index, &value, &len,
			&why) != test_parameter_cases[i].want)
			fail_msg("case %zu", i);
		if (test_parameter_cases[i].want == -1)
			assert_string_equal(why,
			    "a parameter has a malformed %-escape");
		if (test_parameter_cases[i].want != 1)
			continue;
		want = test_parameter_cases[i].len == 0
		    ? strlen(test_parameter_cases[i].value)
		    : test_parameter_cases[i].len;
		assert_int_equal(len, want);
		assert_memory_equal(value, test_parameter_cases[i].value,
		    want + 1);
		free(value);
	}
}

/* However long a name is, encoded or not. */
static void
test_long_names(void **state)
{
	static const char name[] = "last-event-id";
	char form[1024];
	struct text_span span;
	const char *why;
	char *value = NULL;
	size_t n, len;
	int want;

	(void)state;
	for (n = 1; n < 400; n++) {
		memset(form, 'x', n);
		memcpy(form + n, "=1", 3);
		span.len = strlen(form);
		span.text = support_guard(form, span.len);
		assert_int_equal(test_nth_parameter(span, name, 0, &value, &len,
				     &why),
		    0);
	}
	n = 0;
	for (want = 0; name[want] != '\0'; want++)
		n += (size_t)snprintf(form + n, sizeof form - n, "%%%02x",
		    name[want]);
	snprintf(form + n, sizeof form - n, "=found");
	span.len = strlen(form);
	span.text = support_guard(form, span.len);
	assert_int_equal(test_nth_parameter(span, name, 0, &value, &len, &why),
	    1);
	assert_string_equal(value, "found");
	free(value);
}

/* Split before it is decoded, and each end where the next one begins. */
static void
test_segments(void **state)
{
	static const struct {
		const char *uri, *script; /* one of them */
		const char *want;         /* each segment with a | */
	} cases[] = {
		{ "/", NULL, "|" },
		{ "/a", NULL, "a|" },
		{ "/a/", NULL, "a||" },
		{ "//a", NULL, "|a|" },
		{ "/a/b%2Fc/d%20e", NULL, "a|b/c|d e|" },
		{ "/%2F", NULL, "/|" },
		{ "/a?b/c", NULL, "a|" },
		{ "*", NULL, "" },
		{ "a/b", NULL, "" },
		{ "%2Fa/b", NULL, "" },
		{ "http://h/a/b", NULL, "a|b|" },
		{ "http://h?q", NULL, "" },
		{ NULL, "/a/b%2Fc", "a|b%2Fc|" },
		{ NULL, "", "" },
	};
	struct request_target t;
	const char *why;
	char have[64];
	size_t i, k, n;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct request r = { 0 };

		test_add(&r, "REQUEST_URI", cases[i].uri);
		test_add(&r, "SCRIPT_NAME", cases[i].script);
		assert_int_equal(request_read_target(&r, &t, &why), 0);
		for (n = k = 0; k < t.segment_count; k++)
			n +=
			    (size_t)snprintf(have + n, sizeof have - n, "%.*s|",
				(int)t.segments[k].len, t.segments[k].text);
		have[n] = '\0';
		assert_string_equal(have, cases[i].want);
		request_target_clear(&t);
		request_clear(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_parameter),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
