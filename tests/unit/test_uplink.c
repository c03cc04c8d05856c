/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a door asks of a hub that may end at any moment: each who asked hears
 * once what became of it.
 */

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
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "door/uplink.h"
#include "lib/handing.h"
#include "protocol/fdpass.h"

enum {
	TEST_MOST = 64,
	TEST_LONG = 300000
};

static struct event_base *test_base;
static struct uplink *test_up;
static unsigned test_lost;
static size_t test_descriptors;

/* Who asks: what he heard, and what he does then. */
struct test_asker {
	struct uplink_request *request;
	char reply[64];
	unsigned heard;
	bool was_lost;
	struct test_asker *forgets, *asks;
};

static struct test_asker test_askers[TEST_MOST];
static char test_order[256];

static void test_ask(struct test_asker *, const char *, int, bool);

static void
test_reply_cb(void *arg, const char *reply, size_t len)
{
	struct test_asker *a = arg;

	assert_int_equal(a->heard++, 0);
	a->request = NULL;
	a->was_lost = reply == NULL;
	if (reply != NULL) {
		assert_true(len < sizeof a->reply);
		memcpy(a->reply, reply, len);
		assert_true(strlen(test_order) + len < sizeof test_order);
		strncat(test_order, reply, len);
	}
	if (a->forgets != NULL && a->forgets->request != NULL) {
		uplink_forget(test_up, a->forgets->request);
		a->forgets->request = NULL;
	}
	if (a->asks != NULL)
		test_ask(a->asks, "asked then\n", -1, true);
}

static void
test_ask(struct test_asker *a, const char *text, int fd, bool repeat)
{
	struct buffer line = { 0 };

	assert_int_equal(buffer_append_text(&line, text), 0);
	a->request = uplink_send(test_up, &line, fd, repeat, test_reply_cb, a);
	assert_non_null(a->request);
	assert_int_equal(line.len, 0);
}

static void
test_lost_cb(void *arg)
{
	assert_ptr_equal(arg, &test_lost);
	assert_false(uplink_is_attached(test_up));
	test_lost++;
}

static void
test_turn(void)
{
	int i;

	for (i = 0; i < 8; i++)
		event_base_loop(test_base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* A hub: its end of the connection, blocking. */
static int
test_attach(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     fds),
	    0);
	assert_true(fcntl(fds[0], F_SETFL, O_NONBLOCK) != -1);
	assert_int_equal(uplink_attach(test_up, fds[0]), 0);
	assert_true(uplink_is_attached(test_up));
	return fds[1];
}

/* What the hub hears must be this, with so many descriptors. */
static void
test_hears(int hub, const char *want, size_t descriptors)
{
	static char text[2 * TEST_LONG];
	size_t len = 0, count, all = 0, i, n = strlen(want);
	int fds[FDPASS_TAKEN + 1];
	ssize_t got;

	while (len < n) {
		test_turn();
		got = fdpass_receive(hub, text + len, sizeof text - len, fds,
		    &count);
		assert_true(got > 0);
		len += (size_t)got;
		all += count;
		for (i = 0; i < count; i++)
			close(fds[i]);
	}
	assert_int_equal(len, n);
	assert_memory_equal(text, want, n);
	assert_int_equal(all, descriptors);
}

static void
test_says(int hub, const char *text)
{
	assert_int_equal(write(hub, text, strlen(text)), strlen(text));
	test_turn();
}

static int
test_setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	memset(test_askers, 0, sizeof test_askers);
	test_order[0] = '\0';
	test_lost = 0;
	test_descriptors = handing_descriptors();
	test_base = event_base_new();
	test_up = uplink_new(test_base, test_lost_cb, &test_lost);
	return test_base == NULL || test_up == NULL ? -1 : 0;
}

static int
test_teardown(void **state)
{
	(void)state;
	uplink_free(test_up);
	event_base_free(test_base);
	return handing_descriptors() == test_descriptors ? 0 : -1;
}

/* Lines and descriptors in their order, and the replies in theirs. */
static void
test_replies(void **state)
{
	struct test_asker *a = test_askers;
	int hub;

	(void)state;
	/* Before there is a connection, too. */
	test_ask(&a[0], "one\n", STDIN_FILENO, true);
	hub = test_attach();
	test_ask(&a[1], "two\n", -1, true);
	test_ask(&a[2], "three\n", STDIN_FILENO, false);
	assert_int_equal(a[0].heard, 0);
	test_hears(hub, "one\ntwo\nthree\n", 2);
	test_says(hub, "1\n2");
	assert_int_equal(a[0].heard, 1);
	assert_int_equal(a[1].heard, 0);
	test_says(hub, "2\n\n");
	assert_int_equal(a[2].heard, 1);
	assert_string_equal(test_order, "122");
	assert_string_equal(a[1].reply, "22");
	assert_string_equal(a[2].reply, "");
	assert_int_equal(test_lost, 0);
	close(hub);
	test_turn();
	assert_int_equal(test_lost, 1);
}

/* A line that the socket takes in parts has one descriptor all the same. */
static void
test_long_line(void **state)
{
	static char line[TEST_LONG + 2];
	static char both[TEST_LONG + 16];
	struct test_asker *a = test_askers;
	int hub = test_attach();

	(void)state;
	memset(line, 'x', TEST_LONG);
	line[TEST_LONG] = '\n';
	test_ask(&a[0], line, STDIN_FILENO, true);
	test_ask(&a[1], "next\n", STDIN_FILENO, true);
	test_turn();
	snprintf(both, sizeof both, "%snext\n", line);
	test_hears(hub, both, 2);
	test_says(hub, "1\n2\n");
	assert_string_equal(test_order, "12");
	close(hub);
}

/* A reply before the line that it is for is all sent is none. */
static void
test_early_reply(void **state)
{
	static char line[2 * TEST_LONG];
	struct test_asker *a = test_askers;
	int hub = test_attach();

	(void)state;
	memset(line, 'x', sizeof line - 1);
	test_ask(&a[0], line, -1, false);
	test_ask(&a[1], "repeated\n", -1, true);
	test_turn();
	test_says(hub, "early\n");
	assert_int_equal(test_lost, 1);
	assert_true(a[0].was_lost);
	assert_int_equal(a[1].heard, 0);
	close(hub);
	hub = test_attach();
	test_hears(hub, "repeated\n", 0);
	close(hub);
}

static void
test_reply_to_nothing(void **state)
{
	int hub = test_attach();

	(void)state;
	test_says(hub, "what?\n");
	assert_int_equal(test_lost, 1);
	close(hub);
}

/* One that never ends a line is not listened to for ever. */
static void
test_endless_reply(void **state)
{
	static char text[65536];
	int hub = test_attach();
	unsigned i;

	(void)state;
	memset(text, 'x', sizeof text);
	test_ask(&test_askers[0], "one\n", -1, false);
	test_hears(hub, "one\n", 0);
	for (i = 0; test_lost == 0; i++) {
		assert_true(i < 1000);
		if (write(hub, text, sizeof text) == -1)
			break;
		test_turn();
	}
	assert_int_equal(test_lost, 1);
	assert_true(test_askers[0].was_lost);
	close(hub);
}

/*
 * The hub ends: what it has answered counts, what it has not is said again to
 * the next one, in its order and with its descriptor, or is lost.
 */
static void
test_next_hub(void **state)
{
	struct test_asker *a = test_askers;
	int hub = test_attach();

	(void)state;
	test_ask(&a[0], "answered\n", STDIN_FILENO, true);
	test_ask(&a[1], "repeated\n", STDIN_FILENO, true);
	test_ask(&a[2], "lost\n", STDIN_FILENO, false);
	test_ask(&a[3], "too\n", STDIN_FILENO, true);
	test_hears(hub, "answered\nrepeated\nlost\ntoo\n", 4);
	assert_int_equal(write(hub, "yes\n", 4), 4);
	close(hub);
	test_turn();
	assert_int_equal(test_lost, 1);
	assert_string_equal(a[0].reply, "yes");
	assert_true(a[2].was_lost);
	assert_int_equal(a[1].heard + a[3].heard, 0);
	/* One that was never sent is no news to anybody. */
	test_ask(&a[4], "later\n", -1, false);
	hub = test_attach();
	test_hears(hub, "repeated\ntoo\nlater\n", 2);
	test_says(hub, "1\n2\n3\n");
	assert_string_equal(test_order, "yes123");
	close(hub);
}

/* It ends without having read what was sent. */
static void
test_unread(void **state)
{
	struct test_asker *a = test_askers;
	int hub = test_attach();

	(void)state;
	test_ask(&a[0], "one\n", STDIN_FILENO, true);
	test_ask(&a[1], "two\n", -1, false);
	test_turn();
	close(hub);
	test_turn();
	assert_int_equal(test_lost, 1);
	assert_true(a[1].was_lost);
	hub = test_attach();
	test_hears(hub, "one\n", 1);
	close(hub);
	test_turn();
	hub = test_attach();
	test_hears(hub, "one\n", 1);
	test_says(hub, "1\n");
	assert_string_equal(a[0].reply, "1");
	assert_int_equal(test_lost, 2);
	close(hub);
}

/* It ends before what is asked next was sent. */
static void
test_ended_before(void **state)
{
	struct test_asker *a = test_askers;
	int hub = test_attach();

	(void)state;
	close(hub);
	test_ask(&a[0], "one\n", STDIN_FILENO, false);
	test_turn();
	assert_int_equal(test_lost, 1);
	assert_int_equal(a[0].heard, 0);
	hub = test_attach();
	test_hears(hub, "one\n", 1);
	test_says(hub, "1\n");
	assert_string_equal(a[0].reply, "1");
	close(hub);
}

/* Whoever is gone is not called back, and takes nobody's reply. */
static void
test_forget(void **state)
{
	struct test_asker *a = test_askers;
	int hub;

	(void)state;
	test_ask(&a[0], "unsent\n", 999, true);
	assert_false(uplink_forget(test_up, a[0].request));
	hub = test_attach();
	test_ask(&a[1], "unsent too\n", 999, true);
	assert_false(uplink_forget(test_up, a[1].request));
	test_ask(&a[2], "sent\n", STDIN_FILENO, true);
	test_ask(&a[3], "next\n", STDIN_FILENO, true);
	test_hears(hub, "sent\nnext\n", 2);
	assert_true(uplink_forget(test_up, a[2].request));
	test_says(hub, "2\n3\n");
	assert_int_equal(a[2].heard, 0);
	assert_string_equal(a[3].reply, "3");
	/* And is not repeated. */
	test_ask(&a[4], "again\n", -1, true);
	test_hears(hub, "again\n", 0);
	assert_true(uplink_forget(test_up, a[4].request));
	close(hub);
	test_turn();
	hub = test_attach();
	test_ask(&a[5], "last\n", -1, true);
	test_hears(hub, "last\n", 0);
	assert_int_equal(a[4].heard, 0);
	close(hub);
}

/* One that was begun goes out to its end, for the next begins behind it. */
static void
test_forget_half_sent(void **state)
{
	static char line[TEST_LONG + 2], both[TEST_LONG + 16];
	struct test_asker *a = test_askers;
	int hub = test_attach();

	(void)state;
	memset(line, 'x', TEST_LONG);
	line[TEST_LONG] = '\n';
	test_ask(&a[0], line, STDIN_FILENO, true);
	test_ask(&a[1], "next\n", -1, true);
	test_turn();
	assert_true(uplink_forget(test_up, a[0].request));
	snprintf(both, sizeof both, "%snext\n", line);
	test_hears(hub, both, 1);
	test_says(hub, "1\n2\n");
	assert_string_equal(a[1].reply, "2");
	close(hub);
}

/* Who hears of a reply, or of a loss, may ask, and forget what others asked. */
static void
test_within(void **state)
{
	struct test_asker *a = test_askers;
	int hub = test_attach();

	(void)state;
	a[0].asks = &a[5];
	a[0].forgets = &a[2];
	test_ask(&a[0], "zero\n", -1, true);
	test_ask(&a[1], "one\n", -1, true);
	test_ask(&a[2], "two\n", -1, true);
	test_ask(&a[3], "three\n", -1, false);
	a[3].forgets = &a[4];
	a[3].asks = &a[6];
	test_ask(&a[4], "four\n", -1, true);
	test_ask(&a[8], "eight\n", -1, false);
	a[8].forgets = &a[1];
	test_hears(hub, "zero\none\ntwo\nthree\nfour\neight\n", 0);
	test_says(hub, "0\n");
	test_hears(hub, "asked then\n", 0);
	close(hub);
	test_turn();
	assert_int_equal(test_lost, 1);
	assert_true(a[3].was_lost);
	assert_true(a[8].was_lost);
	assert_int_equal(a[2].heard + a[4].heard + a[1].heard, 0);
	hub = test_attach();
	test_hears(hub, "asked then\nasked then\n", 0);
	test_says(hub, "5\n6\n");
	assert_string_equal(a[5].reply, "5");
	assert_string_equal(a[6].reply, "6");
	/* The last one's end is not left pointing anywhere else. */
	test_ask(&a[7], "seven\n", -1, true);
	test_hears(hub, "seven\n", 0);
	test_says(hub, "7\n");
	assert_string_equal(a[7].reply, "7");
	close(hub);
}

/* Nobody is called back by uplink_free. */
static void
test_freed(void **state)
{
	int hub = test_attach();

	(void)state;
	test_ask(&test_askers[0], "sent\n", STDIN_FILENO, true);
	test_hears(hub, "sent\n", 1);
	test_ask(&test_askers[1], "unsent\n", STDIN_FILENO, true);
	uplink_free(test_up);
	assert_int_equal(test_askers[0].heard + test_askers[1].heard, 0);
	assert_int_equal(test_lost, 0);
	test_up = uplink_new(test_base, test_lost_cb, &test_lost);
	uplink_free(NULL);
	close(hub);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_replies),
		TEST(test_long_line),
		TEST(test_early_reply),
		TEST(test_reply_to_nothing),
		TEST(test_endless_reply),
		TEST(test_next_hub),
		TEST(test_unread),
		TEST(test_ended_before),
		TEST(test_forget),
		TEST(test_forget_half_sent),
		TEST(test_within),
		TEST(test_freed),
	};

	return cmocka_run_group_tests_name("uplink", tests, NULL, NULL);
}
