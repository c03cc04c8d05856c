/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Where streams begin. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/streams.h"
#include "lib/support.h"

static struct streams test_hub;

/*
 * The history is 1 to a, 2 to b, 3 to a and b, 4 (own id "own") to a, 5 to b,
 * 6 (own id "own" again) to a, 7 to c.
 */
static void
test_fill(void)
{
	static const char *const channels[] = { "a", "b", "a,b", "a", "b", "a",
		"c" };
	struct event_fields e = { .retry_ms = EVENT_RETRY_NONE };
	struct streams_published p;
	char data[2] = "";
	unsigned i;

	for (i = 0; i < 7; i++) {
		data[0] = (char)('1' + i);
		e.data = data;
		e.data_len = 1;
		e.id = "own";
		e.id_len = i == 3 || i == 5 ? 3 : 0;
		assert_int_equal(streams_publish_event(&test_hub, channels[i],
				     &e, &p),
		    0);
	}
	streams_deliver(&test_hub);
}

/* The digits of the data that came, and G for each gap. */
static void
test_read(struct streams_client *c, char *have)
{
	struct buffer text;
	char *p, *data;

	text = support_parse(c->text.data + 11, c->text.len - 11, 7, 0);
	for (p = text.data; (p = strchr(p, '<')) != NULL; p = data + 1) {
		data = strchr(strchr(p, '|') + 1, '|');
		if (strncmp(strchr(p, '|'), "|crier.gap|", 11) == 0)
			*have++ = 'G';
		else
			*have++ = data[1];
	}
	*have = '\0';
	buffer_clear(&text);
}

#define MS(n) "9000000000000-" #n

static const struct {
	struct streams_request request;
	const char *id; /* of the head; NULL: not looked at */
	const char *want;
} test_starts_cases[] = {
	/* From now on. */
	{ { .channels = "a" }, MS(7), "" },
	{ { .channels = "a,b,c" }, MS(7), "" },
	/* After an id of the hub's, of whichever channel. */
	{ { .channels = "a", .since = MS(1) }, MS(1), "346" },
	{ { .channels = "a", .since = MS(2) }, MS(2), "346" },
	{ { .channels = "a", .since = MS(3) }, MS(3), "46" },
	{ { .channels = "a", .since = MS(6) }, MS(6), "" },
	{ { .channels = "a", .since = MS(7) }, MS(7), "" },
	{ { .channels = "a,b", .since = MS(1) }, MS(1), "23456" },
	{ { .channels = "b,a", .since = MS(2) }, MS(2), "3456" },
	{ { .channels = "c,a,b", .since = MS(4) }, MS(4), "567" },
	{ { .channels = "a", .since = MS(0) }, MS(0), "1346" },
	/* After a publisher's id, the newest of two. */
	{ { .channels = "a", .since = "own" }, "own", "" },
	{ { .channels = "a,c", .since = "own" }, "own", "7" },
	{ { .channels = "b,a", .since = "own" }, "own", "" },
	/* After one that is not known, or of a future. */
	{ { .channels = "a", .since = "nobody's" }, NULL, "G1346" },
	{ { .channels = "a", .since = MS(8) }, NULL, "G1346" },
	{ { .channels = "a", .since = "99999999999999-0" }, NULL, "G1346" },
	{ { .channels = "a,b", .since = "x" }, NULL, "GG123456" },
	{ { .channels = "b", .since = "own" }, NULL, "G235" },
	{ { .channels = "new", .since = "x" }, NULL, "G" },
	/* From before all that this hub knows. */
	{ { .channels = "a", .since = "5-0" }, "5-0", "G1346" },
	/* All, and so many of each. */
	{ { .channels = "a", .since_all = true }, NULL, "1346" },
	{ { .channels = "a,b,c", .since_all = true }, NULL, "1234567" },
	{ { .channels = "new", .since_all = true }, NULL, "" },
	{ { .channels = "a", .has_last = true, .last = 0 }, MS(7), "" },
	{ { .channels = "a", .has_last = true, .last = 1 }, MS(4), "6" },
	{ { .channels = "a", .has_last = true, .last = 3 }, MS(1), "346" },
	{ { .channels = "a", .has_last = true, .last = 4 }, NULL, "1346" },
	{ { .channels = "a", .has_last = true, .last = 5 }, NULL, "1346" },
	{ { .channels = "a", .has_last = true, .last = UINT32_MAX }, NULL,
	    "1346" },
	{ { .channels = "a,b,c", .has_last = true, .last = 1 }, NULL, "567" },
	{ { .channels = "a,b", .has_last = true, .last = 2 }, MS(2), "3456" },
	/* An id comes before both. */
	{ { .channels = "a",
	      .since = MS(4),
	      .since_all = true,
	      .has_last = true,
	      .last = 3 },
	    MS(4), "6" },
};

static void
test_starts(void **state)
{
	struct streams_client c;
	struct buffer head = { 0 };
	char have[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_starts_cases / sizeof *test_starts_cases;
	     i++) {
		streams_setup(&test_hub, NULL);
		test_fill();
		streams_open(&test_hub, &c, &test_starts_cases[i].request);
		streams_settle(&test_hub, &c, 1);
		test_read(&c, have);
		if (strcmp(have, test_starts_cases[i].want) != 0)
			fail_msg("case %zu: \"%s\" instead of \"%s\"", i, have,
			    test_starts_cases[i].want);
		if (test_starts_cases[i].id != NULL) {
			streams_put_head(&head, test_starts_cases[i].id);
			assert_memory_equal(c.text.data, head.data, head.len);
			buffer_clear(&head);
		}
		streams_close(&c);
		streams_teardown(&test_hub);
	}
}

/* Cut after each event in turn, and resumed with what the client then has. */
static void
test_resume(void **state)
{
	static const char *const orders[] = { "a,b,c", "c,b,a", "b,c,a" };
	struct streams_request r = { .since_all = true };
	struct streams_client c;
	char id[64], have[64];
	unsigned i, n;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (n = 1; n <= 7; n++) {
			if (n == 4) /* its own id is that of 6, too */
				continue;
			streams_setup(&test_hub, NULL);
			test_fill();
			snprintf(id, sizeof id, "9000000000000-%u", n);
			r.channels = orders[i];
			r.since_all = false;
			r.since = n == 6 ? "own" : id;
			streams_open(&test_hub, &c, &r);
			streams_settle(&test_hub, &c, 1);
			test_read(&c, have);
			assert_string_equal(have, &"1234567"[n]);
			streams_close(&c);
			streams_teardown(&test_hub);
		}
	}
}

/* What is no longer retained is said once, for each channel it is true of. */
static void
test_fallen_off(void **state)
{
	static const char *const settings[] = { "keep=2", NULL };
	static const char want[] =
	    "event: crier.gap\ndata: {\"channel\":\"a\",\"since\":\"" MS(
		1) "\",\"oldest\":\"" MS(4) "\"}\n\n";
	struct streams_request r = { .channels = "b,a", .since = MS(1) };
	struct streams_client c;
	struct buffer b = { 0 };

	(void)state;
	streams_setup(&test_hub, settings);
	streams_publish(&test_hub, "a,b", "1");
	streams_deliver(&test_hub);
	streams_publish(&test_hub, "b", "2");
	streams_deliver(&test_hub);
	streams_publish(&test_hub, "a", "3");
	streams_deliver(&test_hub);
	streams_publish(&test_hub, "a", "4");
	streams_deliver(&test_hub);
	streams_publish(&test_hub, "a", "5");
	streams_deliver(&test_hub);
	streams_open(&test_hub, &c, &r);
	streams_settle(&test_hub, &c, 1);
	streams_put_head(&b, MS(1));
	buffer_append_text(&b, want);
	/* Behind it, the position that is before all that is sent. */
	buffer_append_text(&b, "id: " MS(1) "\n\n");
	streams_put_event(&b, 2, "2");
	streams_put_event(&b, 4, "4");
	streams_put_event(&b, 5, "5");
	streams_assert(&c, &b);
	assert_int_equal(test_hub.hub->counters.gaps, 1);
	buffer_clear(&b);
	streams_close(&c);
	streams_teardown(&test_hub);
}

/* Told once: whoever is cut right behind it is not told again. */
static void
test_gap_once(void **state)
{
	static const char *const settings[] = { "keep=2", NULL };
	struct streams_request r = { .channels = "a", .since = MS(1) };
	struct streams_client c;
	struct buffer b = { 0 };
	unsigned i;

	(void)state;
	streams_setup(&test_hub, settings);
	for (i = 1; i <= 5; i++) {
		streams_publish(&test_hub, "a", "x");
		streams_deliver(&test_hub);
	}
	streams_open(&test_hub, &c, &r);
	streams_settle(&test_hub, &c, 1);
	streams_put_head(&b, MS(1));
	buffer_append_text(&b,
	    "event: crier.gap\ndata: {\"channel\":\"a\",\"since\":\"" MS(
		1) "\",\"oldest\":\"" MS(4) "\"}\n\nid: " MS(3) "\n\n");
	streams_put_event(&b, 4, "x");
	streams_put_event(&b, 5, "x");
	streams_assert(&c, &b);
	streams_close(&c);
	r.since = MS(3);
	streams_open(&test_hub, &c, &r);
	streams_settle(&test_hub, &c, 1);
	buffer_truncate(&b, 0);
	streams_put_head(&b, MS(3));
	streams_put_event(&b, 4, "x");
	streams_put_event(&b, 5, "x");
	streams_assert(&c, &b);
	buffer_clear(&b);
	streams_close(&c);
	streams_teardown(&test_hub);
}

/* A stopped channel: what is missing first, then the end; then nobody. */
static void
test_stopped(void **state)
{
	struct streams_request r = { .channels = "a", .since = MS(1) };
	struct streams_client c;
	char have[64];

	(void)state;
	streams_setup(&test_hub, NULL);
	test_fill();
	assert_int_equal(hub_close_channel(test_hub.hub, "a", 1, true), 0);
	streams_open(&test_hub, &c, &r);
	streams_settle(&test_hub, &c, 1);
	test_read(&c, have);
	assert_string_equal(have, "346{");
	assert_true(c.is_over);
	streams_close(&c);
	r.since = MS(6);
	assert_int_equal(streams_ask(&test_hub, &c, &r), HUB_STOPPED);
	streams_close(&c);
	r.since = NULL;
	assert_int_equal(streams_ask(&test_hub, &c, &r), HUB_STOPPED);
	streams_close(&c);
	/* Not the other channels, nor a stream of both. */
	r.channels = "b";
	streams_open(&test_hub, &c, &r);
	streams_close(&c);
	r.channels = "b,a";
	streams_open(&test_hub, &c, &r);
	streams_close(&c);
	/* A new event opens it again. */
	streams_publish(&test_hub, "a", "x");
	streams_deliver(&test_hub);
	r.channels = "a";
	streams_open(&test_hub, &c, &r);
	streams_close(&c);
	streams_settle(&test_hub, NULL, 0);
	streams_teardown(&test_hub);
}

static void
test_stopped_user(void **state)
{
	struct streams_request r = { .channels = "a", .user = "ann" };
	struct streams_client c[3];

	(void)state;
	streams_setup(&test_hub, NULL);
	streams_open(&test_hub, &c[0], &r);
	r.user = "anna";
	streams_open(&test_hub, &c[1], &r);
	assert_int_equal(hub_close_user(test_hub.hub, "ann", true), 1);
	streams_settle(&test_hub, c, 2);
	assert_true(c[0].is_over);
	assert_false(c[1].is_over);
	r.user = "ann";
	assert_int_equal(streams_ask(&test_hub, &c[2], &r), HUB_STOPPED);
	streams_close(&c[2]);
	r.user = "an";
	streams_open(&test_hub, &c[2], &r);
	streams_close(&c[0]);
	streams_close(&c[1]);
	streams_close(&c[2]);
	streams_settle(&test_hub, NULL, 0);
	streams_teardown(&test_hub);
}

/* No block without data: an event's stands behind what comes before it. */
static void
test_terse(void **state)
{
	struct streams_request r = {
		.channels = "a", .since = MS(4), .is_terse = true
	};
	struct streams_client c;

	(void)state;
	streams_setup(&test_hub, NULL);
	test_fill();
	streams_open(&test_hub, &c, &r);
	streams_settle(&test_hub, &c, 1);
	streams_assert_text(&c,
	    "X: head\r\n\r\nretry: 3000\nid: " MS(4) "\n"
						     "id: own\ndata: 6\n\n");
	streams_close(&c);
	r.channels = "new";
	r.since = "x";
	streams_open(&test_hub, &c, &r);
	stream_end(c.stream, STREAM_SHUTDOWN, 5);
	streams_settle(&test_hub, &c, 1);
	streams_assert_text(&c,
	    "X: head\r\n\r\nretry: 3000\nid: x\nevent: crier.gap\n"
	    "data: {\"channel\":\"new\",\"since\":\"x\"}\n\n"
	    "id: " MS(
		7) "\nretry: 5\n"
		   "event: crier.end\ndata: {\"reason\":\"shutdown\"}\n\n");
	streams_close(&c);
	streams_settle(&test_hub, NULL, 0);
	streams_teardown(&test_hub);
}

/* No more than there may be; who leaves makes room. */
static void
test_full(void **state)
{
	struct streams_request r = { .channels = "a" };
	struct streams_client c[3];
	size_t i;

	(void)state;
	streams_setup(&test_hub, NULL);
	test_hub.hub->streams.max = 2;
	streams_open(&test_hub, &c[0], &r);
	streams_open(&test_hub, &c[1], &r);
	r.channels = "b";
	assert_int_equal(streams_ask(&test_hub, &c[2], &r), HUB_FULL);
	assert_null(channel_find(test_hub.hub, "b", 1));
	assert_int_equal(test_hub.hub->counters.turned_away, 1);
	streams_close(&c[2]);
	streams_close(&c[0]);
	streams_settle(&test_hub, &c[1], 1);
	assert_int_equal(test_hub.hub->streams.count, 1);
	streams_open(&test_hub, &c[0], &r);
	for (i = 0; i < 2; i++)
		streams_close(&c[i]);
	streams_settle(&test_hub, NULL, 0);
	/* Of channels without history and streams nothing is left. */
	assert_int_equal(test_hub.hub->channels.table.count, 0);
	assert_int_equal(test_hub.hub->channels.history_bytes, 0);
	streams_teardown(&test_hub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_fallen_off),
		cmocka_unit_test(test_gap_once),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_stopped_user),
		cmocka_unit_test(test_terse),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests_name("subscribe", tests, NULL, NULL);
}
