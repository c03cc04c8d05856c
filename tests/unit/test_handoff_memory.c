/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Memory runs out, at each allocation in turn, while a stream is handed over: a
 * line is all there or is none, and a stream is opened, with a reply that says
 * so, or is not.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <json-c/json.h>

#include "door/handoff.h"
#include "lib/failing.h"
#include "lib/handing.h"
#include "lib/support.h"
#include "protocol/command.h"
#include "queue/queue.h"

enum {
	TEST_MOST = 1000
};

static struct handing test;

/* Of what the library allocates the callers see only that it did not. */
#define TEST_WRAP(type, name, failure, parameters, arguments)               \
	type __real_##name parameters;                                      \
	type __wrap_##name parameters;                                      \
	type __wrap_##name parameters                                       \
	{                                                                   \
		return failing_now() ? (failure) : __real_##name arguments; \
	}

TEST_WRAP(void *, malloc, NULL, (size_t size), (size))
TEST_WRAP(void *, calloc, NULL, (size_t count, size_t size), (count, size))
TEST_WRAP(void *, realloc, NULL, (void *p, size_t size), (p, size))
TEST_WRAP(void *, reallocarray, NULL, (void *p, size_t n, size_t size),
    (p, n, size))
TEST_WRAP(struct json_object *, json_object_new_object, NULL, (void), ())
TEST_WRAP(struct json_object *, json_object_new_array, NULL, (void), ())
TEST_WRAP(struct json_object *, json_object_new_string, NULL, (const char *s),
    (s))
TEST_WRAP(struct json_object *, json_object_new_string_len, NULL,
    (const char *s, int len), (s, len))
TEST_WRAP(struct json_object *, json_object_new_uint64, NULL, (uint64_t n), (n))
TEST_WRAP(struct json_object *, json_object_new_boolean, NULL, (json_bool b),
    (b))
TEST_WRAP(int, json_object_object_add, -1,
    (struct json_object * o, const char *key, struct json_object *value),
    (o, key, value))
TEST_WRAP(int, json_object_array_add, -1,
    (struct json_object * o, struct json_object *value), (o, value))

/* Runs until nothing is left to fail, with one failure and with all after. */
static void
test_each(bool (*once)(unsigned n, bool for_good))
{
	unsigned n;
	int all;

	for (all = 0; all < 2; all++) {
		for (n = 1; once(n, all == 1); n++)
			assert_true(n < TEST_MOST);
		assert_true(n > 3);
	}
}

static const struct text_span test_channels[] = { { "a", 1 }, { "b", 1 } };

static bool
test_put_once(unsigned n, bool for_good)
{
	static struct buffer whole;
	struct opening opening = { .sub = { .request_id = 258,
				       .channels = test_channels,
				       .channel_count = 2,
				       .head = { "X: head\r\n\r\n", 11 },
				       .since = { "9000000000000-0", 15 },
				       .since_all = true,
				       .has_last = true,
				       .last = 7,
				       .user = { "a\xff", 2 },
				       .address = { "192.0.2.1", 9 },
				       .input = { "\1\2\3", 3 } } };
	struct buffer line = { 0 };
	bool failed;
	int rc;

	if (whole.len == 0)
		assert_int_equal(handoff_put(&whole, &opening, HANDOFF_RAW), 0);
	failing_arm(n, for_good);
	rc = handoff_put(&line, &opening, HANDOFF_RAW);
	failed = failing_disarm();
	/* The hub refuses a null, wherever it is. */
	if (rc == 0 &&
	    memmem(line.data, line.len, ":null", strlen(":null")) == NULL) {
		assert_int_equal(line.len, whole.len);
		assert_memory_equal(line.data, whole.data, whole.len);
		assert_false(failed);
	}
	assert_true(rc == 0 || failed);
	buffer_clear(&line);
	if (!failed)
		buffer_clear(&whole);
	return failed;
}

static void
test_put(void **state)
{
	(void)state;
	test_each(test_put_once);
}

static bool
test_take_once(unsigned n, bool for_good)
{
	struct json_tokener *tokener = command_tokener();
	const char *line = handing_line("fastcgi",
	    ",\"channel\":[\"a\",\"b\"],\"user\":\"ann\",\"input\":\"01\"");
	struct buffer reply = { 0 };
	struct command c;
	bool failed;
	char byte;
	int fds[2], rc;

	handing_setup(&test, NULL);
	handing_socketpair(fds);
	assert_int_equal(command_parse(&c, tokener, line, strlen(line)), 0);
	failing_arm(n, for_good);
	rc = handoff_take(test.door, c.json, fds[0], &reply);
	failed = failing_disarm();
	assert_int_equal(buffer_append(&reply, "", 1), 0);
	/* It has begun, or the client sees an end at once. */
	if (test.hub.hub->streams.count == 0)
		while (read(fds[1], &byte, 1) == 1)
			;
	else
		assert_int_equal(read(fds[1], &byte, 1), 1);
	if (rc == 0 && !failed)
		assert_string_equal(reply.data, handing_opened);
	/* A stream that is open is never denied. */
	if (test.hub.hub->streams.count == 1 && rc == 0)
		assert_non_null(strstr(reply.data, "opened"));
	close(fds[1]);
	buffer_clear(&reply);
	command_clear(&c);
	json_tokener_free(tokener);
	handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 0);
	handing_teardown(&test);
	return failed;
}

static void
test_take(void **state)
{
	(void)state;
	test_each(test_take_once);
}

/*
 * By the queue: whenever there is a stream there is a reply that says so, or
 * the connection has ended, since a door that hears nothing hands over again.
 */
static bool
test_queue_once(unsigned n, bool for_good)
{
	const char *said;
	char line[512], byte;
	bool failed, is_opened;
	int fds[2], sock;

	handing_setup(&test, NULL);
	sock = handing_connect(&test);
	handing_pipe(fds);
	snprintf(line, sizeof line, "%s\n", handing_line("cgi", ""));
	handing_send(sock, line, &fds[0], 1);
	close(fds[0]);
	failing_arm(n, for_good);
	handing_turn(&test);
	failed = failing_disarm();
	is_opened = test.hub.hub->streams.count == 1;
	said = handing_said(&test, sock);
	if (strstr(said, "opened") != NULL) {
		assert_true(read(fds[1], &byte, 1) == 1);
	} else {
		assert_true(failed);
		assert_false(is_opened);
		assert_int_equal(read(fds[1], &byte, 1), 0);
	}
	close(fds[1]);
	close(sock);
	handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 0);
	handing_teardown(&test);
	return failed;
}

static void
test_queue(void **state)
{
	(void)state;
	test_each(test_queue_once);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_queue),
	};

	return cmocka_run_group_tests_name("handoff, out of memory", tests,
	    NULL, NULL);
}
