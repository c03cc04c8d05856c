/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What it costs to follow many channels, and the bound of it: strangers choose
 * their names and their number.
 */

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/streams.h"
#include "lib/support.h"

enum {
	TEST_STREAMS = 64,
	TEST_CHANNELS = 64,
	TEST_CHANNEL_BYTES = 128, /* beyond the channel itself */
	TEST_CHUNK_BYTES = 8,     /* of the allocator, beside what it gives */
	TEST_NAME_SIZE = 16
};

static struct streams test_hub;
static struct streams_client test_clients[TEST_STREAMS];
static size_t test_bytes; /* allocated, and not freed */

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void __wrap_free(void *);

static size_t
test_size(void *p)
{
	return p == NULL ? 0 : malloc_usable_size(p) + TEST_CHUNK_BYTES;
}

void *
__wrap_malloc(size_t size)
{
	void *p = __real_malloc(size);

	test_bytes += test_size(p);
	return p;
}

void *
__wrap_calloc(size_t count, size_t size)
{
	void *p = __real_calloc(count, size);

	test_bytes += test_size(p);
	return p;
}

void *
__wrap_realloc(void *old, size_t size)
{
	size_t before = test_size(old);
	void *p = __real_realloc(old, size);

	if (p != NULL)
		test_bytes += test_size(p) - before;
	return p;
}

void
__wrap_free(void *p)
{
	test_bytes -= test_size(p);
	__real_free(p);
}

/* Asks for so many channels; the names go on from first. */
static enum hub_answer
test_ask(struct streams_client *c, size_t first, size_t count)
{
	char names[TEST_CHANNELS * TEST_NAME_SIZE] = "";
	struct streams_request r = { .channels = names };
	size_t len = 0, i;

	for (i = 0; i < count; i++)
		len += (size_t)snprintf(names + len, sizeof names - len,
		    "%sc%zu", i > 0 ? "," : "", first + i);
	return streams_ask(&test_hub, c, &r);
}

static void
test_close_all(size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		streams_close(&test_clients[i]);
	streams_teardown(&test_hub);
}

/* What streams of so many channels take in memory. */
static size_t
test_take(size_t count, bool is_shared)
{
	size_t begin, taken, i;

	streams_setup(&test_hub, NULL);
	begin = test_bytes;
	for (i = 0; i < TEST_STREAMS; i++)
		assert_int_equal(test_ask(&test_clients[i],
				     is_shared ? 0 : i * count, count),
		    HUB_OPENED);
	taken = test_bytes - begin;
	assert_int_equal(test_hub.hub->streams.following, TEST_STREAMS * count);
	test_close_all(TEST_STREAMS);
	return taken;
}

static void
test_memory(void **state)
{
	static const struct {
		const char *what;
		bool is_shared;
		size_t channel_bytes;
	} cases[] = {
		{ "channels that others follow, too", true, 0 },
		{ "channels of one's own", false,
		    sizeof(struct channel) + TEST_NAME_SIZE },
	};
	size_t i, bytes, most;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		bytes = test_take(TEST_CHANNELS, cases[i].is_shared) -
		    test_take(1, cases[i].is_shared);
		most = (size_t)TEST_STREAMS * (TEST_CHANNELS - 1) *
		    (cases[i].channel_bytes + TEST_CHANNEL_BYTES);
		if (bytes == 0 || bytes > most)
			fail_msg("%s: %zu bytes, %zu a channel", cases[i].what,
			    bytes, bytes / TEST_STREAMS / (TEST_CHANNELS - 1));
	}
}

/* One after the other; whoever is turned away leaves nothing behind. */
static void
test_bound(void **state)
{
	static const char *const settings[] = { "max-followed=10", NULL };
	static const struct {
		size_t count;
		enum hub_answer answer;
		size_t following;
	} asks[] = {
		{ 11, HUB_FOLLOWED_FULL, 0 },
		{ 9, HUB_OPENED, 9 },
		{ 2, HUB_FOLLOWED_FULL, 9 },
		{ 1, HUB_OPENED, 10 },
		{ 2, HUB_FOLLOWED_FULL, 10 },
		/* One is always allowed: max-streams is for these. */
		{ 1, HUB_OPENED, 11 },
		{ 2, HUB_FOLLOWED_FULL, 11 },
	};
	struct streams_client *c = test_clients;
	size_t i, channels = 0;

	(void)state;
	streams_setup(&test_hub, settings);
	for (i = 0; i < sizeof asks / sizeof *asks; i++, c++) {
		assert_int_equal(test_ask(c, i * TEST_CHANNELS, asks[i].count),
		    asks[i].answer);
		channels += c->stream == NULL ? 0 : asks[i].count;
		assert_int_equal(test_hub.hub->streams.following,
		    asks[i].following);
		assert_int_equal(test_hub.hub->channels.table.count, channels);
	}
	assert_int_equal(test_hub.hub->counters.followed_full, 4);
	assert_int_equal(test_hub.hub->counters.turned_away, 4);
	/* Whoever leaves makes room. */
	stream_kill(test_clients[1].stream, STREAM_CLIENT);
	streams_reap(test_hub.hub);
	assert_int_equal(test_hub.hub->streams.following, 2);
	assert_int_equal(test_ask(c, i * TEST_CHANNELS, 8), HUB_OPENED);
	test_close_all(i + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
