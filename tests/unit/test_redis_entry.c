/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* A batch as nodes write it to a Redis and read it there, and what is none. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "store/redis_blob.h"
#include "store/redis_entry.h"

enum {
	TEST_MS = 1000000,
	TEST_CLOCK = 500000 /* the Redis' clock is so far before ours */
};

static const struct redis_now test_now = { TEST_MS, TEST_MS + TEST_CLOCK };

struct test_run {
	struct batch *batch;
	struct redis_blob blob;
};

static int
setup(void **state)
{
	struct test_run *run = calloc(1, sizeof *run);

	assert_non_null(run);
	assert_non_null(run->batch = batch_new());
	assert_int_equal(redis_blob_init(&run->blob), 0);
	*state = run;
	return 0;
}

static int
teardown(void **state)
{
	struct test_run *run = *state;

	redis_blob_clear(&run->blob);
	batch_free(run->batch);
	free(run);
	return 0;
}

/* An event in the channels that are named, each with a letter. */
static void
test_add(struct batch *b, const char *channels, const char *record,
    size_t own_id_len)
{
	static const char names[] = "abcdefghijklmnopqrstuvwxyz";
	struct batch_event e = { .channel_first = b->channel_count,
		.channel_count = strlen(channels),
		.own_id_len = own_id_len,
		.added_ms = TEST_MS };
	struct batch_channel c = {
		.name_len = 1, .keep = 10, .keep_bytes = 99
	};
	size_t i;

	assert_int_equal(batch_reserve(b, e.channel_count), 0);
	if (own_id_len == 0)
		assert_int_equal(batch_put_front(b), 0);
	e.record_off = b->bytes.len;
	e.record_len = strlen(record);
	assert_int_equal(buffer_append(&b->bytes, record, e.record_len), 0);
	for (i = 0; i < e.channel_count; i++) {
		c.name = strchr(names, channels[i]);
		c.keep_ms = (uint64_t)channels[i];
		batch_add_channel(b, &c);
	}
	batch_add_event(b, &e);
}

static void
test_lay_out(struct test_run *run)
{
	size_t i;

	for (i = 0; i < run->batch->event_count; i++)
		assert_int_equal(redis_blob_add(&run->blob, run->batch,
				     &run->batch->events[i]),
		    0);
	assert_int_equal(redis_blob_lay_out(&run->blob, TEST_CLOCK), 0);
	assert_int_equal(run->blob.text.len, run->blob.bytes);
}

/* The blob as it is read; NULL if it is none. */
static struct batch *
test_read(const struct test_run *run, const char *text, size_t len)
{
	struct redis_header h = { .first = { TEST_MS + TEST_CLOCK, 7 },
		.count = (uint32_t)run->blob.item_count };
	const char *why;

	return redis_entry_read(&h, text, len, &test_now, &why);
}

static void
test_some(struct test_run *run)
{
	test_add(run->batch, "a", "data: one\n\n", 0);
	test_add(run->batch, "ba", "data: two\n\n", 0);
	test_add(run->batch, "c", "id: own\ndata: three\n\n", 3);
	run->batch->events[2].expires_ms = TEST_MS + 60;
	test_add(run->batch, "a", "data: four\n\n", 0);
	test_lay_out(run);
}

static void
test_event(const struct batch *b, size_t i, const char *channels,
    const char *record)
{
	const struct batch_event *e = &b->events[i];
	size_t c;

	assert_int_equal(e->channel_count, strlen(channels));
	for (c = 0; c < e->channel_count; c++)
		assert_memory_equal(b->channels[e->channel_first + c].name,
		    channels + c, 1);
	assert_int_equal(e->record_len, strlen(record));
	assert_memory_equal(b->bytes.data + e->record_off, record,
	    e->record_len);
	assert_int_equal(e->added_ms, TEST_MS);
}

static void
test_there_and_back(void **state)
{
	struct test_run *run = *state;
	struct batch *b;

	test_some(run);
	b = test_read(run, run->blob.text.data, run->blob.text.len);
	assert_non_null(b);
	assert_int_equal(b->event_count, 4);
	test_event(b, 0, "a", "id: 1500000-7\ndata: one\n\n");
	test_event(b, 1, "ab", "id: 1500000-8\ndata: two\n\n");
	test_event(b, 2, "c", "id: own\ndata: three\n\n");
	test_event(b, 3, "a", "id: 1500000-10\ndata: four\n\n");
	assert_int_equal(b->events[0].expires_ms, 0);
	assert_int_equal(b->events[2].expires_ms, TEST_MS + 60);
	assert_int_equal(b->events[2].id.n, 9);
	batch_free(b);
}

/* Each prefix is none; each changed byte is one, or none, and no harm. */
static void
test_broken(void **state)
{
	struct test_run *run = *state;
	struct batch *b;
	char *copy;
	size_t len, i;
	int bit;

	test_some(run);
	len = run->blob.text.len;
	for (i = 0; i < len; i++) {
		assert_non_null(copy = malloc(i + 1));
		memcpy(copy, run->blob.text.data, i);
		assert_null(test_read(run, copy, i));
		free(copy);
	}
	/* Of some bytes. NOLINTNEXTLINE(*.UnixAPI) */
	assert_non_null(copy = malloc(len));
	memcpy(copy, run->blob.text.data, len);
	for (i = 0; i < len; i++)
		for (bit = 1; bit < 256; bit <<= 1) {
			copy[i] = (char)(copy[i] ^ bit);
			if ((b = test_read(run, copy, len)) != NULL)
				batch_free(b);
			copy[i] = (char)(copy[i] ^ bit);
		}
	free(copy);
}

/* The bounds: at them, and beyond. */
static void
test_bounds(void **state)
{
	struct test_run *run = *state;
	struct redis_blob *blob = &run->blob;
	char text[REDIS_BLOB_BYTES / 2];
	struct batch_event *e;
	size_t i;

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	test_add(run->batch, "a", "data: 1\n\n", 0);
	test_add(run->batch, "a", text, 0);
	e = run->batch->events;
	for (i = 0; i < REDIS_BLOB_EVENTS; i++)
		assert_int_equal(redis_blob_add(blob, run->batch, e), 0);
	assert_int_equal(redis_blob_add(blob, run->batch, e), 1);
	redis_blob_empty(blob);
	assert_int_equal(redis_blob_add(blob, run->batch, e + 1), 0);
	assert_int_equal(redis_blob_add(blob, run->batch, e), 0);
	assert_int_equal(redis_blob_add(blob, run->batch, e + 1), 1);
	redis_blob_empty(blob);
	/* One event may be larger, and in more channels. */
	e[1].channel_count = e[0].channel_count = 1;
	blob->channel_count = REDIS_BLOB_CHANNELS;
	assert_int_equal(redis_blob_add(blob, run->batch, e), 0);
	assert_int_equal(redis_blob_add(blob, run->batch, e), 1);
	blob->channel_count = 0;
}

/* A channel's long run is several, which are read as one. */
static void
test_long_run(void **state)
{
	struct test_run *run = *state;
	char text[4096];
	struct batch *b;
	size_t i;

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (i = 0; i < 20; i++)
		test_add(run->batch, i % 2 == 0 ? "a" : "ab", text, 0);
	test_lay_out(run);
	assert_int_equal(run->blob.section_count, 5);
	assert_string_equal(run->blob.rules.data, "10 99 97 10 99 98 ");
	b = test_read(run, run->blob.text.data, run->blob.text.len);
	assert_non_null(b);
	assert_int_equal(b->event_count, 20);
	for (i = 0; i < 20; i++) {
		assert_int_equal(b->events[i].channel_count, 1 + i % 2);
		assert_int_equal(b->events[i].id.n, 7 + i);
	}
	batch_free(b);
}

/* A length beyond what a history has room for, of a record and of an id. */
static void
test_large(void **state)
{
	enum {
		SIZE = REDIS_EVENT_BYTES + REDIS_RECORD_MAX + 1
	};
	char *text = calloc(1, SIZE);
	const char *at = text;
	struct redis_event e;
	size_t len = SIZE;

	(void)state;
	assert_non_null(text);
	text[14] = 1; /* 16 MiB */
	assert_false(redis_run_next(&at, &len, &e));
	memset(text + 14, 0xff, 4);
	text[14] = 0;
	assert_true(redis_run_next(&at, &len, &e));
	memcpy(text + REDIS_EVENT_BYTES, "id: ", 4);
	at = text;
	len = SIZE;
	text[12] = 1; /* 256 bytes */
	assert_false(redis_run_next(&at, &len, &e));
	text[12] = 0;
	text[13] = (char)255;
	assert_true(redis_run_next(&at, &len, &e));
	free(text);
}

static void
test_headers(void **state)
{
	static const char good[] = "\0\0\0\0\0\0\0\5\0\0\0\6\0\0\0\1"
				   "\0\0\0\0\0\0\0\3\0\0\0\4node 12";
	struct redis_header h;
	char text[sizeof good + 40];
	size_t len = sizeof good - 1, i;

	(void)state;
	assert_true(redis_header_read(good, len, &h));
	assert_int_equal(h.first.ms, 5);
	assert_int_equal(h.first.n, 6);
	assert_int_equal(h.before.ms, 3);
	assert_int_equal(h.before.n, 4);
	assert_string_equal(h.node, "node");
	assert_int_equal(h.seq, 12);
	for (i = 0; i < len - 1; i++)
		assert_false(redis_header_read(good, i, &h));
	memcpy(text, good, len);
	text[12] = 1; /* too many events */
	assert_false(redis_header_read(text, len, &h));
	memcpy(text, good, len);
	text[len - 1] = 'x';
	assert_false(redis_header_read(text, len, &h));
	memset(text + REDIS_HEADER_BYTES, 'n', 40);
	assert_false(redis_header_read(text, REDIS_HEADER_BYTES + 40, &h));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_there_and_back),
		TEST(test_broken),
		TEST(test_bounds),
		TEST(test_long_run),
		TEST(test_large),
		TEST(test_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
