/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What streams hold whose clients do not read, and its bound. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "hub/rest.h"
#include "lib/streams.h"
#include "lib/support.h"

enum {
	TEST_CLIENTS = 40,
	TEST_COMERS = 300,  /* who come in one turn of the loop */
	TEST_SMALL = 100,   /* bytes of an event */
	TEST_LARGE = 60000, /* of one that is not copied */
	TEST_BATCH = 200,
	TEST_TURNS = 1000
};

static struct streams test_hub;
static struct streams_client test_clients[TEST_COMERS];
static char test_data[TEST_LARGE + 1];

int __wrap_socketpair(int, int, int, int *);

/*
 * Over TCP, and small: a Unix socket takes a small event whole or not at all,
 * the client's own socket takes a part of it.
 */
int
__wrap_socketpair(int domain, int type, int protocol, int *fds)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof to;
	int listener = socket(AF_INET, SOCK_STREAM, 0), size = 4096;

	(void)domain;
	(void)protocol;
	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	assert_int_equal(bind(listener, (struct sockaddr *)&to, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&to, &len),
	    0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&to, len), 0);
	fds[1] = accept4(listener, NULL, NULL, type & SOCK_NONBLOCK);
	assert_true(fds[1] >= 0);
	close(listener);
	evutil_make_socket_nonblocking(fds[0]);
	return 0;
}

static int
setup(void **state)
{
	/* The history keeps nothing that streams might share. */
	static const char *const settings[] = { "keep=1", "stall-bytes=1M",
		NULL };

	(void)state;
	streams_setup(&test_hub, settings);
	return 0;
}

static int
teardown(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < TEST_COMERS; i++)
		if (test_clients[i].fd > 0)
			streams_close(&test_clients[i]);
	memset(test_clients, 0, sizeof test_clients);
	event_base_loop(test_hub.base, EVLOOP_NONBLOCK);
	event_base_loop(test_hub.base, EVLOOP_NONBLOCK);
	assert_int_equal(test_hub.hub->channels.shared.left_bytes, 0);
	streams_teardown(&test_hub);
	return 0;
}

static size_t
test_left(void)
{
	return test_hub.hub->channels.shared.left_bytes;
}

/* What the copy of a rest takes, at most. */
static size_t
test_most(void)
{
	return sizeof(struct block) + FRAMING_HEADER_MAX + REST_COPY;
}

/* So many events in one turn. */
static void
test_publish(size_t events, size_t bytes)
{
	size_t i;

	memset(test_data, 'x', bytes);
	test_data[bytes] = '\0';
	for (i = 0; i < events; i++)
		streams_publish(&test_hub, "a", test_data);
	streams_deliver(&test_hub);
}

/* A client comes, and events until its socket took only a part of one. */
static struct stream *
test_stall(size_t client, size_t events, size_t bytes, bool is_framed)
{
	struct streams_request r = { .channels = "a", .is_framed = is_framed };
	struct streams_client *c = &test_clients[client];
	size_t n;

	streams_open(&test_hub, c, &r);
	for (n = 0; n < TEST_TURNS && c->stream->unit == NULL; n++)
		test_publish(events, bytes + n % 7);
	assert_non_null(c->stream->unit);
	/* Its block goes out of the history. */
	test_publish(1, TEST_LARGE);
	return c->stream;
}

/* Each stalls in a block of its own, and holds the rest of its event alone. */
static void
test_small(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < TEST_CLIENTS; i++)
		test_stall(i, TEST_BATCH, TEST_SMALL, i % 2 == 0);
	assert_true(test_left() <= TEST_CLIENTS * test_most());
	assert_true(test_left() > 0);
	assert_int_equal(test_hub.hub->counters.stalls_ended, 0);
}

/* Whoever reads on, and stalls again and again, never holds more. */
static void
test_behind(void **state)
{
	struct stream *s;
	size_t i, n;

	(void)state;
	s = test_stall(0, TEST_BATCH, TEST_SMALL, true);
	for (i = 0; i < 20; i++) {
		for (n = 0; n < 50; n++)
			streams_publish(&test_hub, "a", "some small event");
		streams_deliver(&test_hub);
		streams_take(&test_clients[0]);
		event_base_loop(test_hub.base, EVLOOP_NONBLOCK);
		assert_true(test_left() <= test_most());
	}
	assert_int_equal(s->state, STREAM_OPEN);
}

/* Below the bound, at it, and above: then the oldest go, to three quarters. */
static void
test_bound(void **state)
{
	struct hub *hub = test_hub.hub;
	size_t one, fit, i;

	(void)state;
	test_stall(0, 1, TEST_LARGE, true);
	one = test_left();
	assert_in_range(one, TEST_LARGE, TEST_LARGE + 1024);
	fit = (1 << 20) / one;
	assert_true(fit < TEST_CLIENTS);
	for (i = 1; i < fit; i++) {
		usleep(2000); /* the clock of streams counts milliseconds */
		test_stall(i, 1, TEST_LARGE, true);
	}
	assert_in_range(test_left(), (1 << 20) - one, 1 << 20);
	assert_int_equal(hub->counters.stalls_ended, 0);
	assert_int_equal(hub->streams.count, fit);
	usleep(2000);
	test_stall(i, 1, TEST_LARGE, true);
	assert_true(test_left() <= (1 << 20) - (1 << 18));
	assert_in_range(hub->counters.stalls_ended, 1, fit);
	assert_int_equal(hub->streams.count,
	    fit + 1 - hub->counters.stalls_ended);
	/* The last one to stall is there. */
	assert_int_equal(TAILQ_LAST(&hub->streams.list, hub_streams_head)->id,
	    fit + 1);
}

/* The rest of a record that streams share counts once. */
static void
test_shared(void **state)
{
	struct streams_request r = { .channels = "a", .is_framed = true };
	size_t i, n;

	(void)state;
	for (i = 0; i < TEST_CLIENTS; i++)
		streams_open(&test_hub, &test_clients[i], &r);
	for (n = 0; n < 100 && test_clients[0].stream->unit == NULL; n++)
		test_publish(1, TEST_LARGE);
	test_publish(1, TEST_LARGE);
	assert_in_range(test_left(), TEST_LARGE, TEST_LARGE * 2);
	assert_int_equal(test_hub.hub->counters.stalls_ended, 0);
}

static int
setup_kept(void **state)
{
	static const char *const settings[] = { "keep=1000", "keep-bytes=64M",
		"history-bytes=64M", "stall-bytes=1M", NULL };

	(void)state;
	streams_setup(&test_hub, settings);
	return 0;
}

/* Who stalls as it comes, with no turn behind, is bounded as well. */
static void
test_outside_a_turn(void **state)
{
	struct streams_request r = { .channels = "a", .since_all = true };
	struct hub *hub = test_hub.hub;
	size_t i;

	(void)state;
	for (i = 0; i < TEST_TURNS; i++)
		test_publish(1, REST_COPY - 1000);
	for (i = 0; i < TEST_COMERS && test_left() <= 1 << 20; i++) {
		usleep(200); /* some in each millisecond */
		hub_now(hub);
		streams_open(&test_hub, &test_clients[i], &r);
	}
	assert_true(test_left() > 1 << 20);
	event_base_loop(test_hub.base, EVLOOP_NONBLOCK);
	assert_true(test_left() <= 1 << 20);
	assert_in_range(hub->counters.stalls_ended, 1, i - 1);
}

/* What a history lets go by a reload, or of age, no turn is behind either. */
static void
test_reload(void **state)
{
	static const char *const settings[] = { "keep=1", "stall-bytes=1M",
		NULL };
	struct config *before = test_hub.config;
	struct hub *hub = test_hub.hub;
	size_t i;

	(void)state;
	for (i = 0; i < TEST_CLIENTS; i++) {
		usleep(1000);
		test_stall(i, 1, TEST_LARGE, true);
	}
	assert_int_equal(test_left(), 0);
	test_hub.config = support_config(settings);
	hub_reconfigure(hub, test_hub.config, hub->streams.max);
	config_free(before);
	assert_true(test_left() > 1 << 20);
	event_base_loop(test_hub.base, EVLOOP_NONBLOCK);
	assert_true(test_left() <= 1 << 20);
	assert_in_range(hub->counters.stalls_ended, 1, TEST_CLIENTS - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_small, setup, teardown),
		cmocka_unit_test_setup_teardown(test_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outside_a_turn, setup_kept,
		    teardown),
		cmocka_unit_test_setup_teardown(test_reload, setup_kept,
		    teardown),
	};

	return cmocka_run_group_tests_name("stall", tests, NULL, NULL);
}
