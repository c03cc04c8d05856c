/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Peers that break the protocol: each costs only itself. */
#include "lib/support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct support_options hostile_hasty = { { "request-timeout=1" } };

/* How a connection ended. */
struct hostile_end {
	bool silent; /* neither answered nor closed */
	bool ended;  /* END_REQUEST came */
	int status;  /* of the HTTP answer; -1: none */
	uint8_t protocol_status;
};

/* Sends the bytes (a peer may have been cut off before the last of them),
 * clears them, and reads what becomes of the request with this id. */
static struct hostile_end
hostile_send(struct daemon *daemon, struct bytes *bytes, unsigned id)
{
	struct hostile_end end = { .status = -1 };
	struct fcgi_reply reply;
	struct fcgi_conn conn;

	support_open(&conn, daemon);
	if (fcgi_send_bytes(&conn, bytes) == -1)
		assert_true(errno == EPIPE || errno == ECONNRESET);
	bytes_clear(bytes);
	if (fcgi_read_reply(&conn, id, &reply, FCGI_SOON_MS) == -1) {
		if (errno != ETIMEDOUT)
			fail_msg("reply: %s", strerror(errno));
		end.silent = true;
	}
	end.ended = reply.ended;
	end.protocol_status = reply.protocol_status;
	end.status = fcgi_reply_status(&reply);
	fcgi_reply_clear(&reply);
	fcgi_close(&conn);
	return end;
}

/* Not served, and told so one way or the other. */
static void
hostile_expect_refused(struct daemon *daemon, struct bytes *bytes,
    const char *what)
{
	struct hostile_end end = hostile_send(daemon, bytes, 1);

	if (end.silent)
		fail_msg("%s: neither refused nor closed", what);
	if (end.status != -1 && end.status < 400)
		fail_msg("%s: answered %d", what, end.status);
}

/* A usual request for 404, of which a test breaks one record. */
static void
hostile_params(struct bytes *to)
{
	struct wire_request request = { .uri = "/nothing" };

	wire_params(to, &request);
}

static void
test_wrong_version(void **state)
{
	static const int versions[] = { 0, 2, 127, 255 };
	struct bytes bytes = { NULL, 0, 0 };

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		wire_get(&bytes, "/nothing", 0);
		bytes.at[0] = (uint8_t)versions[i];
		hostile_expect_refused(*state, &bytes, "first record");
		wire_get(&bytes, "/nothing", 0);
		bytes.at[16] = (uint8_t)versions[i];
		hostile_expect_refused(*state, &bytes, "second record");
		wire_get(&bytes, "/nothing", 0);
		bytes.at[bytes.len - 8] = (uint8_t)versions[i];
		hostile_expect_refused(*state, &bytes, "last record");
	}
	support_expect_healthy(*state);
}

/* A wrong version in the middle of a stream ends that stream alone. */
static void
test_wrong_version_during_stream(void **state)
{
	struct daemon *daemon = *state;
	struct watch watches[2];
	struct bytes bytes = { NULL, 0, 0 };

	support_watch(&watches[0], daemon, "a");
	support_watch(&watches[1], daemon, "a");
	bytes_add_text(&bytes, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	support_send(&watches[0].conn, &bytes);
	assert_true(daemon_wait_streams(daemon, 1, FCGI_SOON_MS));
	assert_true(fcgi_is_closed(&watches[0].conn, FCGI_SOON_MS));
	support_expect_live(daemon, "a", "x", &watches[1], 1);
	watch_clear(&watches[0]);
	watch_clear(&watches[1]);
	support_expect_healthy(daemon);
}

static void
test_begin_of_wrong_length(void **state)
{
	static const size_t lengths[] = { 0, 1, 7, 9, 16, 300 };
	static const char body[300] = { 0, WIRE_RESPONDER };
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };

	hostile_params(&params);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		wire_record(&bytes, WIRE_BEGIN_REQUEST, 1, body, lengths[i], 0);
		wire_stream(&bytes, WIRE_PARAMS, 1, &params, 1000, 0);
		wire_record(&bytes, WIRE_STDIN, 1, NULL, 0, 0);
		hostile_expect_refused(*state, &bytes, "BEGIN_REQUEST");
	}
	bytes_clear(&params);
	support_expect_healthy(*state);
}

/* Records that do not belong where they are. What is for an id that is not
 * active may be ignored (3.3), so an answer is good; so is closing. */
static void
test_stray_records_before_request(void **state)
{
	static const int types[] = { WIRE_ABORT_REQUEST, WIRE_END_REQUEST,
		WIRE_PARAMS, WIRE_STDIN, WIRE_STDOUT, WIRE_STDERR, WIRE_DATA,
		WIRE_GET_VALUES, WIRE_GET_VALUES_RESULT, WIRE_UNKNOWN_TYPE, 0,
		12, 255 };
	struct bytes bytes = { NULL, 0, 0 };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct hostile_end end;

		wire_record(&bytes, types[i], 9, "content!", 8, 3);
		wire_get(&bytes, "/nothing", 0);
		end = hostile_send(*state, &bytes, 1);
		if (end.silent)
			fail_msg("type %d: silence", types[i]);
		assert_true(end.status == -1 || end.status == 404);
	}
	support_expect_healthy(*state);
}

static void
test_stray_records_inside_request(void **state)
{
	static const int types[] = { WIRE_END_REQUEST, WIRE_STDOUT, WIRE_STDERR,
		WIRE_DATA, 0, 12, 255 };
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };

	hostile_params(&params);
	for (size_t i = 0; i < 2 * sizeof(types) / sizeof(types[0]); i++) {
		struct hostile_end end;

		wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
		wire_stream(&bytes, WIRE_PARAMS, 1, &params, 1000, 0);
		wire_record(&bytes, types[i / 2], 1 + i % 2, "content!", 8, 0);
		wire_record(&bytes, WIRE_STDIN, 1, NULL, 0, 0);
		end = hostile_send(*state, &bytes, 1);
		if (end.silent)
			fail_msg("type %d: silence", types[i / 2]);
		assert_true(end.status == -1 || end.status == 404);
	}
	bytes_clear(&params);
	support_expect_healthy(*state);
}

/* The records of a request in every wrong order and number. b, p, P, s, S:
 * BEGIN, PARAMS and its end, STDIN and its end. */
static void
test_records_out_of_order(void **state)
{
	static const char *const orders[] = { "bsSpP", "bpsSP", "bSpP",
		"bpPpPsS", "bbpPS", "bpbPS", "bpPbS", "pPS", "pbPS", "SbpP",
		"bpPsbS", "bPPS" };
	struct daemon *daemon = *state;
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };

	hostile_params(&params);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct fcgi_conn conn;

		for (const char *c = orders[i]; *c != '\0'; c++) {
			if (*c == 'b')
				wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
			else if (*c == 'p' || *c == 's')
				wire_record(&bytes,
				    *c == 'p' ? WIRE_PARAMS : WIRE_STDIN, 1,
				    params.at, params.len, 0);
			else
				wire_record(&bytes,
				    *c == 'P' ? WIRE_PARAMS : WIRE_STDIN, 1,
				    NULL, 0, 0);
		}
		support_open(&conn, daemon);
		fcgi_send_bytes(&conn, &bytes);
		bytes_clear(&bytes);
		/* Each is over within the time limit of a request. */
		if (!fcgi_is_closed(&conn, FCGI_SOON_MS) && *orders[i] == 'b')
			fail_msg("%s: still open", orders[i]);
		fcgi_close(&conn);
	}
	bytes_clear(&params);
	support_expect_healthy(daemon);
}

static void
test_id_zero(void **state)
{
	struct wire_request request = { .uri = "/events/a" };
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;

	wire_params(&params, &request);
	wire_begin(&bytes, 0, WIRE_RESPONDER, 0);
	wire_stream(&bytes, WIRE_PARAMS, 0, &params, 1000, 0);
	wire_record(&bytes, WIRE_STDIN, 0, NULL, 0, 0);
	support_open(&conn, *state);
	fcgi_send_bytes(&conn, &bytes);
	support_turn(*state);
	assert_int_equal(daemon_streams(*state), 0);
	fcgi_close(&conn);
	bytes_clear(&bytes);
	bytes_clear(&params);
	support_expect_healthy(*state);
}

/* Name-value pairs whose lengths lie (3.4), behind good ones. */
static void
test_malformed_params(void **state)
{
	static const struct {
		const char *content;
		size_t len;
	} tails[] = {
		{ "\x05", 1 },
		{ "\x05\x05", 2 },
		{ "\x05\x05HTTP_", 7 },
		{ "\x05\x05HTTP_valu", 11 },
		{ "\x80\x00", 2 },
		{ "\x80\x00\x00\x01", 4 },
		{ "\x80\x00\x00\x01\x80", 5 },
		{ "\x01\xff\xff\xff\xffN", 6 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff", 8 },
		{ "\xff\xff\xff\xff\x01xy", 7 },
		{ "\x80\x00\xff\xff\x01xy", 7 },
		{ "\x80\x00\x00\x01\xff\xff\xff\xfeN", 9 },
	};
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };
	char what[64];

	for (size_t i = 0; i < 2 * sizeof(tails) / sizeof(tails[0]); i++) {
		params.len = 0;
		if (i % 2 == 0)
			hostile_params(&params);
		bytes_add(&params, tails[i / 2].content, tails[i / 2].len);
		wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
		wire_stream(&bytes, WIRE_PARAMS, 1, &params, 1000, 0);
		wire_record(&bytes, WIRE_STDIN, 1, NULL, 0, 0);
		snprintf(what, sizeof(what), "PARAMS, tail %zu", i / 2);
		hostile_expect_refused(*state, &bytes, what);
	}
	bytes_clear(&params);
	support_expect_healthy(*state);
}

/* No parameter at all, or none that says what is wanted. */
static void
test_missing_params(void **state)
{
	static const char *const only[] = { "REQUEST_METHOD", "REQUEST_URI" };
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };

	for (size_t i = 0; i < 3; i++) {
		params.len = 0;
		if (i < 2)
			wire_pair_text(&params, only[i], "/");
		wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
		wire_stream(&bytes, WIRE_PARAMS, 1, &params, 1000, 0);
		wire_record(&bytes, WIRE_STDIN, 1, NULL, 0, 0);
		hostile_expect_refused(*state, &bytes, "missing parameters");
	}
	bytes_clear(&params);
	support_expect_healthy(*state);
}

/* Input that is no request while the stream lives, a lot of it: ignored or
 * cut off, but not stuck. */
static void
test_chatter_during_stream(void **state)
{
	struct daemon *daemon = *state;
	struct bytes content = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };
	struct watch watch;
	int sent = 0;

	bytes_add_fill(&content, 'x', 40000);
	wire_stream(&bytes, WIRE_STDIN, 1, &content, 20000, 8);
	support_watch(&watch, daemon, "a");
	for (int i = 0; i < 100 && sent == 0; i++)
		sent = fcgi_send_bytes(&watch.conn, &bytes);
	if (sent == -1)
		assert_true(errno == EPIPE || errno == ECONNRESET);
	else
		support_expect_live(daemon, "a", "x", &watch, 1);
	bytes_clear(&content);
	bytes_clear(&bytes);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_wrong_version),
		SUPPORT_TEST(test_wrong_version_during_stream),
		SUPPORT_TEST(test_begin_of_wrong_length),
		SUPPORT_TEST(test_stray_records_before_request),
		SUPPORT_TEST(test_stray_records_inside_request),
		SUPPORT_TEST_WITH(test_records_out_of_order, &hostile_hasty),
		SUPPORT_TEST(test_id_zero),
		SUPPORT_TEST(test_malformed_params),
		SUPPORT_TEST(test_missing_params),
		SUPPORT_TEST(test_chatter_during_stream),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("hostile peers", tests, NULL, NULL);
}
