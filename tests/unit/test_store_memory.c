/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/store_run.h"
#include "lib/support.h"
#include "store/sqlite_run.h"

/* The store that is none but for its keys; and the bytes of a run. */

enum {
	RUN_EVENTS = 50
};

static int
test_setup(void **state)
{
	struct store_run *run = store_run_start();

	store_run_close(run);
	run->options.url = "memory";
	store_run_open(run);
	*state = run;
	return 0;
}

static int
test_teardown(void **state)
{
	store_run_stop(*state);
	return 0;
}

/* It is done at once, and there is nothing to be read. */
static void
test_memory(void **state)
{
	struct store_run *run = *state;
	const struct store_run_event e = { .ms = 1, .channels = "a" };
	struct batch *b = batch_new();

	assert_false(run->store->is_durable);
	assert_int_equal(run->store->last.ms, 0);
	store_run_add(run, b, &e, 1);
	store_run_commit(run, b, false);
	assert_int_equal(run->done, 1);
	assert_int_equal(b->events[0].outcome, BATCH_ACCEPTED);
	assert_string_equal(store_run_status_text(run, "kind"), "memory");
	assert_int_equal(store_run_status(run, "commits"), 1);
	assert_int_equal(store_run_status(run, "keys"), 0);
	batch_free(b);
}

static void
test_memory_keys(void **state)
{
	static const struct store_run_event events[] = {
		{ .ms = 1, .channels = "a", .key = "k" },
		{ .ms = 2, .channels = "b", .key = "k" },
		{ .ms = 3, .channels = "a", .key = "k2", .own_id = "own" },
		{ .ms = 4, .channels = "a", .key = "k2" },
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
	batch_free(b);
	assert_int_equal(store_run_status(run, "keys"), 2);
	assert_int_equal(store_run_put(run, &events[0]), BATCH_DUPLICATE);
	/* They end with it. */
	store_run_close(run);
	store_run_open(run);
	assert_int_equal(store_run_put(run, &events[0]), BATCH_ACCEPTED);
}

/* A key is known for key-seconds of the monotonic clock, and no longer. */
static void
test_memory_key_age(void **state)
{
	struct store_run *run = *state;
	const struct store_run_event e = {
		.ms = 1, .channels = "a", .key = "k"
	};
	static const struct {
		uint64_t at_ms;
		enum batch_outcome want;
	} table[] = {
		{ 10000, BATCH_ACCEPTED },
		{ 11000, BATCH_DUPLICATE },
		{ 11001, BATCH_ACCEPTED },
		{ 12001, BATCH_DUPLICATE },
	};
	struct batch *b;
	size_t i;

	run->store->ops->configure(run->store,
	    &(struct store_bounds){ 1000, 1000, 0, 0 });
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		b = batch_new();
		store_run_add(run, b, &e, 1);
		b->events[0].added_ms = table[i].at_ms;
		store_run_commit(run, b, true);
		assert_int_equal(b->events[0].outcome, table[i].want);
		batch_free(b);
	}
}

/* What goes in comes out, and what is cut off is no event. */
static void
test_run_bytes(void **state)
{
	struct run_event e = { .record = "" }, got;
	struct buffer b = { 0 };
	const char *data;
	char record[64];
	size_t i, len, cut;

	(void)state;
	memset(record, 'r', sizeof record);
	for (i = 0; i < RUN_EVENTS; i++) {
		e.id.ms = i % 2 == 0 ? i : UINT64_MAX - i;
		e.id.n = i * UINT64_C(0x0101010101010101);
		e.expires_ms = i % 3 == 0 ? 0 : UINT64_MAX - i;
		e.record = record;
		e.record_len = i;
		assert_int_equal(run_append(&b, &e), 0);
	}
	data = support_guard(b.data, b.len);
	for (i = 0, len = b.len; i < RUN_EVENTS; i++) {
		assert_true(run_next(&data, &len, &got));
		assert_int_equal(got.id.ms, i % 2 == 0 ? i : UINT64_MAX - i);
		assert_int_equal(got.id.n, i * UINT64_C(0x0101010101010101));
		assert_int_equal(got.expires_ms,
		    i % 3 == 0 ? 0 : UINT64_MAX - i);
		assert_int_equal(got.record_len, i);
		assert_memory_equal(got.record, record, i);
	}
	assert_int_equal(len, 0);
	assert_false(run_next(&data, &len, &got));
	for (cut = 0; cut < RUN_HEAD_BYTES + e.record_len; cut++) {
		data = support_guard(b.data + b.len - RUN_HEAD_BYTES -
			e.record_len,
		    cut);
		len = cut;
		assert_false(run_next(&data, &len, &got));
		assert_int_equal(len, cut);
	}
	buffer_clear(&b);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_memory),
		TEST(test_memory_keys),
		TEST(test_memory_key_age),
		cmocka_unit_test(test_run_bytes),
	};

	return cmocka_run_group_tests_name("store memory", tests, NULL, NULL);
}
