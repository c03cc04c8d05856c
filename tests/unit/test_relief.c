/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Memory goes back to the system when a flood is over, and not before. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/streams.h"

enum {
	TEST_BYTES = 60000,
	TEST_FLOOD = 2 * RELIEF_FLOOD / TEST_BYTES /* events, freed twice */
};

static struct streams test_hub;
static unsigned test_trims;

int __wrap_malloc_trim(size_t);

int
__wrap_malloc_trim(size_t pad)
{
	(void)pad;
	test_trims++;
	return 1;
}

static int
setup(void **state)
{
	static const char *const settings[] = { "keep=1", NULL };

	(void)state;
	test_trims = 0;
	streams_setup(&test_hub, settings);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	streams_teardown(&test_hub);
	return 0;
}

static void
test_publish(size_t events)
{
	char data[TEST_BYTES + 1];
	size_t i;

	memset(data, 'x', TEST_BYTES);
	data[TEST_BYTES] = '\0';
	for (i = 0; i < events; i++) {
		streams_publish(&test_hub, "a", data);
		streams_deliver(&test_hub);
	}
}

/* What little frees wakes nobody up. */
static void
test_little(void **state)
{
	(void)state;
	test_publish(10);
	assert_false(test_hub.hub->relief.is_set);
}

static void
test_flood(void **state)
{
	struct hub_relief *r = &test_hub.hub->relief;
	uint64_t seen;

	(void)state;
	test_publish(TEST_FLOOD);
	assert_true(r->is_set);
	/* It goes on: not yet. */
	seen = r->seen;
	test_publish(10);
	while (r->seen == seen)
		event_base_loop(test_hub.base, EVLOOP_ONCE);
	assert_int_equal(test_trims, 0);
	/* It is over. */
	while (r->is_set)
		event_base_loop(test_hub.base, EVLOOP_ONCE);
#ifdef HAVE_MALLOC_TRIM
	assert_int_equal(test_trims, 1);
#endif
	assert_int_equal(r->freed, 0);
}

/* What comes every second, and is little beside the flood, puts nothing off. */
static void
test_traffic(void **state)
{
	struct hub_relief *r = &test_hub.hub->relief;
	uint64_t seen;

	(void)state;
	test_publish(TEST_FLOOD);
	seen = r->seen;
	while (r->seen == seen)
		event_base_loop(test_hub.base, EVLOOP_ONCE);
	test_publish(2);
	assert_true(r->freed - r->seen > RELIEF_QUIET);
	seen = r->seen;
	while (r->is_set && r->seen == seen)
		event_base_loop(test_hub.base, EVLOOP_ONCE);
	assert_false(r->is_set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_little, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_traffic, setup, teardown),
	};

	return cmocka_run_group_tests_name("relief", tests, NULL, NULL);
}
