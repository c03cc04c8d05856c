/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What `order` promises at the queue: an event that is refused for now is not
 * overtaken by those behind it, whenever the refusal is known.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "hub/state.h"
#include "lib/handing.h"
#include "store/store.h"

#define TEST_ORDER "{\"do\":\"order\"}\n"
#define TEST_OK    "{\"ok\":true}\n"
#define TEST_FULL  "{\"ok\":false,\"error\":\"full\",\"code\":75}\n"
#define TEST_LATER                                                            \
	"{\"ok\":false,\"error\":\"an event before it was refused for now\"," \
	"\"code\":75}\n"
#define TEST_BAD         "{\"ok\":false,\"error\":\"data is missing\",\"code\":65}\n"
#define TEST_EVENT(data) "{\"channel\":\"a\",\"data\":\"" data "\"}\n"
#define TEST_NO_EVENT    "{\"channel\":\"a\"}\n"

static struct handing test;

/* A store that keeps batches until test_release. */
static struct store_ops test_ops;
static struct batch_list test_batches;

static void
test_hold(struct store *store, struct batch *b)
{
	batch_give_ids(b, &store->last);
	STAILQ_INSERT_TAIL(&test_batches, b, link);
}

/* The oldest batch is through: stored or not. */
static void
test_release(bool is_stored)
{
	struct batch *b = STAILQ_FIRST(&test_batches);

	assert_non_null(b);
	STAILQ_REMOVE_HEAD(&test_batches, link);
	if (!is_stored)
		batch_refuse(b, "full");
	b->done(b);
}

/* How many events the store has been given and not yet given back. */
static size_t
test_held(void)
{
	const struct batch *b;
	size_t n = 0;

	STAILQ_FOREACH(b, &test_batches, link)
		n += b->event_count;
	return n;
}

static int
test_begin(void)
{
	handing_setup(&test, NULL);
	STAILQ_INIT(&test_batches);
	test_ops = *test.hub.store->ops;
	test_ops.commit = test_hold;
	test.hub.store->ops = &test_ops;
	return handing_connect(&test);
}

static void
test_end(int sock)
{
	close(sock);
	handing_turn(&test);
	handing_teardown(&test);
}

static void
test_send(int sock, const char *text)
{
	handing_send(sock, text, NULL, 0);
	handing_turn(&test);
}

/* Replies to events that were published are all "ok" here. */
static void
test_replies(int sock, const char *want)
{
	static const char id[] = "{\"ok\":true,\"id\":";
	const char *said = handing_said(&test, sock), *end;
	char have[1024] = "";
	size_t n = 0;

	for (; (end = strchr(said, '\n')) != NULL; said = end + 1)
		n += (size_t)snprintf(have + n, sizeof have - n, "%.*s\n",
		    strncmp(said, id, sizeof id - 1) == 0 ? 2
							  : (int)(end - said),
		    strncmp(said, id, sizeof id - 1) == 0 ? "ok" : said);
	assert_string_equal(have, want);
}

/* Without `order`, lines do not wait: an event may overtake another. */
static void
test_without(void **state)
{
	int sock = test_begin();

	(void)state;
	test_send(sock, TEST_EVENT("1"));
	test_send(sock, TEST_EVENT("2"));
	assert_int_equal(test_held(), 2);
	test_release(false);
	test_release(true);
	test_replies(sock, TEST_FULL "ok\n");
	test_end(sock);
}

/* What becomes of an event is known before the next one is published. */
static void
test_apart(void **state)
{
	int sock = test_begin();

	(void)state;
	test_send(sock, TEST_ORDER TEST_EVENT("1"));
	test_send(sock, TEST_EVENT("2") TEST_EVENT("3"));
	test_send(sock, TEST_EVENT("4"));
	assert_int_equal(test_held(), 1);
	test_release(true);
	handing_turn(&test);
	assert_int_equal(test_held(), 2);
	test_release(false);
	test_replies(sock, TEST_OK "ok\n" TEST_FULL TEST_FULL TEST_LATER);
	assert_int_equal(test_held(), 0);
	test_end(sock);
}

/* What is sent behind a refusal is refused, until the next `order`. */
static void
test_afterwards(void **state)
{
	int sock = test_begin();

	(void)state;
	test_send(sock, TEST_ORDER TEST_EVENT("1"));
	test_release(false);
	test_replies(sock, TEST_OK TEST_FULL);
	test_send(sock, TEST_EVENT("2"));
	test_send(sock, TEST_EVENT("3"));
	assert_int_equal(test_held(), 0);
	test_replies(sock, TEST_LATER TEST_LATER);
	test_send(sock, TEST_ORDER TEST_EVENT("1") TEST_EVENT("2"));
	assert_int_equal(test_held(), 2);
	test_release(true);
	test_replies(sock, TEST_OK "ok\nok\n");
	test_end(sock);
}

/* An `order` behind events waits for what becomes of them. */
static void
test_order_behind(void **state)
{
	int sock = test_begin();

	(void)state;
	test_send(sock, TEST_ORDER TEST_EVENT("1") TEST_ORDER TEST_EVENT("2"));
	assert_int_equal(test_held(), 1);
	test_release(false);
	handing_turn(&test);
	assert_int_equal(test_held(), 1);
	test_release(true);
	test_replies(sock, TEST_OK TEST_FULL TEST_OK "ok\n");
	test_end(sock);
}

/* An event that is refused for good stands in nobody's way. */
static void
test_for_good(void **state)
{
	int sock = test_begin();

	(void)state;
	test_send(sock,
	    TEST_ORDER TEST_EVENT("1") TEST_NO_EVENT TEST_EVENT("2"));
	assert_int_equal(test_held(), 2);
	test_release(true);
	test_replies(sock, TEST_OK "ok\n" TEST_BAD "ok\n");
	test_end(sock);
}

/* One that is refused at once does, as one that the store refuses. */
static void
test_at_once(void **state)
{
	int sock = test_begin();

	(void)state;
	test_send(sock, TEST_ORDER TEST_EVENT("1"));
	test.hub.hub->drain.is_on = true;
	test_release(true);
	test_send(sock, TEST_EVENT("2"));
	test.hub.hub->drain.is_on = false;
	test_send(sock, TEST_EVENT("3"));
	assert_int_equal(test_held(), 0);
	test_replies(sock,
	    TEST_OK "ok\n{\"ok\":false,\"error\":\"crierd is stopping\","
		    "\"code\":75}\n" TEST_LATER);
	test_end(sock);
}

/* One connection's order is nobody else's. */
static void
test_others(void **state)
{
	int sock = test_begin(), other = handing_connect(&test);

	(void)state;
	test_send(sock, TEST_ORDER TEST_EVENT("1"));
	test_send(other, TEST_EVENT("2"));
	assert_int_equal(test_held(), 2);
	test_release(false);
	test_release(true);
	test_replies(other, "ok\n");
	test_send(other, TEST_EVENT("3"));
	test_release(true);
	test_replies(other, "ok\n");
	close(other);
	test_end(sock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_afterwards),
		cmocka_unit_test(test_order_behind),
		cmocka_unit_test(test_for_good),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests_name("queue_order", tests, NULL, NULL);
}
