/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Delivery on several threads.  A script that a seed determines, clocks and
 * jitter included, is run with one thread and with several; every client must
 * have got the same, and the hub must have counted the same.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/streams.h"
#include "lib/support.h"

enum {
	TEST_CLIENTS = 900, /* over time */
	TEST_FIRST = 400,   /* when it begins */
	TEST_STEPS = 600,
	TEST_DATA = 4000,
	TEST_SMALL = 4608, /* bytes, a buffer that is soon full */
	TEST_START_MS = 1000000
};

enum test_reader {
	TEST_READS,     /* much, each time */
	TEST_SOMETIMES, /* a little, now and then */
	TEST_NEVER,     /* not before the end */
	TEST_READERS
};

struct test_client {
	struct streams_client c;
	enum test_reader reader;
	bool is_here;
};

/* What a script came to. */
struct test_run {
	struct streams hub;
	uint64_t seed;
	size_t count;
	struct test_client clients[TEST_CLIENTS];
	struct hub_counters counters;
	size_t most_shared; /* streams that kept a part of one block */
	size_t returned;    /* descriptors, and streams opened for them */
	size_t history_bytes;
};

static struct test_run test_runs[2], *test_now;
static uint64_t test_ms, test_jitter;

uint64_t __wrap_clock_monotonic_us(void);
uint64_t __wrap_clock_wall_ms(void);
uint64_t __wrap_loop_random(uint64_t);

uint64_t
__wrap_clock_monotonic_us(void)
{
	return test_ms * 1000;
}

uint64_t
__wrap_clock_wall_ms(void)
{
	return test_ms;
}

uint64_t
__wrap_loop_random(uint64_t below)
{
	return support_random(&test_jitter, (uint32_t)below);
}

static uint32_t
test_random(struct test_run *r, uint32_t below)
{
	return support_random(&r->seed, below);
}

static void
test_set_up(struct test_run *r, const char *threads)
{
	const char *const settings[] = { threads, "keep=25", "heartbeat=7",
		"stall-time=20", "max-time=30", "poll=4", NULL };

	memset(r, 0, sizeof *r);
	test_now = r;
	test_ms = TEST_START_MS;
	test_jitter = 1;
	streams_setup(&r->hub, settings);
	assert_int_equal(r->hub.hub->delivery.fan != NULL,
	    strcmp(threads, "threads=1") != 0);
}

/*
 * Turns of the loop until all is done that can be done at this moment.  The
 * hub's tick is in each of them, so that the time that they take is nothing.
 */
static void
test_turn(struct test_run *r)
{
	int i;

	for (i = 0; i < 4; i++) {
		event_active(r->hub.hub->clock.tick, EV_TIMEOUT, 0);
		event_base_loop(r->hub.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	}
}

static void
test_open(struct test_run *r)
{
	static const char *const channels[] = { "a", "a", "b", "a,b", "b,c",
		"a,b,c,d", "d,a", "c" };
	static const char *const since[] = { NULL, NULL, NULL,
		"9000000000000-1", "unknown", "9000000000000-40" };
	struct streams_request q = { 0 };
	struct test_client *t;
	int small = TEST_SMALL;

	if (r->count == TEST_CLIENTS)
		return;
	t = &r->clients[r->count++];
	q.channels = channels[test_random(r, 8)];
	q.since = since[test_random(r, 6)];
	q.is_framed = test_random(r, 2);
	q.is_poll = test_random(r, 6) == 0;
	q.poll_ms = q.is_poll && test_random(r, 4) ? 4000 : 0;
	q.is_tagged = test_random(r, 4) == 0;
	q.keep = test_random(r, 3) == 0;
	q.user = test_random(r, 9) == 0 ? "ann" : NULL;
	t->reader = test_random(r, TEST_READERS);
	/* As many as there may be of those who go on. */
	if (test_random(r, 3) > 0)
		t->reader = TEST_READS;
	streams_open(&r->hub, &t->c, &q);
	if (t->c.stream != NULL && test_random(r, 2))
		assert_int_equal(setsockopt(t->c.stream->fd, SOL_SOCKET,
				     SO_SNDBUF, &small, sizeof small),
		    0);
	t->is_here = true;
}

/*
 * A descriptor that comes back is used for a new stream at once, as the door
 * does: in the midst of a delivery.
 */
static void
test_returned(void *arg, int fd, struct text_span input)
{
	static const struct text_span channel = { "a", 1 };
	static const struct text_span nothing = { "", 0 };
	struct streams *hub = arg;
	struct subscription sub = { .fd = fd,
		.framing = &hub->framings[0],
		.channels = &channel,
		.channel_count = 1,
		.head = { "again\n", 6 },
		.input = nothing,
		.user = nothing,
		.address = nothing };

	(void)input;
	test_now->returned++;
	assert_int_equal(hub_subscribe(hub->hub, &sub), HUB_OPENED);
}

static void
test_returned_framed(void *arg, int fd, struct text_span input)
{
	(void)arg;
	(void)input;
	test_now->returned++;
	close(fd);
}

static void
test_publish(struct test_run *r)
{
	static const char *const channels[] = { "a", "a", "b", "c", "a,b",
		"a,c,d", "b,d" };
	static char data[TEST_DATA];
	struct event_fields e = { .data = data, .retry_ms = EVENT_RETRY_NONE };
	struct streams_published p;

	memset(data, 'a' + (int)test_random(r, 26), sizeof data);
	e.data_len =
	    test_random(r, 3) ? test_random(r, 100) : test_random(r, TEST_DATA);
	e.expires_ms = test_random(r, 4) == 0 ? test_random(r, 3000) : 0;
	assert_int_equal(streams_publish_event(&r->hub,
			     channels[test_random(r, 7)], &e, &p),
	    0);
	r->hub.published = NULL;
}

/* Those who keep a part of the block of which most do. */
static void
test_count_shared(struct test_run *r)
{
	struct stream *s, *with;
	size_t shared;

	/* Written out, for cppcheck does not know the macro. */
	s = TAILQ_FIRST(&r->hub.hub->streams.list);
	for (; s != NULL; s = TAILQ_NEXT(s, link)) {
		if (s->unit == NULL || s->unit_framed)
			continue;
		shared = 0;
		with = TAILQ_FIRST(&r->hub.hub->streams.list);
		for (; with != NULL; with = TAILQ_NEXT(with, link))
			shared += with->unit == s->unit;
		if (shared > r->most_shared)
			r->most_shared = shared;
	}
}

static void
test_take_some(struct test_client *t, size_t len)
{
	struct buffer *to = t->c.is_framed ? &t->c.wire : &t->c.text;
	char *room = buffer_reserve(to, len);
	ssize_t n;

	assert_non_null(room);
	n = read(t->c.fd, room, len);
	if (n > 0)
		buffer_commit(to, (size_t)n);
}

static void
test_read(struct test_run *r)
{
	struct test_client *t;
	size_t i;

	for (i = 0; i < r->count; i++) {
		t = &r->clients[i];
		if (!t->is_here)
			continue;
		if (t->reader == TEST_READS)
			test_take_some(t, 8192);
		else if (t->reader == TEST_SOMETIMES && test_random(r, 8) == 0)
			test_take_some(t, 1 + test_random(r, 3000));
	}
}

static void
test_leave(struct test_run *r)
{
	struct test_client *t = &r->clients[test_random(r, (uint32_t)r->count)];

	if (!t->is_here)
		return;
	t->is_here = false;
	close(t->c.fd);
}

static void
test_end_some(struct test_run *r)
{
	switch (test_random(r, 12)) {
	case 0:
		hub_close_channel(r->hub.hub, "d", 1, false);
		break;
	case 1:
		hub_close_user(r->hub.hub, "ann", false);
		break;
	default:
		hub_close_stream(r->hub.hub,
		    test_random(r, (uint32_t)r->count));
	}
}

static void
test_step(struct test_run *r)
{
	uint32_t i;

	for (i = test_random(r, 5); i > 0; i--)
		test_publish(r);
	if (test_random(r, 3) == 0)
		test_open(r);
	/* Its end is found by the delivery, or by the loop. */
	if (test_random(r, 6) == 0)
		test_leave(r);
	if (test_random(r, 8) == 0)
		test_end_some(r);
	if (test_random(r, 4) > 0)
		streams_deliver(&r->hub);
	if (test_random(r, 16) == 0)
		test_count_shared(r);
	if (test_random(r, 3) == 0)
		test_ms += test_random(r, 400);
	if (test_random(r, 2))
		test_turn(r);
	test_read(r);
}

/* All read to the end; then the hub is as empty as it can be. */
static void
test_finish(struct test_run *r)
{
	struct test_client *t;
	size_t i, got, idle = 0;

	streams_deliver(&r->hub);
	while (idle < 4) {
		test_turn(r);
		for (got = i = 0; i < r->count; i++) {
			t = &r->clients[i];
			if (t->is_here)
				got += streams_take(&t->c);
		}
		idle = got == 0 ? idle + 1 : 0;
	}
	r->counters = r->hub.hub->counters;
	r->history_bytes = r->hub.hub->channels.history_bytes;
	for (i = 0; i < r->count; i++)
		if (r->clients[i].is_here)
			close(r->clients[i].c.fd);
	test_turn(r);
	assert_int_equal(r->hub.hub->streams.count, 0);
	streams_teardown(&r->hub);
}

static void
test_run(struct test_run *r, const char *threads, uint64_t seed)
{
	size_t i;

	test_set_up(r, threads);
	r->hub.framings[0].returned = test_returned;
	r->hub.framings[1].returned = test_returned_framed;
	r->seed = seed;
	for (i = 0; i < TEST_FIRST; i++)
		test_open(r);
	for (i = 0; i < TEST_STEPS; i++)
		test_step(r);
	test_finish(r);
}

static void
test_clear(struct test_run *r)
{
	size_t i;

	for (i = 0; i < r->count; i++) {
		buffer_clear(&r->clients[i].c.wire);
		buffer_clear(&r->clients[i].c.text);
	}
}

static void
test_compare(const struct test_run *one, const struct test_run *many)
{
	const struct streams_client *a, *b;
	size_t i;

	assert_int_equal(many->count, one->count);
	for (i = 0; i < one->count; i++) {
		a = &one->clients[i].c;
		b = &many->clients[i].c;
		if (a->text.len != b->text.len || a->is_over != b->is_over ||
		    a->is_ended != b->is_ended ||
		    (a->text.len > 0 &&
			memcmp(a->text.data, b->text.data, a->text.len) != 0))
			fail_msg("client %zu: %zu bytes instead of %zu", i,
			    b->text.len, a->text.len);
		assert_int_equal(a->wire.len, b->wire.len);
	}
	assert_memory_equal(&many->counters, &one->counters,
	    sizeof one->counters);
	assert_int_equal(many->most_shared, one->most_shared);
	assert_int_equal(many->returned, one->returned);
	assert_int_equal(many->history_bytes, one->history_bytes);
}

/* The script was about all that it was to be about. */
static void
test_check_script(const struct test_run *r)
{
	assert_true(r->counters.delivered > 50000);
	assert_true(r->counters.gaps > 20);
	assert_true(r->counters.polls > 20);
	assert_true(r->counters.closed > 300);
	assert_true(r->most_shared > 5);
	assert_true(r->returned > 20);
}

static void
test_same(void **state)
{
	static const char *const threads[] = { "threads=2", "threads=4",
		"threads=7" };
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 3; seed++) {
		test_run(&test_runs[0], "threads=1", seed);
		test_check_script(&test_runs[0]);
		test_run(&test_runs[1], threads[seed - 1], seed);
		test_compare(&test_runs[0], &test_runs[1]);
		test_clear(&test_runs[0]);
		test_clear(&test_runs[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests_name("fan", tests, NULL, NULL);
}
