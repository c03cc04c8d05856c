/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What may happen while several threads deliver, and when they cannot. */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "hub/fan.h"
#include "lib/streams.h"
#include "lib/support.h"

enum {
	TEST_DATA = 4000,
	TEST_SMALL = 4608, /* bytes, a buffer that is soon full */
	TEST_GROUP = 180,
	TEST_ALL = TEST_GROUP * 2
};

static const char *const test_settings[] = { "threads=4", NULL };
static struct streams test_hub;
static size_t test_returned;
static bool test_no_threads;

int __wrap_pthread_create(pthread_t *, const pthread_attr_t *,
    void *(*)(void *), void *);
int __real_pthread_create(pthread_t *, const pthread_attr_t *,
    void *(*)(void *), void *);

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*start)(void *), void *arg)
{
	if (test_no_threads)
		return EAGAIN;
	return __real_pthread_create(thread, attr, start, arg);
}

/* As many streams as are worth it, one less, and one more. */
static void
test_few(void **state)
{
	static const size_t counts[] = { 1, 2, 32, 33, 127, 128, 129, 192 };
	struct streams_request q = { .channels = "a" };
	struct streams_client c[192];
	struct buffer want = { 0 };
	size_t count, i, n;

	(void)state;
	for (n = 0; n < sizeof counts / sizeof *counts; n++) {
		count = counts[n];
		streams_setup(&test_hub, test_settings);
		for (i = 0; i < count; i++) {
			streams_open(&test_hub, &c[i], &q);
			streams_take(&c[i]);
			buffer_truncate(&c[i].text, 0);
		}
		streams_put_event(&want, streams_publish(&test_hub, "a", "x"),
		    "x");
		streams_deliver(&test_hub);
		assert_int_equal(test_hub.hub->counters.delivered, count);
		assert_int_equal(test_hub.hub->counters.writes, 2 * count);
		for (i = 0; i < count; i++) {
			streams_take(&c[i]);
			streams_assert(&c[i], &want);
			streams_close(&c[i]);
		}
		buffer_clear(&want);
		streams_teardown(&test_hub);
	}
}

static int test_taken[TEST_GROUP];

/*
 * Whoever comes back ends all the others, of whom some were to be waited for,
 * and their descriptors are others' at once.
 */
static void
test_end_others(void *arg, int fd, struct text_span input)
{
	struct streams *hub = arg;
	struct stream *s, *next;
	size_t i;

	(void)input;
	test_returned++;
	TAILQ_FOREACH_SAFE(s, &hub->hub->streams.list, link, next)
		stream_kill(s, STREAM_CLOSED);
	for (i = 0; i < TEST_GROUP; i++) {
		test_taken[i] = dup(fd);
		assert_true(test_taken[i] != -1);
	}
	close(fd);
}

/* Some of whom the sockets are soon full, some who have left, and one poll. */
static void
test_open_group(struct streams_client *c)
{
	struct streams_request q = { .channels = "a" };
	int small = TEST_SMALL;
	size_t i;

	for (i = 0; i < TEST_GROUP; i++) {
		/* The front is looked at first. */
		q.is_poll = q.keep = i == 11;
		q.poll_ms = q.is_poll ? 4000 : 0;
		streams_open(&test_hub, &c[i], &q);
		if (i % 3 == 0)
			setsockopt(c[i].stream->fd, SOL_SOCKET, SO_SNDBUF,
			    &small, sizeof small);
		if (i % 3 == 1 && !q.is_poll) {
			streams_take(&c[i]);
			shutdown(c[i].fd, SHUT_RDWR);
		}
	}
}

static const char *
test_large(void)
{
	static char data[TEST_DATA * 10];

	memset(data, 'x', sizeof data - 1);
	return data;
}

static void
test_ended_meanwhile(void **state)
{
	struct streams_client c[TEST_GROUP];
	const struct stream *s;
	size_t i;

	(void)state;
	streams_setup(&test_hub, test_settings);
	test_returned = 0;
	test_hub.framings[0].returned = test_end_others;
	test_open_group(c);
	streams_publish(&test_hub, "a", test_large());
	streams_deliver(&test_hub);
	assert_int_equal(test_returned, 1);
	assert_int_equal(test_hub.hub->streams.count, 0);
	TAILQ_FOREACH(s, &test_hub.hub->streams.dead, link) {
		assert_false(s->is_watched);
	}
	streams_settle(&test_hub, NULL, 0);
	assert_true(TAILQ_EMPTY(&test_hub.hub->streams.dead));
	for (i = 0; i < TEST_GROUP; i++) {
		close(test_taken[i]);
		streams_close(&c[i]);
	}
	streams_teardown(&test_hub);
}

static void
test_deliver_another(void *arg, int fd, struct text_span input)
{
	struct streams *hub = arg;

	(void)input;
	close(fd);
	test_returned++;
	streams_publish(hub, "b", "y");
	streams_deliver(hub);
}

/* A delivery to another channel, while the results of one are looked at. */
static void
test_deliver_within(void **state)
{
	struct streams_request q = { .channels = "b" };
	static struct streams_client c[TEST_ALL];
	size_t i;

	(void)state;
	streams_setup(&test_hub, test_settings);
	test_returned = 0;
	test_hub.framings[0].returned = test_deliver_another;
	test_open_group(c);
	for (i = TEST_GROUP; i < TEST_ALL; i++)
		streams_open(&test_hub, &c[i], &q);
	streams_publish(&test_hub, "a", test_large());
	streams_deliver(&test_hub);
	assert_int_equal(test_returned, 1);
	/* Those that have left are gone, and the full ones get the rest. */
	assert_int_equal(test_hub.hub->streams.count,
	    TEST_ALL - TEST_GROUP / 3 - 1);
	streams_settle(&test_hub, c, TEST_ALL);
	for (i = 0; i < TEST_ALL; i++) {
		if (i >= TEST_GROUP)
			assert_true(c[i].text.len < TEST_DATA);
		else if (i % 3 != 1)
			assert_true(c[i].text.len > (size_t)TEST_DATA * 10);
		streams_close(&c[i]);
	}
	streams_teardown(&test_hub);
}

static void
test_no_thread(void **state)
{
	static const char *const settings[] = { "threads=3", NULL };
	struct config *config = support_config(settings);
	struct event_base *base = event_base_new();
	struct store *store = streams_open_store(base);

	(void)state;
	test_no_threads = true;
	errno = 0;
	assert_null(hub_new(base, config, store, 10));
	assert_null(fan_new(2));
	assert_int_equal(errno, EAGAIN);
	test_no_threads = false;
	store_close(store);
	config_free(config);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_ended_meanwhile),
		cmocka_unit_test(test_deliver_within),
		cmocka_unit_test(test_no_thread),
	};

	return cmocka_run_group_tests_name("fan within", tests, NULL, NULL);
}
