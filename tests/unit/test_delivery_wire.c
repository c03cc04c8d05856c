/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What several streams of one channel get from one piece of memory
 * (struct delivery_wire), and when they cannot.
 */

#include <errno.h>
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
	TEST_CLIENTS = 16,
	TEST_STEPS = 60,
	TEST_DATA = 9000, /* more than is worth copying */
	TEST_SEEDS = 60
};

struct test_client {
	struct streams_client c;
	struct buffer want;
};

static struct streams test_hub;
static struct test_client test_clients[TEST_CLIENTS];
static size_t test_count;
static bool test_is_cut; /* calls take less than all, or nothing */
static uint64_t test_seed, test_cut_seed;
static size_t test_whole; /* calls that took one piece of memory */

ssize_t __real_send(int, const void *, size_t, int);
ssize_t __wrap_send(int, const void *, size_t, int);

ssize_t
__wrap_send(int fd, const void *data, size_t len, int flags)
{
	test_whole++;
	if (test_is_cut) {
		switch (support_random(&test_cut_seed, 6)) {
		case 0:
			errno = EAGAIN;
			return -1;
		case 1:
			len = 1 + support_random(&test_cut_seed, (uint32_t)len);
			break;
		default:
			break;
		}
	}
	return __real_send(fd, data, len, flags);
}

/* Raw ones, and records of three requests; some follow two channels. */
static void
test_open(void)
{
	static const char *const channels[] = { "a", "a", "a", "a,b" };
	struct streams_request r = {
		.channels = channels[support_random(&test_seed, 4)],
		.is_framed = support_random(&test_seed, 4) > 0,
		.request_id = (uint16_t)support_random(&test_seed, 3)
	};
	struct test_client *t = &test_clients[test_count++];
	char id[64];

	snprintf(id, sizeof id, "%llu-%llu", (unsigned long long)STREAMS_MS,
	    (unsigned long long)test_hub.hub->turn.appended.n);
	memset(t, 0, sizeof *t);
	streams_open(&test_hub, &t->c, &r);
	streams_put_head(&t->want, id);
}

static void
test_publish(void)
{
	static char data[TEST_DATA + 1];
	size_t len = 1 +
	    support_random(&test_seed,
		support_random(&test_seed, 5) == 0 ? TEST_DATA : 300);
	unsigned n;
	size_t i;

	memset(data, 'a' + (int)support_random(&test_seed, 26), len);
	data[len] = '\0';
	n = streams_publish(&test_hub, "a", data);
	for (i = 0; i < test_count; i++)
		streams_put_event(&test_clients[i].want, n, data);
}

static void
test_step(void)
{
	uint32_t i;

	for (i = support_random(&test_seed, 4); i > 0; i--)
		test_publish();
	streams_deliver(&test_hub);
	if (test_count < TEST_CLIENTS && support_random(&test_seed, 3) == 0)
		test_open();
	for (i = 0; i < test_count; i++)
		if (support_random(&test_seed, 2))
			streams_take(&test_clients[i].c);
	if (support_random(&test_seed, 2))
		event_base_loop(test_hub.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
test_finish(void)
{
	size_t i;

	for (i = 0; i < test_count; i++) {
		streams_settle(&test_hub, &test_clients[i].c, 1);
		streams_assert(&test_clients[i].c, &test_clients[i].want);
		buffer_clear(&test_clients[i].want);
		streams_close(&test_clients[i].c);
	}
	streams_teardown(&test_hub);
}

static void
test_random(void **state)
{
	static const char *const settings[] = { "max-event=64K", "keep=100000",
		"keep-bytes=100M", NULL };
	uint64_t seed;
	unsigned i;

	(void)state;
	for (seed = 1; seed <= TEST_SEEDS; seed++) {
		test_seed = test_cut_seed = seed;
		test_is_cut = seed % 4 > 0;
		test_count = test_whole = 0;
		streams_setup(&test_hub, settings);
		for (i = 0; i < TEST_STEPS; i++)
			test_step();
		assert_true(test_whole > TEST_STEPS);
		test_finish();
	}
}

/* It needs a block of its own, so the first event's goes. */
static const char *
test_second(void)
{
	static char data[40001];

	memset(data, 's', sizeof data - 1);
	return data;
}

/* In the midst of a delivery: the channel's first event goes, a new one comes.
 */
static void
test_deliver_another(void *arg, int fd, struct text_span input)
{
	(void)arg;
	(void)input;
	close(fd);
	streams_publish(&test_hub, "a", test_second());
	streams_deliver(&test_hub);
}

static void
test_nested(void **state)
{
	static const char *const settings[] = { "keep=1", "drain-time=0",
		NULL };
	struct streams_request r = { .channels = "a" };
	struct streams_client c[5];
	struct buffer want = { 0 };
	size_t i;

	(void)state;
	test_is_cut = false;
	streams_setup(&test_hub, settings);
	test_hub.framings[0].returned = test_deliver_another;
	for (i = 0; i < 5; i++) {
		r.is_poll = r.keep = i == 2;
		r.poll_ms = r.is_poll ? 4000 : 0;
		streams_open(&test_hub, &c[i], &r);
	}
	streams_settle(&test_hub, c, 5);
	for (i = 0; i < 5; i++)
		buffer_truncate(&c[i].text, 0);
	streams_put_event(&want, streams_publish(&test_hub, "a", "first"),
	    "first");
	streams_put_event(&want, 2, test_second());
	streams_deliver(&test_hub);
	for (i = 0; i < 5; i++) {
		streams_take(&c[i]);
		if (i != 2)
			streams_assert(&c[i], &want);
		streams_close(&c[i]);
	}
	buffer_clear(&want);
	streams_teardown(&test_hub);
}

/* One piece of memory for those who get the same; each is told once. */
static void
test_shared(void **state)
{
	struct streams_request r = { .channels = "a", .is_framed = true };
	struct streams_client c[4];
	const void *first;
	size_t i;

	(void)state;
	test_is_cut = false;
	streams_setup(&test_hub, NULL);
	for (i = 0; i < 4; i++) {
		streams_open(&test_hub, &c[i], &r);
		streams_take(&c[i]);
		buffer_truncate(&c[i].text, 0);
	}
	test_whole = 0;
	streams_publish(&test_hub, "a", "x");
	streams_deliver(&test_hub);
	assert_int_equal(test_whole, 4);
	assert_null(test_hub.hub->delivery.wire.channel);
	first = test_hub.hub->delivery.wire.framed.data;
	streams_publish(&test_hub, "a", "y");
	streams_deliver(&test_hub);
	assert_ptr_equal(test_hub.hub->delivery.wire.framed.data, first);
	for (i = 0; i < 4; i++) {
		streams_take(&c[i]);
		streams_assert_text(&c[i],
		    "id: 9000000000000-1\ndata: x\n\n"
		    "id: 9000000000000-2\ndata: y\n\n");
		streams_close(&c[i]);
	}
	streams_teardown(&test_hub);
}

/* What one run does not hold is sent at once, too. */
static void
test_two_runs(void **state)
{
	struct streams_request r = { .channels = "a", .is_framed = true };
	struct streams_client c[2];
	struct buffer want = { 0 };
	size_t i;

	(void)state;
	test_is_cut = false;
	streams_setup(&test_hub, NULL);
	for (i = 0; i < 2; i++) {
		streams_open(&test_hub, &c[i], &r);
		streams_take(&c[i]);
		buffer_truncate(&c[i].text, 0);
	}
	streams_put_event(&want, streams_publish(&test_hub, "a", "first"),
	    "first");
	streams_put_event(&want, 2, test_second());
	streams_publish(&test_hub, "a", test_second());
	streams_deliver(&test_hub);
	for (i = 0; i < 2; i++) {
		streams_take(&c[i]);
		streams_assert(&c[i], &want);
		streams_close(&c[i]);
	}
	buffer_clear(&want);
	streams_teardown(&test_hub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_two_runs),
	};

	return cmocka_run_group_tests_name("delivery wire", tests, NULL, NULL);
}
