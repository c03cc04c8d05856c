/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* The limits of a request: its size (max-request) and its time
 * (request-timeout). */
#include "lib/support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LIMITS_MAX_REQUEST = 65536
};

/* The smallest that there is for four streams. */
static struct support_options limits_few = { { "max-streams=4",
    "fastcgi-connections=1" } };

static struct support_options limits_hasty = { { "request-timeout=1" } };

/* POST /events with a JSON body: PARAMS and STDIN of TOTAL bytes together, in
 * records of CHUNK bytes. */
static void
limits_post(struct bytes *to, size_t total, size_t chunk)
{
	static const char *const extra[] = { "CONTENT_TYPE", "application/json",
		NULL };
	static const char head[] = "{\"channel\":[\"limit\"]";
	struct wire_request request = { .uri = "/events",
		.method = "POST",
		.extra = extra,
		.chunk = chunk };
	struct bytes params = { NULL, 0, 0 };
	struct bytes body = { NULL, 0, 0 };

	/* As long a CONTENT_LENGTH as it will be. */
	request.body_len = total - 300;
	wire_params(&params, &request);
	bytes_add_text(&body, head);
	bytes_add_fill(&body, ' ', total - params.len - body.len - 1);
	bytes_add_text(&body, "}");
	request.body = body.at;
	request.body_len = body.len;
	params.len = 0;
	wire_params(&params, &request);
	assert_int_equal(params.len + body.len, total);
	wire_request(to, &request);
	bytes_clear(&params);
	bytes_clear(&body);
}

static void
test_request_at_the_limit(void **state)
{
	static const size_t totals[] = { 2000, 32768, LIMITS_MAX_REQUEST - 1,
		LIMITS_MAX_REQUEST, LIMITS_MAX_REQUEST };
	struct daemon *daemon = *state;

	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		struct bytes bytes = { NULL, 0, 0 };
		struct fcgi_conn conn;
		struct watch watch;

		limits_post(&bytes, totals[i], i % 2 == 0 ? 65535 : 1000);
		support_open(&conn, daemon);
		support_send(&conn, &bytes);
		if (watch_adopt(&watch, &conn, 1) == -1)
			fail_msg("%zu bytes: no stream", totals[i]);
		support_expect_live(daemon, "limit", "x", &watch, 1);
		watch_clear(&watch);
	}
	support_expect_healthy(daemon);
}

/* Too large: an answer that says so, or the connection is closed. The peer
 * may be cut off while it still sends. */
static void
limits_expect_too_large(struct daemon *daemon, struct bytes *bytes)
{
	struct fcgi_reply reply;
	struct fcgi_conn conn;
	int status;

	support_open(&conn, daemon);
	if (fcgi_send_bytes(&conn, bytes) == -1)
		assert_true(errno == EPIPE || errno == ECONNRESET);
	bytes_clear(bytes);
	if (fcgi_read_reply(&conn, 1, &reply, FCGI_SOON_MS) == -1)
		fail_msg("neither answered nor closed: %s", strerror(errno));
	status = fcgi_reply_status(&reply);
	if (status != -1 && status != 413 && status != 431)
		fail_msg("answered %d", status);
	fcgi_reply_clear(&reply);
	fcgi_close(&conn);
}

static void
test_body_too_large(void **state)
{
	static const size_t totals[] = { LIMITS_MAX_REQUEST + 1, 131072,
		4000000 };
	struct bytes bytes = { NULL, 0, 0 };

	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		limits_post(&bytes, totals[i], 32768);
		limits_expect_too_large(*state, &bytes);
	}
	support_expect_healthy(*state);
}

static void
test_params_too_large(void **state)
{
	static const size_t sizes[] = { LIMITS_MAX_REQUEST, 100000, 3000000 };
	const char *extra[] = { "HTTP_X_FILL", NULL, NULL };
	struct wire_request request = { .uri = "/events/a", .extra = extra };
	struct bytes bytes = { NULL, 0, 0 };
	struct bytes value = { NULL, 0, 0 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bytes_add_fill(&value, 'v', sizes[i]);
		bytes_add(&value, "", 1);
		extra[1] = (const char *)value.at;
		wire_request(&bytes, &request);
		limits_expect_too_large(*state, &bytes);
		bytes_clear(&value);
	}
	support_expect_healthy(*state);
}

/* Resident memory in KiB, or -1. */
static long
limits_resident_kib(const struct daemon *daemon)
{
	char path[64];
	char text[128] = "";
	char *resident;
	FILE *statm;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)daemon->pid);
	statm = fopen(path, "r");
	if (statm == NULL)
		return -1;
	resident = fgets(text, sizeof(text), statm);
	fclose(statm);
	if (resident != NULL)
		resident = strchr(text, ' ');
	if (resident == NULL)
		return -1;
	return strtol(resident, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024);
}

/* What no content counts costs nothing either: 60,000 records of one byte,
 * 255 of padding each, are 15 MB on the way and no such thing in memory. */
static void
test_padding_is_not_kept(void **state)
{
	enum {
		VALUE = 60000,
		MOST_KIB = 8192
	};
	struct daemon *daemon = *state;
	struct bytes value = { NULL, 0, 0 };
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;
	long before;
	long grown;

	support_expect_healthy(daemon);
	before = limits_resident_kib(daemon);
	bytes_add_fill(&value, 'v', VALUE);
	wire_pair(&params, "HTTP_X", 6, value.at, value.len, false);
	wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
	wire_stream(&bytes, WIRE_PARAMS, 1, &params, 1, 255);
	support_open(&conn, daemon);
	/* All but the end; a door that counts padding may cut it off. */
	bytes.len -= 300;
	if (fcgi_send_bytes(&conn, &bytes) == -1)
		assert_true(errno == EPIPE || errno == ECONNRESET);
	support_turn(daemon);
	grown = limits_resident_kib(daemon) - before;
	if (grown > MOST_KIB)
		fail_msg("%ld KiB for a request of 60 KB", grown);
	fcgi_close(&conn);
	bytes_clear(&value);
	bytes_clear(&params);
	bytes_clear(&bytes);
	support_expect_healthy(daemon);
}

/*
 * A body that is not as long as CONTENT_LENGTH says has been cut off, or is no
 * one's: it is refused, and the connection is as good as before.
 */
static void
test_content_length_lies(void **state)
{
	static const struct {
		const char *length, *status;
	} lengths[] = { { "21", "200" }, { "0021", "200" }, { "0", "400" },
		{ "20", "400" }, { "22", "400" }, { "5", "400" },
		{ "99999999999999999999", "400" }, { "4000000000", "413" },
		{ "-1", "400" }, { "+21", "400" }, { " 21", "400" },
		{ "21, 21", "400" }, { "0x15", "400" }, { "x", "400" },
		{ "", "411" } };
	static const char body[] = "{\"channel\":[\"limit\"]}";
	const char *extra[] = { "CONTENT_TYPE", "application/json",
		"CONTENT_LENGTH", NULL, NULL };
	struct wire_request request = {
		.uri = "/events", .method = "POST", .extra = extra
	};
	struct bytes stdin_bytes = { NULL, 0, 0 };
	struct bytes params = { NULL, 0, 0 };
	struct bytes bytes = { NULL, 0, 0 };

	bytes_add_text(&stdin_bytes, body);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct fcgi_conn conn;
		struct fcgi_record record;

		extra[3] = lengths[i].length;
		wire_params(&params, &request);
		wire_begin(&bytes, 1, WIRE_RESPONDER, 0);
		wire_stream(&bytes, WIRE_PARAMS, 1, &params, 1000, 0);
		wire_stream(&bytes, WIRE_STDIN, 1, &stdin_bytes, 1000, 0);
		support_open(&conn, *state);
		support_send(&conn, &bytes);
		bytes_clear(&params);
		assert_int_equal(fcgi_read(&conn, &record, FCGI_SOON_MS), 1);
		assert_true(record.len > 11);
		if (memcmp(record.content + 8, lengths[i].status, 3) != 0)
			fail_msg("%s: %.*s", lengths[i].length, 12,
			    (const char *)record.content);
		fcgi_close(&conn);
	}
	bytes_clear(&stdin_bytes);
	support_expect_healthy(*state);
}

/* Half a request and then nothing: dropped after request-timeout; meanwhile
 * the others are served at once. */
static void
test_stalled_request(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn stalled[3];
	struct watch watch;
	unsigned served = 0;

	support_watch(&watch, daemon, "a");
	wire_get(&bytes, "/events/b", 0);
	for (size_t i = 0; i < 3; i++) {
		static const size_t parts[] = { 4, 16, 60 };

		support_open(&stalled[i], daemon);
		assert_int_equal(fcgi_send(&stalled[i], bytes.at, parts[i]), 0);
	}
	bytes_clear(&bytes);
	for (size_t i = 0; i < 3; i++) {
		int64_t deadline = fcgi_deadline(FCGI_SOON_MS);

		while (!fcgi_is_closed(&stalled[i], 1)) {
			support_expect_live(daemon, "a", "x", &watch, 1);
			served++;
			if (fcgi_remaining(deadline) == 0)
				fail_msg("%zu is not dropped", i);
		}
		fcgi_close(&stalled[i]);
	}
	assert_true(served > 10);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

/* A byte now and then does not put the limit off: it is for the request. */
static void
test_trickled_request(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	int64_t deadline = fcgi_deadline(FCGI_SOON_MS);
	struct fcgi_conn conn;
	size_t sent = 0;

	wire_get(&bytes, "/events/b", 0);
	support_open(&conn, daemon);
	while (!fcgi_is_closed(&conn, 100)) {
		assert_true(fcgi_remaining(deadline) > 0);
		assert_true(sent < bytes.len - 1);
		if (fcgi_send(&conn, bytes.at + sent, 1) == -1)
			break;
		sent++;
	}
	fcgi_close(&conn);
	bytes_clear(&bytes);
	support_expect_healthy(daemon);
}

/* The limit is over when the request is complete: a stream stays. */
static void
test_stream_outlives_request_timeout(void **state)
{
	struct daemon *daemon = *state;
	struct watch watch;

	support_watch(&watch, daemon, "a");
	assert_true(fcgi_is_silent(&watch.conn, 2500));
	support_expect_live(daemon, "a", "x", &watch, 1);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

/* Connections that say nothing keep nobody from being served. */
static void
test_silent_connections(void **state)
{
	enum {
		SILENT = 200
	};
	struct daemon *daemon = *state;
	struct fcgi_conn conns[SILENT];

	for (size_t i = 0; i < SILENT; i++)
		support_open(&conns[i], daemon);
	support_expect_healthy(daemon);
	for (size_t i = 0; i < SILENT; i++)
		fcgi_close(&conns[i]);
	support_expect_healthy(daemon);
}

enum {
	LIMITS_FEW = 36,
	LIMITS_SURPLUS = 16 /* that may wait beyond these */
};

/* A request that is there when its connection is accepted. */
static void
limits_ask_at_once(const struct daemon *daemon, const char *uri, int status)
{
	struct wire_request request = { .uri = uri, .flags = WIRE_KEEP_CONN };
	struct fcgi_conn conn;

	kill(daemon->pid, SIGSTOP);
	support_open(&conn, daemon);
	support_request(&conn, &request);
	kill(daemon->pid, SIGCONT);
	support_expect_reply(&conn, 1, status);
	if (status == 503)
		assert_true(fcgi_is_closed(&conn, FCGI_SOON_MS));
	fcgi_close(&conn);
}

/*
 * All places are taken.  A request that comes behind its connection is refused,
 * too; one that does not come has a second; and not many may wait so.
 */
static void
limits_ask_late(const struct daemon *daemon)
{
	struct wire_request request = { .uri = "/nothing",
		.flags = WIRE_KEEP_CONN };
	struct fcgi_conn conns[LIMITS_SURPLUS + 1];
	size_t i;

	support_open(&conns[0], daemon);
	support_turn(daemon);
	support_request(&conns[0], &request);
	support_expect_reply(&conns[0], 1, 503);
	assert_true(fcgi_is_closed(&conns[0], FCGI_SOON_MS));
	fcgi_close(&conns[0]);
	for (i = 0; i < LIMITS_SURPLUS + 1; i++)
		support_open(&conns[i], daemon);
	support_turn(daemon);
	assert_true(fcgi_is_closed(&conns[0], FCGI_SOON_MS));
	support_request(&conns[1], &request);
	support_expect_reply(&conns[1], 1, 503);
	for (i = 2; i < LIMITS_SURPLUS + 1; i++)
		assert_true(fcgi_is_closed(&conns[i], FCGI_SOON_MS));
	for (i = 0; i < LIMITS_SURPLUS + 1; i++)
		fcgi_close(&conns[i]);
}

/* Below, at and above fastcgi-connections. */
static void
test_number_of_connections(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conns[LIMITS_FEW];
	struct watch watch;
	size_t i;

	support_watch(&watch, daemon, "a");
	for (i = 0; i < LIMITS_FEW - 2; i++)
		support_open(&conns[i], daemon);
	support_turn(daemon);
	/* The last place is good for any number, one after the other. */
	for (i = 0; i < 3; i++) {
		limits_ask_at_once(daemon, "/nothing", 404);
		support_turn(daemon);
	}
	support_open(&conns[LIMITS_FEW - 2], daemon);
	support_turn(daemon);
	limits_ask_late(daemon);
	limits_ask_at_once(daemon, "/nothing", 503);
	assert_true(fcgi_is_silent(&conns[0], FCGI_NOTHING_MS));
	support_expect_live(daemon, "a", "x", &watch, 1);
	for (i = 0; i < LIMITS_FEW - 1; i++)
		fcgi_close(&conns[i]);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

/* Those that wait to be turned away take no place that becomes free. */
static void
test_surplus_takes_no_place(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conns[LIMITS_FEW + LIMITS_SURPLUS];
	size_t i;

	for (i = 0; i < LIMITS_FEW + LIMITS_SURPLUS; i++)
		support_open(&conns[i], daemon);
	support_turn(daemon);
	fcgi_close(&conns[0]);
	support_turn(daemon);
	limits_ask_at_once(daemon, "/nothing", 404);
	for (i = 1; i < LIMITS_FEW + LIMITS_SURPLUS; i++)
		fcgi_close(&conns[i]);
	support_expect_healthy(daemon);
}

/* A kept connection that is idle makes room for another. */
static void
test_idle_ones_give_first(void **state)
{
	struct wire_request request = { .uri = "/nothing",
		.flags = WIRE_KEEP_CONN };
	struct daemon *daemon = *state;
	struct fcgi_conn conns[LIMITS_FEW], idle[2];
	size_t i;

	for (i = 0; i < 2; i++) {
		support_open(&idle[i], daemon);
		support_request(&idle[i], &request);
		support_expect_reply(&idle[i], 1, 404);
	}
	for (i = 0; i < LIMITS_FEW - 1; i++)
		support_open(&conns[i], daemon);
	support_turn(daemon);
	assert_true(fcgi_is_closed(&idle[0], FCGI_SOON_MS));
	support_request(&idle[1], &request);
	support_expect_reply(&idle[1], 1, 404);
	support_open(&conns[LIMITS_FEW - 1], daemon);
	assert_true(fcgi_is_closed(&idle[1], FCGI_SOON_MS));
	assert_true(fcgi_is_silent(&conns[LIMITS_FEW - 1], FCGI_NOTHING_MS));
	for (i = 0; i < 2; i++)
		fcgi_close(&idle[i]);
	for (i = 0; i < LIMITS_FEW; i++)
		fcgi_close(&conns[i]);
	support_expect_healthy(daemon);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_request_at_the_limit),
		SUPPORT_TEST(test_body_too_large),
		SUPPORT_TEST(test_params_too_large),
		SUPPORT_TEST(test_padding_is_not_kept),
		SUPPORT_TEST(test_content_length_lies),
		SUPPORT_TEST_WITH(test_number_of_connections, &limits_few),
		SUPPORT_TEST_WITH(test_surplus_takes_no_place, &limits_few),
		SUPPORT_TEST_WITH(test_idle_ones_give_first, &limits_few),
		SUPPORT_TEST_WITH(test_stalled_request, &limits_hasty),
		SUPPORT_TEST_WITH(test_trickled_request, &limits_hasty),
		SUPPORT_TEST_WITH(test_stream_outlives_request_timeout,
		    &limits_hasty),
		SUPPORT_TEST_WITH(test_silent_connections, &limits_hasty),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
