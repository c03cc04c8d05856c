/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/store_run.h"

/* What every store promises, here for SQLite: commits and what is read. */

static int
test_setup(void **state)
{
	*state = store_run_start();
	return 0;
}

static int
test_teardown(void **state)
{
	store_run_stop(*state);
	return 0;
}

static const char *
test_ids(struct store_run *run, const char *channels, uint64_t ms, uint64_t n)
{
	struct store_read r;

	store_run_ask(run, &r, channels, ms, n);
	return store_run_ids(run, &r);
}

static void
test_put(struct store_run *run, const struct store_run_event *events, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(store_run_put(run, &events[i]),
		    BATCH_ACCEPTED);
}

#define TEST_PUT(run, events) \
	test_put(run, events, sizeof(events) / sizeof((events)[0]))

static void
test_commit(void **state)
{
	static const struct store_run_event e = { .ms = 5, .channels = "a" };
	struct store_run *run = *state;
	struct store_read r;

	assert_true(run->store->is_durable);
	assert_int_equal(run->store->last.ms, 0);
	assert_string_equal(test_ids(run, "a", 0, 0), ".");
	assert_int_equal(store_run_put(run, &e), BATCH_ACCEPTED);
	store_run_ask(run, &r, "a", 0, 0);
	store_run_read(run, &r);
	assert_int_equal(r.bytes, strlen("id: 5-0\ndata: x\n\n"));
	assert_memory_equal(r.room, "id: 5-0\ndata: x\n\n", r.bytes);
	assert_int_equal(r.events, 1);
	assert_int_equal(r.first_id.ms, 5);
	assert_int_equal(r.last_id.ms, 5);
	assert_true(r.is_complete);
	assert_string_equal(test_ids(run, "b", 0, 0), ".");
	assert_string_equal(store_run_status_text(run, "kind"), "sqlite");
	assert_int_equal(store_run_status(run, "events"), 1);
	assert_int_equal(store_run_status(run, "bytes"), 17);
	assert_int_equal(store_run_status(run, "channels"), 1);
	assert_int_equal(store_run_status(run, "commits"), 1);
	assert_int_equal(store_run_status(run, "errors"), 0);
	assert_string_equal(store_run_status_text(run, "degraded"), "false");
	assert_true(store_run_status(run, "file_bytes") > 0);
	store_run_wait(run, "oldest_ms", 5);
}

/* A batch without events comes back, too: replies wait for it. */
static void
test_empty_batch(void **state)
{
	struct store_run *run = *state;
	struct batch *b = batch_new();

	store_run_commit(run, b, true);
	assert_int_equal(store_run_status(run, "commits"), 0);
	batch_free(b);
}

static void
test_add_fleeting(struct store_run *run, struct batch *b, uint64_t ms)
{
	struct store_run_event e = { .ms = ms, .channels = "a" };

	store_run_add(run, b, &e, 1);
	b->events[b->event_count - 1].is_fleeting = true;
	b->fleeting_count++;
}

/* What is fleeting comes back accepted, and is not even looked at. */
static void
test_fleeting(void **state)
{
	static const struct store_run_event e = { .ms = 6, .channels = "a" };
	struct store_run *run = *state;
	struct batch *b = batch_new();

	test_add_fleeting(run, b, 5);
	store_run_commit(run, b, true);
	assert_int_equal(b->events[0].outcome, BATCH_ACCEPTED);
	assert_int_equal(store_run_status(run, "commits"), 0);
	assert_int_equal(store_run_status(run, "channels"), 0);
	batch_free(b);
	b = batch_new();
	test_add_fleeting(run, b, 5);
	store_run_add(run, b, &e, 1);
	test_add_fleeting(run, b, 7);
	store_run_commit(run, b, true);
	assert_string_equal(test_ids(run, "a", 0, 0), "6-0 .");
	assert_int_equal(store_run_status(run, "events"), 1);
	batch_free(b);
	/* Clients may have its id all the same. */
	store_run_close(run);
	store_run_open(run);
	assert_int_equal(run->store->last.ms, 7);
}

static void
test_bounds(void **state)
{
	static const struct store_run_event events[] = {
		{ .ms = 5, .n = 0, .channels = "a" },
		{ .ms = 5, .n = 1, .channels = "a" },
		{ .ms = 6, .n = 0, .channels = "a" },
		{ .ms = 7, .n = 9, .channels = "a" },
	};
	struct store_run *run = *state;
	struct store_read r;

	TEST_PUT(run, events);
	assert_string_equal(test_ids(run, "a", 0, 0), "5-0 5-1 6-0 7-9 .");
	assert_string_equal(test_ids(run, "a", 5, 0), "5-1 6-0 7-9 .");
	assert_string_equal(test_ids(run, "a", 5, 7), "6-0 7-9 .");
	assert_string_equal(test_ids(run, "a", 7, 9), ".");
	/* Up to, and with, an id. */
	store_run_ask(run, &r, "a", 5, 0);
	r.upto = (struct id){ 6, 0 };
	assert_string_equal(store_run_ids(run, &r), "5-1 6-0 .");
	store_run_ask(run, &r, "a", 5, 0);
	r.upto = (struct id){ 5, 99 };
	assert_string_equal(store_run_ids(run, &r), "5-1 .");
}

/* Slices: together they are the whole, and each but the last is full. */
static void
test_slices(void **state)
{
	struct store_run *run = *state;
	struct buffer all = { 0 };
	struct store_read r;
	struct id after = { 0, 0 };
	size_t slices = 0;
	bool is_complete = false;

	store_run_put_many(run, "a", 9, 100, 50);
	for (; !is_complete; slices++) {
		store_run_ask(run, &r, "a", after.ms, after.n);
		r.room_bytes = 500;
		store_run_read(run, &r);
		assert_true(r.bytes <= 500);
		assert_true(r.bytes > 500 - 70 || r.is_complete);
		buffer_append(&all, r.room, r.bytes);
		after = r.last_id;
		is_complete = r.is_complete;
	}
	assert_int_equal(slices, 15);
	store_run_ask(run, &r, "a", 0, 0);
	store_run_read(run, &r);
	assert_int_equal(r.events, 100);
	assert_int_equal(r.bytes, all.len);
	assert_memory_equal(r.room, all.data, all.len);
	buffer_clear(&all);
}

/* Several channels in the order of ids; what several have, once. */
static void
test_merge(void **state)
{
	static const struct store_run_event events[] = {
		{ .ms = 1, .channels = "a" },
		{ .ms = 2, .channels = "b" },
		{ .ms = 3, .channels = "a,b,c" },
		{ .ms = 4, .channels = "b" },
		{ .ms = 5, .channels = "b,a" },
		{ .ms = 6, .channels = "c" },
	};
	struct store_run *run = *state;
	struct store_read r;
	struct id after = { 0, 0 };
	char text[64] = "", want[8];
	size_t i;

	TEST_PUT(run, events);
	assert_string_equal(test_ids(run, "a", 0, 0), "1-0 3-0 5-0 .");
	assert_string_equal(test_ids(run, "a,b", 0, 0),
	    "1-0 2-0 3-0 4-0 5-0 .");
	assert_string_equal(test_ids(run, "c,x,b,a", 2, 0),
	    "3-0 4-0 5-0 6-0 .");
	assert_int_equal(store_run_status(run, "events"), 9);
	/* Each slice is one event: none is cut between its copies. */
	for (i = 1; i <= 6; i++) {
		store_run_ask(run, &r, "b,a,c", after.ms, after.n);
		r.room_bytes = strlen("id: 1-0\ndata: x\n\n");
		snprintf(want, sizeof want, "%zu-0 %s", i, i < 6 ? "..." : ".");
		after.ms = i;
		snprintf(text, sizeof text, "%s", store_run_ids(run, &r));
		assert_string_equal(text, want);
	}
}

/*
 * Runs of one channel each, if that is asked for: as many as there may be, and
 * the rest in the next answer.
 */
static void
test_runs_by_range(void **state)
{
	struct store_run *run = *state;
	struct store_run_event e = { .channels = NULL };
	struct store_read r;
	struct id after = { 0, 0 };
	uint64_t ms, events = 0, at = 0;
	size_t i, answers = 0;

	/* a a b, over and over, and the b is in a third channel first. */
	for (ms = 1; ms <= 300; ms++) {
		e.ms = ms;
		e.channels = ms % 3 == 0 ? "c,b" : "a";
		assert_int_equal(store_run_put(run, &e), BATCH_ACCEPTED);
	}
	do {
		store_run_ask(run, &r, "a,b,c", after.ms, after.n);
		r.by_range = true;
		store_run_read(run, &r);
		assert_in_range(r.mark_count, 1, STORE_MARKS);
		assert_true(r.is_complete || r.mark_count == STORE_MARKS);
		for (i = 0; i < r.mark_count; i++) {
			events = r.marks[i].last.ms % 3 == 0 ? 1 : 2;
			assert_int_equal(r.marks[i].events, events);
			assert_ptr_equal(r.marks[i].range,
			    &r.ranges[events == 1 ? 1 : 0]);
			at += events;
			assert_int_equal(r.marks[i].last.ms, at);
		}
		after = r.last_id;
		answers++;
	} while (!r.is_complete);
	assert_int_equal(at, 300);
	assert_int_equal(answers, 2);
	store_run_ask(run, &r, "a,b,c", 0, 0);
	store_run_read(run, &r);
	assert_int_equal(r.events, 300);
	assert_true(r.is_complete);
}

/* What has expired is left out, but for the moment before. */
static void
test_expired(void **state)
{
	struct store_run *run = *state;
	const struct store_run_event events[] = {
		{ .ms = 1, .channels = "a", .expires_ms = run->wall_ms },
		{ .ms = 2, .channels = "a", .expires_ms = run->wall_ms + 1 },
		{ .ms = 3, .channels = "a" },
		{ .ms = 4, .channels = "a", .expires_ms = run->wall_ms - 1 },
	};

	TEST_PUT(run, events);
	assert_string_equal(test_ids(run, "a", 0, 0), "2-0 3-0 .");
	run->wall_ms++;
	assert_string_equal(test_ids(run, "a", 0, 0), "3-0 .");
}

static const char *
test_own(struct store_run *run, const char *channels, const char *own)
{
	struct store_read r;

	store_run_ask(run, &r, channels, 0, 0);
	r.own_id = own;
	r.own_id_len = strlen(own);
	return store_run_ids(run, &r);
}

/* The newest; of several channels the oldest of each one's newest. */
static void
test_own_ids(void **state)
{
	static const struct store_run_event events[] = {
		{ .ms = 1, .channels = "a", .own_id = "one" },
		{ .ms = 2, .channels = "a", .own_id = "two" },
		{ .ms = 3, .channels = "b", .own_id = "one" },
		{ .ms = 4, .channels = "a", .own_id = "one" },
		{ .ms = 5, .channels = "a" },
		{ .ms = 6, .channels = "b", .own_id = "1-0" },
	};
	struct store_run *run = *state;
	struct store_read r;

	TEST_PUT(run, events);
	assert_string_equal(test_own(run, "a", "one"), "5-0 .");
	assert_string_equal(test_own(run, "a", "two"), "one 5-0 .");
	assert_string_equal(test_own(run, "b", "one"), "1-0 .");
	assert_string_equal(test_own(run, "a,b", "one"), "one 5-0 1-0 .");
	assert_string_equal(test_own(run, "b", "1-0"), ".");
	/* No such id in this channel: as asked otherwise. */
	assert_string_equal(test_own(run, "b", "two"), "one 1-0 .");
	store_run_ask(run, &r, "a", 0, 0);
	r.own_id = "two";
	r.own_id_len = 3;
	store_run_read(run, &r);
	assert_true(r.own_found);
	assert_int_equal(r.own.ms, 2);
	store_run_ask(run, &r, "a", 0, 0);
	r.own_id = "three";
	r.own_id_len = 5;
	store_run_read(run, &r);
	assert_false(r.own_found);
	assert_int_equal(r.events, 4);
}

static const char *
test_last(struct store_run *run, const char *channels, uint64_t last,
    uint64_t upto_ms)
{
	struct store_read r;

	store_run_ask(run, &r, channels, 0, 0);
	r.has_last = true;
	r.last = last;
	if (upto_ms > 0)
		r.upto = (struct id){ upto_ms, 0 };
	return store_run_ids(run, &r);
}

/* Of each channel, not counting what has expired or is behind the end. */
static void
test_last_events(void **state)
{
	struct store_run *run = *state;
	const struct store_run_event events[] = {
		{ .ms = 1, .channels = "a" },
		{ .ms = 2, .channels = "b" },
		{ .ms = 3, .channels = "a" },
		{ .ms = 4, .channels = "a", .expires_ms = run->wall_ms - 1 },
		{ .ms = 5, .channels = "a" },
		{ .ms = 6, .channels = "b" },
	};

	TEST_PUT(run, events);
	assert_string_equal(test_last(run, "a", 1, 0), "5-0 .");
	assert_string_equal(test_last(run, "a", 2, 0), "3-0 5-0 .");
	assert_string_equal(test_last(run, "a", 3, 0), "1-0 3-0 5-0 .");
	assert_string_equal(test_last(run, "a", 4, 0), "1-0 3-0 5-0 .");
	assert_string_equal(test_last(run, "a", 1000000, 0), "1-0 3-0 5-0 .");
	assert_string_equal(test_last(run, "a", 1, 3), "3-0 .");
	assert_string_equal(test_last(run, "a,b", 1, 0), "5-0 6-0 .");
	assert_string_equal(test_last(run, "a,b,c", 2, 0), "2-0 3-0 5-0 6-0 .");
	assert_string_equal(test_last(run, "a", 0, 0), ".");
}

/* How many reads it takes until the last events of channel a are counted. */
static size_t
test_count(struct store_run *run, uint64_t last, const char *first)
{
	struct store_read r;
	char text[ID_TEXT_SIZE];
	size_t reads = 1;

	store_run_ask(run, &r, "a", 0, 0);
	r.has_last = true;
	r.last = last;
	store_run_read(run, &r);
	for (; r.is_counting; reads++) {
		assert_int_equal(r.events, 0);
		r.is_counting = false;
		store_run_read(run, &r);
	}
	id_format(r.first_id, text);
	assert_string_equal(text, first);
	return reads;
}

/*
 * Large runs, many rows: the count is right, beyond what is looked at event by
 * event, too; it takes several reads; and none if there are no more events.
 */
static void
test_count_far(void **state)
{
	struct store_run *run = *state;
	struct store_run_event e = { .ms = 1, .channels = "a" };
	uint64_t ms;

	for (; e.n < 5000; e.n++)
		store_run_put(run, &e);
	for (ms = 2; ms < 6; ms++)
		store_run_put_many(run, "a", ms, 100, 1000);
	assert_int_equal(test_count(run, 100, "5-0"), 1);
	assert_int_equal(test_count(run, 101, "4-99"), 1);
	assert_int_equal(test_count(run, 350, "2-50"), 1);
	assert_int_equal(test_count(run, 401, "1-4999"), 1);
	assert_int_equal(test_count(run, 1400, "1-4000"), 1);
	assert_int_equal(test_count(run, 5399, "1-1"), 2);
	assert_int_equal(test_count(run, 5400, "1-0"), 1);
	assert_int_equal(test_count(run, 4000000000, "1-0"), 1);
}

/* After the floor of the file itself, which is when it was made. */
#define TEST_LATE UINT64_C(9000000000000)

/* What is not retained any more is below the floor, over a restart too. */
static void
test_floor(void **state)
{
	static const struct store_run_event b = { .ms = TEST_LATE + 1,
		.channels = "b" };
	struct store_run *run = *state;
	struct store_read r;
	int i;

	run->keep = 10;
	store_run_put_many(run, "a", TEST_LATE, 1234, 1);
	store_run_put(run, &b);
	store_run_wait(run, "events", 11);
	for (i = 0; i < 2; i++) {
		store_run_ask(run, &r, "b,a", TEST_LATE, 1230);
		store_run_read(run, &r);
		assert_int_equal(r.events, 4);
		assert_int_equal(r.ranges[1].floor.ms, TEST_LATE);
		assert_int_equal(r.ranges[1].floor.n, 1223);
		store_run_close(run);
		store_run_open(run);
		assert_int_equal(store_run_status(run, "events"), 11);
		assert_int_equal(store_run_status(run, "channels"), 2);
	}
}

static void
test_keys(void **state)
{
	static const struct store_run_event events[] = {
		{ .ms = 1, .channels = "a", .key = "k" },
		{ .ms = 2, .channels = "a", .key = "k" },
		{ .ms = 3, .channels = "b", .key = "k2", .own_id = "own" },
		{ .ms = 4, .channels = "b", .key = "k2" },
		{ .ms = 5, .channels = "a" },
	};
	static const struct store_run_event again = {
		.ms = 6, .channels = "c", .key = "k2"
	};
	struct store_run *run = *state;
	struct batch *b = batch_new();
	size_t i;

	for (i = 0; i < sizeof events / sizeof events[0]; i++)
		store_run_add(run, b, &events[i], 1);
	store_run_commit(run, b, true);
	assert_int_equal(b->events[0].outcome, BATCH_ACCEPTED);
	assert_int_equal(b->events[1].outcome, BATCH_DUPLICATE);
	assert_string_equal(b->events[1].first_id, "1-0");
	assert_int_equal(b->events[2].outcome, BATCH_ACCEPTED);
	assert_int_equal(b->events[3].outcome, BATCH_DUPLICATE);
	assert_string_equal(b->events[3].first_id, "own");
	assert_int_equal(b->events[4].outcome, BATCH_ACCEPTED);
	batch_free(b);
	assert_string_equal(test_ids(run, "a,b", 0, 0), "1-0 own 5-0 .");
	assert_int_equal(store_run_put(run, &again), BATCH_DUPLICATE);
	store_run_close(run);
	store_run_open(run);
	assert_int_equal(store_run_put(run, &again), BATCH_DUPLICATE);
	assert_string_equal(test_ids(run, "a,b,c", 0, 0), "1-0 own 5-0 .");
	/* After key-seconds it is a new event. */
	run->store->ops->configure(run->store,
	    &(struct store_bounds){ 0, 1000, 0, 0 });
	while (store_run_put(run, &again) == BATCH_DUPLICATE)
		usleep(10000);
	assert_string_equal(test_ids(run, "c", 0, 0), "6-0 .");
}

/*
 * The clock was ahead when a key came, and is right when the store is opened
 * again: that key does not keep those that come later.
 */
static void
test_keys_ahead(void **state)
{
	struct store_run_event e = { .ms = 1, .channels = "a", .key = "ahead" };
	struct store_run *run = *state;
	unsigned i;

	run->wall_ms += 864000000;
	store_run_put(run, &e);
	run->wall_ms -= 864000000;
	e.key = "k";
	e.ms = 2;
	store_run_put(run, &e);
	store_run_close(run);
	store_run_open(run);
	assert_int_equal(store_run_put(run, &e), BATCH_DUPLICATE);
	run->store->ops->configure(run->store,
	    &(struct store_bounds){ 0, 1000, 0, 0 });
	for (i = 0; i < 500; i++) {
		if (store_run_put(run, &e) == BATCH_ACCEPTED)
			return;
		usleep(10000);
	}
	fail();
}

static void
test_reopen(void **state)
{
	static const struct store_run_event known = {
		.ms = 77, .n = 4, .channels = "a", .key = "k"
	};
	struct store_run *run = *state;

	store_run_put_many(run, "a", 77, 3, 1);
	store_run_close(run);
	store_run_open(run);
	assert_int_equal(run->store->last.ms, 77);
	assert_int_equal(run->store->last.n, 2);
	assert_int_equal(store_run_status(run, "events"), 3);
	assert_int_equal(store_run_status(run, "oldest_ms"), 77);
	assert_string_equal(test_ids(run, "a", 0, 0), "77-0 77-1 77-2 .");
	/* An id that was given to a duplicate is not given again. */
	store_run_put(run, &known);
	store_run_put(run,
	    &(struct store_run_event){ 78, 0, "a", NULL, "k", 0 });
	store_run_close(run);
	store_run_open(run);
	assert_int_equal(run->store->last.ms, 78);
	assert_int_equal(store_run_status(run, "events"), 4);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_commit),
		TEST(test_empty_batch),
		TEST(test_fleeting),
		TEST(test_bounds),
		TEST(test_slices),
		TEST(test_merge),
		TEST(test_runs_by_range),
		TEST(test_expired),
		TEST(test_own_ids),
		TEST(test_last_events),
		TEST(test_count_far),
		TEST(test_floor),
		TEST(test_keys),
		TEST(test_keys_ahead),
		TEST(test_reopen),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
