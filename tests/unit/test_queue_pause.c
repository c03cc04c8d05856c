/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Publishers beside a store that is slow: what waits for it has a bound, beyond
 * which neither a connection nor the pipe is read until it has caught up.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "hub/state.h"
#include "lib/handing.h"
#include "queue/queue.h"

enum {
	TEST_DATA = 60000,
	TEST_BOUND = 16777216,
	/* What one turn may add: a megabyte of lines, and the rest of each. */
	TEST_MORE = 2097152,
	TEST_REPLIES = 65536
};

static struct handing test_run;
static struct store test_store; /* over the hub's own */
static struct batch_list test_batches;
static char test_line[TEST_DATA + 100];

static void
test_commit(struct store *store, struct batch *b)
{
	(void)store;
	STAILQ_INSERT_TAIL(&test_batches, b, link);
}

static int
setup(void **state)
{
	static const struct store_ops ops = { .commit = test_commit };
	int n;

	(void)state;
	handing_setup(&test_run, NULL);
	STAILQ_INIT(&test_batches);
	test_store.ops = &ops;
	test_run.hub.hub->store = &test_store;
	n = snprintf(test_line, sizeof test_line,
	    "{\"channel\":\"a\",\"data\":\"%0*d\"}\n", TEST_DATA, 0);
	assert_in_range(n, TEST_DATA, sizeof test_line - 1);
	return 0;
}

/* The store does all that it has. */
static void
test_catch_up(void)
{
	struct streams *hub = &test_run.hub;
	struct batch *b;

	while ((b = STAILQ_FIRST(&test_batches)) != NULL) {
		STAILQ_REMOVE_HEAD(&test_batches, link);
		hub->store->ops->commit(hub->store, b);
	}
	handing_turn(&test_run);
}

static int
teardown(void **state)
{
	(void)state;
	test_catch_up();
	handing_teardown(&test_run);
	return 0;
}

/*
 * Sends lines until the queue takes no more of them; *part is what was sent of
 * the last one.  How many were begun.
 */
static size_t
test_fill(int sock, size_t *part)
{
	const size_t len = strlen(test_line);
	size_t begun = 1;
	ssize_t n;

	for (*part = 0;;) {
		n = send(sock, test_line + *part, len - *part, MSG_NOSIGNAL);
		if (n > 0) {
			*part += (size_t)n;
		} else {
			handing_turn(&test_run);
			n = send(sock, test_line + *part, 1, MSG_NOSIGNAL);
			if (n <= 0)
				return begun;
			*part += 1;
		}
		if (*part == len) {
			*part = 0;
			begun++;
		}
	}
}

static size_t
test_count_replies(int sock)
{
	static char text[TEST_REPLIES];
	const char *p;
	size_t count = 0;
	ssize_t n;

	while ((n = read(sock, text, sizeof text - 1)) > 0) {
		text[n] = '\0';
		for (p = text; (p = strstr(p, "{\"ok\":true")) != NULL; p++)
			count++;
		handing_turn(&test_run);
	}
	return count;
}

static int
test_unread(int fd)
{
	int left = -1;

	assert_int_equal(ioctl(fd, FIONREAD, &left), 0);
	return left;
}

static void
test_pause(void **state)
{
	struct hub *hub = test_run.hub.hub;
	int pipe_ends[2], other, sock = handing_connect(&test_run), spare;
	size_t begun, part, done = 0;

	(void)state;
	handing_pipe(pipe_ends);
	spare = dup(pipe_ends[1]);
	assert_int_equal(queue_read_fifo(test_run.queue, pipe_ends[1]), 0);
	begun = test_fill(sock, &part);
	assert_in_range(hub_committing_bytes(hub), TEST_BOUND,
	    TEST_BOUND + TEST_MORE);
	/* 1. Who comes now is read once, as the pipe is, and no more. */
	other = handing_connect(&test_run);
	handing_send(other, "{\"channel\":\"a\",", NULL, 0);
	handing_turn(&test_run);
	handing_send(other, "\"data\":\"1\"}\n", NULL, 0);
	assert_true(write(pipe_ends[0], "a 2\n", 4) == 4);
	handing_turn(&test_run);
	assert_true(write(pipe_ends[0], "a 3\n", 4) == 4);
	handing_turn(&test_run);
	assert_int_equal(test_unread(spare), 4);
	assert_string_equal(handing_said(&test_run, other), "");
	assert_int_equal(test_count_replies(sock), 0);
	/* 2. All is read when the store has done its part, and answered. */
	while (!STAILQ_EMPTY(&test_batches)) {
		test_catch_up();
		done += test_count_replies(sock);
	}
	assert_int_equal(done, begun - 1);
	assert_int_equal(hub_committing_bytes(hub), 0);
	assert_int_equal(test_unread(spare), 0);
	assert_non_null(strstr(handing_said(&test_run, other), "\"ok\":true"));
	assert_int_equal(hub->counters.published, begun - 1 + 3);
	/* 3. And so is the rest of the line that was begun. */
	handing_send(sock, test_line + part, NULL, 0);
	handing_turn(&test_run);
	test_catch_up();
	assert_int_equal(test_count_replies(sock), 1);
	close(sock);
	close(other);
	close(spare);
	close(pipe_ends[0]);
	handing_turn(&test_run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
	};

	return cmocka_run_group_tests_name("a slow store and the queue", tests,
	    NULL, NULL);
}
