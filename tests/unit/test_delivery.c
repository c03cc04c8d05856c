/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

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
#include "lib/streams.h"
#include "lib/support.h"

enum {
	TEST_CLIENTS = 100,
	TEST_LARGE = 1 << 20
};

static struct streams test_hub;

#define ID_0 "9000000000000-0"

/* Opens a stream and forgets its head. */
static void
test_open(struct streams_client *c, const char *channels, bool is_framed)
{
	struct streams_request r = { .channels = channels,
		.is_framed = is_framed };

	streams_open(&test_hub, c, &r);
	assert_true(streams_take(c) > 0);
	buffer_truncate(&c->text, 0);
}

static void
test_head(void **state)
{
	struct streams_client c;
	struct streams_request r = { .channels = "a" };
	struct buffer want = { 0 };
	int framed;

	(void)state;
	for (framed = 0; framed < 2; framed++) {
		streams_setup(&test_hub, NULL);
		r.is_framed = framed;
		streams_open(&test_hub, &c, &r);
		/* At once, without the loop's help, and in one write. */
		assert_int_equal(test_hub.hub->counters.writes, 1);
		streams_take(&c);
		streams_put_head(&want, ID_0);
		streams_assert(&c, &want);
		buffer_clear(&want);
		assert_int_equal(test_hub.hub->streams.count, 1);
		streams_close(&c);
		streams_teardown(&test_hub);
	}
}

/* One write for each stream that has something to get, however much it is. */
static void
test_one_write(void **state)
{
	static struct streams_client c[TEST_CLIENTS];
	struct buffer want = { 0 };
	uint64_t writes, i, n;
	char data[16];

	(void)state;
	streams_setup(&test_hub, NULL);
	for (i = 0; i < TEST_CLIENTS; i++)
		test_open(&c[i], i % 2 ? "a" : "b", i % 4 < 2);
	for (i = 1; i <= 10; i++) {
		snprintf(data, sizeof data, "data %d", (int)i);
		n = streams_publish(&test_hub, "a", data);
		streams_put_event(&want, (unsigned)n, data);
	}
	/* Nothing before the turn ends. */
	writes = test_hub.hub->counters.writes;
	assert_int_equal(streams_take(&c[1]), 0);
	streams_deliver(&test_hub);
	assert_int_equal(test_hub.hub->counters.writes - writes,
	    TEST_CLIENTS / 2);
	assert_int_equal(test_hub.hub->counters.delivered,
	    10 * TEST_CLIENTS / 2);
	streams_deliver(&test_hub);
	streams_settle(&test_hub, c, TEST_CLIENTS);
	assert_int_equal(test_hub.hub->counters.writes - writes,
	    TEST_CLIENTS / 2);
	for (i = 0; i < TEST_CLIENTS; i++) {
		if (i % 2)
			streams_assert(&c[i], &want);
		else
			streams_assert_text(&c[i], "");
		streams_close(&c[i]);
	}
	buffer_clear(&want);
	streams_teardown(&test_hub);
}

/* Of several channels, in the order of their ids, and still in one write. */
static void
test_merge(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "a,c", "b,x",
		"a,b,c" };
	struct streams_client c;
	struct buffer want = { 0 };
	uint64_t seed, writes;
	unsigned i, n;
	const char *name;
	char data[32];

	(void)state;
	for (seed = 1; seed < 40; seed++) {
		streams_setup(&test_hub, NULL);
		test_open(&c, "c,a,b", seed % 2);
		writes = test_hub.hub->counters.writes;
		for (i = 0; i < 12; i++) {
			name = names[support_random(&seed, 7)];
			snprintf(data, sizeof data, "%u to %s", i, name);
			n = streams_publish(&test_hub, name, data);
			/* One that went to several of its channels, once. */
			if (strcmp(name, "d") != 0)
				streams_put_event(&want, n, data);
		}
		streams_deliver(&test_hub);
		assert_true(test_hub.hub->counters.writes - writes <= 1);
		streams_take(&c);
		streams_assert(&c, &want);
		buffer_clear(&want);
		streams_close(&c);
		streams_teardown(&test_hub);
	}
}

/* A publisher hears how many clients an event goes to. */
static void
test_count(void **state)
{
	struct streams_client c[3];
	struct event_fields e = {
		.data = "x", .data_len = 1, .retry_ms = EVENT_RETRY_NONE
	};
	struct streams_published p;
	size_t i;

	(void)state;
	streams_setup(&test_hub, NULL);
	test_open(&c[0], "a,b", true);
	test_open(&c[1], "b", true);
	test_open(&c[2], "c", true);
	assert_int_equal(streams_publish_event(&test_hub, "b", &e, &p), 0);
	streams_deliver(&test_hub);
	assert_int_equal(p.streams, 2);
	assert_int_equal(streams_publish_event(&test_hub, "a,b", &e, &p), 0);
	streams_deliver(&test_hub);
	assert_int_equal(p.streams, 2);
	assert_int_equal(streams_publish_event(&test_hub, "a,a,c,b,a", &e, &p),
	    0);
	streams_deliver(&test_hub);
	assert_int_equal(p.streams, 3);
	assert_int_equal(streams_publish_event(&test_hub, "d", &e, &p), 0);
	streams_deliver(&test_hub);
	assert_int_equal(p.streams, 0);
	assert_string_equal(p.id, "9000000000000-4");
	assert_int_equal(p.id_len, strlen(p.id));
	e.id = "own";
	e.id_len = 3;
	assert_int_equal(streams_publish_event(&test_hub, "d", &e, &p), 0);
	assert_string_equal(p.id, "own");
	for (i = 0; i < 3; i++)
		streams_close(&c[i]);
	streams_teardown(&test_hub);
}

/* More runs than one write takes: the rest follows, in order. */
static void
test_many_runs(void **state)
{
	struct streams_client c[2];
	struct buffer want = { 0 };
	unsigned i, n;
	char data[16];

	(void)state;
	streams_setup(&test_hub, NULL);
	test_open(&c[0], "a,b", true);
	test_open(&c[1], "b,a", false);
	for (i = 0; i < 500; i++) {
		snprintf(data, sizeof data, "%u", i);
		n = streams_publish(&test_hub, i % 2 ? "a" : "b", data);
		streams_put_event(&want, n, data);
	}
	streams_deliver(&test_hub);
	streams_settle(&test_hub, c, 2);
	streams_assert(&c[0], &want);
	streams_assert(&c[1], &want);
	buffer_clear(&want);
	streams_close(&c[0]);
	streams_close(&c[1]);
	streams_teardown(&test_hub);
}

/* Each run behind its channel's name, more of both than one write takes. */
static void
test_tags(void **state)
{
	struct streams_request r = { .channels = "a,b", .is_tagged = true };
	struct streams_client c[2];
	struct buffer want = { 0 };
	unsigned i, n;
	char data[16];

	(void)state;
	streams_setup(&test_hub, NULL);
	streams_open(&test_hub, &c[0], &r);
	r.is_framed = true;
	streams_open(&test_hub, &c[1], &r);
	streams_put_head(&want, ID_0);
	for (i = 0; i < 500; i++) {
		snprintf(data, sizeof data, "%u", i);
		n = streams_publish(&test_hub, i % 2 ? "a" : "b,x", data);
		buffer_printf(&want, ": channel %s\n", i % 2 ? "a" : "b");
		streams_put_event(&want, n, data);
	}
	/* The first of its channels, and one that it was told of already. */
	for (i = 0; i < 3; i++) {
		n = streams_publish(&test_hub, "b,a", "both");
		streams_put_event(&want, n, "both");
	}
	streams_deliver(&test_hub);
	streams_settle(&test_hub, c, 2);
	streams_assert(&c[0], &want);
	streams_assert(&c[1], &want);
	buffer_clear(&want);
	streams_close(&c[0]);
	streams_close(&c[1]);
	streams_teardown(&test_hub);
}

/* Of one channel a stream is told once, and then gets what all get. */
static void
test_tag_of_one(void **state)
{
	struct streams_request r = { .channels = "a" };
	struct streams_client c[3];
	struct buffer want = { 0 }, tagged = { 0 };
	uint64_t writes;
	unsigned i, n;

	(void)state;
	streams_setup(&test_hub, NULL);
	for (i = 0; i < 3; i++) {
		r.is_tagged = i % 2;
		streams_open(&test_hub, &c[i], &r);
	}
	streams_settle(&test_hub, c, 3);
	for (i = 0; i < 3; i++)
		buffer_truncate(&c[i].text, 0);
	buffer_append_text(&tagged, ": channel a\n");
	writes = test_hub.hub->counters.writes;
	for (i = 0; i < 3; i++) {
		n = streams_publish(&test_hub, "a", "x");
		streams_put_event(&want, n, "x");
		streams_put_event(&tagged, n, "x");
		streams_deliver(&test_hub);
	}
	assert_int_equal(test_hub.hub->counters.writes - writes, 9);
	streams_settle(&test_hub, c, 3);
	for (i = 0; i < 3; i++) {
		streams_assert(&c[i], i % 2 ? &tagged : &want);
		streams_close(&c[i]);
	}
	buffer_clear(&want);
	buffer_clear(&tagged);
	streams_teardown(&test_hub);
}

/* What crier says of streams is of a channel like any other. */
static void
test_tag_of_own(void **state)
{
	struct streams_request r = { .channels = "$streams",
		.is_tagged = true };
	struct streams_client c[2];

	(void)state;
	streams_setup(&test_hub, NULL);
	streams_open(&test_hub, &c[0], &r);
	streams_settle(&test_hub, c, 1);
	r.channels = "a";
	streams_open(&test_hub, &c[1], &r);
	streams_deliver(&test_hub);
	streams_settle(&test_hub, c, 2);
	assert_int_equal(buffer_append(&c[0].text, "", 1), 0);
	assert_non_null(strstr(c[0].text.data, "\n: channel $streams\nid: "));
	streams_close(&c[0]);
	streams_close(&c[1]);
	streams_teardown(&test_hub);
}

/* Up to the largest there may be, and more than a channel keeps. */
static void
test_large(void **state)
{
	static const char *const settings[] = { "max-event=1M", NULL };
	static const size_t sizes[] = { 60000, 65520, 65527, 65528, 65529,
		131056, 300000, TEST_LARGE - 1, TEST_LARGE };
	struct streams_client c[2];
	struct buffer want = { 0 };
	char *data = malloc(TEST_LARGE + 1);
	size_t i;
	unsigned n;

	(void)state;
	assert_non_null(data);
	streams_setup(&test_hub, settings);
	test_open(&c[0], "a", true);
	test_open(&c[1], "a,b", false);
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		memset(data, 'a' + (int)i, sizes[i]);
		data[sizes[i]] = '\0';
		n = streams_publish(&test_hub, "a", data);
		streams_put_event(&want, n, data);
		n = streams_publish(&test_hub, "a", "after it");
		streams_put_event(&want, n, "after it");
		streams_deliver(&test_hub);
		streams_settle(&test_hub, c, 2);
		streams_assert(&c[0], &want);
		streams_assert(&c[1], &want);
		buffer_clear(&want);
	}
	/* Nothing but line ends makes the longest record of all. */
	memset(data, '\n', TEST_LARGE);
	n = streams_publish(&test_hub, "a", data);
	buffer_printf(&want, "id: 9000000000000-%u\n", n);
	for (i = 0; i <= TEST_LARGE; i++)
		buffer_append_text(&want, "data:\n");
	buffer_append_text(&want, "\n");
	streams_deliver(&test_hub);
	streams_settle(&test_hub, c, 2);
	streams_assert(&c[0], &want);
	streams_assert(&c[1], &want);
	buffer_clear(&want);
	free(data);
	streams_close(&c[0]);
	streams_close(&c[1]);
	streams_teardown(&test_hub);
}

/* What expired before it could be sent is not sent, and is no gap. */
static void
test_expiry(void **state)
{
	static const char *const settings[] = { "keep=2", NULL };
	struct streams_client c;
	struct event_fields e = { .data = "short-lived",
		.data_len = 11,
		.retry_ms = EVENT_RETRY_NONE,
		.expires_ms = 1 };
	struct streams_published p;
	struct buffer want = { 0 };
	unsigned n, i;

	(void)state;
	streams_setup(&test_hub, settings);
	test_open(&c, "a,b", true);
	n = streams_publish(&test_hub, "a", "first");
	streams_put_event(&want, n, "first");
	assert_int_equal(streams_publish_event(&test_hub, "a", &e, &p), 0);
	assert_int_equal(streams_publish_event(&test_hub, "b", &e, &p), 0);
	n = streams_publish(&test_hub, "a", "last");
	streams_put_event(&want, n, "last");
	/* Until it has expired. */
	while (clock_monotonic_ms() < test_hub.hub->clock.now_ms + 2)
		;
	streams_deliver(&test_hub);
	/* It has fallen off without having been sent. */
	for (i = 0; i < 5; i++) {
		n = streams_publish(&test_hub, "a", "more");
		streams_put_event(&want, n, "more");
		streams_deliver(&test_hub);
	}
	streams_settle(&test_hub, &c, 1);
	streams_assert(&c, &want);
	assert_int_equal(test_hub.hub->counters.gaps, 0);
	buffer_clear(&want);
	streams_close(&c);
	streams_teardown(&test_hub);
}

/* Whoever is gone costs nothing more, and the others notice nothing. */
static void
test_leaving(void **state)
{
	struct streams_client c[2];
	struct buffer want = { 0 };
	unsigned n;

	(void)state;
	streams_setup(&test_hub, NULL);
	test_open(&c[0], "a,b", true);
	test_open(&c[1], "a", true);
	close(c[0].fd);
	n = streams_publish(&test_hub, "a", "x");
	streams_put_event(&want, n, "x");
	streams_deliver(&test_hub);
	streams_settle(&test_hub, &c[1], 1);
	streams_assert(&c[1], &want);
	assert_int_equal(test_hub.hub->streams.count, 1);
	assert_int_equal(test_hub.hub->counters.closed, 1);
	assert_null(channel_find(test_hub.hub, "b", 1));
	/* The same, seen from the loop alone. */
	close(c[1].fd);
	event_base_loop(test_hub.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	event_base_loop(test_hub.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(test_hub.hub->streams.count, 0);
	assert_int_equal(test_hub.hub->counters.closed, 2);
	buffer_clear(&c[0].wire);
	buffer_clear(&c[0].text);
	buffer_clear(&c[1].wire);
	buffer_clear(&c[1].text);
	buffer_clear(&want);
	streams_teardown(&test_hub);
}

#define TEST_END "event: crier.end\ndata: {\"reason\":\"closed\"}\n\n"

static void
test_end(void **state)
{
	struct streams_request r = { .channels = "a" };
	struct streams_client c;
	struct buffer want = { 0 };
	unsigned i, n;

	(void)state;
	for (i = 0; i < 4; i++) {
		streams_setup(&test_hub, NULL);
		r.is_framed = i % 2;
		r.keep = i / 2;
		streams_open(&test_hub, &c, &r);
		streams_put_head(&want, ID_0);
		n = streams_publish(&test_hub, "a", "x");
		streams_put_event(&want, n, "x");
		streams_deliver(&test_hub);
		assert_int_equal(hub_close_channel(test_hub.hub, "a", 1, false),
		    1);
		streams_settle(&test_hub, &c, 1);
		buffer_append_text(&want, TEST_END);
		streams_assert(&c, &want);
		/* Given back, or closed. */
		assert_int_equal(test_hub.returned_fd != -1, r.keep);
		assert_int_equal(c.is_over, !r.keep);
		assert_int_equal(c.is_ended, r.is_framed);
		assert_int_equal(test_hub.hub->streams.count, 0);
		buffer_clear(&want);
		streams_close(&c);
		streams_teardown(&test_hub);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_one_write),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_many_runs),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_tag_of_one),
		cmocka_unit_test(test_tag_of_own),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
