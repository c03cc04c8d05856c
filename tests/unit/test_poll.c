/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Streams that end by themselves: who polls, for how long, and with what. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "hub/poll.h"
#include "lib/streams.h"
#include "lib/support.h"

enum {
	TEST_LONG_MS = 3600000,
	TEST_LARGE = 60000 /* of data; some of them fill a socket */
};

#define MS(n) "9000000000000-" #n

static struct streams test_hub;

static void
test_publish(const char *channels, const char *data)
{
	streams_publish(&test_hub, channels, data);
	streams_deliver(&test_hub);
}

/*
 * Takes what a poll ends with from the end of the text: the position, which is
 * n, and a retry within half of 3 s.
 */
static void
test_take_end(struct streams_client *c, unsigned n)
{
	char want[64];
	unsigned long long retry;
	char *at = NULL, *p;

	assert_int_equal(buffer_append(&c->text, "", 1), 0);
	snprintf(want, sizeof want, "id: 9000000000000-%u\n\nretry: ", n);
	for (p = c->text.data; (p = strstr(p, want)) != NULL; p++)
		at = p;
	if (at == NULL) {
		fail_msg("no end after %u: \"%s\"", n, c->text.data);
		return;
	}
	retry = strtoull(at + strlen(want), &p, 10);
	assert_string_equal(p, "\n\n");
	assert_true(retry >= 1500 && retry <= 4500);
	buffer_truncate(&c->text, (size_t)(at - c->text.data));
}

/* The stream is gone, and so is all that counted it. */
static void
test_is_over(struct streams_client *c, uint64_t polls)
{
	streams_settle(&test_hub, c, 1);
	assert_true(c->is_over || test_hub.returned_fd != -1);
	assert_int_equal(c->is_ended, c->is_framed);
	assert_int_equal(test_hub.hub->streams.count, 0);
	assert_int_equal(test_hub.hub->streams.poll_count, 0);
	assert_int_equal(test_hub.hub->counters.polls, polls);
}

static void
test_wanted(void **state)
{
	static const struct {
		struct subscription sub;
		size_t streams, polls;
		bool want;
	} cases[] = {
		/* Nothing is set. */
		{ { 0 }, 0, 0, false },
		{ { 0 }, 9, 9, false },
		/* The client asks for it. */
		{ { .is_poll = true }, 0, 0, true },
		{ { .is_poll = true, .poll_ms = 5 }, 0, 0, true },
		{ { .is_poll = true, .poll_above = 5 }, 0, 0, true },
		/* Everybody. */
		{ { .poll_ms = 1 }, 0, 0, true },
		{ { .poll_ms = 1 }, 9, 9, true },
		/* Whoever comes when there are so many streams. */
		{ { .poll_above = 2 }, 0, 0, false },
		{ { .poll_above = 2 }, 1, 0, false },
		{ { .poll_above = 2 }, 2, 0, true },
		{ { .poll_above = 2 }, 3, 0, true },
		{ { .poll_above = 2 }, 9, 8, false },
		{ { .poll_above = 2 }, 9, 7, true },
		{ { .poll_above = 2, .poll_ms = 1 }, 1, 0, false },
		{ { .poll_above = 2, .poll_ms = 1 }, 2, 0, true },
	};
	size_t i;

	(void)state;
	streams_setup(&test_hub, NULL);
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		test_hub.hub->streams.count = cases[i].streams;
		test_hub.hub->streams.poll_count = cases[i].polls;
		if (poll_is_wanted(test_hub.hub, &cases[i].sub) !=
		    cases[i].want)
			fail_msg("case %zu", i);
	}
	test_hub.hub->streams.count = test_hub.hub->streams.poll_count = 0;
	streams_teardown(&test_hub);
}

/* Nothing is there, and it does not wait: head and end, at once. */
static void
test_at_once(void **state)
{
	struct streams_request r = { .channels = "a", .is_poll = true };
	struct streams_client c;
	struct buffer want = { 0 };
	unsigned i;

	(void)state;
	for (i = 0; i < 4; i++) {
		streams_setup(&test_hub, NULL);
		r.is_framed = i % 2;
		r.keep = i / 2;
		streams_open(&test_hub, &c, &r);
		test_is_over(&c, 1);
		assert_int_equal(test_hub.returned_fd != -1, r.keep);
		test_take_end(&c, 0);
		streams_put_head(&want, MS(0));
		streams_assert(&c, &want);
		buffer_clear(&want);
		streams_close(&c);
		streams_teardown(&test_hub);
	}
}

/* What is pending comes at once, and is all that comes. */
static void
test_pending(void **state)
{
	static const char *const settings[] = { "keep=3", NULL };
	static const struct {
		struct streams_request request;
		const char *want;
	} cases[] = {
		{ { .channels = "a", .since = MS(3) }, "4 5 " },
		{ { .channels = "a,b", .since = MS(4) }, "5 6 " },
		{ { .channels = "b", .since = MS(5) }, "6 " },
		{ { .channels = "a", .since_all = true }, "3 4 5 " },
		{ { .channels = "a", .has_last = true, .last = 1 }, "5 " },
		{ { .channels = "a", .since = MS(1) }, "gap 3 4 5 " },
		{ { .channels = "a", .since = "unknown" }, "gap 3 4 5 " },
		/* A gap is news, too. */
		{ { .channels = "new", .since = "unknown" }, "gap " },
	};
	struct streams_request r;
	struct streams_client c;
	struct buffer have = { 0 };
	char *p, *data;
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
		streams_setup(&test_hub, settings);
		for (n = 1; n <= 5; n++)
			test_publish("a", (char[]){ (char)('0' + n), '\0' });
		test_publish("b", "6");
		r = cases[i / 2].request;
		r.is_framed = true;
		r.is_poll = true;
		r.poll_ms = i % 2 ? TEST_LONG_MS : 0;
		streams_open(&test_hub, &c, &r);
		/* Its end is the second write. */
		assert_int_equal(test_hub.hub->counters.writes, 2);
		test_is_over(&c, 1);
		test_take_end(&c, 6);
		buffer_append(&c.text, "", 1);
		for (p = c.text.data; (data = strstr(p, "data: ")) != NULL;
		     p = data + 6)
			buffer_printf(&have, "%s ",
			    data[6] == '{' ? "gap" : (char[]){ data[6], '\0' });
		buffer_append(&have, "", 1);
		assert_string_equal(have.data, cases[i / 2].want);
		buffer_clear(&have);
		streams_close(&c);
		streams_teardown(&test_hub);
	}
}

/* It waits for events; those of a turn come in one write, and then the end. */
static void
test_waits(void **state)
{
	struct streams_request r = { .channels = "a,b",
		.is_framed = true,
		.is_poll = true,
		.poll_ms = TEST_LONG_MS };
	struct event_fields expired = { .data = "expired",
		.data_len = 7,
		.retry_ms = EVENT_RETRY_NONE,
		.expires_ms = 1 };
	struct streams_published p;
	struct streams_client c;
	struct buffer want = { 0 };
	uint64_t writes;

	(void)state;
	streams_setup(&test_hub, NULL);
	streams_open(&test_hub, &c, &r);
	test_publish("c", "of another channel");
	streams_settle(&test_hub, &c, 1);
	assert_int_equal(test_hub.hub->streams.poll_count, 1);
	assert_int_equal(test_hub.hub->streams.count, 1);
	streams_put_head(&want, MS(0));
	streams_assert(&c, &want);
	/* What needs no sending is no reason to end. */
	streams_publish_event(&test_hub, "a", &expired, &p);
	while (clock_monotonic_ms() < test_hub.hub->clock.now_ms + 2)
		;
	streams_deliver(&test_hub);
	streams_settle(&test_hub, &c, 1);
	streams_assert_text(&c, "");
	writes = test_hub.hub->counters.writes;
	streams_publish(&test_hub, "a", "x");
	streams_publish(&test_hub, "b", "y");
	streams_publish(&test_hub, "a,b", "z");
	streams_deliver(&test_hub);
	assert_int_equal(test_hub.hub->counters.writes, writes + 2);
	test_publish("a", "too late");
	test_is_over(&c, 1);
	test_take_end(&c, 5);
	buffer_truncate(&want, 0);
	streams_put_event(&want, 3, "x");
	streams_put_event(&want, 4, "y");
	streams_put_event(&want, 5, "z");
	streams_assert(&c, &want);
	buffer_clear(&want);
	streams_close(&c);
	streams_teardown(&test_hub);
}

/* Its time runs out; or max-time does, which then says nothing either. */
static void
test_time_out(void **state)
{
	static const struct {
		const char *setting;
		uint64_t poll_ms;
	} cases[] = {
		{ "max-time=0", 1 },
		{ "max-time=3600", 1 },
		{ "max-time=0.001", TEST_LONG_MS },
	};
	struct streams_request r = { .channels = "a", .is_poll = true };
	struct streams_client c;
	struct buffer want = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
		const char *const settings[] = { cases[i / 2].setting, NULL };

		streams_setup(&test_hub, settings);
		r.is_framed = i % 2;
		r.poll_ms = cases[i / 2].poll_ms;
		streams_open(&test_hub, &c, &r);
		assert_int_equal(test_hub.hub->streams.poll_count, 1);
		while (test_hub.hub->streams.count > 0)
			event_base_loop(test_hub.base, EVLOOP_ONCE);
		test_is_over(&c, 1);
		test_take_end(&c, 0);
		streams_put_head(&want, MS(0));
		streams_assert(&c, &want);
		buffer_clear(&want);
		streams_close(&c);
		streams_teardown(&test_hub);
	}
}

static void
test_heartbeat(void **state)
{
	static const char *const settings[] = { "heartbeat=0.05", NULL };
	struct streams_request r = {
		.channels = "a", .is_poll = true, .poll_ms = TEST_LONG_MS
	};
	struct streams_client c;
	struct buffer want = { 0 };

	(void)state;
	streams_setup(&test_hub, settings);
	streams_open(&test_hub, &c, &r);
	streams_take(&c);
	buffer_truncate(&c.text, 0);
	while (c.text.len < 6) {
		assert_false(c.is_over);
		event_base_loop(test_hub.base, EVLOOP_ONCE);
		streams_take(&c);
	}
	assert_memory_equal(c.text.data, ":\n:\n:\n", 6);
	buffer_truncate(&c.text, 0);
	test_publish("a", "x");
	test_is_over(&c, 1);
	test_take_end(&c, 1);
	streams_put_event(&want, 1, "x");
	streams_assert(&c, &want);
	buffer_clear(&want);
	streams_close(&c);
	streams_teardown(&test_hub);
}

static void
test_drained(void *arg)
{
	*(bool *)arg = true;
}

/* An end for another reason is told, and is no poll that was served. */
static void
test_other_ends(void **state)
{
	struct streams_request r = { .channels = "a",
		.is_framed = true,
		.is_poll = true,
		.poll_ms = TEST_LONG_MS };
	struct streams_client c[3];
	bool drained = false;
	size_t i;

	(void)state;
	streams_setup(&test_hub, NULL);
	test_publish("a", "x");
	streams_open(&test_hub, &c[0], &r);
	assert_int_equal(hub_close_channel(test_hub.hub, "a", 1, true), 1);
	/* On a channel that is closed for good: what is left, then the end. */
	r.since_all = true;
	streams_open(&test_hub, &c[1], &r);
	r.since_all = false;
	assert_int_equal(streams_ask(&test_hub, &c[2], &r), HUB_STOPPED);
	streams_close(&c[2]);
	r.channels = "b";
	streams_open(&test_hub, &c[2], &r);
	hub_drain(test_hub.hub, test_drained, &drained);
	while (!drained)
		event_base_loop(test_hub.base, EVLOOP_ONCE);
	for (i = 0; i < 3; i++) {
		test_is_over(&c[i], 0);
		buffer_append(&c[i].text, "", 1);
		assert_non_null(strstr(c[i].text.data,
		    i < 2 ? "\n\nevent: crier.end\ndata: "
			    "{\"reason\":\"closed\"}\n\n"
			  : "\n\nevent: crier.end\ndata: "
			    "{\"reason\":\"shutdown\"}\n\n"));
		streams_close(&c[i]);
	}
	streams_teardown(&test_hub);
}

/* A client that leaves a poll leaves nothing. */
static void
test_leaving(void **state)
{
	struct streams_request r = {
		.channels = "a", .is_poll = true, .poll_ms = TEST_LONG_MS
	};
	struct streams_client c;

	(void)state;
	streams_setup(&test_hub, NULL);
	streams_open(&test_hub, &c, &r);
	streams_close(&c);
	streams_settle(&test_hub, NULL, 0);
	assert_int_equal(test_hub.hub->streams.count, 0);
	assert_int_equal(test_hub.hub->streams.poll_count, 0);
	assert_int_equal(test_hub.hub->counters.polls, 0);
	streams_teardown(&test_hub);
}

/*
 * More than the socket takes.  Meanwhile its time runs out, and more is
 * published: it still gets all of it.
 */
static void
test_slow_reader(void **state)
{
	static const char *const settings[] = { "keep-bytes=100M",
		"drain-time=0", NULL };
	struct streams_request r = {
		.channels = "a", .since = MS(0), .is_poll = true
	};
	struct streams_client c;
	struct buffer want = { 0 };
	char *data = malloc(TEST_LARGE + 1);
	unsigned i, n;

	(void)state;
	assert_non_null(data);
	memset(data, 'x', TEST_LARGE);
	data[TEST_LARGE] = '\0';
	for (i = 0; i < 4; i++) {
		streams_setup(&test_hub, settings);
		streams_put_head(&want, MS(0));
		r.is_framed = i % 2;
		r.poll_ms = i / 2;
		for (n = 1; n <= 30; n++) {
			test_publish("a", data);
			streams_put_event(&want, n, data);
		}
		streams_open(&test_hub, &c, &r);
		assert_true(c.stream->is_writing);
		while (c.stream->deadline_ms > 0)
			event_base_loop(test_hub.base, EVLOOP_ONCE);
		assert_true(c.stream->is_writing);
		assert_int_equal(test_hub.hub->streams.poll_count, 1);
		for (; n <= 60; n++) {
			test_publish("a", data);
			streams_put_event(&want, n, data);
		}
		test_is_over(&c, 1);
		test_take_end(&c, 60);
		streams_assert(&c, &want);
		buffer_clear(&want);
		streams_close(&c);
		streams_teardown(&test_hub);
	}
	free(data);
}

/* So many stay, the others poll, and who leaves makes room. */
static void
test_above(void **state)
{
	struct streams_request r = {
		.channels = "a", .poll_ms = TEST_LONG_MS, .poll_above = 2
	};
	struct streams_client c[5];
	struct buffer want = { 0 };
	size_t i;

	(void)state;
	streams_setup(&test_hub, NULL);
	for (i = 0; i < 5; i++)
		streams_open(&test_hub, &c[i], &r);
	assert_int_equal(test_hub.hub->streams.count, 5);
	assert_int_equal(test_hub.hub->streams.poll_count, 3);
	test_publish("a", "x");
	streams_settle(&test_hub, c, 5);
	streams_put_head(&want, MS(0));
	streams_put_event(&want, 1, "x");
	for (i = 0; i < 5; i++) {
		assert_int_equal(c[i].is_over, i >= 2);
		if (i >= 2)
			test_take_end(&c[i], 1);
		streams_assert(&c[i], &want);
	}
	assert_int_equal(test_hub.hub->streams.count, 2);
	streams_close(&c[0]);
	streams_settle(&test_hub, &c[1], 4);
	for (i = 2; i < 5; i++)
		streams_close(&c[i]);
	r.since = MS(1);
	streams_open(&test_hub, &c[2], &r);
	assert_false(c[2].stream->is_poll);
	/* Nor do they wait, if no time is set. */
	r.poll_ms = 0;
	streams_open(&test_hub, &c[3], &r);
	streams_settle(&test_hub, &c[1], 3);
	assert_true(c[3].is_over);
	assert_int_equal(test_hub.hub->streams.count, 2);
	for (i = 1; i < 4; i++)
		streams_close(&c[i]);
	buffer_clear(&want);
	streams_settle(&test_hub, NULL, 0);
	streams_teardown(&test_hub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_time_out),
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_other_ends),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_above),
	};

	return cmocka_run_group_tests_name("poll", tests, NULL, NULL);
}
