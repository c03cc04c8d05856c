/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/handing.h"
#include "lib/support.h"
#include "protocol/fdpass.h"

static int test_fds[FDPASS_TAKEN + 1];
static size_t test_count;
static char test_data[256];

static void
test_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     fds),
	    0);
}

static ssize_t
test_receive(int sock, size_t len)
{
	return fdpass_receive(sock, test_data, len, test_fds, &test_count);
}

static void
test_close_all(void)
{
	while (test_count > 0)
		if (test_fds[--test_count] != -1)
			close(test_fds[test_count]);
}

/* What came is the same file, and does not survive an exec. */
static void
test_one(void **state)
{
	int pair[2], ends[2];
	char byte;

	(void)state;
	test_pair(pair);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fdpass_send(pair[0], "abc", 3, ends[1]), 3);
	assert_int_equal(fdpass_send(pair[0], "def", 3, -1), 3);
	close(ends[1]);
	/* What comes behind the message is read the next time. */
	assert_int_equal(test_receive(pair[1], sizeof test_data), 3);
	assert_memory_equal(test_data, "abc", 3);
	assert_int_equal(test_count, 1);
	assert_int_equal(fcntl(test_fds[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(test_fds[0], "x", 1), 1);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	test_close_all();
	assert_int_equal(read(ends[0], &byte, 1), 0);
	assert_int_equal(test_receive(pair[1], sizeof test_data), 3);
	assert_memory_equal(test_data, "def", 3);
	assert_int_equal(test_count, 0);
	close(ends[0]);
	close(pair[0]);
	assert_int_equal(test_receive(pair[1], sizeof test_data), 0);
	assert_int_equal(test_count, 0);
	close(pair[1]);
}

/* It comes with the first of its message's bytes, however they are read. */
static void
test_in_pieces(void **state)
{
	int pair[2];

	(void)state;
	test_pair(pair);
	assert_int_equal(fdpass_send(pair[0], "ab", 2, -1), 2);
	assert_int_equal(fdpass_send(pair[0], "cd", 2, STDIN_FILENO), 2);
	assert_int_equal(test_receive(pair[1], 3), 3);
	assert_int_equal(test_count, 1);
	test_close_all();
	assert_int_equal(test_receive(pair[1], 3), 1);
	assert_int_equal(test_count, 0);
	assert_int_equal(test_receive(pair[1], 3), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(test_count, 0);
	close(pair[0]);
	close(pair[1]);
}

/* More than there is room for: the rest is not left open anywhere. */
static void
test_too_many(void **state)
{
	size_t i, before = handing_descriptors(), n;
	int pair[2], many[253];

	(void)state;
	test_pair(pair);
	for (i = 0; i < 253; i++)
		many[i] = STDIN_FILENO;
	for (n = FDPASS_TAKEN; n <= 253; n += n == FDPASS_TAKEN ? 1 : 238) {
		handing_send(pair[0], "abc", many, n);
		assert_int_equal(test_receive(pair[1], 3), 3);
		assert_int_equal(test_count, FDPASS_TAKEN + (n > FDPASS_TAKEN));
		for (i = 0; i < FDPASS_TAKEN; i++)
			assert_true(test_fds[i] > 2);
		if (n > FDPASS_TAKEN)
			assert_int_equal(test_fds[FDPASS_TAKEN], -1);
		test_close_all();
		assert_int_equal(handing_descriptors(), before + 2);
	}
	close(pair[0]);
	close(pair[1]);
}

/* The process has none left: that one was there is known all the same. */
static void
test_none_left(void **state)
{
	struct rlimit limit, less;
	int pair[2];

	(void)state;
	if (support_is_valgrind())
		return;
	test_pair(pair);
	handing_send(pair[0], "abc", (const int[]){ 0, 1, 2 }, 3);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	less = limit;
	less.rlim_cur = (rlim_t)pair[1] + 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	assert_int_equal(test_receive(pair[1], 3), 3);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(test_count, 2);
	assert_int_equal(test_fds[0], pair[1] + 1);
	assert_int_equal(test_fds[1], -1);
	test_close_all();
	handing_send(pair[0], "abc", (const int[]){ 0 }, 1);
	less.rlim_cur = (rlim_t)pair[1] + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	assert_int_equal(test_receive(pair[1], 3), 3);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(test_count, 1);
	assert_int_equal(test_fds[0], -1);
	close(pair[0]);
	close(pair[1]);
}

/* No signal, and an error that says what it is. */
static void
test_errors(void **state)
{
	int pair[2];
	size_t n = 0;

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	test_pair(pair);
	assert_int_equal(fdpass_send(pair[0], "a", 1, 999), -1);
	assert_int_equal(errno, EBADF);
	while (fdpass_send(pair[0], test_data, sizeof test_data, 0) != -1)
		n++;
	assert_int_equal(errno, EAGAIN);
	assert_true(n > 0);
	close(pair[1]);
	assert_int_equal(fdpass_send(pair[0], "a", 1, 0), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(fdpass_send(pair[0], "a", 1, -1), -1);
	assert_int_equal(errno, EPIPE);
	close(pair[0]);
	assert_int_equal(test_receive(pair[0], 1), -1);
	assert_int_equal(test_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_in_pieces),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_none_left),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("fdpass", tests, NULL, NULL);
}
