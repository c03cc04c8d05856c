/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "store/batch.h"

enum {
	BATCH_MANY = 1000
};

/* One event with a record, a key and so many channels. */
static void
test_add(struct batch *b, const char *record, const char *key, size_t channels)
{
	struct batch_channel c = { .name = "c", .name_len = 1 };
	struct batch_event e = { .record_off = b->bytes.len,
		.record_len = strlen(record),
		.channel_first = b->channel_count,
		.channel_count = channels };
	size_t i;

	if (strncmp(record, "id: ", 4) == 0)
		e.own_id_len = strcspn(record + 4, "\n");
	assert_int_equal(batch_reserve(b, channels), 0);
	assert_int_equal(buffer_append(&b->bytes, record, e.record_len), 0);
	e.key_off = b->bytes.len;
	e.key_len = strlen(key);
	assert_int_equal(buffer_append(&b->bytes, key, e.key_len), 0);
	for (i = 0; i < channels; i++) {
		c.keep = i;
		batch_add_channel(b, &c);
	}
	batch_add_event(b, &e);
}

static void
test_empty(void **state)
{
	struct batch *b = batch_new();

	(void)state;
	assert_non_null(b);
	assert_int_equal(b->event_count, 0);
	assert_int_equal(b->channel_count, 0);
	assert_string_equal(b->error, "");
	batch_refuse(b, "why");
	batch_free(b);
	batch_free(NULL);
}

/* What was added stays what it was while the arrays grow. */
static void
test_grow(void **state)
{
	struct batch *b = batch_new();
	const struct batch_event *e;
	char text[64];
	size_t i, k, seen = 0;

	(void)state;
	for (i = 0; i < BATCH_MANY; i++) {
		snprintf(text, sizeof text, "id: 7-%zu\ndata: x\n\n", i);
		test_add(b, text, i % 2 == 0 ? "" : "key", i % 7);
	}
	assert_int_equal(b->event_count, BATCH_MANY);
	for (i = 0; i < BATCH_MANY; i++) {
		e = &b->events[i];
		snprintf(text, sizeof text, "7-%zu", i);
		assert_int_equal(batch_event_id(b, e).len, strlen(text));
		assert_memory_equal(batch_event_id(b, e).text, text,
		    strlen(text));
		assert_int_equal(e->channel_first, seen);
		for (k = 0; k < e->channel_count; k++)
			assert_int_equal(b->channels[seen + k].keep, k);
		seen += e->channel_count;
	}
	assert_int_equal(b->channel_count, seen);
	batch_free(b);
}

/* Room is for what was asked for, also beyond a doubling. */
static void
test_reserve(void **state)
{
	struct batch *b = batch_new();

	(void)state;
	assert_int_equal(batch_reserve(b, 0), 0);
	assert_true(b->event_capacity >= 1);
	assert_int_equal(batch_reserve(b, 256), 0);
	assert_true(b->channel_capacity >= 256);
	assert_int_equal(b->event_count, 0);
	assert_int_equal(b->channel_count, 0);
	test_add(b, "id: 1-0\n\n", "", 256);
	assert_int_equal(batch_reserve(b, 256), 0);
	assert_true(b->channel_capacity >= 512);
	batch_free(b);
}

/* The id is the record's first line, whatever follows, its own or not. */
static void
test_ids(void **state)
{
	static const char *const table[][2] = {
		{ "id: 1763620000123-0\ndata: a\n\n", "1763620000123-0" },
		{ "id: order: 17\nevent: id: 3\ndata\n\n", "order: 17" },
		{ "id:  x\n\n", " x" },
		{ "id: \n\n", "" },
	};
	struct batch *b = batch_new();
	struct text_span id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++)
		test_add(b, table[i][0], "k", 1);
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		id = batch_event_id(b, &b->events[i]);
		assert_int_equal(id.len, strlen(table[i][1]));
		assert_memory_equal(id.text, table[i][1], id.len);
	}
	batch_free(b);
}

/*
 * An event without an own id has none, and a body alone, until it is given one;
 * then its record is as any other.
 */
static void
test_give_ids(void **state)
{
	static const char want[] = "id: 1763620000123-7\ndata: a\n\n";
	struct id last = { 1763620000123, 6 };
	struct batch *b = batch_new();
	const struct batch_event *e;

	(void)state;
	b->wall_ms = 1763620000000;
	assert_int_equal(batch_put_front(b), 0);
	test_add(b, "data: a\n\n", "k", 1);
	test_add(b, "id: own\ndata: b\n\n", "", 1);
	e = b->events;
	assert_int_equal(batch_event_id(b, &e[0]).len, 0);
	assert_true(text_equals(batch_event_body(b, &e[0]), "data: a\n\n"));
	batch_give_ids(b, &last);
	assert_int_equal(last.n, 8);
	assert_int_equal(e[0].record_len, strlen(want));
	assert_memory_equal(b->bytes.data + e[0].record_off, want,
	    strlen(want));
	assert_true(text_equals(batch_event_id(b, &e[0]), "1763620000123-7"));
	assert_true(text_equals(batch_event_body(b, &e[0]), "data: a\n\n"));
	assert_true(text_equals(batch_event_id(b, &e[1]), "own"));
	assert_true(text_equals(batch_event_body(b, &e[1]), "data: b\n\n"));
	assert_int_equal(e[1].id.n, 8);
	/* Whoever has an id keeps it. */
	batch_give_ids(b, &last);
	assert_int_equal(e[0].id.n, 7);
	assert_int_equal(last.n, 8);
	batch_free(b);
}

/* A refusal leaves duplicates alone: they are published already. */
static void
test_refuse(void **state)
{
	struct batch *b = batch_new();
	char why[512];

	(void)state;
	test_add(b, "id: 1-0\n\n", "", 1);
	test_add(b, "id: 1-1\n\n", "k", 1);
	test_add(b, "id: 1-2\n\n", "", 1);
	b->events[1].outcome = BATCH_DUPLICATE;
	b->events[1].first_id = strdup("0-9");
	batch_refuse(b, "the disk is full");
	assert_int_equal(b->events[0].outcome, BATCH_REFUSED);
	assert_int_equal(b->events[1].outcome, BATCH_DUPLICATE);
	assert_int_equal(b->events[2].outcome, BATCH_REFUSED);
	assert_string_equal(b->error, "the disk is full");
	memset(why, 'x', sizeof why);
	why[sizeof why - 1] = '\0';
	batch_refuse(b, why);
	assert_int_equal(strlen(b->error), sizeof b->error - 1);
	batch_free(b);
}

/* One that was used is as a new one, and needs no memory for as much. */
static void
test_again(void **state)
{
	struct batch *b = batch_new();
	size_t memory, i;

	(void)state;
	assert_int_equal(batch_memory(b), sizeof *b);
	for (i = 0; i < BATCH_MANY; i++)
		test_add(b, "id: 1-0\ndata: x\n\n", "key", 2);
	b->events[3].first_id = strdup("0-1");
	b->events[3].outcome = BATCH_DUPLICATE;
	b->fleeting_count = 1;
	batch_refuse(b, "why");
	memory = batch_memory(b);
	assert_true(memory >= sizeof *b + BATCH_MANY * sizeof *b->events);
	batch_empty(b);
	assert_int_equal(b->event_count, 0);
	assert_int_equal(b->channel_count, 0);
	assert_int_equal(b->fleeting_count, 0);
	assert_int_equal(b->bytes.len, 0);
	assert_string_equal(b->error, "");
	for (i = 0; i < BATCH_MANY; i++)
		test_add(b, "id: 1-0\ndata: x\n\n", "key", 2);
	assert_int_equal(batch_memory(b), memory);
	assert_int_equal(b->events[3].outcome, BATCH_ACCEPTED);
	assert_null(b->events[3].first_id);
	batch_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_give_ids),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
