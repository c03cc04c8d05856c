/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hub/retained.h"
#include "lib/streams.h"

/*
 * Histories told at once, with a store that answers when the test wants it to.
 */

enum {
	TEST_ASKED = 8
};

static struct streams test_hub;
static struct store test_store; /* over the hub's own */
static struct store_read_list test_reads;
static struct retained *test_asked[TEST_ASKED];
static size_t test_made, test_cancelled, test_done;
static bool test_is_busy; /* the store has begun all its reads */

static void
test_store_read(struct store *store, struct store_read *r)
{
	(void)store;
	test_made++;
	STAILQ_INSERT_TAIL(&test_reads, r, link);
}

static bool
test_store_cancel(struct store *store, struct store_read *r)
{
	(void)store;
	if (test_is_busy)
		return false;
	STAILQ_REMOVE(&test_reads, r, store_read, link);
	test_cancelled++;
	return true;
}

static const struct store_ops test_store_ops = {
	.read = test_store_read,
	.cancel = test_store_cancel,
};

static int
setup(void **state)
{
	static const char *const settings[] = { "replay-waiting=3", NULL };

	(void)state;
	streams_setup(&test_hub, settings);
	STAILQ_INIT(&test_reads);
	test_made = test_cancelled = test_done = 0;
	test_is_busy = false;
	memset(test_asked, 0, sizeof test_asked);
	test_store =
	    (struct store){ .ops = &test_store_ops, .is_durable = true };
	test_hub.hub->store = &test_store;
	return 0;
}

static void
test_turn(void)
{
	event_base_loop(test_hub.base, EVLOOP_NONBLOCK);
}

static void
test_done_cb(void *arg)
{
	(void)arg;
	test_done++;
}

static struct store_read *
test_take(void)
{
	struct store_read *r = STAILQ_FIRST(&test_reads);

	assert_non_null(r);
	STAILQ_REMOVE_HEAD(&test_reads, link);
	return r;
}

static void
test_give(struct store_read *r)
{
	r->done(r);
	test_turn();
}

static int
teardown(void **state)
{
	size_t i;

	(void)state;
	test_is_busy = false;
	for (i = 0; i < TEST_ASKED; i++)
		if (test_asked[i] != NULL)
			retained_leave(test_asked[i]);
	assert_true(STAILQ_EMPTY(&test_reads));
	streams_teardown(&test_hub);
	return 0;
}

/* Asks for the history of the channel "a", from an id or NULL. */
static struct retained *
test_ask(size_t i, const char *since, uint64_t limit)
{
	struct text_span channel = { "a", 1 };
	struct subscription sub = { .channels = &channel, .channel_count = 1 };

	if (since != NULL)
		sub.since = (struct text_span){ since, strlen(since) };
	test_asked[i] = retained_ask(test_hub.hub, &sub, limit);
	assert_non_null(test_asked[i]);
	if (!retained_is_done(test_asked[i]))
		retained_set_done(test_asked[i], test_done_cb, NULL);
	test_turn();
	return test_asked[i];
}

static void
test_expect(const struct retained *r, const char *want)
{
	struct buffer b = { 0 };

	assert_true(retained_is_done(r));
	assert_int_equal(retained_put(r, &b), 0);
	assert_int_equal(buffer_append(&b, "", 1), 0);
	assert_string_equal(b.data, want);
	buffer_clear(&b);
}

static bool
test_put(struct store_read *r, uint64_t n, size_t bytes)
{
	static const struct text_span none = { "", 0 };
	struct text_span record = { "data: x\n\n", strlen("data: x\n\n") };
	char *large = NULL;
	bool has_room;

	if (bytes > 0) {
		large = malloc(bytes);
		memset(large, '\n', bytes);
		memcpy(large, "data: ", 6);
		record = (struct text_span){ large, bytes };
	}
	has_room = store_read_take(r, &r->ranges[0], (struct id){ 7, n }, none,
	    record);
	free(large);
	return has_room;
}

#define TEST_EVENT(id)                                                \
	"{\"id\":\"" id "\",\"event\":\"message\",\"channel\":\"a\"," \
	"\"data\":\"x\",\"at\":7}"

/* Two are read at a time, and three may wait; replays count as well. */
static void
test_bound(void **state)
{
	struct hub *hub = test_hub.hub;
	size_t i;

	(void)state;
	for (i = 0; i < RETAINED_READS + 3; i++)
		assert_false(retained_is_done(test_ask(i, NULL, 10)));
	assert_int_equal(test_made, RETAINED_READS);
	assert_int_equal(hub->retained.count, 3);
	test_expect(test_ask(i, NULL, 10),
	    "{\"ok\":false,\"error\":\"too many clients wait for what they "
	    "missed (replay-waiting)\",\"code\":75}\n");
	assert_int_equal(hub->counters.histories_refused, 1);
	hub->replays.held_count = 1;
	retained_leave(test_asked[i]);
	retained_leave(test_asked[i - 1]);
	assert_true(retained_is_done(test_ask(i, NULL, 10)));
	hub->replays.held_count = 0;
	assert_false(retained_is_done(test_ask(i - 1, NULL, 10)));
	for (i = 0; i < RETAINED_READS + 3; i++) {
		struct store_read *r = test_take();

		r->is_complete = true;
		test_give(r);
	}
	assert_int_equal(test_done, RETAINED_READS + 3);
	assert_int_equal(hub->counters.histories, RETAINED_READS + 3);
	assert_int_equal(hub->retained.count + hub->retained.reads, 0);
}

/* The end of an answer: at the limit there is a next one, at the end none. */
static void
test_limit(void **state)
{
	struct store_read *r;
	struct retained *asked = test_ask(0, NULL, 2);

	(void)state;
	r = test_take();
	assert_true(test_put(r, 1, 0));
	assert_true(test_put(r, 2, 0));
	/* The same event in another channel. */
	assert_true(test_put(r, 2, 0));
	assert_false(test_put(r, 3, 0));
	test_give(r);
	test_expect(asked,
	    "{\"ok\":true,\"events\":[" TEST_EVENT("7-1") "," TEST_EVENT(
		"7-2") "],\"position\":\"7-2\",\"gap\":false,"
		       "\"next\":\"7-2\"}\n");
	asked = test_ask(1, NULL, 2);
	r = test_take();
	assert_true(test_put(r, 1, 0));
	r->is_complete = true;
	r->upto = (struct id){ 8, 0 };
	test_give(r);
	test_expect(asked,
	    "{\"ok\":true,\"events\":[" TEST_EVENT(
		"7-1") "],\"position\":\"8-0\",\"gap\":false}\n");
}

/* One event that needs more room than there is has it, and comes alone. */
static void
test_wants(void **state)
{
	struct retained *asked = test_ask(0, NULL, 1000);
	struct store_read *r = test_take();

	(void)state;
	assert_int_equal(r->room_bytes, RETAINED_BYTES);
	assert_false(test_put(r, 1, RETAINED_BYTES + 1));
	test_give(r);
	assert_false(retained_is_done(asked));
	r = test_take();
	assert_int_equal(r->room_bytes, RETAINED_BYTES + 1);
	assert_int_equal(r->wants, 0);
	assert_true(test_put(r, 1, RETAINED_BYTES + 1));
	assert_false(test_put(r, 2, 0));
	test_give(r);
	assert_true(retained_is_done(asked));
	assert_int_equal(test_made, 2);
}

/* As long as last is not counted it is asked on, behind the others. */
static void
test_counting(void **state)
{
	struct retained *asked = test_ask(0, NULL, 10);
	struct store_read *r;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		r = test_take();
		assert_false(r->is_counting);
		r->is_counting = true;
		test_give(r);
		assert_false(retained_is_done(asked));
	}
	r = test_take();
	r->is_complete = true;
	test_give(r);
	assert_true(retained_is_done(asked));
}

/* An id of a node that is further; one that was never given is a gap. */
static void
test_ahead(void **state)
{
	static const char ahead[] = "9999999999999-7";
	struct retained *asked;
	struct store_read *r;

	(void)state;
	test_store.is_shared = true;
	asked = test_ask(0, ahead, 10);
	r = test_take();
	r->is_ahead = true;
	test_give(r);
	test_expect(asked,
	    "{\"ok\":true,\"events\":[],\"position\":\"9999999999999-7\","
	    "\"gap\":false}\n");
	asked = test_ask(1, ahead, 10);
	test_give(test_take());
	assert_false(retained_is_done(asked));
	r = test_take();
	assert_int_equal(r->ranges[0].after.ms, 0);
	assert_true(test_put(r, 1, 0));
	r->is_complete = true;
	r->upto = (struct id){ 8, 0 };
	test_give(r);
	test_expect(asked,
	    "{\"ok\":true,\"events\":[" TEST_EVENT(
		"7-1") "],\"position\":\"8-0\",\"gap\":true}\n");
	assert_true(STAILQ_EMPTY(&test_reads));
}

/* A store that fails, is away, or was never reached. */
static void
test_trouble(void **state)
{
	static const char away[] =
	    "{\"ok\":false,\"error\":\"the history cannot be reached\","
	    "\"code\":75}\n";
	struct retained *asked = test_ask(0, NULL, 10);
	struct store_read *r = test_take();

	(void)state;
	snprintf(r->error, sizeof r->error, "broken");
	test_give(r);
	test_expect(asked, away);
	test_store.is_down = true;
	test_expect(test_ask(1, NULL, 10), away);
	test_store.is_shared = true;
	test_hub.hub->turn.appended.ms = 0;
	test_expect(test_ask(2, NULL, 10), away);
	assert_int_equal(test_made, 1);
}

/* Who leaves has his read taken back, or it frees itself. */
static void
test_leave(void **state)
{
	struct hub *hub = test_hub.hub;
	size_t i;

	(void)state;
	for (i = 0; i < RETAINED_READS + 2; i++)
		test_ask(i, NULL, 10);
	retained_leave(test_asked[RETAINED_READS]);
	assert_int_equal(hub->retained.count, 1);
	retained_leave(test_asked[0]);
	assert_int_equal(test_cancelled, 1);
	test_turn();
	assert_int_equal(hub->retained.reads, RETAINED_READS);
	test_is_busy = true;
	for (i = 1; i < RETAINED_READS; i++)
		retained_leave(test_asked[i]);
	retained_leave(test_asked[RETAINED_READS + 1]);
	memset(test_asked, 0, sizeof test_asked);
	while (!STAILQ_EMPTY(&test_reads))
		test_give(test_take());
	assert_int_equal(test_done, 0);
	assert_int_equal(hub->retained.count + hub->retained.reads, 0);
}

/* The store may have a read that was left when the hub goes. */
static void
test_hub_goes(void **state)
{
	struct store_read *r;

	(void)state;
	test_ask(0, NULL, 10);
	test_is_busy = true;
	retained_leave(test_asked[0]);
	test_asked[0] = NULL;
	r = test_take();
	streams_teardown(&test_hub);
	r->done(r);
	setup(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wants, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trouble, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hub_goes, setup, teardown),
	};

	return cmocka_run_group_tests_name("retained", tests, NULL, NULL);
}
