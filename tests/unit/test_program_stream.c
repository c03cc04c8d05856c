/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Programs as the sources of a hub's streams. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "lib/handing.h"
#include "lib/scripts.h"
#include "source/program_stream.h"

static struct handing test;
static struct programs *test_programs;

/* A stream's client, and what it got. */
struct test_client {
	struct streams_client client;
	enum hub_answer answer;
	int refused; /* the status of a refusal, or 0 */
};

static void
test_open_by(struct test_client *c, char *shell, const char *script,
    bool is_framed)
{
	char flag[] = "-c", *text = strdup(script);
	char *argv[] = { shell, flag, text }, title[] = "test";
	struct config_route route = { .title = title,
		.format = CONFIG_FORMAT_LINES,
		.run = { argv, 3 } };
	struct request request = { .body = { "", 0 } };
	struct opening opening = { .sub = { .framing =
						&test.hub.framings[is_framed],
				       .request_id = 258,
				       .since = { "", 0 },
				       .head = { "X: head\r\n\r\n", 11 },
				       .input = { "", 0 },
				       .user = { "ann", 3 },
				       .address = { "192.0.2.1", 9 } },
		.program = &route,
		.request = &request };
	struct opening_result result;
	int fds[2];

	handing_socketpair(fds);
	assert_true(fcntl(fds[0], F_SETFL, O_NONBLOCK) != -1);
	handing_client(&c->client, fds[1], is_framed);
	opening.sub.fd = fds[0];
	program_stream_open(test.hub.hub, test_programs, &opening, &result);
	c->refused = result.refusal.status;
	c->answer = result.answer;
	if (c->answer != HUB_OPENED)
		close(fds[0]);
	free(text);
}

static void
test_open(struct test_client *c, const char *script, bool is_framed)
{
	char shell[] = "/bin/sh";

	test_open_by(c, shell, script, is_framed);
}

/* Turns the loop until the end of a client's stream has come. */
static void
test_await_end(struct test_client *c)
{
	static const struct timeval turn = { .tv_usec = 20000 };
	uint64_t until = clock_monotonic_ms() + SCRIPTS_WAIT_MS;

	while (c->client.is_framed ? !c->client.is_ended : !c->client.is_over) {
		assert_true(clock_monotonic_ms() < until);
		event_base_loopexit(test.hub.base, &turn);
		event_base_dispatch(test.hub.base);
		streams_take(&c->client);
	}
	assert_int_equal(buffer_append(&c->client.text, "", 1), 0);
}

static void
test_await_programs(size_t count)
{
	static const struct timeval turn = { .tv_usec = 20000 };
	uint64_t until = clock_monotonic_ms() + SCRIPTS_WAIT_MS;

	while (programs_count(test_programs) != count) {
		assert_true(clock_monotonic_ms() < until);
		event_base_loopexit(test.hub.base, &turn);
		event_base_dispatch(test.hub.base);
	}
}

static int
test_setup(void **state)
{
	(void)state;
	handing_setup(&test, NULL);
	test_programs = programs_new(test.hub.base);
	return test_programs == NULL ? -1 : 0;
}

static int
test_teardown(void **state)
{
	(void)state;
	assert_int_equal(test.hub.hub->streams.count, 0);
	assert_int_equal(programs_count(test_programs), 0);
	programs_free(test_programs);
	handing_teardown(&test);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return 0;
}

/*
 * The head has the retry of the top level, for there is no channel to have one,
 * and heartbeats likewise.
 */
static const char test_head[] =
    "X: head\r\n\r\nretry: 3000\n\nid: 9000000000000-0\n\n";

/* What a script's stream is, its head and end aside. */
static void
test_check(const char *script, const char *want, const char *end)
{
	struct test_client c;
	const char *at;
	int framed;

	for (framed = 0; framed < 2; framed++) {
		test_open(&c, script, framed);
		assert_int_equal(c.answer, HUB_OPENED);
		test_await_end(&c);
		assert_memory_equal(c.client.text.data, test_head,
		    sizeof test_head - 1);
		at = c.client.text.data + sizeof test_head - 1;
		assert_memory_equal(at, want, strlen(want));
		at += strlen(want);
		assert_memory_equal(at, end, strlen(end));
		at = strstr(at, ",\"seconds\":");
		assert_non_null(at);
		assert_string_equal(at + strcspn(at, "}"), "}\n\n");
		streams_close(&c.client);
	}
}

#define TEST_END "event: crier.end\ndata: {\"reason\":\"closed\","

static void
test_streams(void **state)
{
	(void)state;
	test_check("echo one; echo two", "data: one\n\ndata: two\n\n",
	    TEST_END "\"status\":0");
	test_check("exit 3", "", TEST_END "\"status\":3");
	test_check("echo a; kill -TERM $$", "data: a\n\n",
	    TEST_END "\"signal\":15");
	test_check("echo a; sleep 0.1; echo b; exec >&-; sleep 0.1",
	    "data: a\n\ndata: b\n\n", TEST_END "\"status\":0");
}

/* One that does not read holds up its own program, and gets all of it. */
static void
test_slow_client(void **state)
{
	struct test_client slow, other;
	struct stream *s;
	size_t written;

	(void)state;
	test_open(&slow, "seq 1 300000; echo end", true);
	s = TAILQ_FIRST(&test.hub.hub->streams.list);
	while (!s->is_writing)
		event_base_loop(test.hub.base, EVLOOP_ONCE);
	handing_turn(&test);
	written = s->bytes;
	test_open(&other, "echo one", false);
	test_await_end(&other);
	assert_non_null(strstr(other.client.text.data, "data: one\n\n"));
	assert_int_equal(s->bytes, written);
	assert_int_equal(programs_count(test_programs), 1);
	test_await_end(&slow);
	assert_non_null(strstr(slow.client.text.data,
	    "data: 300000\n\n"
	    "data: end\n\n" TEST_END "\"status\":0"));
	streams_close(&slow.client);
	streams_close(&other.client);
}

static void
test_client_leaves(void **state)
{
	struct test_client c;

	(void)state;
	test_open(&c, "echo one; exec sleep 1000", true);
	while (c.client.text.len <= sizeof test_head - 1) {
		event_base_loop(test.hub.base, EVLOOP_ONCE);
		streams_take(&c.client);
	}
	assert_int_equal(programs_count(test_programs), 1);
	streams_close(&c.client);
	test_await_programs(0);
	handing_turn(&test);
}

/* Whoever closes it, the program goes with its stream. */
static void
test_closed(void **state)
{
	struct test_client c;

	(void)state;
	test_open(&c, "exec sleep 1000", true);
	handing_turn(&test);
	assert_int_equal(hub_close_user(test.hub.hub, "ann", false), 1);
	streams_take(&c.client);
	assert_true(c.client.is_ended);
	assert_int_equal(buffer_append(&c.client.text, "", 1), 0);
	/* It had not ended, so nothing is said of how. */
	assert_non_null(strstr(c.client.text.data,
	    "data: {\"reason\":\"closed\"}\n\n"));
	test_await_programs(0);
	streams_close(&c.client);
}

/* What is due to streams of channels, is to those of programs. */
static void
test_defaults(void **state)
{
	struct test_client c;
	struct stream *s;

	(void)state;
	test_open(&c, "exec sleep 1000", false);
	s = TAILQ_FIRST(&test.hub.hub->streams.list);
	assert_int_equal(s->heartbeat_ms, 25000);
	assert_int_equal(stream_retry_ms(s), 3000);
	streams_close(&c.client);
	handing_turn(&test);
	test_await_programs(0);
}

static void
test_make_full(void)
{
	hub_reconfigure(test.hub.hub, test.hub.config, 1);
}

static void
test_make_stopped(void)
{
	hub_close_user(test.hub.hub, "ann", true);
	handing_turn(&test);
}

static void
test_drained_cb(void *arg)
{
	(void)arg;
}

static void
test_make_draining(void)
{
	hub_drain(test.hub.hub, test_drained_cb, NULL);
	handing_turn(&test);
}

/*
 * No program is started for who is turned away, for whatever reason: not even
 * for a moment, as what it does in that is done.
 */
static const struct test_refusal {
	const char *settings[2];
	void (*make)(void);
	enum hub_answer want;
	int refused;
} test_refusals[] = {
	{ { NULL }, test_make_full, HUB_FULL, 0 },
	{ { "max-streams-per-user=1" }, NULL, HUB_USER_FULL, 0 },
	{ { "max-streams-per-address=1" }, NULL, HUB_ADDRESS_FULL, 0 },
	{ { NULL }, test_make_stopped, HUB_STOPPED, 0 },
	{ { NULL }, test_make_draining, HUB_DRAINING, 0 },
	{ { "run-max=1" }, NULL, HUB_NOT_BEGUN, 503 },
	/* The limits of all are asked before run-max, which has an effect. */
	{ { "run-max=1" }, test_make_stopped, HUB_STOPPED, 0 },
};

static void
test_refusal(const struct test_refusal *t)
{
	struct test_client c, other;
	size_t before;

	programs_free(test_programs);
	handing_teardown(&test);
	handing_setup(&test, t->settings);
	test_programs = programs_new(test.hub.base);
	assert_non_null(test_programs);
	test_open(&c, "exec sleep 1000", false);
	assert_int_equal(c.answer, HUB_OPENED);
	if (t->make != NULL)
		t->make();
	before = programs_count(test_programs);
	test_open(&other, "exec sleep 1000", false);
	assert_int_equal(other.answer, t->want);
	assert_int_equal(other.refused, t->refused);
	assert_int_equal(programs_count(test_programs), before);
	streams_close(&other.client);
	streams_close(&c.client);
	handing_turn(&test);
	test_await_programs(0);
}

static void
test_turned_away(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_refusals / sizeof *test_refusals; i++)
		test_refusal(&test_refusals[i]);
}

/* Nor is one left of which nothing can be had. */
static void
test_no_program(void **state)
{
	char missing[] = "/nowhere/to/be/found";
	struct test_client c;

	(void)state;
	test_open_by(&c, missing, "exit", false);
	assert_int_equal(c.answer, HUB_NOT_BEGUN);
	assert_int_equal(c.refused, 503);
	assert_int_equal(programs_count(test_programs), 0);
	assert_int_equal(test.hub.hub->streams.count, 0);
	streams_close(&c.client);
}

/* A client that has left before its stream began. */
static void
test_left_before(void **state)
{
	struct test_client c;

	(void)state;
	test_open(&c, "yes", false);
	streams_close(&c.client);
	test_await_programs(0);
	handing_turn(&test);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_streams),
		TEST(test_slow_client),
		TEST(test_client_leaves),
		TEST(test_closed),
		TEST(test_defaults),
		TEST(test_turned_away),
		TEST(test_no_program),
		TEST(test_left_before),
	};

	return cmocka_run_group_tests_name("program stream", tests, NULL, NULL);
}
