/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* A channel's part of a read that is trimmed between two of its answers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "store/redis_part.h"

struct test_run {
	struct store_redis store;
	struct store_read read;
	struct store_range range;
	struct redis_part part;
};

static int
setup(void **state)
{
	struct test_run *run = calloc(1, sizeof *run);

	assert_non_null(run);
	run->read.upto = (struct id){ 100, 0 };
	run->range.name = "a";
	redis_part_begin(&run->part, &run->store, &run->read, &run->range);
	*state = run;
	return 0;
}

static int
teardown(void **state)
{
	struct test_run *run = *state;

	redis_part_clear(&run->part);
	free(run);
	return 0;
}

/* An answer with one run of an event, MS-0, behind MS-0 of another. */
static int
test_answer(struct test_run *run, char before, char ms, bool has_more)
{
	char first[12] = { 0 }, header[REDIS_LIST_HEADER_BYTES] = { 0 };
	char event[REDIS_EVENT_BYTES] = { 0 };
	redisReply number = { .type = REDIS_REPLY_INTEGER, .integer = 2 };
	redisReply more = { .type = REDIS_REPLY_INTEGER, .integer = has_more };
	redisReply text[] = {
		{ .type = REDIS_REPLY_STRING, .str = first, .len = 12 },
		{ .type = REDIS_REPLY_STRING,
		    .str = header,
		    .len = sizeof header },
		{ .type = REDIS_REPLY_STRING,
		    .str = event,
		    .len = sizeof event },
	};
	redisReply *parts[] = { &number, &number, &more, &text[0], &text[1],
		&text[2] };
	redisReply reply = {
		.type = REDIS_REPLY_ARRAY, .elements = 6, .element = parts
	};

	first[7] = header[39] = before;
	header[7] = ms;
	header[23] = 1;
	return redis_part_take(&run->part, &run->range, &reply);
}

/* An answer, its event taken: it wants more. */
static void
test_first(struct test_run *run)
{
	assert_int_equal(test_answer(run, 0, 5, true), 0);
	assert_true(run->part.has_event);
	redis_part_next(&run->part, &run->range);
	assert_false(run->part.has_event);
	assert_true(redis_part_wants(&run->part));
	assert_int_equal(run->part.after.ms, 5);
}

static void
test_list_goes(void **state)
{
	struct test_run *run = *state;
	redisReply nil = { .type = REDIS_REPLY_NIL };

	test_first(run);
	assert_int_equal(redis_part_take(&run->part, &run->range, &nil), 1);
	assert_true(redis_part_wants(&run->part));
	assert_int_equal(redis_part_take(&run->part, &run->range, &nil), 0);
	assert_false(redis_part_wants(&run->part));
}

static void
test_list_is_trimmed(void **state)
{
	struct test_run *run = *state;

	test_first(run);
	assert_int_equal(test_answer(run, 8, 9, false), 1);
	assert_int_equal(run->part.floor.ms, 8);
	assert_true(redis_part_wants(&run->part));
	assert_int_equal(test_answer(run, 8, 9, false), 0);
	assert_true(run->part.has_event);
	assert_int_equal(run->part.id.ms, 9);
	redis_part_next(&run->part, &run->range);
	assert_false(redis_part_wants(&run->part));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_list_goes),
		TEST(test_list_is_trimmed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
