/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Requests in every shape that the protocol allows, and the stream each of
 * them gets. */
#include "lib/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
request_expect_header(const struct watch *watch, const char *name,
    const char *expected)
{
	char *value = fcgi_header_value(&watch->head, name);

	assert_non_null(value);
	assert_string_equal(value, expected);
	free(value);
}

/* The header, the first block, events one record each, the end. */
static void
test_stream_record_by_record(void **state)
{
	struct daemon *daemon = *state;
	struct watch watch;
	struct fcgi_record record;
	const char *id;
	size_t len;

	support_watch(&watch, daemon, "news");
	request_expect_header(&watch, "Content-Type",
	    "text/event-stream; charset=utf-8");
	request_expect_header(&watch, "Cache-Control",
	    "no-cache, no-store, no-transform");
	request_expect_header(&watch, "X-Accel-Buffering", "no");
	assert_int_equal(watch.retry_ms, 3000);
	id = sse_parser_last_id(watch.parser, &len);
	assert_true(len > 2 && strspn(id, "0123456789-") == len);
	assert_int_equal(watch.count, 0);
	assert_int_equal(daemon_streams(daemon), 1);
	assert_true(fcgi_is_silent(&watch.conn, FCGI_NOTHING_MS));
	for (int i = 0; i < 5; i++) {
		char text[16];
		size_t before = watch.stdouts;

		snprintf(text, sizeof(text), "event %d", i);
		support_expect_live(daemon, "news", text, &watch, 1);
		assert_int_equal(watch.stdouts, before + 1);
	}
	assert_int_equal(watch.cut_records, 0);
	support_close_channel(daemon, "news", &watch);
	assert_int_equal(fcgi_read(&watch.conn, &record, FCGI_SOON_MS), 0);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

static void
test_events_one_after_another(void **state)
{
	struct daemon *daemon = *state;
	struct watch watch;
	char last[64] = "";

	support_watch(&watch, daemon, "many");
	assert_int_equal(daemon_publish_many(daemon, "many", 0, 500, 100), 0);
	assert_int_equal(watch_events(&watch, 500, FCGI_LONG_MS), 0);
	for (size_t i = 0; i < 500; i++) {
		assert_int_equal(watch_number(&watch.events[i], 100), i);
		assert_string_not_equal(watch.events[i].id, last);
		snprintf(last, sizeof(last), "%s", watch.events[i].id);
	}
	assert_int_equal(watch.cut_records, 0);
	watch_clear(&watch);
}

static void
test_byte_by_byte(void **state)
{
	struct daemon *daemon = *state;
	struct wire_request request = { .uri = "/events?channel=bytes",
		.padding = 3 };
	struct bytes bytes = { NULL, 0, 0 };
	struct daemon_queue queue;
	struct fcgi_conn conn;
	struct watch watch;

	assert_int_equal(daemon_queue_open(&queue, daemon), 0);
	support_open(&conn, daemon);
	wire_request(&bytes, &request);
	for (size_t i = 0; i < bytes.len; i++) {
		assert_int_equal(fcgi_send(&conn, bytes.at + i, 1), 0);
		assert_true(daemon_turn(&queue));
	}
	assert_int_equal(watch_adopt(&watch, &conn, 1), 0);
	support_expect_live(daemon, "bytes", "x", &watch, 1);
	watch_clear(&watch);
	bytes_clear(&bytes);
	daemon_queue_close(&queue);
	support_expect_healthy(daemon);
}

/* A small request cut in two at every place. */
static void
test_every_split(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct daemon_queue queue;

	assert_int_equal(daemon_queue_open(&queue, daemon), 0);
	wire_get(&bytes, "/events/split", 0);
	for (size_t cut = 1; cut < bytes.len; cut++) {
		struct fcgi_conn conn;
		struct watch watch;

		support_open(&conn, daemon);
		assert_int_equal(fcgi_send(&conn, bytes.at, cut), 0);
		assert_true(daemon_turn(&queue));
		assert_true(daemon_turn(&queue));
		assert_int_equal(fcgi_send(&conn, bytes.at + cut,
				     bytes.len - cut),
		    0);
		if (watch_adopt(&watch, &conn, 1) == -1)
			fail_msg("cut at %zu: no stream", cut);
		watch_clear(&watch);
	}
	bytes_clear(&bytes);
	daemon_queue_close(&queue);
	support_expect_healthy(daemon);
}

/* What the stream of one request looks like; the request in one segment. */
static void
request_expect_stream(struct daemon *daemon, const struct wire_request *request)
{
	struct watch watch;

	if (watch_open(&watch, daemon->listen, request) == -1)
		fail_msg("id %u, records of %zu + %u: no stream", request->id,
		    request->chunk, request->padding);
	support_expect_live(daemon, "shape", "x", &watch, 1);
	assert_int_equal(daemon_close_channel(daemon, "shape", false), 0);
	assert_int_equal(watch_end(&watch, FCGI_SOON_MS), 0);
	assert_true(watch.ended);
	watch_clear(&watch);
}

static void
test_request_ids(void **state)
{
	static const unsigned ids[] = { 1, 7, 255, 256, 300, 32768, 65535 };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct wire_request request = { .uri = "/events/shape",
			.id = ids[i] };
		struct fcgi_conn conn;

		request_expect_stream(*state, &request);
		request.uri = "/nothing";
		support_open(&conn, *state);
		support_request(&conn, &request);
		support_expect_reply(&conn, ids[i], 404);
		fcgi_close(&conn);
	}
	support_expect_healthy(*state);
}

static void
test_padding_and_chunks(void **state)
{
	static const unsigned paddings[] = { 0, 1, 7, 8, 255 };
	static const size_t chunks[] = { 1, 2, 10, 100, 0 };

	for (size_t p = 0; p < sizeof(paddings) / sizeof(paddings[0]); p++) {
		for (size_t c = 0; c < sizeof(chunks) / sizeof(chunks[0]);
		     c++) {
			struct wire_request request = { .uri = "/events/shape",
				.padding = paddings[p],
				.chunk = chunks[c] };

			/* Each byte with 263 around it is above the limit. */
			if (paddings[p] == 255 && chunks[c] == 1)
				continue;
			request_expect_stream(*state, &request);
		}
	}
	support_expect_healthy(*state);
}

static void
test_four_byte_lengths(void **state)
{
	struct wire_request request = { .uri = "/events/shape",
		.long_form = true };

	request_expect_stream(*state, &request);
}

static void
test_names_of_128_bytes_and_empty(void **state)
{
	struct bytes name = { NULL, 0, 0 };
	const char *extra[] = { NULL, "v", "HTTP_X_EMPTY", "", "", "", "",
		"value without a name", "HTTP_X_LATIN", "caf\xe9", NULL };
	struct wire_request request = { .uri = "/events/shape",
		.extra = extra };

	bytes_add_text(&name, "HTTP_X_");
	bytes_add_fill(&name, 'N', 128 - name.len);
	bytes_add(&name, "", 1);
	extra[0] = (const char *)name.at;
	request_expect_stream(*state, &request);
	bytes_clear(&name);
}

static void
test_post_with_body(void **state)
{
	static const char *const extra[] = { "CONTENT_TYPE", "application/json",
		NULL };
	static const char body[] = "{\"channel\":[\"shape\",\"other\"]}";
	struct wire_request request = { .uri = "/events",
		.method = "POST",
		.extra = extra,
		.body = body,
		.body_len = sizeof(body) - 1 };

	request_expect_stream(*state, &request);
	request.chunk = 1;
	request.padding = 5;
	request_expect_stream(*state, &request);
}

/* 60 KB of PARAMS, ten bytes at a time. */
static void
test_large_params_in_dribbles(void **state)
{
	struct daemon *daemon = *state;
	struct bytes value = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };
	const char *extra[] = { "HTTP_X_FILL", NULL, NULL };
	struct wire_request request = { .uri = "/events/dribble",
		.extra = extra };
	struct fcgi_conn conn;
	struct watch watch;

	bytes_add_fill(&value, 'v', 60000);
	bytes_add(&value, "", 1);
	extra[1] = (const char *)value.at;
	wire_request(&bytes, &request);
	support_open(&conn, daemon);
	for (size_t done = 0; done < bytes.len; done += 10) {
		size_t part = bytes.len - done < 10 ? bytes.len - done : 10;

		assert_int_equal(fcgi_send(&conn, bytes.at + done, part), 0);
		if (done % 1000 == 0)
			support_turn(daemon);
	}
	assert_int_equal(watch_adopt(&watch, &conn, 1), 0);
	support_expect_live(daemon, "dribble", "x", &watch, 1);
	watch_clear(&watch);
	bytes_clear(&bytes);
	bytes_clear(&value);
	support_expect_healthy(daemon);
}

/* One event to many streams, each with an id of its own. */
static void
test_many_connections(void **state)
{
	enum {
		STREAMS = 50
	};
	struct daemon *daemon = *state;
	struct watch watches[STREAMS];

	for (unsigned i = 0; i < STREAMS; i++) {
		struct wire_request request = { .uri = "/events/crowd",
			.id = i * 1300 + 1 };

		assert_int_equal(watch_open(&watches[i], daemon->listen,
				     &request),
		    0);
	}
	assert_int_equal(daemon_streams(daemon), STREAMS);
	assert_int_equal(daemon_publish(daemon, "crowd", "a"), STREAMS);
	for (size_t i = 0; i < STREAMS; i++)
		assert_int_equal(watch_events(&watches[i], 1, FCGI_SOON_MS), 0);
	support_expect_live(daemon, "crowd", "b", watches, STREAMS);
	for (size_t i = 0; i < STREAMS; i++)
		watch_clear(&watches[i]);
	support_expect_healthy(daemon);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_stream_record_by_record),
		SUPPORT_TEST(test_events_one_after_another),
		SUPPORT_TEST(test_byte_by_byte),
		SUPPORT_TEST(test_every_split),
		SUPPORT_TEST(test_request_ids),
		SUPPORT_TEST(test_padding_and_chunks),
		SUPPORT_TEST(test_four_byte_lengths),
		SUPPORT_TEST(test_names_of_128_bytes_and_empty),
		SUPPORT_TEST(test_post_with_body),
		SUPPORT_TEST(test_large_params_in_dribbles),
		SUPPORT_TEST(test_many_connections),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
