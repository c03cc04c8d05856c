/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Clients that do not read, or read little at a time; and events larger than
 * a record. */
#include "lib/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLOW_RCVBUF = 4096,
	SLOW_EVENTS = 2500,
	SLOW_EVENT_BYTES = 2000, /* 5 MB in all, five times the history */
};

static struct support_options slow_tcp = { { "listen=tcp:127.0.0.1:0" } };
static struct support_options slow_large = { { "max-event=1048576",
    "keep-bytes=32M" } };
static struct support_options slow_large_tcp = { { "listen=tcp:127.0.0.1:0",
    "max-event=1048576", "keep-bytes=32M" } };

static void
slow_open(struct watch *watch, const struct daemon *daemon, const char *uri,
    int rcvbuf)
{
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;

	assert_int_equal(fcgi_open(&conn, daemon->listen, rcvbuf), 0);
	wire_get(&bytes, uri, 0);
	support_send(&conn, &bytes);
	assert_int_equal(watch_adopt(watch, &conn, 1), 0);
}

/* What a stream got from event FROM on: numbers that only grow, each event
 * intact; what is missing was told by a gap before the next one; the end, if
 * it was told, is last. Returns how many were missing. */
static unsigned
slow_check(const struct watch *watch, size_t from, size_t size)
{
	long last = -1;
	unsigned missing = 0;
	bool gap = false;

	for (size_t i = from; i < watch->count; i++) {
		const struct watch_event *event = &watch->events[i];
		long number;

		if (strcmp(event->type, "crier.gap") == 0) {
			gap = true;
			continue;
		}
		if (strcmp(event->type, "crier.end") == 0 &&
		    i + 1 == watch->count)
			break;
		assert_string_equal(event->type, "message");
		number = watch_number(event, size);
		if (number == -1)
			fail_msg("event %zu is damaged", i);
		if (number <= last)
			fail_msg("event %ld after %ld", number, last);
		if (number != last + 1 && !gap)
			fail_msg("no gap between %ld and %ld", last, number);
		missing += (unsigned)(number - last - 1);
		last = number;
		gap = false;
	}
	return missing;
}

/* Reads until event NUMBER has come. */
static void
slow_read_to(struct watch *watch, long number, size_t size)
{
	size_t checked = watch->count;

	for (;;) {
		for (; checked < watch->count; checked++) {
			if (watch_number(&watch->events[checked], size) ==
			    number)
				return;
		}
		if (watch_events(watch, watch->count + 1, FCGI_LONG_MS) == -1)
			fail_msg("waiting for %ld: %s", number,
			    strerror(errno));
	}
}

/* One client stops reading while 5 MB are published. */
static void
test_stalled_reader(void **state)
{
	enum {
		OTHERS = 3,
		ROUND = 100
	};
	struct daemon *daemon = *state;
	struct watch stalled;
	struct watch others[OTHERS];
	unsigned missing;

	slow_open(&stalled, daemon, "/events/load", SLOW_RCVBUF);
	for (size_t i = 0; i < OTHERS; i++)
		slow_open(&others[i], daemon, "/events/load", 0);
	for (unsigned n = 0; n < SLOW_EVENTS; n += ROUND) {
		assert_int_equal(daemon_publish_many(daemon, "load", n, ROUND,
				     SLOW_EVENT_BYTES),
		    0);
		for (size_t i = 0; i < OTHERS; i++)
			assert_int_equal(watch_events(&others[i], n + ROUND,
					     FCGI_LONG_MS),
			    0);
	}
	for (size_t i = 0; i < OTHERS; i++) {
		assert_int_equal(others[i].count, SLOW_EVENTS);
		assert_int_equal(slow_check(&others[i], 0, SLOW_EVENT_BYTES),
		    0);
	}
	assert_int_equal(stalled.count, 0);
	slow_read_to(&stalled, SLOW_EVENTS - 1, SLOW_EVENT_BYTES);
	missing = slow_check(&stalled, 0, SLOW_EVENT_BYTES);
	/* 1 MB of history and the socket buffers do not hold 5 MB. */
	assert_true(missing > 0);
	assert_true(missing < SLOW_EVENTS - 100);
	assert_int_equal(stalled.cut_records, 0);
	/* It is live again: the next event comes at once and without a gap. */
	assert_int_equal(daemon_publish_many(daemon, "load", SLOW_EVENTS, 1,
			     SLOW_EVENT_BYTES),
	    0);
	slow_read_to(&stalled, SLOW_EVENTS, SLOW_EVENT_BYTES);
	assert_int_equal(slow_check(&stalled, 0, SLOW_EVENT_BYTES), missing);
	watch_clear(&stalled);
	for (size_t i = 0; i < OTHERS; i++)
		watch_clear(&others[i]);
	support_expect_healthy(daemon);
}

/* A stalled client leaves, or is aborted, with a record half sent. */
static void
test_stalled_reader_leaves(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct watch watches[2];

	for (size_t i = 0; i < 2; i++)
		slow_open(&watches[i], daemon, "/events/load", SLOW_RCVBUF);
	assert_int_equal(daemon_publish_many(daemon, "load", 0, SLOW_EVENTS,
			     SLOW_EVENT_BYTES),
	    0);
	watch_clear(&watches[0]);
	assert_true(daemon_wait_streams(daemon, 1, FCGI_SOON_MS));
	/* What has begun is finished before END_REQUEST; or the connection is
	 * closed where it stands, for whoever aborts reads no more. */
	wire_record(&bytes, WIRE_ABORT_REQUEST, 1, NULL, 0, 0);
	support_send(&watches[1].conn, &bytes);
	assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
	if (watch_end(&watches[1], FCGI_LONG_MS) == -1 && errno != EPIPE)
		fail_msg("after ABORT: %s", strerror(errno));
	slow_check(&watches[1], 0, SLOW_EVENT_BYTES);
	watch_clear(&watches[1]);
	support_expect_healthy(daemon);
}

/* `crier close` while a client does not read: it still gets a clean end. */
static void
test_stalled_reader_is_closed(void **state)
{
	struct daemon *daemon = *state;
	struct watch watch;

	slow_open(&watch, daemon, "/events/load", SLOW_RCVBUF);
	assert_int_equal(daemon_publish_many(daemon, "load", 0, 1000,
			     SLOW_EVENT_BYTES),
	    0);
	assert_int_equal(daemon_close_channel(daemon, "load", false), 0);
	if (watch_end(&watch, FCGI_LONG_MS) == -1)
		fail_msg("end: %s", strerror(errno));
	assert_true(watch.ended);
	assert_true(watch.count > 0);
	assert_string_equal(watch.events[watch.count - 1].type, "crier.end");
	slow_check(&watch, 0, SLOW_EVENT_BYTES);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

static const size_t slow_sizes[] = { 7, 1000, 65000, 65500, 65527, 65528, 65529,
	65535, 65536, 65537, 100000, 131070, 131071, 200000, 1048575, 1048576 };

#define SLOW_SIZES (sizeof(slow_sizes) / sizeof(slow_sizes[0]))

/* Events of all sizes arrive whole, read by up to STEP bytes at a time. */
static void
slow_expect_sizes(struct daemon *daemon, size_t step, int rcvbuf, size_t most)
{
	struct watch watch;
	size_t count = 0;

	slow_open(&watch, daemon, "/events/large", rcvbuf);
	watch.conn.max_read = step;
	for (unsigned i = 0; i < SLOW_SIZES && slow_sizes[i] <= most; i++) {
		assert_int_equal(daemon_publish_many(daemon, "large", i, 1,
				     slow_sizes[i]),
		    0);
		count++;
	}
	if (watch_events(&watch, count, 2 * FCGI_LONG_MS) == -1)
		fail_msg("%zu of %zu events, %zu bytes at a time: %s",
		    watch.count, count, step, strerror(errno));
	for (unsigned i = 0; i < count; i++) {
		if (watch_number(&watch.events[i], slow_sizes[i]) != (long)i)
			fail_msg("event of %zu bytes", slow_sizes[i]);
	}
	watch_clear(&watch);
}

static void
test_large_events(void **state)
{
	slow_expect_sizes(*state, 0, 0, SIZE_MAX);
	support_expect_healthy(*state);
}

static void
test_large_events_small_reads(void **state)
{
	static const size_t steps[] = { 1000, 512, 100, 13, 7 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		slow_expect_sizes(*state, steps[i], SLOW_RCVBUF,
		    steps[i] < 100 ? 140000 : SIZE_MAX);
	slow_expect_sizes(*state, 1, SLOW_RCVBUF, 66000);
	support_expect_healthy(*state);
}

/* Many events of changing size to a client that reads in random steps: the
 * socket is full at every kind of place. */
static void
test_partial_writes(void **state)
{
	enum {
		EVENTS = 400
	};
	struct daemon *daemon = *state;
	struct watch watch;
	size_t sizes[EVENTS];
	unsigned seed = 12345;

	slow_open(&watch, daemon, "/events/partial", SLOW_RCVBUF);
	for (unsigned i = 0; i < EVENTS; i++) {
		seed = seed * 1103515245u + 12345u;
		sizes[i] = 7 + (seed >> 16) % (i % 10 == 0 ? 70000 : 3000);
		assert_int_equal(daemon_publish_many(daemon, "partial", i, 1,
				     sizes[i]),
		    0);
	}
	while (watch.count < EVENTS) {
		seed = seed * 1103515245u + 12345u;
		watch.conn.max_read = 1 + (seed >> 16) % 1000;
		if (watch_take(&watch, FCGI_LONG_MS) != 1)
			fail_msg("after %zu events: %s", watch.count,
			    strerror(errno));
	}
	for (unsigned i = 0; i < EVENTS; i++)
		assert_int_equal(watch_number(&watch.events[i], sizes[i]), i);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

/* One byte above max-event is refused and changes nothing. */
static void
test_event_too_large(void **state)
{
	struct daemon *daemon = *state;
	struct watch watch;

	support_watch(&watch, daemon, "large");
	assert_int_equal(daemon_publish_many(daemon, "large", 0, 1, 65537), -1);
	assert_int_equal(daemon_publish_many(daemon, "large", 1, 1, 65536), 0);
	assert_int_equal(watch_events(&watch, 1, FCGI_SOON_MS), 0);
	assert_int_equal(watch_number(&watch.events[0], 65536), 1);
	watch_clear(&watch);
	support_expect_healthy(daemon);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_stalled_reader),
		SUPPORT_TEST_WITH(test_stalled_reader, &slow_tcp),
		SUPPORT_TEST(test_stalled_reader_leaves),
		SUPPORT_TEST_WITH(test_stalled_reader_leaves, &slow_tcp),
		SUPPORT_TEST_WITH(test_stalled_reader_is_closed, &slow_tcp),
		SUPPORT_TEST_WITH(test_large_events, &slow_large),
		SUPPORT_TEST_WITH(test_large_events, &slow_large_tcp),
		SUPPORT_TEST_WITH(test_large_events_small_reads, &slow_large),
		SUPPORT_TEST_WITH(test_large_events_small_reads,
		    &slow_large_tcp),
		SUPPORT_TEST_WITH(test_partial_writes, &slow_large),
		SUPPORT_TEST_WITH(test_partial_writes, &slow_large_tcp),
		SUPPORT_TEST(test_event_too_large),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("slow clients", tests, NULL, NULL);
}
