/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Sockets that take only a part of what they are given, cut at every byte. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "lib/streams.h"
#include "lib/support.h"

static struct streams test_hub;

ssize_t __wrap_send(int, const void *, size_t, int);
ssize_t __wrap_sendmsg(int, const struct msghdr *, int);

/* How the next calls go. */
static size_t test_budget; /* bytes that are taken before the socket is full */
static size_t test_piece;  /* bytes that one call takes at most */
static uint64_t test_seed; /* if not 0: pieces and errors at random */

/* 0: errno says why nothing was taken. */
static size_t
test_random_piece(void)
{
	switch (support_random(&test_seed, 8)) {
	case 0:
		errno = EAGAIN;
		return 0;
	case 1:
		errno = EINTR;
		return 0;
	case 2:
		return 1;
	case 3:
		return 1 + support_random(&test_seed, 100000);
	default:
		return 1 + support_random(&test_seed, 100);
	}
}

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	const struct iovec *iov = m->msg_iov;
	size_t take, n, i, count = m->msg_iovlen, all = 0, at = 0;
	ssize_t done;
	char *flat;

	assert_int_equal(flags, MSG_DONTWAIT | MSG_NOSIGNAL);
	for (i = 0; i < count; i++)
		all += iov[i].iov_len;
	assert_true(all > 0);
	errno = EAGAIN;
	take = test_seed != 0 ? test_random_piece() : test_piece;
	take = take < test_budget ? take : test_budget;
	if (take == 0)
		return -1;
	take = take < all ? take : all;
	flat = malloc(take); /* NOLINT(*.UnixAPI): more than 0 */
	assert_non_null(flat);
	for (i = 0; i < count && at < take; i++, at += n) {
		n = iov[i].iov_len < take - at ? iov[i].iov_len : take - at;
		memcpy(flat + at, iov[i].iov_base, n);
	}
	done = write(fd, flat, take);
	free(flat);
	test_budget -= done > 0 ? (size_t)done : 0;
	return done;
}

ssize_t
__wrap_send(int fd, const void *data, size_t len, int flags)
{
	struct iovec iov = { .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	memcpy(&iov.iov_base, &data, sizeof data);
	return __wrap_sendmsg(fd, &m, flags);
}

/* Whether streams are told of which channel events are; and of which last. */
static bool test_is_tagged;
static const char *test_told;

static void
test_put_event(struct buffer *want, const char *channel, unsigned n,
    const char *data)
{
	if (test_is_tagged &&
	    (test_told == NULL || strcmp(test_told, channel) != 0))
		buffer_printf(want, ": channel %s\n", channel);
	test_told = channel;
	streams_put_event(want, n, data);
}

static void
test_script(size_t budget, size_t piece, uint64_t seed)
{
	test_budget = budget;
	test_piece = piece;
	test_seed = seed;
}

/* Events to channels of which a stream follows the first two. */
static void
test_batch(struct buffer *want, unsigned first, unsigned count)
{
	static const char *const channels[] = { "a", "b", "a", "a,b", "c" };
	static const char *const came_by[] = { "a", "b", "a", "a" };
	char data[64];
	unsigned i, n;

	for (i = first; i < first + count; i++) {
		snprintf(data, sizeof data, "%u%.*s", i, (int)(i % 23),
		    "....,....,....,....,...");
		n = streams_publish(&test_hub, channels[i % 5], data);
		if (i % 5 != 4)
			test_put_event(want, came_by[i % 5], n, data);
	}
}

/* Until so much has come (and the end of file, if that is to come). */
static void
test_settle(struct streams_client *c, size_t len, bool to_end)
{
	unsigned turns;

	for (turns = 0; turns < 100000; turns++) {
		event_base_loop(test_hub.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		streams_take(c);
		if (c->text.len >= len && c->wire.len == 0 &&
		    c->is_over == to_end)
			return;
		test_budget = SIZE_MAX; /* a full socket takes more some time */
	}
	fail();
}

/*
 * A stream that begins with history, grows twice and ends.  Returns how many
 * bytes that took on the wire.
 */
static uint64_t
test_life(bool is_framed, size_t budget, size_t piece, uint64_t seed)
{
	struct streams_request r = { .channels = "a,b",
		.is_framed = is_framed,
		.is_tagged = test_is_tagged,
		.has_last = true,
		.last = 2 };
	struct streams_client c;
	struct buffer want = { 0 };
	uint64_t bytes;

	streams_setup(&test_hub, NULL);
	test_script(SIZE_MAX, SIZE_MAX, 0);
	test_batch(&want, 0, 7);
	streams_deliver(&test_hub);
	/* Of a the last two are 3 and 5, of b 3 and 6. */
	buffer_clear(&want);
	streams_put_head(&want, "9000000000000-2");
	test_told = NULL;
	test_put_event(&want, "a", 4, "3...");
	test_put_event(&want, "a", 6, "5....,");
	test_put_event(&want, "b", 7, "6....,.");
	test_script(budget, piece, seed);
	streams_open(&test_hub, &c, &r);
	test_batch(&want, 7, 5);
	streams_deliver(&test_hub);
	event_base_loop(test_hub.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	test_batch(&want, 12, 4);
	streams_deliver(&test_hub);
	test_settle(&c, want.len, false);
	hub_close_channel(test_hub.hub, "a", 1, false);
	buffer_append_text(&want,
	    "event: crier.end\ndata: {\"reason\":\"closed\"}\n\n");
	test_settle(&c, want.len, true);
	assert_int_equal(c.is_ended, is_framed);
	streams_assert(&c, &want);
	bytes = test_hub.hub->counters.bytes;
	streams_close(&c);
	buffer_clear(&want);
	streams_teardown(&test_hub);
	return bytes;
}

/* The socket is full after each number of bytes, and free again later. */
static void
test_every_byte(void **state)
{
	size_t bytes, budget;
	int framed;

	(void)state;
	for (framed = 0; framed < 2; framed++) {
		bytes = (size_t)test_life(framed, SIZE_MAX, SIZE_MAX, 0);
		assert_true(bytes > 300);
		for (budget = 0; budget <= bytes + 100; budget++)
			test_life(framed, budget, SIZE_MAX, 0);
	}
}

/* Each call takes so many bytes and no more. */
static void
test_pieces(void **state)
{
	size_t piece;

	(void)state;
	for (piece = 1; piece < 150; piece++) {
		test_life(false, SIZE_MAX, piece, 0);
		test_life(true, SIZE_MAX, piece, 0);
	}
}

static void
test_random(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed < 300; seed++)
		test_life(seed % 2, SIZE_MAX, SIZE_MAX, seed);
}

/*
 * A record longer than FastCGI's, cut after so many bytes (or so many before
 * its end), again at the very next byte, and followed by another.
 */
static void
test_large_once(bool is_framed, size_t cut, bool before_end)
{
	static const char *const settings[] = { "max-event=1M", NULL };
	static char data[200001];
	struct streams_request r = { .channels = "a", .is_framed = is_framed };
	struct streams_client c;
	struct buffer want = { 0 };
	unsigned n;

	memset(data, 'x', sizeof data - 1);
	streams_setup(&test_hub, settings);
	test_script(SIZE_MAX, SIZE_MAX, 0);
	streams_open(&test_hub, &c, &r);
	streams_settle(&test_hub, &c, 1);
	buffer_truncate(&c.text, 0);
	n = streams_publish(&test_hub, "a", data);
	streams_put_event(&want, n, data);
	if (before_end)
		cut = want.len + (is_framed ? 4 * 8 : 0) - cut;
	n = streams_publish(&test_hub, "a", "behind it");
	streams_put_event(&want, n, "behind it");
	test_script(cut, SIZE_MAX, 0);
	streams_deliver(&test_hub);
	test_script(1, SIZE_MAX, 0);
	event_base_loop(test_hub.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	test_script(SIZE_MAX, 4099, 0);
	streams_settle(&test_hub, &c, 1);
	streams_assert(&c, &want);
	buffer_clear(&want);
	streams_close(&c);
	streams_teardown(&test_hub);
}

static void
test_large(void **state)
{
	static const size_t borders[] = { 0, 65536, 131072, 196608 };
	size_t i, cut;

	(void)state;
	for (i = 0; i < sizeof borders / sizeof *borders; i++) {
		for (cut = borders[i] == 0 ? 0 : borders[i] - 3;
		     cut < borders[i] + 12; cut++) {
			test_large_once(false, cut, false);
			test_large_once(true, cut, false);
		}
	}
	for (cut = 0; cut < 40; cut++) {
		test_large_once(false, cut, true);
		test_large_once(true, cut, true);
	}
}

/*
 * A full socket is not written to again by every event: the loop says when it
 * takes more.
 */
static void
test_blocked(void **state)
{
	struct streams_request r = { .channels = "a" };
	struct streams_client c;
	struct buffer want = { 0 };
	uint64_t writes;
	unsigned i;

	(void)state;
	streams_setup(&test_hub, NULL);
	test_script(5, SIZE_MAX, 0);
	streams_open(&test_hub, &c, &r);
	streams_put_head(&want, "9000000000000-0");
	writes = test_hub.hub->counters.writes;
	for (i = 0; i < 100; i++) {
		streams_put_event(&want, streams_publish(&test_hub, "a", "x"),
		    "x");
		streams_deliver(&test_hub);
	}
	assert_int_equal(test_hub.hub->counters.writes, writes);
	/* The half-sent head and all of the rest are one write again. */
	test_script(SIZE_MAX, SIZE_MAX, 0);
	streams_settle(&test_hub, &c, 1);
	assert_true(test_hub.hub->counters.writes <= writes + 2);
	streams_assert(&c, &want);
	buffer_clear(&want);
	streams_close(&c);
	streams_teardown(&test_hub);
}

/*
 * What a blocked stream has begun stays to its end, however much falls off
 * meanwhile; then comes one gap, with how much is missing, and what is left.
 */
static void
test_gap(bool is_framed, size_t budget)
{
	static const char *const settings[] = { "keep=3", NULL };
	struct streams_request r = { .channels = "a",
		.is_framed = is_framed,
		.is_tagged = test_is_tagged };
	struct streams_client c;
	struct buffer want = { 0 };
	unsigned i, n, begun;
	char data[16];

	streams_setup(&test_hub, settings);
	test_script(SIZE_MAX, SIZE_MAX, 0);
	streams_open(&test_hub, &c, &r);
	streams_put_head(&want, "9000000000000-0");
	test_script(budget, SIZE_MAX, 0);
	for (i = 1; i <= 20; i++) {
		snprintf(data, sizeof data, "%u", i);
		n = streams_publish(&test_hub, "a", data);
		assert_int_equal(n, i);
		streams_deliver(&test_hub);
	}
	begun = (unsigned)test_hub.hub->counters.delivered;
	test_told = NULL;
	/* The tag may be out, and all that was to follow it have fallen off. */
	if (c.stream->told > 0 && begun == 0) {
		buffer_append_text(&want, ": channel a\n");
		test_told = "a";
	}
	for (i = 1; i <= begun; i++) {
		snprintf(data, sizeof data, "%u", i);
		test_put_event(&want, "a", i, data);
	}
	if (begun < 17) {
		buffer_printf(&want,
		    "event: crier.gap\ndata: {\"channel\":\"a\","
		    "\"missed\":%u,\"oldest\":\"9000000000000-18\"}\n\n",
		    17 - begun);
		i = 18;
	}
	for (; i <= 20; i++) {
		snprintf(data, sizeof data, "%u", i);
		test_put_event(&want, "a", i, data);
	}
	test_script(SIZE_MAX, SIZE_MAX, 0);
	streams_settle(&test_hub, &c, 1);
	streams_assert(&c, &want);
	assert_int_equal(test_hub.hub->counters.gaps, begun < 17);
	/* And on it goes. */
	n = streams_publish(&test_hub, "a", "on");
	streams_deliver(&test_hub);
	streams_take(&c);
	buffer_truncate(&want, 0);
	streams_put_event(&want, n, "on");
	streams_assert(&c, &want);
	buffer_clear(&want);
	streams_close(&c);
	streams_teardown(&test_hub);
}

static void
test_gaps(void **state)
{
	size_t budget;

	(void)state;
	for (budget = 0; budget < 900; budget++) {
		test_gap(false, budget);
		test_gap(true, budget);
	}
}

/*
 * A poll from behind the first of three events, with a retry of fixed length.
 * Returns how many bytes it took.
 */
static uint64_t
test_poll_once(bool is_framed, size_t budget, bool waits)
{
	static const char *const settings[] = { "drain-time=0", "retry=0",
		NULL };
	struct streams_request r = { .channels = "a",
		.is_framed = is_framed,
		.since = "9000000000000-1",
		.is_tagged = test_is_tagged,
		.is_poll = true,
		.poll_ms = 1 };
	struct streams_client c;
	struct buffer want = { 0 };
	uint64_t bytes, until_ms;

	streams_setup(&test_hub, settings);
	streams_publish(&test_hub, "a", "1");
	streams_publish(&test_hub, "a", "2");
	streams_publish(&test_hub, "a", "3");
	streams_deliver(&test_hub);
	buffer_append_text(&want,
	    "X: head\r\n\r\nretry: 0\n\nid: 9000000000000-1\n\n");
	test_told = NULL;
	test_put_event(&want, "a", 2, "2");
	test_put_event(&want, "a", 3, "3");
	buffer_append_text(&want, "id: 9000000000000-3\n\nretry: 0\n\n");
	test_script(budget, SIZE_MAX, 0);
	streams_open(&test_hub, &c, &r);
	/* Its time is up, and yet it is not given up. */
	until_ms = clock_monotonic_ms() + (waits ? 150 : 0);
	while (clock_monotonic_ms() < until_ms)
		event_base_loop(test_hub.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	test_settle(&c, want.len, true);
	assert_int_equal(c.is_ended, is_framed);
	assert_int_equal(test_hub.hub->counters.polls, 1);
	streams_assert(&c, &want);
	bytes = test_hub.hub->counters.bytes;
	streams_close(&c);
	buffer_clear(&want);
	streams_teardown(&test_hub);
	return bytes;
}

static void
test_poll(void **state)
{
	size_t bytes, budget;
	int framed;

	(void)state;
	for (framed = 0; framed < 2; framed++) {
		bytes = (size_t)test_poll_once(framed, SIZE_MAX, false);
		for (budget = 0; budget <= bytes; budget++)
			test_poll_once(framed, budget, budget % 40 == 0);
		test_poll_once(framed, bytes - 1, true);
	}
}

static int
test_tag(void **state)
{
	(void)state;
	test_is_tagged = true;
	return 0;
}

static int
test_untag(void **state)
{
	(void)state;
	test_is_tagged = false;
	return 0;
}

/* The same of streams that are told of which channel events are. */
#define TEST_TAGGED(test)                                           \
	{                                                           \
		.name = #test "_tagged", .test_func = (test),       \
		.setup_func = test_tag, .teardown_func = test_untag \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_poll),
		TEST_TAGGED(test_every_byte),
		TEST_TAGGED(test_pieces),
		TEST_TAGGED(test_random),
		TEST_TAGGED(test_gaps),
		TEST_TAGGED(test_poll),
	};

	return cmocka_run_group_tests_name("delivery cut", tests, NULL, NULL);
}
