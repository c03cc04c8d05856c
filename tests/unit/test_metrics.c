/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "hub/status.h"
#include "lib/streams.h"
#include "request/metrics.h"

/*
 * A strict reader of Prometheus's text format 0.0.4, written from its
 * description: each family is a HELP and a TYPE line of one name, then its
 * samples, and comes once.
 */

enum {
	TEST_FAMILIES = 128,
	TEST_NAME = 128
};

struct test_reader {
	const char *at;
	char names[TEST_FAMILIES][TEST_NAME];
	size_t families;
	char family[TEST_NAME];
	bool is_counter, is_histogram;
	size_t samples; /* of the family */
};

static void
test_expect(struct test_reader *r, const char *text)
{
	if (strncmp(r->at, text, strlen(text)) != 0)
		fail_msg("\"%s\" expected at \"%.60s\"", text, r->at);
	r->at += strlen(text);
}

static void
test_read_name(struct test_reader *r, char name[TEST_NAME], bool is_label)
{
	size_t n = 0;

	while (isalnum((unsigned char)*r->at) || *r->at == '_' ||
	    (*r->at == ':' && !is_label)) {
		assert_true(n < TEST_NAME - 1);
		name[n++] = *r->at++;
	}
	name[n] = '\0';
	assert_true(n > 0 && !isdigit((unsigned char)name[0]));
}

static void
test_read_family(struct test_reader *r)
{
	char name[TEST_NAME];
	size_t i;

	test_expect(r, "# HELP ");
	test_read_name(r, r->family, false);
	for (i = 0; i < r->families; i++)
		assert_string_not_equal(r->names[i], r->family);
	assert_true(r->families < TEST_FAMILIES);
	snprintf(r->names[r->families++], TEST_NAME, "%s", r->family);
	test_expect(r, " ");
	for (i = 0; *r->at != '\n'; r->at++, i++) {
		assert_true((unsigned char)*r->at >= ' ');
		if (*r->at == '\\')
			assert_true(*++r->at == '\\' || *r->at == 'n');
	}
	assert_true(i > 10);
	test_expect(r, "\n# TYPE ");
	test_read_name(r, name, false);
	assert_string_equal(name, r->family);
	r->is_counter = strncmp(r->at, " counter\n", 9) == 0;
	r->is_histogram = strncmp(r->at, " histogram\n", 11) == 0;
	test_expect(r,
	    r->is_counter         ? " counter\n"
		: r->is_histogram ? " histogram\n"
				  : " gauge\n");
	/* The habit of the field: a counter, and it alone, is a total. */
	i = strlen(name);
	assert_int_equal(r->is_counter,
	    i > 6 && strcmp(name + i - 6, "_total") == 0);
	assert_memory_equal(name, "crier_", 6);
	r->samples = 0;
}

static void
test_read_labels(struct test_reader *r)
{
	char name[TEST_NAME];

	test_expect(r, "{");
	while (*r->at != '}') {
		test_read_name(r, name, true);
		test_expect(r, "=\"");
		for (; *r->at != '"'; r->at++) {
			assert_true(*r->at != '\n' && *r->at != '\0');
			if (*r->at == '\\')
				assert_non_null(strchr("\\\"n", *++r->at));
		}
		test_expect(r, "\"");
		if (*r->at != '}')
			test_expect(r, ",");
	}
	test_expect(r, "}");
}

/*
 * A histogram's samples: buckets with a bound, none with less than the one
 * before and the last of all, then the sum, and the count, which is the same.
 */
static void
test_read_histogram(struct test_reader *r)
{
	unsigned long long n, before = 0;
	double bound, before_bound = 0, sum;
	int len;

	do {
		test_expect(r, r->family);
		if (sscanf(r->at, "_bucket{le=\"%lf\"} %llu\n%n", &bound, &n,
			&len) != 2)
			fail_msg("no bucket at \"%.60s\"", r->at);
		assert_true(bound > before_bound && n >= before);
		before_bound = bound;
		before = n;
		r->at += len;
	} while (bound < HUGE_VAL);
	test_expect(r, r->family);
	assert_int_equal(sscanf(r->at, "_sum %lf\n%n", &sum, &len), 1);
	r->at += len;
	test_expect(r, r->family);
	assert_int_equal(sscanf(r->at, "_count %llu\n%n", &n, &len), 1);
	assert_true(n == before);
	r->at += len;
}

static void
test_read_sample(struct test_reader *r)
{
	char name[TEST_NAME], *end;

	test_read_name(r, name, false);
	assert_string_equal(name, r->family);
	assert_int_equal(r->samples++, 0);
	if (*r->at == '{')
		test_read_labels(r);
	test_expect(r, " ");
	assert_true(isdigit((unsigned char)*r->at));
	strtod(r->at, &end);
	assert_int_equal(*end, '\n');
	r->at = end + 1;
}

/* Fails the test if the text is not as the format wants it. */
static size_t
test_read(const char *text)
{
	static struct test_reader r;

	memset(&r, 0, sizeof r);
	for (r.at = text; *r.at != '\0';) {
		test_read_family(&r);
		if (r.is_histogram)
			test_read_histogram(&r);
		else
			test_read_sample(&r);
	}
	return r.families;
}

static char *
test_make(struct buffer *b, struct json_object *status)
{
	buffer_truncate(b, 0);
	assert_int_equal(metrics_append(b, status), 0);
	assert_int_equal(buffer_append(b, "", 1), 0);
	json_object_put(status);
	return b->data;
}

static struct json_object *
test_parse(const char *json)
{
	struct json_object *o = json_tokener_parse(json);

	assert_non_null(o);
	return o;
}

static void
test_full(void **state)
{
	struct buffer b = { 0 };
	const char *text = test_make(&b,
	    test_parse(
		"{\"ok\":true,\"version\":\"9.8.7\",\"streams\":12,"
		"\"draining\":true,\"uptime_seconds\":77,"
		"\"events\":{\"published\":18446744073709551614,"
		"\"gaps\":0},"
		"\"committing\":{\"last_ms\":1005,\"wait_ms\":20},"
		"\"store\":{\"kind\":\"sqlite\",\"durability\":\"power\","
		"\"degraded\":false,\"oldest_ms\":1763620000123}}"));

	(void)state;
	assert_int_equal(test_read(text), 11);
	assert_non_null(strstr(text,
	    "# HELP crier_build_info Which crierd it is.\n"
	    "# TYPE crier_build_info gauge\n"
	    "crier_build_info{version=\"9.8.7\"} 1\n"));
	assert_non_null(strstr(text,
	    "\ncrier_store_info{kind=\"sqlite\",durability=\"power\"} 1\n"));
	assert_non_null(strstr(text,
	    "# TYPE crier_streams gauge\ncrier_streams 12\n"));
	assert_non_null(strstr(text, "\ncrier_draining 1\n"));
	assert_non_null(strstr(text,
	    "# TYPE crier_events_published_total counter\n"
	    "crier_events_published_total 18446744073709551614\n"));
	assert_non_null(strstr(text, "\ncrier_gaps_total 0\n"));
	assert_non_null(strstr(text, "\ncrier_store_commit_seconds 1.005\n"));
	assert_non_null(strstr(text, "\ncrier_store_wait_seconds 0.020\n"));
	assert_non_null(strstr(text, "\ncrier_store_degraded 0\n"));
	assert_non_null(strstr(text,
	    "\ncrier_store_oldest_timestamp_seconds 1763620000.123\n"));
	buffer_clear(&b);
}

/* Labels are escaped; what is missing or something else is left out. */
static void
test_odd(void **state)
{
	struct buffer b = { 0 };
	const char *text = test_make(&b,
	    test_parse("{\"version\":\"a\\\\b\\\"c\\nd\\u0000\\u00e9\"}"));

	(void)state;
	assert_non_null(strstr(text, "{version=\"a\\\\b\\\"c\\nd"));
	text = test_make(&b, test_parse("{}"));
	assert_int_equal(test_read(text), 2);
	text = test_make(&b,
	    test_parse("{\"streams\":-1,\"channels\":\"many\",\"users\":null,"
		       "\"version\":7,\"events\":[1],\"store\":\"x\","
		       "\"limits\":5,\"queue\":{\"lines\":1.5},"
		       "\"fastcgi\":{\"requests\":{}}}"));
	assert_int_equal(test_read(text), 2);
	text = test_make(&b, test_parse("[]"));
	assert_int_equal(test_read(text), 2);
	text = test_make(&b, NULL);
	assert_int_equal(test_read(text), 2);
	/* No event is there: it is not from 1970. */
	text = test_make(&b, test_parse("{\"store\":{\"oldest_ms\":0}}"));
	assert_int_equal(test_read(text), 2);
	buffer_clear(&b);
}

/* Every figure that a hub's status has today. */
static void
test_hub_status(void **state)
{
	struct streams t;
	struct json_object *status = json_object_new_object();
	struct buffer b = { 0 };
	const char *text;

	(void)state;
	streams_setup(&t, NULL);
	hub_status(t.hub, status);
	text = test_make(&b, status);
	assert_int_equal(test_read(text), 51);
	assert_non_null(strstr(text, "\ncrier_streams_max 10000\n"));
	assert_non_null(strstr(text,
	    "\ncrier_delivery_latency_seconds_bucket{le=\"0.000016\"} 0\n"));
	buffer_clear(&b);
	streams_teardown(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_hub_status),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
