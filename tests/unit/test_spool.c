/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What pub -S keeps and flush sends, against a server that is told what to do.
 */

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "companion/spool_record.h"
#include "lib/spool_run.h"
#include "protocol/client.h"

/* With no crierd all forms are kept, in order, and sent by flush. */
static void
test_keep_and_flush(void **state)
{
	pid_t server;

	(void)state;
	spool_leave();
	assert_int_equal(spool_flush(), 0); /* there is nothing */
	assert_int_equal(PUB("a", "one"), 0);
	assert_file(run_output, "");
	assert_file(run_errors, "");
	assert_int_equal(spool_mode(spool_dir), 0700);
	assert_int_equal(spool_mode(spool_journal), 0600);
	assert_int_equal(PUB_INPUT("two\n", "-v", "a"), 0);
	assert_file(run_output, "kept\n");
	assert_int_equal(PUB_INPUT("l1\nl2", "-l", "-v", "a"), 0);
	assert_file(run_output, "kept\nkept\n");
	assert_int_equal(PUB("-J", "a", "n=1"), 0);
	assert_int_equal(PUB_INPUT("{\"channel\":\"b\",\"data\":3}\n\nbad\n"
				   "{\"channel\":\"b\",\"data\":4} \r\n",
			     "-n", "-v"),
	    EX_DATAERR);
	assert_file(run_output, "kept\nkept\n");
	assert_in_file(run_errors, "line 3: ");
	assert_int_equal(spool_flush(), EX_UNAVAILABLE);
	assert_kept("\"one\";\"two\";\"l1\";\"l2\";{\"n\":1;3;4;");
	server = spool_serve(spool_talk_once);
	assert_int_equal(spool_flush(), 0);
	run_wait(server);
	assert_requests("\"one\";\"two\";\"l1\";\"l2\";{\"n\":1;3;4;");
	assert_file(run_output, "sent 7, expired 0, refused 0\n");
	assert_int_equal(spool_size(spool_journal), 0);
	spool_leave();
	assert_int_equal(spool_flush(), 0); /* again nothing */
}

/* What is refused for good is not kept, neither here nor there. */
static void
test_refused(void **state)
{
	pid_t server = spool_serve(spool_talk_once);

	(void)state;
	assert_int_equal(PUB_INPUT("x\nrefuse65\ny\nrefuse77\nz\n", "-l", "-v",
			     "a"),
	    EX_NOPERM);
	run_wait(server);
	assert_file(run_output, "1-0\n2-0\n3-0\n");
	assert_file(run_errors, "crier: line 2: no 65\ncrier: line 4: no 77\n");
	assert_int_equal(spool_size(spool_journal), -1);
	spool_leave();
	assert_int_equal(PUB("a b", "x"), EX_DATAERR);
	assert_int_equal(PUB("$a", "x"), EX_NOPERM);
	assert_int_equal(PUB("-x", "5", "*", "x"), EX_DATAERR);
	assert_int_equal(spool_size(spool_journal), -1);
}

/* The spool's are sent before a new one, which is kept if they cannot be. */
static void
test_order(void **state)
{
	static const run_talker talkers[] = { run_talk_lines, spool_talk_ok,
		NULL };
	pid_t server;

	(void)state;
	spool_leave();
	assert_int_equal(PUB("a", "one"), 0);
	assert_int_equal(PUB("a", "refuse75"), 0);
	server = spool_serve(talkers);
	assert_int_equal(PUB_INPUT("two\n", "-v", "a"), 0);
	assert_file(run_output, "kept\n");
	assert_file(run_errors, "");
	assert_kept("\"refuse75\";\"two\";");
	assert_int_equal(PUB_INPUT("three\n", "-v", "a"), 0);
	assert_file(run_output, "9-0\n");
	run_wait(server);
	assert_requests("\"one\";\"refuse75\";\"refuse75\";\"two\";\"three\";");
	assert_int_equal(spool_size(spool_journal), 0);
}

/* A crierd that does not know of order gets one event at a time. */
static void
test_order_of_old(void **state)
{
	static const char input[] = "one\ntwo\nrefuse75\nthree\nfour\n";
	pid_t server = spool_serve(spool_talk_old_once);

	(void)state;
	assert_int_equal(PUB_INPUT(input, "-l", "-v", "a"), 0);
	run_wait(server);
	assert_file(run_output, "9-0\n9-0\nkept\nkept\nkept\n");
	assert_requests("\"one\";\"two\";\"refuse75\";");
	server = spool_serve(spool_talk_old_once);
	assert_int_equal(spool_flush(), EX_TEMPFAIL);
	run_wait(server);
	assert_requests("\"refuse75\";");
	assert_kept("\"refuse75\";\"three\";\"four\";");
	server = spool_serve(spool_talk_ok_once);
	assert_int_equal(spool_flush(), 0);
	run_wait(server);
	assert_requests("\"refuse75\";\"three\";\"four\";");
}

/* A lost reply: the event is sent again, with the same key. */
static void
test_lost_reply(void **state)
{
	static const run_talker talkers[] = { run_talk_lines, spool_talk_ok,
		NULL };
	pid_t server = spool_serve(talkers);
	char *text, *second;

	(void)state;
	assert_int_equal(PUB("a", "drop"), 0);
	assert_kept("\"drop\";");
	assert_int_equal(spool_flush(), 0);
	run_wait(server);
	text = run_read(run_requests);
	second = strchr(text, '\n');
	assert_non_null(second);
	*second++ = '\0';
	second[strcspn(second, "\n")] = '\0';
	assert_string_equal(text, second);
	/* 128 random bits and a counter. */
	assert_int_equal(strncmp(text, "{\"key\":\"", 8), 0);
	assert_int_equal(strspn(text + 8, "0123456789abcdef"), 32);
	assert_int_equal(strncmp(text + 40, "-1\",\"channel\"", 13), 0);
	free(text);
}

/* With -w it is sent again at once, and nothing is kept. */
static void
test_lost_reply_waits(void **state)
{
	static const run_talker talkers[] = { run_talk_lines, spool_talk_ok,
		NULL };
	const char *const args[] = { "pub", "-v", "-S", spool_dir, "a", "drop",
		NULL };
	pid_t server = spool_serve(talkers);

	(void)state;
	assert_int_equal(run_verb(&verb_pub, args, RUN_WAIT_MS), 0);
	run_wait(server);
	assert_file(run_output, "9-0\n");
	assert_requests("\"drop\";\"drop\";");
	assert_int_equal(spool_size(spool_journal), -1);
}

/* All keys are different. */
static void
test_keys(void **state)
{
	char *text, *line, *rest, seen[8][48];
	size_t n = 0, i;

	(void)state;
	spool_leave();
	for (i = 0; i < 4; i++)
		assert_int_equal(PUB_INPUT("x\ny\n", "-l", "a"), 0);
	rest = text = run_read(spool_journal);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		struct spool_record r;

		assert_true(spool_record_parse(line, strlen(line), &r));
		assert_true(n < 8 && r.key_len < sizeof seen[0]);
		snprintf(seen[n], sizeof seen[n], "%.*s", (int)r.key_len,
		    r.key);
		for (i = 0; i < n; i++)
			assert_string_not_equal(seen[i], seen[n]);
		n++;
	}
	assert_int_equal(n, 8);
	free(text);
}

/* crierd says nothing: two seconds are all that pub has. */
static void
test_mute(void **state)
{
	pid_t server = spool_serve(spool_talk_once);
	uint64_t begun = clock_monotonic_ms(), took;

	(void)state;
	assert_int_equal(PUB("a", "mute"), 0);
	took = clock_monotonic_ms() - begun;
	assert_in_range(took, 1900, 10000);
	assert_kept("\"mute\";");
	kill(server, SIGKILL);
	run_wait(server);
}

/* A bad event among the kept ones does not stop those behind it. */
static void
test_set_aside(void **state)
{
	pid_t server;

	(void)state;
	spool_leave();
	assert_int_equal(PUB_INPUT("one\nrefuse65\ntwo\n", "-l", "a"), 0);
	server = spool_serve(spool_talk_once);
	assert_int_equal(spool_flush(), EX_DATAERR);
	run_wait(server);
	assert_file(run_output, "sent 2, expired 0, refused 1\n");
	assert_in_file(run_errors, "no 65");
	assert_in_file(run_errors, spool_refused);
	assert_file(spool_refused,
	    "{\"channel\":\"a\",\"data\":\"refuse65\"}\n");
	assert_int_equal(spool_mode(spool_refused), 0600);
	assert_int_equal(spool_size(spool_journal), 0);
	/* For who publishes another event, it is a message only. */
	spool_leave();
	assert_int_equal(PUB("a", "refuse65"), 0);
	server = spool_serve(spool_talk_once);
	assert_int_equal(PUB("a", "three"), 0);
	run_wait(server);
	assert_in_file(run_errors, "no 65");
	assert_requests("\"refuse65\";\"three\";");
}

static void
test_not_allowed(void **state)
{
	pid_t server;

	(void)state;
	spool_leave();
	assert_int_equal(PUB("a", "refuse77"), 0);
	server = spool_serve(spool_talk_once);
	assert_int_equal(spool_flush(), EX_NOPERM);
	run_wait(server);
	assert_in_file(run_errors, "no 77");
	assert_kept("\"refuse77\";");
}

static void
test_expired(void **state)
{
	uint64_t begun;
	pid_t server;
	char *text, *line;

	(void)state;
	spool_leave();
	assert_int_equal(PUB("-x", "0.001", "a", "gone"), 0);
	assert_int_equal(PUB("-x", "100", "a", "there"), 0);
	for (begun = clock_monotonic_ms(); clock_monotonic_ms() < begun + 2;)
		poll(NULL, 0, 1);
	server = spool_serve(spool_talk_once);
	assert_int_equal(spool_flush(), 0);
	run_wait(server);
	assert_file(run_output, "sent 1, expired 1, refused 0\n");
	assert_requests("\"there\";");
	text = run_read(run_requests);
	line = strrchr(text, ':');
	assert_true(strtod(line + 1, NULL) < 100);
	assert_true(strtod(line + 1, NULL) > 50);
	free(text);
}

/*
 * The wall clock is set while an event waits, or when the machine starts anew:
 * the event grows older as ever.
 */
static const struct test_clock {
	const char *name;
	int64_t set_s[2];  /* between keeping and sending, in two steps */
	uint64_t waits_s;  /* by the clock that nobody sets */
	int left_s;        /* of 100; 0: it has expired */
	bool is_restarted; /* the machine, after the first step */
} test_clocks[] = {
	{ "nothing", { 0, 0 }, 5, 95, false },
	{ "forward", { 86400, 0 }, 5, 95, false },
	{ "far forward", { 315360000, 0 }, 99, 1, false },
	{ "back", { -86400, 0 }, 5, 95, false },
	{ "back, and it is due", { -86400, 0 }, 100, 0, false },
	{ "forth and back", { 86400, -86400 }, 30, 70, false },
	{ "a restart", { 0, 0 }, 30, 70, true },
	{ "before a restart", { 86400, 0 }, 30, 70, true },
	{ "back before it", { -86400, 0 }, 30, 70, true },
	{ "back before it, and it is due", { -86400, 0 }, 101, 0, true },
};

uint64_t __wrap_clock_wall_ms(void);
uint64_t __wrap_clock_start_ms(void);
uint64_t __real_clock_wall_ms(void);
uint64_t __real_clock_start_ms(void);
static int64_t test_wall_ms, test_start_ms;

uint64_t
__wrap_clock_wall_ms(void)
{
	return __real_clock_wall_ms() + (uint64_t)test_wall_ms;
}

uint64_t
__wrap_clock_start_ms(void)
{
	return __real_clock_start_ms() + (uint64_t)test_start_ms;
}

/* The clock's file as of another start, in which the time began at 0 again. */
static void
test_restart(void)
{
	char *text = run_read(spool_clock_file), *space;

	space = strchr(text, ' ');
	assert_non_null(space);
	memset(text, 'x', (size_t)(space - text));
	run_save(spool_clock_file, text, strlen(text));
	free(text);
	test_start_ms -= 5000000;
}

/* Flushes, and expects the one event with so many seconds left, or none. */
static void
test_flush_left(const struct test_clock *t)
{
	pid_t server = spool_serve(spool_talk_once);
	char *text, *at;
	double left;

	assert_int_equal(spool_flush(), 0);
	run_wait(server);
	text = run_read(run_requests);
	at = strstr(text, "\"expires\":100,");
	at = at == NULL ? strrchr(text, ',') : strrchr(at, ',');
	left = at == NULL ? 0 : strtod(at + strlen(",\"expires\":"), NULL);
	if (left > t->left_s || left < t->left_s - 1)
		fail_msg("%s: %f instead of %d", t->name, left, t->left_s);
	free(text);
}

static void
test_clock_is_set(void **state)
{
	const struct test_clock *t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_clocks / sizeof *test_clocks; i++) {
		t = &test_clocks[i];
		spool_leave();
		test_wall_ms = test_start_ms = 0;
		assert_int_equal(PUB("-x", "100", "a", "waits"), 0);
		test_wall_ms += t->set_s[0] * 1000;
		/* Somebody has another look before the machine goes down. */
		assert_int_equal(PUB("-x", "0.001", "b", "gone"), 0);
		if (t->is_restarted)
			test_restart();
		test_wall_ms += (t->set_s[1] + (int64_t)t->waits_s) * 1000;
		test_start_ms += (int64_t)t->waits_s * 1000;
		test_flush_left(t);
		spool_teardown(NULL);
	}
	test_wall_ms = test_start_ms = 0;
}

static void
test_usage(void **state)
{
	static const char *const bad[][5] = { { "flush" }, { "flush", "-S" },
		{ "flush", "-S", "" }, { "flush", "-S", "/x", "y" },
		{ "flush", "-Z" } };
	static const char *const help[] = { "flush", "-h", NULL };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(run_verb(&verb_flush, bad[i], 0), EX_USAGE);
		assert_in_file(run_errors, "crier: flush: ");
	}
	assert_int_equal(run_verb(&verb_flush, help, 0), 0);
	assert_in_file(run_output, "usage: crier flush");
	/* Neither a directory nor one that can be made. */
	run_save(spool_dir, "", 0);
	assert_int_not_equal(PUB("a", "x"), 0);
	assert_in_file(run_errors, spool_dir);
	unlink(spool_dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_keep_and_flush, spool_teardown),
		cmocka_unit_test_teardown(test_refused, spool_teardown),
		cmocka_unit_test_teardown(test_order, spool_teardown),
		cmocka_unit_test_teardown(test_order_of_old, spool_teardown),
		cmocka_unit_test_teardown(test_lost_reply, spool_teardown),
		cmocka_unit_test_teardown(test_lost_reply_waits,
		    spool_teardown),
		cmocka_unit_test_teardown(test_keys, spool_teardown),
		cmocka_unit_test_teardown(test_mute, spool_teardown),
		cmocka_unit_test_teardown(test_set_aside, spool_teardown),
		cmocka_unit_test_teardown(test_not_allowed, spool_teardown),
		cmocka_unit_test_teardown(test_expired, spool_teardown),
		cmocka_unit_test_teardown(test_clock_is_set, spool_teardown),
		cmocka_unit_test_teardown(test_usage, spool_teardown),
	};

	return cmocka_run_group_tests(tests, spool_setup, run_teardown);
}
