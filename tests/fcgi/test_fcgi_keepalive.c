/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* One connection, several requests: one after another (FastCGI 3.1,
 * FCGI_KEEP_CONN), and at once, which crierd does not do. */
#include "lib/support.h"

#include <string.h>

struct keepalive_short {
	const char *method;
	const char *uri;
	int status;
};

static const struct keepalive_short keepalive_shorts[] = {
	{ "GET", "/nothing", 404 },
	{ "HEAD", "/events?channel=a", 200 },
	{ "GET", "/events", 400 },
	{ "PUT", "/events?channel=a", 405 },
	{ "HEAD", "/nothing", 404 },
};

#define N_SHORTS (sizeof(keepalive_shorts) / sizeof(keepalive_shorts[0]))

static void
keepalive_ask(struct fcgi_conn *conn, const struct keepalive_short *ask,
    unsigned id, unsigned flags)
{
	struct wire_request request = {
		.method = ask->method, .uri = ask->uri, .id = id, .flags = flags
	};

	support_request(conn, &request);
	support_expect_reply(conn, id, ask->status);
}

static void
keepalive_stream(struct daemon *daemon, struct fcgi_conn *conn, unsigned id,
    unsigned flags)
{
	struct wire_request request = {
		.uri = "/events/keep", .id = id, .flags = flags
	};
	struct watch watch;

	support_request(conn, &request);
	assert_int_equal(watch_adopt(&watch, conn, id), 0);
	support_expect_live(daemon, "keep", "x", &watch, 1);
	support_close_channel(daemon, "keep", &watch);
	watch_release(&watch, conn);
}

/* Short replies, a stream, short replies, a stream, on one connection. */
static void
test_requests_one_after_another(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;

	support_open(&conn, daemon);
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < N_SHORTS; i++)
			keepalive_ask(&conn, &keepalive_shorts[i], 1,
			    WIRE_KEEP_CONN);
		keepalive_stream(daemon, &conn, 1, WIRE_KEEP_CONN);
		assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
	}
	assert_true(fcgi_is_silent(&conn, FCGI_NOTHING_MS));
	keepalive_ask(&conn, &keepalive_shorts[0], 1, 0);
	assert_true(fcgi_is_closed(&conn, FCGI_SOON_MS));
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

static void
test_ids_change_between_requests(void **state)
{
	static const unsigned ids[] = { 1, 2, 300, 1, 65535, 1 };
	struct daemon *daemon = *state;
	struct fcgi_conn conn;

	support_open(&conn, daemon);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		keepalive_ask(&conn, &keepalive_shorts[0], ids[i],
		    WIRE_KEEP_CONN);
		keepalive_stream(daemon, &conn, ids[i], WIRE_KEEP_CONN);
	}
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

static void
test_many_requests(void **state)
{
	struct fcgi_conn conn;

	support_open(&conn, *state);
	for (size_t i = 0; i < 1000; i++)
		keepalive_ask(&conn, &keepalive_shorts[i % N_SHORTS], 1,
		    WIRE_KEEP_CONN);
	fcgi_close(&conn);
	support_expect_healthy(*state);
}

/* Without the flag crierd closes (3.1), for each kind of reply. */
static void
test_closes_without_keep_conn(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_record record;
	struct fcgi_conn conn;

	for (size_t i = 0; i < N_SHORTS; i++) {
		support_open(&conn, daemon);
		keepalive_ask(&conn, &keepalive_shorts[i], 1, 0);
		assert_int_equal(fcgi_read(&conn, &record, FCGI_SOON_MS), 0);
		fcgi_close(&conn);
	}
	support_open(&conn, daemon);
	keepalive_stream(daemon, &conn, 1, 0);
	assert_int_equal(fcgi_read(&conn, &record, FCGI_SOON_MS), 0);
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* A flag that 3.1 does not define is not FCGI_KEEP_CONN. */
static void
test_other_flags_are_ignored(void **state)
{
	struct fcgi_conn conn;

	support_open(&conn, *state);
	keepalive_ask(&conn, &keepalive_shorts[0], 1, 0xfe);
	assert_true(fcgi_is_closed(&conn, FCGI_SOON_MS));
	fcgi_close(&conn);
	support_open(&conn, *state);
	keepalive_ask(&conn, &keepalive_shorts[0], 1, 0xff);
	keepalive_ask(&conn, &keepalive_shorts[0], 1, 0);
	fcgi_close(&conn);
}

/* A second request behind the first in the same segment: answered in turn.
 * A server that does not promise to multiplex may refuse it by closing, but
 * not before the first answer is complete, and never by silence. */
static void
keepalive_pipeline(struct daemon *daemon, size_t count)
{
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_reply reply = { .ended = true };
	struct fcgi_conn conn;
	size_t answered = 0;

	support_open(&conn, daemon);
	for (size_t i = 0; i < count; i++)
		wire_get(&bytes, "/nothing", WIRE_KEEP_CONN);
	support_send(&conn, &bytes);
	support_expect_reply(&conn, 1, 404);
	for (answered = 1; answered < count; answered++) {
		int got = fcgi_read_reply(&conn, 1, &reply, FCGI_SOON_MS);
		int status = fcgi_reply_status(&reply);

		fcgi_reply_clear(&reply);
		if (got == -1)
			fail_msg("pipelined request %zu: silence", answered);
		if (!reply.ended)
			break;
		assert_int_equal(status, 404);
	}
	if (answered == count)
		assert_true(fcgi_is_silent(&conn, FCGI_NOTHING_MS));
	fcgi_close(&conn);
}

static void
test_pipelined_short_requests(void **state)
{
	keepalive_pipeline(*state, 2);
	keepalive_pipeline(*state, 20);
	support_expect_healthy(*state);
}

static void
test_pipelined_stream_behind_short(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;
	struct watch watch;

	support_open(&conn, daemon);
	wire_get(&bytes, "/nothing", WIRE_KEEP_CONN);
	wire_get(&bytes, "/events/pipe", WIRE_KEEP_CONN);
	support_send(&conn, &bytes);
	support_expect_reply(&conn, 1, 404);
	if (watch_adopt(&watch, &conn, 1) == 0)
		support_expect_live(daemon, "pipe", "x", &watch, 1);
	else
		assert_true(watch.closed);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

/* The next request and the first part of the one after it in one segment. */
static void
test_pipelined_and_cut(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct bytes second = { NULL, 0, 0 };
	struct fcgi_reply reply;
	struct fcgi_conn conn;

	wire_get(&second, "/nothing", 0);
	for (size_t cut = 1; cut < second.len; cut += 5) {
		support_open(&conn, daemon);
		wire_get(&bytes, "/nothing", WIRE_KEEP_CONN);
		bytes_add(&bytes, second.at, cut);
		support_send(&conn, &bytes);
		support_expect_reply(&conn, 1, 404);
		if (fcgi_send(&conn, second.at + cut, second.len - cut) == 0) {
			assert_int_equal(fcgi_read_reply(&conn, 1, &reply,
					     FCGI_SOON_MS),
			    0);
			if (reply.ended)
				assert_int_equal(fcgi_reply_status(&reply),
				    404);
			fcgi_reply_clear(&reply);
		}
		fcgi_close(&conn);
	}
	bytes_clear(&second);
	support_expect_healthy(daemon);
}

/* A stopped channel: 204 and the connection stays. */
static void
test_stopped_channel(void **state)
{
	static const struct keepalive_short stopped = { "GET", "/events/keep",
		204 };
	struct daemon *daemon = *state;
	struct fcgi_conn conn;

	assert_int_equal(daemon_close_channel(daemon, "keep", true), 0);
	support_open(&conn, daemon);
	keepalive_ask(&conn, &stopped, 1, WIRE_KEEP_CONN);
	keepalive_ask(&conn, &stopped, 9, WIRE_KEEP_CONN);
	assert_true(daemon_publish(daemon, "keep", "open again") >= 0);
	keepalive_stream(daemon, &conn, 1, WIRE_KEEP_CONN);
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* The time limit is for a request that has begun: a web server's pool cannot
 * know that an idle connection was given up, and would lose a request. */
static struct support_options keepalive_short_timeout = {
	{ "request-timeout=1" },
};

static void
test_idle_between_requests(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;

	support_open(&conn, daemon);
	keepalive_ask(&conn, &keepalive_shorts[0], 1, WIRE_KEEP_CONN);
	assert_true(fcgi_is_silent(&conn, 2500));
	keepalive_ask(&conn, &keepalive_shorts[1], 1, WIRE_KEEP_CONN);
	keepalive_stream(daemon, &conn, 1, WIRE_KEEP_CONN);
	assert_true(fcgi_is_silent(&conn, 2500));
	keepalive_ask(&conn, &keepalive_shorts[1], 1, WIRE_KEEP_CONN);
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* A second id while the first is a stream: refused (3.3, CANT_MPX_CONN), and
 * the stream goes on. */
static void
test_second_id_during_stream(void **state)
{
	struct daemon *daemon = *state;
	struct wire_request first = { .uri = "/events/a",
		.flags = WIRE_KEEP_CONN };
	struct wire_request second = { .uri = "/events/b",
		.id = 2,
		.flags = WIRE_KEEP_CONN,
		.body = "body",
		.body_len = 4 };
	struct watch watch;

	assert_int_equal(watch_open(&watch, daemon->listen, &first), 0);
	for (unsigned id = 2; id < 5; id++) {
		second.id = id;
		support_request(&watch.conn, &second);
		support_expect_end(&watch.conn, id, WIRE_CANT_MPX_CONN);
		assert_int_equal(daemon_streams(daemon), 1);
		support_expect_live(daemon, "a", "x", &watch, 1);
	}
	support_close_channel(daemon, "a", &watch);
	support_request(&watch.conn, &second);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

/* A second id inside the first request: the first is served, or both are
 * closed; never the second in place of the first. */
static void
test_second_id_inside_request(void **state)
{
	struct daemon *daemon = *state;
	struct wire_request first = { .uri = "/nothing" };
	struct wire_request second = { .uri = "/events/b", .id = 2 };
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_record record;
	struct fcgi_conn conn;
	int got;

	wire_params(&params, &first);
	wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
	wire_request(&bytes, &second);
	wire_stream(&bytes, WIRE_PARAMS, 1, &params, 1000, 0);
	wire_record(&bytes, WIRE_STDIN, 1, NULL, 0, 0);
	support_open(&conn, daemon);
	fcgi_send_bytes(&conn, &bytes);
	while ((got = fcgi_read(&conn, &record, FCGI_SOON_MS)) == 1) {
		assert_true(record.id == 1 || record.id == 2);
		if (record.id == 2) {
			assert_int_equal(record.type, WIRE_END_REQUEST);
			assert_int_equal(record.content[4], WIRE_CANT_MPX_CONN);
		}
	}
	assert_int_equal(got, 0);
	fcgi_close(&conn);
	bytes_clear(&bytes);
	bytes_clear(&params);
	support_expect_healthy(daemon);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_requests_one_after_another),
		SUPPORT_TEST(test_ids_change_between_requests),
		SUPPORT_TEST(test_many_requests),
		SUPPORT_TEST(test_closes_without_keep_conn),
		SUPPORT_TEST(test_other_flags_are_ignored),
		SUPPORT_TEST(test_pipelined_short_requests),
		SUPPORT_TEST(test_pipelined_stream_behind_short),
		SUPPORT_TEST(test_pipelined_and_cut),
		SUPPORT_TEST(test_stopped_channel),
		SUPPORT_TEST(test_second_id_during_stream),
		SUPPORT_TEST(test_second_id_inside_request),
		SUPPORT_TEST_WITH(test_idle_between_requests,
		    &keepalive_short_timeout),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keep-alive", tests, NULL, NULL);
}
