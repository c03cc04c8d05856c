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

#include "hub/run.h"
#include "hub/status.h"
#include "lib/streams.h"

/* What the hub remembers of runs that are over: so many, for so long. */

enum {
	TEST_MORE = 5, /* than are remembered */
	TEST_KEY_MS = 100000
};

static struct streams test_hub;

static int
setup(void **state)
{
	static const char *const settings[] = { "key-seconds=100", NULL };

	(void)state;
	streams_setup(&test_hub, settings);
	hub_now(test_hub.hub);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	streams_teardown(&test_hub);
	return 0;
}

/* "run/7" */
static struct text_span
test_name(unsigned number, char name[32])
{
	int len = snprintf(name, 32, "run/%u", number);

	return (struct text_span){ name, (size_t)len };
}

static struct hub_run *
test_begin(unsigned number)
{
	static const struct hub_run_hooks hooks = { NULL };
	char name[32];
	const struct hub_run_options options = {
		.channel = test_name(number, name),
		.key = { "k", 1 },
		.user = "ann",
		.begin = hub_run_position(test_hub.hub),
		.hooks = &hooks,
	};
	struct hub_run *run = hub_run_begin(test_hub.hub, &options);

	assert_non_null(run);
	return run;
}

/* Runs that end at once, with the numbers from one to below another. */
static void
test_end(unsigned from, unsigned below, struct id end)
{
	unsigned i;

	for (i = from; i < below; i++)
		hub_run_end(test_begin(i), end);
}

/* When they end that end now. */
static struct id
test_now(void)
{
	return (struct id){ test_hub.hub->clock.wall_ms, 0 };
}

/* Whether a run is known by its channel; by its key it is then, too. */
static bool
test_knows(unsigned number)
{
	char name[32];
	const struct text_span channel = test_name(number, name);
	const struct hub_run *run = hub_run_find(test_hub.hub, channel);

	assert_ptr_equal(hub_run_find_key(test_hub.hub, channel,
			     (struct text_span){ "k", 1 }),
	    run);
	return run != NULL;
}

static void
test_most(void **state)
{
	struct hub_run *going = test_begin(RUNS_MAX + TEST_MORE);
	struct hub_figures figures;
	unsigned i;

	(void)state;
	test_end(0, RUNS_MAX, test_now());
	assert_true(test_knows(0));
	test_end(RUNS_MAX, RUNS_MAX + TEST_MORE, test_now());
	for (i = 0; i < TEST_MORE; i++)
		assert_false(test_knows(i));
	for (; i <= RUNS_MAX + TEST_MORE; i++)
		assert_true(test_knows(i));
	/* One that goes on is not of their number. */
	assert_true(hub_run_is_going(going));
	hub_status_take(test_hub.hub, &figures);
	assert_int_equal(figures.runs, 1);
	assert_int_equal(figures.runs_over, RUNS_MAX);
}

/* How long ago it ended, and whether it is known still. */
static void
test_time(void **state)
{
	static const struct {
		int64_t ago_ms;
		bool is_known;
	} rows[] = {
		{ 0, true }, { TEST_KEY_MS, true }, { TEST_KEY_MS + 1, false },
		{ -1000, true }, /* the clock was set back */
	};
	struct id end;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		end = test_now();
		end.ms -= (uint64_t)rows[i].ago_ms;
		test_end(i, i + 1, end);
		assert_int_equal(test_knows(i), rows[i].is_known);
		test_hub.hub->clock.wall_ms += UINT64_C(2) * TEST_KEY_MS;
		assert_false(test_knows(i));
		assert_int_equal(test_hub.hub->runs.over_count, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_most, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time, setup, teardown),
	};

	return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
