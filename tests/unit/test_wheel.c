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

#include "base/wheel.h"
#include "lib/support.h"

enum {
	TEST_TURN_MS = WHEEL_TICK_MS * WHEEL_SLOTS,
	TEST_TIMERS = 300
};

struct test_timer {
	struct wheel_timer timer; /* the first member */
	unsigned calls;
	uint64_t called_ms;
	void (*then)(struct test_timer *);
};

static struct wheel test_wheel;
static uint64_t test_now_ms;

static void
test_due_cb(struct wheel_timer *timer, void *arg)
{
	struct test_timer *t = (struct test_timer *)(void *)timer;

	assert_ptr_equal(arg, &test_now_ms);
	assert_false(wheel_is_set(timer));
	t->calls++;
	t->called_ms = test_now_ms;
	if (t->then != NULL)
		t->then(t);
}

static void
test_turn(uint64_t now_ms)
{
	test_now_ms = now_ms;
	wheel_turn(&test_wheel, now_ms, test_due_cb, &test_now_ms);
}

/* Turned as the loop does it, each tick. */
static void
test_turn_up_to(uint64_t now_ms)
{
	while (test_now_ms + WHEEL_TICK_MS <= now_ms)
		test_turn(test_now_ms + WHEEL_TICK_MS);
}

static void
test_start(uint64_t now_ms)
{
	wheel_init(&test_wheel, now_ms);
	test_now_ms = now_ms;
}

static void
test_set(struct test_timer *t, uint64_t due_ms)
{
	wheel_set(&test_wheel, &t->timer, due_ms);
	assert_true(wheel_is_set(&t->timer));
}

/* Due so long after so odd a moment, and turned in such steps. */
static void
test_when(void **state)
{
	static const uint64_t starts[] = { 0, 1, 49, 50, 51, 12345,
		TEST_TURN_MS - 1, TEST_TURN_MS, 1763620000123 };
	static const uint64_t delays[] = { 0, 1, 25, 49, 50, 51, 99, 100, 101,
		1000, TEST_TURN_MS - 51, TEST_TURN_MS - 50, TEST_TURN_MS - 1,
		TEST_TURN_MS, TEST_TURN_MS + 1, TEST_TURN_MS + 50,
		(uint64_t)2 * TEST_TURN_MS + 7, (uint64_t)5 * TEST_TURN_MS };
	struct test_timer t;
	size_t i, j;
	uint64_t due;

	(void)state;
	for (i = 0; i < sizeof starts / sizeof *starts; i++) {
		for (j = 0; j < sizeof delays / sizeof *delays; j++) {
			test_start(starts[i]);
			memset(&t, 0, sizeof t);
			due = starts[i] + delays[j];
			test_set(&t, due);
			assert_int_equal(test_wheel.count, 1);
			test_turn_up_to(due + (uint64_t)3 * WHEEL_TICK_MS);
			assert_int_equal(t.calls, 1);
			assert_true(t.called_ms >= due);
			assert_true(t.called_ms <=
			    due + (uint64_t)2 * WHEEL_TICK_MS);
			assert_int_equal(test_wheel.count, 0);
		}
	}
}

/* Turned at every millisecond it is late by less than a tick. */
static void
test_late(void **state)
{
	struct test_timer t = { 0 };
	uint64_t due, now;

	(void)state;
	test_start(0);
	for (due = 51; due < 500; due += 7) {
		now = test_now_ms;
		if (due <= now)
			continue;
		t.calls = 0;
		test_set(&t, due);
		while (t.calls == 0)
			test_turn(++now);
		assert_true(t.called_ms >= due);
		assert_true(t.called_ms < due + WHEEL_TICK_MS);
	}
}

static void
test_past(void **state)
{
	struct test_timer t = { 0 };

	(void)state;
	test_start(100000);
	test_set(&t, 5);
	test_turn(100000);
	test_turn(100049);
	assert_int_equal(t.calls, 0);
	test_turn(100050);
	assert_int_equal(t.calls, 1);
	test_turn(100100);
	assert_int_equal(t.calls, 1);
}

static void
test_move_and_clear(void **state)
{
	struct test_timer a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	test_start(0);
	assert_false(wheel_is_set(&a.timer));
	wheel_clear(&test_wheel, &a.timer);
	assert_int_equal(test_wheel.count, 0);
	/* Three in one slot; each place of the list is taken out. */
	test_set(&a, 100);
	test_set(&b, 100);
	test_set(&c, 100);
	wheel_clear(&test_wheel, &b.timer);
	assert_false(wheel_is_set(&b.timer));
	wheel_clear(&test_wheel, &b.timer);
	assert_int_equal(test_wheel.count, 2);
	test_set(&a, 300); /* later */
	assert_int_equal(test_wheel.count, 2);
	test_turn_up_to(250);
	assert_int_equal(a.calls + b.calls, 0);
	assert_int_equal(c.calls, 1);
	test_set(&c, 1000);
	test_set(&c, 300); /* sooner */
	test_turn_up_to(400);
	assert_int_equal(a.calls, 1);
	assert_int_equal(c.calls, 2);
	assert_int_equal(b.calls, 0);
	assert_int_equal(test_wheel.count, 0);
}

/* After a long sleep everything is due at once, and what is not stays. */
static void
test_sleep(void **state)
{
	struct test_timer t[50], late = { 0 };
	size_t i;

	(void)state;
	memset(t, 0, sizeof t);
	test_start(7);
	for (i = 0; i < 50; i++)
		test_set(&t[i], 1000 * i);
	test_set(&late, 100 * (uint64_t)TEST_TURN_MS + 60);
	test_turn(100 * (uint64_t)TEST_TURN_MS);
	for (i = 0; i < 50; i++)
		assert_int_equal(t[i].calls, 1);
	assert_int_equal(late.calls, 0);
	test_turn_up_to(100 * (uint64_t)TEST_TURN_MS + 50);
	assert_int_equal(late.calls, 0);
	test_turn_up_to(100 * (uint64_t)TEST_TURN_MS + 100);
	assert_int_equal(late.calls, 1);
	/* A clock that steps back turns nothing. */
	test_set(&t[0], test_now_ms + 100);
	test_turn(5);
	assert_int_equal(t[0].calls, 1);
}

static struct test_timer test_pair[2];

static void
test_clear_other_cb(struct test_timer *t)
{
	wheel_clear(&test_wheel, &test_pair[t == test_pair].timer);
}

static void
test_move_other_cb(struct test_timer *t)
{
	test_set(&test_pair[t == test_pair], test_now_ms + 500);
}

static void
test_again_cb(struct test_timer *t)
{
	/* Due at once, and in the slot that is being turned. */
	if (t->calls < 5)
		test_set(t,
		    t->calls % 2 == 0 ? test_now_ms
				      : test_now_ms + TEST_TURN_MS);
}

static void
test_callbacks(void **state)
{
	uint64_t end;

	(void)state;
	test_start(0);
	memset(test_pair, 0, sizeof test_pair);
	test_pair[0].then = test_pair[1].then = test_clear_other_cb;
	test_set(&test_pair[0], 100);
	test_set(&test_pair[1], 100);
	test_turn_up_to(1000);
	assert_int_equal(test_pair[0].calls + test_pair[1].calls, 1);
	assert_int_equal(test_wheel.count, 0);

	test_start(0);
	memset(test_pair, 0, sizeof test_pair);
	test_pair[0].then = test_pair[1].then = test_move_other_cb;
	test_set(&test_pair[0], 100);
	test_set(&test_pair[1], 100);
	test_turn_up_to(550);
	assert_int_equal(test_pair[0].calls + test_pair[1].calls, 1);
	test_turn_up_to(650);
	assert_int_equal(test_pair[0].calls + test_pair[1].calls, 2);

	test_start(0);
	memset(test_pair, 0, sizeof test_pair);
	test_pair[0].then = test_again_cb;
	test_set(&test_pair[0], 100);
	end = (uint64_t)3 * TEST_TURN_MS;
	test_turn_up_to(end);
	assert_int_equal(test_pair[0].calls, 5);
	assert_int_equal(test_wheel.count, 0);
}

/* A timer that sets itself for now is called once a tick, not for ever. */
static void
test_for_ever_cb(struct test_timer *t)
{
	test_set(t, test_now_ms);
}

static void
test_for_ever(void **state)
{
	struct test_timer t = { .then = test_for_ever_cb };

	(void)state;
	test_start(0);
	test_set(&t, 0);
	test_turn(50);
	assert_int_equal(t.calls, 1);
	test_turn(100);
	assert_int_equal(t.calls, 2);
	/* Even when many ticks are made up for it comes to an end. */
	test_turn(100 * (uint64_t)TEST_TURN_MS);
	assert_true(t.calls <= 2 + WHEEL_SLOTS);
}

static void
test_model_turn(struct test_timer *timers, uint64_t step_ms)
{
	struct test_timer *t;
	unsigned before[TEST_TIMERS];
	uint64_t due[TEST_TIMERS];
	size_t i, set = 0;
	int was_set[TEST_TIMERS];

	for (i = 0; i < TEST_TIMERS; i++) {
		before[i] = timers[i].calls;
		was_set[i] = wheel_is_set(&timers[i].timer);
		due[i] = timers[i].timer.due_ms;
	}
	test_turn(test_now_ms + step_ms);
	for (i = 0; i < TEST_TIMERS; i++) {
		t = &timers[i];
		set += wheel_is_set(&t->timer);
		if (t->calls == before[i]) {
			assert_int_equal(wheel_is_set(&t->timer), was_set[i]);
			assert_true(!was_set[i] ||
			    due[i] + WHEEL_TICK_MS > test_now_ms);
			continue;
		}
		assert_int_equal(t->calls, before[i] + 1);
		assert_true(was_set[i]);
		assert_true(due[i] <= test_now_ms);
	}
	assert_int_equal(set, test_wheel.count);
}

static void
test_model(void **state)
{
	struct test_timer *timers = calloc(TEST_TIMERS, sizeof *timers), *t;
	uint64_t seed = 4;
	unsigned step;

	(void)state;
	assert_non_null(timers);
	test_start(123456789);
	for (step = 0; step < 30000; step++) {
		t = &timers[support_random(&seed, TEST_TIMERS)];
		switch (support_random(&seed, 8)) {
		case 0:
			wheel_clear(&test_wheel, &t->timer);
			break;
		case 1:
			test_model_turn(timers, support_random(&seed, 120));
			break;
		case 2:
			if (step % 50 == 0)
				test_model_turn(timers,
				    support_random(&seed, 3 * TEST_TURN_MS));
			break;
		default:
			/* A moment that is not before the tick in hand. */
			test_set(t,
			    test_now_ms + WHEEL_TICK_MS +
				support_random(&seed,
				    step % 3 ? 1000 : 3 * TEST_TURN_MS));
			break;
		}
	}
	for (step = 0; step < TEST_TIMERS; step++)
		wheel_clear(&test_wheel, &timers[step].timer);
	assert_int_equal(test_wheel.count, 0);
	free(timers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_past),
		cmocka_unit_test(test_move_and_clear),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_callbacks),
		cmocka_unit_test(test_for_ever),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
