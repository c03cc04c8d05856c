/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Management records (FastCGI 4) and roles (6.1), anywhere in the traffic. */
#include "lib/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A GET_VALUES record for the names, each TIMES times. */
static void
manage_ask(struct bytes *to, const char *const *names, unsigned times)
{
	struct bytes pairs = { NULL, 0, 0 };

	for (; *names != NULL; names++) {
		for (unsigned i = 0; i < times; i++)
			wire_pair_text(&pairs, *names, "");
	}
	wire_record(to, WIRE_GET_VALUES, 0, pairs.at, pairs.len, 0);
	bytes_clear(&pairs);
}

/* A length of 3.4; moves *at, or fails the test. */
static size_t
manage_take_len(const struct fcgi_record *record, size_t *at)
{
	const uint8_t *p = record->content + *at;
	size_t left = record->len - *at;

	assert_true(left >= 1);
	if (p[0] < 128) {
		*at += 1;
		return p[0];
	}
	assert_true(left >= 4);
	*at += 4;
	return (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 |
	    (size_t)p[2] << 8 | p[3];
}

/* Reads a GET_VALUES_RESULT; how often it holds NAME, whose value is copied.
 * NULL counts all. The whole record must be well-formed. */
static unsigned
manage_count(const struct fcgi_record *record, const char *name, char *value,
    size_t size)
{
	unsigned count = 0;

	for (size_t at = 0; at < record->len;) {
		size_t name_len = manage_take_len(record, &at);
		size_t len = manage_take_len(record, &at);
		const uint8_t *here = record->content + at;

		assert_true(name_len + len <= record->len - at);
		at += name_len + len;
		if (name != NULL &&
		    (name_len != strlen(name) ||
			memcmp(here, name, name_len) != 0))
			continue;
		count++;
		if (value != NULL && len < size)
			snprintf(value, size, "%.*s", (int)len,
			    (const char *)here + name_len);
	}
	return count;
}

static void
manage_expect(struct fcgi_conn *conn, struct fcgi_record *record, int type)
{
	int got = fcgi_read(conn, record, FCGI_SOON_MS);

	if (got == -1)
		fail_msg("no management reply: %s", strerror(errno));
	assert_int_equal(got, 1);
	assert_int_equal(record->type, type);
	assert_int_equal(record->id, 0);
}

static const char *const manage_names[] = { "FCGI_MAX_CONNS", "FCGI_MAX_REQS",
	"FCGI_MPXS_CONNS", NULL };

static void
test_get_values(void **state)
{
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_record record;
	struct fcgi_conn conn;
	char value[32];

	support_open(&conn, *state);
	manage_ask(&bytes, manage_names, 1);
	support_send(&conn, &bytes);
	manage_expect(&conn, &record, WIRE_GET_VALUES_RESULT);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(manage_count(&record, manage_names[i], value,
				     sizeof(value)),
		    1);
		assert_true(strtoul(value, NULL, 10) >= 1);
		assert_true(strspn(value, "0123456789") == strlen(value));
	}
	assert_int_equal(manage_count(&record, "FCGI_MPXS_CONNS", value,
			     sizeof(value)),
	    1);
	assert_string_equal(value, "0");
	assert_int_equal(manage_count(&record, NULL, NULL, 0), 3);
	fcgi_close(&conn);
	support_expect_healthy(*state);
}

/* This overflows the stack of libfcgi 2.4.2 to 2.4.7. */
static void
test_get_values_repeated(void **state)
{
	static const unsigned times[] = { 2, 4, 100, 1000 };
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_record record;
	struct fcgi_conn conn;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		support_open(&conn, *state);
		manage_ask(&bytes, manage_names, times[i]);
		support_send(&conn, &bytes);
		manage_expect(&conn, &record, WIRE_GET_VALUES_RESULT);
		for (size_t n = 0; manage_names[n] != NULL; n++)
			assert_true(manage_count(&record, manage_names[n], NULL,
					0) >= 1);
		fcgi_close(&conn);
	}
	support_expect_healthy(*state);
}

static void
test_get_values_unknown_and_empty(void **state)
{
	static const char *const unknown[] = { "FCGI_MAX_CONN", "", "x",
		"FCGI_MAX_CONNSS", "fcgi_max_conns", "FCGI_MPXS_CONNS", NULL };
	static const char *const none[] = { NULL };
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_record record;
	struct fcgi_conn conn;

	support_open(&conn, *state);
	manage_ask(&bytes, unknown, 1);
	support_send(&conn, &bytes);
	manage_expect(&conn, &record, WIRE_GET_VALUES_RESULT);
	assert_int_equal(manage_count(&record, NULL, NULL, 0), 1);
	manage_ask(&bytes, none, 1);
	support_send(&conn, &bytes);
	manage_expect(&conn, &record, WIRE_GET_VALUES_RESULT);
	assert_int_equal(record.len, 0);
	fcgi_close(&conn);
	support_expect_healthy(*state);
}

/* Lengths that lie: answered without them or closed, nothing else. */
static void
test_get_values_malformed(void **state)
{
	static const struct {
		const char *content;
		size_t len;
	} cases[] = {
		{ "\x0e", 1 },
		{ "\x0e\x00", 2 },
		{ "\x0e\x05"
		  "FCGI_MAX_CONNS",
		    16 },
		{ "\x7f\x7f"
		  "FCGI",
		    6 },
		{ "\x80", 1 },
		{ "\x80\x00\x00", 3 },
		{ "\x80\x00\x00\x0e\x80\x00\x00", 7 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff", 8 },
		{ "\xff\xff\xff\xff\x00"
		  "FCGI_MAX_CONNS",
		    19 },
		{ "\x80\x00\x00\x0e\xff\xff\xff\xf2"
		  "FCGI_MAX_CONNS",
		    22 },
	};
	struct daemon *daemon = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes bytes = { NULL, 0, 0 };
		struct fcgi_record record;
		struct fcgi_conn conn;
		int got;

		support_open(&conn, daemon);
		wire_record(&bytes, WIRE_GET_VALUES, 0, cases[i].content,
		    cases[i].len, 0);
		support_send(&conn, &bytes);
		got = fcgi_read(&conn, &record, FCGI_SOON_MS);
		if (got == -1)
			fail_msg("case %zu: %s", i, strerror(errno));
		if (got == 1) {
			assert_int_equal(record.type, WIRE_GET_VALUES_RESULT);
			manage_count(&record, NULL, NULL, 0);
		}
		fcgi_close(&conn);
	}
	support_expect_healthy(daemon);
}

/* The largest record, filled with names. */
static void
test_get_values_of_64k(void **state)
{
	struct bytes pairs = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_record record;
	struct fcgi_conn conn;
	int got;

	while (pairs.len + 17 <= WIRE_MAX_CONTENT)
		wire_pair_text(&pairs, "FCGI_MPXS_CONNS", "");
	support_open(&conn, *state);
	wire_record(&bytes, WIRE_GET_VALUES, 0, pairs.at, pairs.len, 255);
	bytes_clear(&pairs);
	support_send(&conn, &bytes);
	got = fcgi_read(&conn, &record, FCGI_SOON_MS);
	assert_int_not_equal(got, -1);
	if (got == 1)
		assert_true(manage_count(&record, "FCGI_MPXS_CONNS", NULL, 0) >=
		    1);
	fcgi_close(&conn);
	support_expect_healthy(*state);
}

static void
manage_expect_unknown(struct fcgi_conn *conn, unsigned type)
{
	struct fcgi_record record;

	manage_expect(conn, &record, WIRE_UNKNOWN_TYPE);
	assert_int_equal(record.len, 8);
	assert_int_equal(record.content[0], type);
}

static void
test_unknown_type(void **state)
{
	static const int types[] = { 12, 42, 255, 0 };
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;

	support_open(&conn, *state);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		wire_record(&bytes, types[i], 0, "content", i * 2, 3);
		support_send(&conn, &bytes);
		manage_expect_unknown(&conn, (unsigned)types[i]);
	}
	wire_get(&bytes, "/nothing", WIRE_KEEP_CONN);
	support_send(&conn, &bytes);
	support_expect_reply(&conn, 1, 404);
	fcgi_close(&conn);
	support_expect_healthy(*state);
}

/* Before and between requests, in the same segment, and byte by byte. */
static void
test_around_requests(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_record record;
	struct fcgi_conn conn;

	support_open(&conn, daemon);
	for (int i = 0; i < 3; i++) {
		manage_ask(&bytes, manage_names, 1);
		wire_record(&bytes, 77, 0, "x", 1, 0);
		wire_get(&bytes, "/nothing", WIRE_KEEP_CONN);
		support_send(&conn, &bytes);
		manage_expect(&conn, &record, WIRE_GET_VALUES_RESULT);
		manage_expect_unknown(&conn, 77);
		support_expect_reply(&conn, 1, 404);
	}
	manage_ask(&bytes, manage_names, 1);
	for (size_t i = 0; i < bytes.len; i++) {
		assert_int_equal(fcgi_send(&conn, bytes.at + i, 1), 0);
		support_turn(daemon);
	}
	bytes_clear(&bytes);
	manage_expect(&conn, &record, WIRE_GET_VALUES_RESULT);
	wire_get(&bytes, "/nothing", 0);
	support_send(&conn, &bytes);
	support_expect_reply(&conn, 1, 404);
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* Between the records of a request. 4 allows it; a web server that does it is
 * not known, so a refusal by closing is good enough, silence is not. */
static void
test_inside_request(void **state)
{
	struct daemon *daemon = *state;
	struct wire_request request = { .uri = "/nothing" };
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_record record;
	struct fcgi_conn conn;
	bool answered = false;
	int got;

	wire_params(&params, &request);
	wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
	manage_ask(&bytes, manage_names, 1);
	wire_stream(&bytes, WIRE_PARAMS, 1, &params, 100, 0);
	manage_ask(&bytes, manage_names, 1);
	wire_record(&bytes, WIRE_STDIN, 1, NULL, 0, 0);
	support_open(&conn, daemon);
	support_send(&conn, &bytes);
	while ((got = fcgi_read(&conn, &record, FCGI_SOON_MS)) == 1) {
		if (record.type == WIRE_GET_VALUES_RESULT)
			answered = true;
		if (record.type == WIRE_END_REQUEST)
			assert_true(answered);
	}
	assert_int_equal(got, 0);
	fcgi_close(&conn);
	bytes_clear(&params);
	support_expect_healthy(daemon);
}

static void
test_during_stream(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_record record;
	struct watch watch;

	support_watch(&watch, daemon, "a");
	for (int i = 0; i < 3; i++) {
		manage_ask(&bytes, manage_names, 100);
		wire_record(&bytes, 99, 0, "x", 1, 9);
		support_send(&watch.conn, &bytes);
		manage_expect(&watch.conn, &record, WIRE_GET_VALUES_RESULT);
		manage_expect_unknown(&watch.conn, 99);
		support_expect_live(daemon, "a", "x", &watch, 1);
	}
	support_close_channel(daemon, "a", &watch);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

static void
test_roles(void **state)
{
	static const unsigned roles[] = { WIRE_AUTHORIZER, WIRE_FILTER, 4, 0,
		257, 65535 };
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		wire_get(&bytes, "/events/a", 0);
		bytes.at[WIRE_HEADER_LEN] = (uint8_t)(roles[i] >> 8);
		bytes.at[WIRE_HEADER_LEN + 1] = (uint8_t)roles[i];
		support_open(&conn, *state);
		support_send(&conn, &bytes);
		support_expect_end(&conn, 1, WIRE_UNKNOWN_ROLE);
		assert_true(fcgi_is_closed(&conn, FCGI_SOON_MS));
		fcgi_close(&conn);
	}
	support_expect_healthy(*state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_get_values),
		SUPPORT_TEST(test_get_values_repeated),
		SUPPORT_TEST(test_get_values_unknown_and_empty),
		SUPPORT_TEST(test_get_values_malformed),
		SUPPORT_TEST(test_get_values_of_64k),
		SUPPORT_TEST(test_unknown_type),
		SUPPORT_TEST(test_around_requests),
		SUPPORT_TEST(test_inside_request),
		SUPPORT_TEST(test_during_stream),
		SUPPORT_TEST(test_roles),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("management", tests, NULL, NULL);
}
