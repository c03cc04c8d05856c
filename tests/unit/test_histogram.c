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

#include "base/histogram.h"
#include "hub/latency.h"
#include "hub/state.h"
#include "hub/status.h"
#include "lib/streams.h"

/* Durations in buckets, and what the hub makes of them. */

/* Every duration is below its bound, and at most a quarter below it. */
static void
test_bounds(void **state)
{
	struct histogram h;
	uint64_t us, bound;

	(void)state;
	for (us = 0; us < UINT64_C(1) << 26; us += 1 + us / 61) {
		memset(&h, 0, sizeof h);
		histogram_add(&h, us, 1);
		bound = histogram_quantile(&h, 500);
		assert_int_equal(histogram_count(&h), 1);
		assert_int_equal(h.sum_us, us);
		if (us < UINT64_C(1) << HISTOGRAM_MOST)
			assert_true(us < bound);
		if (us >= 16 && us < UINT64_C(1) << HISTOGRAM_MOST)
			assert_true(bound - us <= bound / 5 + 1);
	}
}

static void
test_powers(void **state)
{
	static const struct {
		uint64_t us;
		unsigned power; /* the first that it is below; 25: none */
	} cases[] = { { 0, 4 }, { 15, 4 }, { 16, 5 }, { 31, 5 }, { 32, 6 },
		{ 1000, 10 }, { 1023, 10 }, { 1024, 11 }, { 16777215, 24 },
		{ 16777216, 25 }, { UINT64_MAX, 25 } };
	struct histogram h;
	unsigned power;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&h, 0, sizeof h);
		histogram_add(&h, cases[i].us, 3);
		for (power = HISTOGRAM_LEAST; power <= HISTOGRAM_MOST; power++)
			assert_int_equal(histogram_below(&h, power),
			    power < cases[i].power ? 0 : 3);
	}
}

static void
test_quantiles(void **state)
{
	static const struct {
		uint64_t fast, slow;
		unsigned permille;
		uint64_t bound;
	} cases[] = { { 0, 0, 500, 0 }, { 1, 0, 990, 112 }, { 99, 1, 990, 112 },
		{ 98, 2, 990, 10240 }, { 1, 1, 500, 112 }, { 1, 2, 500, 10240 },
		{ 0, 1, 0, 10240 },
		{ UINT64_MAX / 2, UINT64_MAX / 4, 990, 10240 } };
	struct histogram h;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&h, 0, sizeof h);
		histogram_add(&h, 100, cases[i].fast);
		histogram_add(&h, 10000, cases[i].slow);
		assert_int_equal(histogram_quantile(&h, cases[i].permille),
		    cases[i].bound);
	}
}

static void
test_since(void **state)
{
	struct histogram h = { .sum_us = 0 }, earlier;

	(void)state;
	histogram_add(&h, 100, 5);
	earlier = h;
	histogram_add(&h, 10000, 1);
	histogram_subtract(&h, &earlier);
	assert_int_equal(histogram_count(&h), 1);
	assert_int_equal(h.sum_us, 10000);
	histogram_merge(&h, &earlier);
	assert_int_equal(histogram_count(&h), 6);
	assert_int_equal(h.sum_us, 10500);
}

/* Of the last minute or two, and of all; and what there was in between. */
static void
test_windows(void **state)
{
	static const struct {
		uint64_t age_ms; /* of the window, when something comes */
		uint64_t p50_us; /* then; the event is a short one */
	} cases[] = { { 0, 10485760 }, { 59000, 10485760 }, { 61000, 10485760 },
		{ 121000, 16 } };
	struct streams t;
	struct hub_figures f;
	struct hub_latency *l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		streams_setup(&t, NULL);
		l = &t.hub->latency;
		hub_status_take(t.hub, &f);
		assert_int_equal(f.latency_events, 0);
		assert_true(f.latency_p50_us == FIGURE_NONE);
		l->began_ms = t.hub->clock.now_ms;
		histogram_add(&l->all, 10000000, 9);
		histogram_add(&l->now, 10000000, 9);
		l->began_ms -= cases[i].age_ms;
		latency_note(t.hub, UINT64_MAX, 1);
		hub_now(t.hub);
		hub_status_take(t.hub, &f);
		assert_int_equal(f.latency_events, 10);
		assert_int_equal(f.latency_sum_us, 90000000);
		assert_int_equal(f.latency_p50_us, cases[i].p50_us);
		l->began_ms -= 120000;
		hub_status_take(t.hub, &f);
		assert_true(f.latency_p50_us == FIGURE_NONE);
		streams_teardown(&t);
	}
}

/* Events that somebody follows are measured, each once; no others are. */
static void
test_published(void **state)
{
	const struct streams_request request = { .channels = "a" };
	struct streams_client clients[2];
	struct hub_figures f;
	struct streams t;
	size_t i;

	(void)state;
	streams_setup(&t, NULL);
	for (i = 0; i < 2; i++)
		streams_open(&t, &clients[i], &request);
	streams_publish(&t, "b", "nobody's");
	streams_deliver(&t);
	hub_status_take(t.hub, &f);
	assert_int_equal(f.latency_events, 0);
	streams_publish(&t, "a", "one");
	streams_publish(&t, "a,b", "two");
	streams_publish(&t, "b", "nobody's");
	streams_deliver(&t);
	hub_status_take(t.hub, &f);
	assert_int_equal(f.latency_events, 2);
	assert_true(f.latency_p50_us >= 16 && f.latency_p99_us != FIGURE_NONE);
	for (i = 0; i < 2; i++)
		streams_close(&clients[i]);
	streams_teardown(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_powers),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_published),
	};

	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
