/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* The hub checks all of a handoff again; what is wrong opens nothing. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/handing.h"

static struct handing test;

/* Must be refused for this; the client sees the end, and nothing else. */
static void
test_refused(const char *framing, const char *members, const char *why)
{
	char byte;
	int fds[2];

	handing_socketpair(fds);
	handing_take(&test, handing_line(framing, members), fds[0]);
	handing_assert_refused(&test, why);
	assert_int_equal(read(fds[1], &byte, 1), 0);
	close(fds[1]);
	assert_int_equal(test.hub.hub->streams.count, 0);
	assert_int_equal(test.hub.hub->channels.table.count, 0);
}

static const struct {
	const char *members, *why;
} test_wrong[] = {
	{ ",\"framing\":\"http\"", "framing is neither" },
	{ ",\"framing\":\"\"", "framing is neither" },
	{ ",\"framing\":7", "framing is of the wrong type" },
	{ ",\"framing\":null", "framing is of the wrong type" },
	{ ",\"framing\":\"fastcgifastcgifas\"", "framing is too long" },
	{ ",\"request\":\"1\"", "request is of the wrong type" },
	{ ",\"request\":1.5", "request is of the wrong type" },
	{ ",\"request\":-1", "request is out of range" },
	{ ",\"request\":0", "request is out of range" },
	{ ",\"request\":65536", "request is out of range" },
	{ ",\"request\":18446744073709551616", "request is out of" },
	{ ",\"keep\":1", "keep is of the wrong type" },
	{ ",\"head\":[]", "head is of the wrong type" },
	{ ",\"channel\":\"a\"", "channel is no list" },
	{ ",\"channel\":null", "channel is no list" },
	{ ",\"channel\":[]", "channel names none" },
	{ ",\"channel\":[\"a\",7]", "channel is no string" },
	{ ",\"channel\":[null]", "channel is no string" },
	{ ",\"channel\":[\"\"]", "channel: channel name is empty" },
	{ ",\"channel\":[\"a b\"]", "channel: channel name has" },
	{ ",\"channel\":[\"a\\u0000\"]", "channel: channel name has" },
	{ ",\"channel\":[\"a\",\"b\",\"a\"]", "channel is named twice" },
	{ ",\"channel\":[\"a\",\"b\",\"c\",\"d\"]", "max-channels" },
	{ ",\"since\":1", "since is of the wrong type" },
	{ ",\"all\":\"yes\"", "all is of the wrong type" },
	{ ",\"last\":-1", "last is out of range" },
	{ ",\"last\":4294967296", "last is out of range" },
	{ ",\"last\":true", "last is of the wrong type" },
	{ ",\"poll\":0", "poll is of the wrong type" },
	{ ",\"tag\":\"channel\"", "tag is of the wrong type" },
	{ ",\"poll_ms\":3600001", "poll_ms is out of range" },
	{ ",\"poll_ms\":\"1\"", "poll_ms is of the wrong type" },
	{ ",\"poll_above\":10000001", "poll_above is out of range" },
	{ ",\"poll_above\":9223372036854775808", "poll_above is out" },
	{ ",\"heartbeat_ms\":4294967297", "heartbeat_ms is out of" },
	{ ",\"retry_ms\":-1", "retry_ms is out of range" },
	{ ",\"max_time_ms\":true", "max_time_ms is of the wrong type" },
	{ ",\"limit_ms\":\"1\"", "limit_ms is of the wrong type" },
	{ ",\"user\":7", "user is of the wrong type" },
	{ ",\"user\":\"a\\u0000b\"", "user has a NUL in it" },
	{ ",\"address\":false", "address is of the wrong type" },
	{ ",\"address\":\"\\u0000\"", "address has a NUL in it" },
	{ ",\"input\":[]", "input is of the wrong type" },
	{ ",\"input\":\"0\"", "input is cut off" },
	{ ",\"input\":\"0g\"", "input is not hexadecimal" },
	{ ",\"input\":\"AB\"", "input is not hexadecimal" },
	{ ",\"input\":\"  \"", "input is not hexadecimal" },
};

static void
test_members(void **state)
{
	static const char *const settings[] = { "max-channels=3", NULL };
	size_t i;

	(void)state;
	handing_setup(&test, settings);
	for (i = 0; i < sizeof test_wrong / sizeof *test_wrong; i++)
		test_refused("fastcgi", test_wrong[i].members,
		    test_wrong[i].why);
	/* Raw bytes have no next request on their connection. */
	test_refused("cgi", ",\"keep\":true", "keep is not for this framing");
	handing_teardown(&test);
}

/* One more than there may be; of so many it is taken. */
static void
test_longest(void **state)
{
	static const struct {
		const char *name;
		size_t most;
	} texts[] = { { "head", 16384 }, { "user", 1024 },
		{ "address", 1024 } };
	static char line[40000], text[20000];
	size_t i, more;
	int fds[2];

	(void)state;
	handing_setup(&test, NULL);
	for (i = 0; i < sizeof texts / sizeof *texts; i++) {
		for (more = 0; more < 2; more++) {
			memset(text, 'x', texts[i].most + more);
			text[texts[i].most + more] = '\0';
			snprintf(line, sizeof line,
			    "{\"do\":\"handoff\",\"framing\":\"cgi\","
			    "\"channel\":[\"a\"],\"%s\":\"%s\"}",
			    texts[i].name, text);
			handing_pipe(fds);
			handing_take(&test, line, fds[0]);
			if (more == 0)
				handing_assert(&test, handing_opened);
			else
				handing_assert_refused(&test, "is too long");
			close(fds[1]);
		}
	}
	handing_turn(&test);
	handing_teardown(&test);
}

/* All that may be missing is, and nothing else. */
static void
test_missing(void **state)
{
	static const struct {
		const char *line, *why;
	} lines[] = {
		{ "{\"do\":\"handoff\"}", "framing" },
		{ "{\"do\":\"handoff\",\"framing\":\"cgi\"}", "channel" },
		{ "{\"do\":\"handoff\",\"channel\":[\"a\"]}", "framing" },
		{ "{\"do\":\"handoff\",\"framing\":\"fastcgi\","
		  "\"channel\":[\"a\"]}",
		    "request is out of range" },
		{ "{\"do\":\"handoff\",\"framing\":\"cgi\","
		  "\"channel\":[\"a\"],\"unknown\":1}",
		    NULL },
	};
	size_t i;
	int fds[2];

	(void)state;
	handing_setup(&test, NULL);
	for (i = 0; i < sizeof lines / sizeof *lines; i++) {
		handing_pipe(fds);
		handing_take(&test, lines[i].line, fds[0]);
		if (lines[i].why == NULL)
			handing_assert(&test, handing_opened);
		else
			handing_assert_refused(&test, lines[i].why);
		close(fds[1]);
	}
	handing_turn(&test);
	handing_teardown(&test);
}

static int
test_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	assert_int_not_equal(fd, -1);
	return fd;
}

static int
test_listening(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* The end of a pair, or of a pipe, that is left. */
static int
test_end(int fds[2], int which)
{
	close(fds[1 - which]);
	return fds[which];
}

static void
test_descriptors(void **state)
{
	static const char file[] = "is no pipe or socket that can be written";
	static const char other[] = "is no connected stream socket";
	int pipes[2], pairs[2];
	struct {
		int fd;
		const char *why;
	} wrong[9];
	size_t i;

	(void)state;
	handing_setup(&test, NULL);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pairs), 0);
	wrong[0].fd = test_open("/proc/self/exe", O_RDONLY);
	wrong[1].fd = test_open("/dev/null", O_RDWR);
	wrong[2].fd = test_open("/tmp", O_RDWR | O_TMPFILE);
	wrong[3].fd = test_open("/tmp", O_PATH);
	wrong[4].fd = eventfd(0, 0);
	wrong[5].fd = test_end(pipes, 0);
	wrong[6].fd = test_end(pairs, 0);
	wrong[7].fd = test_listening();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pairs), 0);
	wrong[8].fd = test_end(pairs, 0);
	for (i = 0; i < 9; i++) {
		wrong[i].why = i < 6 ? file : other;
		handing_take(&test, handing_line("cgi", ""), wrong[i].fd);
		handing_assert_refused(&test, wrong[i].why);
	}
	assert_int_equal(test.hub.hub->streams.count, 0);
	handing_teardown(&test);
}

/* Whoever has left already costs a stream that ends at once. */
static void
test_left(void **state)
{
	int fds[2];

	(void)state;
	handing_setup(&test, NULL);
	handing_pipe(fds);
	close(fds[1]);
	handing_take(&test, handing_line("cgi", ""), fds[0]);
	handing_assert(&test, handing_opened);
	handing_socketpair(fds);
	close(fds[1]);
	handing_take(&test, handing_line("fastcgi", ""), fds[0]);
	handing_assert(&test, handing_opened);
	/* A socket that never was connected can be written to by nobody. */
	handing_take(&test, handing_line("cgi", ""),
	    socket(AF_INET, SOCK_STREAM, 0));
	handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 0);
	assert_int_equal(test.hub.hub->counters.opened,
	    test.hub.hub->counters.closed);
	handing_teardown(&test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_left),
	};

	return cmocka_run_group_tests_name("handoff, what is wrong", tests,
	    NULL, NULL);
}
