/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/flush.h"

enum {
	TEST_BYTES = 4 * 1024 * 1024 /* more than a socket takes */
};

static void
test_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     fds),
	    0);
}

/* All that was sent, in order. */
static void
test_read(int fd, size_t *got)
{
	static unsigned char bytes[65536];
	ssize_t n, i;

	while ((n = read(fd, bytes, sizeof bytes)) > 0) {
		for (i = 0; i < n; i++)
			assert_int_equal(bytes[i], (*got + (size_t)i) % 251);
		*got += (size_t)n;
	}
}

static void
test_all(void **state)
{
	struct buffer b = { 0 };
	size_t i, got = 0;
	int fds[2], rc;
	char *to;

	(void)state;
	test_pair(fds);
	assert_int_equal(flush_buffer(fds[0], &b), 1);
	to = buffer_reserve(&b, TEST_BYTES);
	assert_non_null(to);
	for (i = 0; i < TEST_BYTES; i++)
		to[i] = (char)(i % 251);
	buffer_commit(&b, TEST_BYTES);
	assert_int_equal(flush_buffer(fds[0], &b), 0);
	assert_true(b.len > 0 && b.len < TEST_BYTES);
	assert_int_equal(flush_buffer(fds[0], &b), 0);
	while ((rc = flush_buffer(fds[0], &b)) == 0)
		test_read(fds[1], &got);
	assert_int_equal(rc, 1);
	test_read(fds[1], &got);
	assert_int_equal(got, TEST_BYTES);
	assert_int_equal(b.len, 0);
	buffer_clear(&b);
	close(fds[0]);
	close(fds[1]);
}

static void
test_broken(void **state)
{
	struct buffer b = { 0 };
	int fds[2];

	(void)state;
	test_pair(fds);
	close(fds[1]);
	assert_int_equal(buffer_append_text(&b, "abc"), 0);
	assert_int_equal(flush_buffer(fds[0], &b), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(b.len, 3);
	buffer_clear(&b);
	close(fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests_name("flush", tests, NULL, NULL);
}
