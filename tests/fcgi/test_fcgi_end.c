/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Ways of leaving: ABORT_REQUEST (FastCGI 5.4), half-close, close. */
#include "lib/support.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* "At once": far below any heartbeat or time limit. */
enum {
	END_AT_ONCE_MS = 1000
};

static void
end_expect_gone(const struct daemon *daemon, int left)
{
	if (!daemon_wait_streams(daemon, left, END_AT_ONCE_MS))
		fail_msg("%d streams, not %d", daemon_streams(daemon), left);
}

static void
end_abort(struct fcgi_conn *conn, unsigned id)
{
	struct bytes bytes = { NULL, 0, 0 };

	wire_record(&bytes, WIRE_ABORT_REQUEST, id, NULL, 0, 0);
	support_send(conn, &bytes);
}

static void
test_abort_ends_stream(void **state)
{
	struct daemon *daemon = *state;
	struct watch watch;
	struct fcgi_record record;

	support_watch(&watch, daemon, "a");
	support_expect_live(daemon, "a", "x", &watch, 1);
	end_abort(&watch.conn, 1);
	assert_int_equal(watch_end(&watch, FCGI_SOON_MS), 0);
	assert_true(watch.ended);
	assert_int_equal(watch.protocol_status, WIRE_REQUEST_COMPLETE);
	end_expect_gone(daemon, 0);
	assert_int_equal(fcgi_read(&watch.conn, &record, FCGI_SOON_MS), 0);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

/* With FCGI_KEEP_CONN the connection takes the next request. */
static void
test_abort_and_reuse(void **state)
{
	struct daemon *daemon = *state;
	struct wire_request request = {
		.uri = "/events/a", .flags = WIRE_KEEP_CONN, .id = 5
	};
	struct fcgi_conn conn;
	struct watch watch;

	support_open(&conn, daemon);
	for (int i = 0; i < 10; i++) {
		support_request(&conn, &request);
		assert_int_equal(watch_adopt(&watch, &conn, 5), 0);
		end_abort(&watch.conn, 5);
		assert_int_equal(watch_end(&watch, FCGI_SOON_MS), 0);
		assert_true(watch.ended);
		end_expect_gone(daemon, 0);
		watch_release(&watch, &conn);
	}
	request.uri = "/nothing";
	support_request(&conn, &request);
	support_expect_reply(&conn, 5, 404);
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* ABORT and the next request in one segment. */
static void
test_abort_and_next_request(void **state)
{
	struct daemon *daemon = *state;
	struct wire_request request = { .uri = "/events/a",
		.flags = WIRE_KEEP_CONN };
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;
	struct watch watch;
	int got;

	support_open(&conn, daemon);
	support_request(&conn, &request);
	assert_int_equal(watch_adopt(&watch, &conn, 1), 0);
	wire_record(&bytes, WIRE_ABORT_REQUEST, 1, NULL, 0, 0);
	wire_request(&bytes, &request);
	support_send(&watch.conn, &bytes);
	assert_int_equal(watch_end(&watch, FCGI_SOON_MS), 0);
	assert_true(watch.ended);
	watch_release(&watch, &conn);
	got = watch_adopt(&watch, &conn, 1);
	assert_true(got == 0 || watch.closed);
	if (got == 0)
		support_expect_live(daemon, "a", "x", &watch, 1);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

/* Half a byte of ABORT at a time. */
static void
test_abort_in_pieces(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct watch watch;

	wire_record(&bytes, WIRE_ABORT_REQUEST, 1, NULL, 0, 200);
	support_watch(&watch, daemon, "a");
	for (size_t i = 0; i < bytes.len; i++) {
		assert_int_equal(fcgi_send(&watch.conn, bytes.at + i, 1), 0);
		if (i < 12)
			support_turn(daemon);
		if (i == 6)
			support_expect_live(daemon, "a", "x", &watch, 1);
	}
	assert_int_equal(watch_end(&watch, FCGI_SOON_MS), 0);
	assert_true(watch.ended);
	watch_clear(&watch);
	bytes_clear(&bytes);
	support_expect_healthy(daemon);
}

/* An ABORT for another id leaves the stream alone. */
static void
test_abort_of_another_id(void **state)
{
	struct daemon *daemon = *state;
	struct watch watch;

	support_watch(&watch, daemon, "a");
	end_abort(&watch.conn, 2);
	support_turn(daemon);
	support_expect_live(daemon, "a", "x", &watch, 1);
	end_abort(&watch.conn, 1);
	assert_int_equal(watch_end(&watch, FCGI_SOON_MS), 0);
	assert_true(watch.ended);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

/* Ended in order or closed; no stream, nothing left behind. */
static void
end_expect_refused(struct daemon *daemon, struct bytes *bytes)
{
	struct fcgi_reply reply;
	struct fcgi_conn conn;

	support_open(&conn, daemon);
	support_send(&conn, bytes);
	if (fcgi_read_reply(&conn, 1, &reply, FCGI_SOON_MS) == -1)
		fail_msg("neither ended nor closed: %s", strerror(errno));
	fcgi_reply_clear(&reply);
	fcgi_close(&conn);
	end_expect_gone(daemon, 0);
}

static void
test_abort_before_completion(void **state)
{
	struct daemon *daemon = *state;
	struct wire_request request = { .uri = "/events/a" };
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };

	wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
	wire_record(&bytes, WIRE_ABORT_REQUEST, 1, NULL, 0, 0);
	end_expect_refused(daemon, &bytes);

	wire_params(&params, &request);
	wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
	wire_record(&bytes, WIRE_PARAMS, 1, params.at, 20, 0);
	wire_record(&bytes, WIRE_ABORT_REQUEST, 1, NULL, 0, 0);
	end_expect_refused(daemon, &bytes);

	wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
	wire_stream(&bytes, WIRE_PARAMS, 1, &params, 100, 0);
	wire_record(&bytes, WIRE_ABORT_REQUEST, 1, NULL, 0, 0);
	end_expect_refused(daemon, &bytes);

	wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
	wire_stream(&bytes, WIRE_PARAMS, 1, &params, 100, 0);
	wire_record(&bytes, WIRE_STDIN, 1, "body", 4, 0);
	wire_record(&bytes, WIRE_ABORT_REQUEST, 1, NULL, 0, 0);
	end_expect_refused(daemon, &bytes);

	bytes_clear(&params);
	support_expect_healthy(daemon);
}

/* ABORT right behind the request, in the same segment: the stream may begin,
 * but it ends. libfcgi alone would lose this record. */
static void
test_abort_in_the_requests_segment(void **state)
{
	static const char *const uris[] = { "/events/a", "/nothing",
		"/events/a?padding=4000" };
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };

	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		wire_get(&bytes, uris[i], 0);
		wire_record(&bytes, WIRE_ABORT_REQUEST, 1, NULL, 0, 0);
		end_expect_refused(daemon, &bytes);
		wire_get(&bytes, uris[i], WIRE_KEEP_CONN);
		wire_record(&bytes, WIRE_ABORT_REQUEST, 1, NULL, 0, 7);
		end_expect_refused(daemon, &bytes);
	}
	support_expect_healthy(daemon);
}

/* Half-close is how lighttpd says that its client has left. */
static void
test_half_close(void **state)
{
	struct daemon *daemon = *state;
	struct watch watches[2];
	struct fcgi_record record;

	support_watch(&watches[0], daemon, "a");
	support_watch(&watches[1], daemon, "a");
	shutdown(watches[0].conn.fd, SHUT_WR);
	end_expect_gone(daemon, 1);
	assert_true(fcgi_is_closed(&watches[0].conn, END_AT_ONCE_MS));
	support_expect_live(daemon, "a", "x", &watches[1], 1);
	shutdown(watches[1].conn.fd, SHUT_WR);
	end_expect_gone(daemon, 0);
	(void)record;
	watch_clear(&watches[0]);
	watch_clear(&watches[1]);
	support_expect_healthy(daemon);
}

static void
test_full_close(void **state)
{
	struct daemon *daemon = *state;
	struct watch watches[3];

	for (size_t i = 0; i < 3; i++)
		support_watch(&watches[i], daemon, "a");
	watch_clear(&watches[1]);
	end_expect_gone(daemon, 2);
	support_expect_live(daemon, "a", "x", &watches[0], 1);
	watch_clear(&watches[0]);
	end_expect_gone(daemon, 1);
	watch_clear(&watches[2]);
	end_expect_gone(daemon, 0);
	support_expect_healthy(daemon);
}

/* Closed with events unread, and by a reset. */
static void
test_close_with_events_unread(void **state)
{
	struct daemon *daemon = *state;
	struct watch watch;

	support_watch(&watch, daemon, "a");
	assert_int_equal(daemon_publish_many(daemon, "a", 0, 50, 1000), 0);
	watch_clear(&watch);
	end_expect_gone(daemon, 0);
	support_expect_healthy(daemon);
}

/* Half-close right behind the request: nobody is there to read a stream. */
static void
test_half_close_behind_request(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;

	support_open(&conn, daemon);
	wire_get(&bytes, "/events/a", WIRE_KEEP_CONN);
	support_send(&conn, &bytes);
	shutdown(conn.fd, SHUT_WR);
	assert_true(fcgi_is_closed(&conn, FCGI_SOON_MS));
	fcgi_close(&conn);
	end_expect_gone(daemon, 0);
	support_expect_healthy(daemon);
}

/* Close at every place of a request: no part of it stays behind. */
static void
test_close_inside_request(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;

	wire_get(&bytes, "/events/a", WIRE_KEEP_CONN);
	for (size_t cut = 0; cut <= bytes.len; cut++) {
		support_open(&conn, daemon);
		assert_int_equal(fcgi_send(&conn, bytes.at, cut), 0);
		if (cut % 2 == 0) {
			shutdown(conn.fd, SHUT_WR);
			assert_true(fcgi_is_closed(&conn, FCGI_SOON_MS));
		}
		fcgi_close(&conn);
	}
	bytes_clear(&bytes);
	end_expect_gone(daemon, 0);
	support_expect_healthy(daemon);
}

/* Leaving while the end of the stream is on its way. */
static void
test_close_and_abort_cross(void **state)
{
	struct daemon *daemon = *state;
	struct wire_request request = { .uri = "/events/a",
		.flags = WIRE_KEEP_CONN };
	struct fcgi_conn conn;
	struct watch watch;

	support_open(&conn, daemon);
	support_request(&conn, &request);
	assert_int_equal(watch_adopt(&watch, &conn, 1), 0);
	assert_int_equal(daemon_close_channel(daemon, "a", false), 0);
	/* It has ended already on crierd's side: 5.4 lets this ABORT cross. */
	end_abort(&watch.conn, 1);
	assert_int_equal(watch_end(&watch, FCGI_SOON_MS), 0);
	assert_true(watch.ended);
	watch_release(&watch, &conn);
	support_turn(daemon);
	support_request(&conn, &request);
	assert_int_equal(watch_adopt(&watch, &conn, 1), 0);
	support_expect_live(daemon, "a", "x", &watch, 1);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_abort_ends_stream),
		SUPPORT_TEST(test_abort_and_reuse),
		SUPPORT_TEST(test_abort_and_next_request),
		SUPPORT_TEST(test_abort_in_pieces),
		SUPPORT_TEST(test_abort_of_another_id),
		SUPPORT_TEST(test_abort_before_completion),
		SUPPORT_TEST(test_abort_in_the_requests_segment),
		SUPPORT_TEST(test_half_close),
		SUPPORT_TEST(test_full_close),
		SUPPORT_TEST(test_close_with_events_unread),
		SUPPORT_TEST(test_half_close_behind_request),
		SUPPORT_TEST(test_close_inside_request),
		SUPPORT_TEST(test_close_and_abort_cross),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("leaving", tests, NULL, NULL);
}
