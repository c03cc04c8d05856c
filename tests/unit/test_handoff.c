/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A stream that is handed over is the one that was asked for: through the line
 * that a door writes, into a hub, to a client at the other end.
 */

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "door/handoff.h"
#include "lib/handing.h"
#include "lib/support.h"

enum {
	TEST_PIECES = 1000
};

static struct handing test;

static struct text_span
test_span(const char *text)
{
	struct text_span span = { text, strlen(text) };

	return span;
}

static const struct text_span test_channels[] = { { "a", 1 }, { "b/c\"d", 5 } };

/* What a door would be given for a request for these channels. */
static struct subscription
test_subscription(void)
{
	struct subscription sub = { .request_id = 258,
		.channels = test_channels,
		.channel_count = 2,
		.head = test_span("X: head\r\n\r\n"),
		.since = test_span(""),
		.user = test_span("ann"),
		.address = test_span("192.0.2.1"),
		.input = test_span("") };

	return sub;
}

/* Hands a subscription over as doors do; the hub's reply is in test. */
static void
test_hand(const struct subscription *sub, const char *framing, int fd)
{
	struct opening opening = { .sub = *sub };
	struct buffer line = { 0 };

	assert_int_equal(handoff_put(&line, &opening, framing), 0);
	assert_int_equal(line.data[line.len - 1], '\n');
	line.data[line.len - 1] = '\0';
	assert_int_equal(strlen(line.data), line.len - 1);
	handing_take(&test, line.data, fd);
	buffer_clear(&line);
}

static struct stream *
test_stream(void)
{
	struct stream *s =
	    TAILQ_LAST(&test.hub.hub->streams.list, hub_streams_head);

	assert_non_null(s);
	return s;
}

static void
test_publish(const char *channel, const char *data)
{
	streams_publish(&test.hub, channel, data);
	streams_deliver(&test.hub);
}

/* The first event of a channel, behind the head. */
static void
test_gets(struct streams_client *client, const char *channel)
{
	struct buffer want = { 0 };

	test_publish(channel, "x");
	streams_settle(&test.hub, client, 1);
	streams_put_head(&want, "9000000000000-0");
	streams_put_event(&want, 1, "x");
	streams_assert(client, &want);
	buffer_clear(&want);
}

static void
test_round_trip(void **state)
{
	struct subscription sub = test_subscription();
	struct streams_client client;
	struct stream *s;
	int fds[2];

	(void)state;
	handing_setup(&test, NULL);
	handing_socketpair(fds);
	sub.keep = true;
	test_hand(&sub, HANDOFF_FASTCGI, fds[0]);
	handing_assert(&test, handing_opened);
	handing_client(&client, fds[1], true);
	s = test_stream();
	assert_int_equal(s->request_id, 258);
	assert_true(s->keep);
	assert_false(s->is_half_open);
	assert_false(s->is_poll);
	assert_int_equal(s->cursor_count, 2);
	assert_string_equal(s->cursors[1].channel->name, "b/c\"d");
	assert_string_equal(stream_user(s), "ann");
	assert_string_equal(stream_address(s), "192.0.2.1");
	test_gets(&client, "b/c\"d");
	assert_int_equal(test.door->counters.handoffs, 1);
	streams_close(&client);
	handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 0);
	handing_teardown(&test);
}

/* A pipe, as mod_cgi's, tells by itself that its reader has gone. */
static void
test_pipe(void **state)
{
	struct subscription sub = test_subscription();
	struct streams_client client;
	int fds[2];

	(void)state;
	handing_setup(&test, NULL);
	handing_pipe(fds);
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	handing_assert(&test, handing_opened);
	assert_false(test_stream()->is_half_open);
	handing_client(&client, fds[1], false);
	test_gets(&client, "a");
	streams_close(&client);
	handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 0);
	handing_teardown(&test);
}

/* mod_cgid has shut down its sending side before the program begins. */
static void
test_half_open(void **state)
{
	struct subscription sub = test_subscription();
	struct streams_client client;
	int fds[2];

	(void)state;
	handing_setup(&test, NULL);
	handing_socketpair(fds);
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	handing_assert(&test, handing_opened);
	assert_true(test_stream()->is_half_open);
	handing_client(&client, fds[1], false);
	handing_turn(&test);
	test_gets(&client, "a");
	assert_int_equal(test.hub.hub->streams.count, 1);
	streams_close(&client);
	handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 0);
	handing_teardown(&test);
}

/* It is written to as often as its reader makes room, and then goes. */
static void
test_half_open_slow(void **state)
{
	static char data[60000];
	struct subscription sub = test_subscription();
	struct streams_client client;
	int fds[2], i;

	(void)state;
	memset(data, 'x', sizeof data - 1);
	handing_setup(&test, NULL);
	handing_socketpair(fds);
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	handing_client(&client, fds[1], false);
	for (i = 0; i < 16; i++)
		test_publish("a", data);
	handing_turn(&test);
	assert_true(test_stream()->is_writing);
	streams_settle(&test.hub, &client, 1);
	assert_true(client.text.len > 16 * sizeof data);
	assert_false(test_stream()->is_writing);
	for (i = 0; i < 16; i++)
		test_publish("a", data);
	assert_true(test_stream()->is_writing);
	streams_close(&client);
	handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 0);
	handing_teardown(&test);
}

/* More pieces than one call takes: the rest goes out without being asked. */
static void
test_half_open_pieces(void **state)
{
	static const struct text_span channels[] = { { "a", 1 }, { "b", 1 } };
	struct subscription sub = test_subscription();
	int fds[2], i;

	(void)state;
	handing_setup(&test, NULL);
	for (i = 0; i < TEST_PIECES; i++)
		test_publish(i % 2 == 0 ? "a" : "b", "x");
	handing_socketpair(fds);
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	sub.channels = channels;
	sub.since_all = true;
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	for (i = 0; i < TEST_PIECES / 100; i++)
		handing_turn(&test);
	assert_int_equal(test_stream()->events, TEST_PIECES);
	close(fds[1]);
	handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 0);
	handing_teardown(&test);
}

static int
test_tcp_pair(int fds[2])
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sin;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&sin, &len),
	    0);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&sin, len), 0);
	assert_true(fcntl(fds[1], F_SETFL, O_NONBLOCK) != -1);
	fds[0] = accept(listener, NULL, NULL);
	assert_int_not_equal(fds[0], -1);
	return listener;
}

/* Who has the client's own connection sees its end of file, which is one. */
static void
test_tcp(void **state)
{
	struct subscription sub = test_subscription();
	struct streams_client client;
	int fds[2], listener, tries;

	(void)state;
	handing_setup(&test, NULL);
	listener = test_tcp_pair(fds);
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	handing_assert(&test, handing_opened);
	assert_false(test_stream()->is_half_open);
	handing_client(&client, fds[1], false);
	for (tries = 0; client.text.len == 0 && tries < 1000000; tries++)
		streams_take(&client);
	streams_assert_text(&client,
	    "X: head\r\n\r\nretry: 3000\n\nid: 9000000000000-0\n\n");
	streams_close(&client);
	for (tries = 0; test.hub.hub->streams.count > 0 && tries < 1000000;
	     tries++)
		handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 0);
	close(listener);
	handing_teardown(&test);
}

/* Its position, or how much of the history, or how it polls. */
static void
test_positions(void **state)
{
	struct subscription sub = test_subscription();
	struct streams_client client;
	struct buffer want = { 0 };
	int fds[2];

	(void)state;
	handing_setup(&test, NULL);
	test_publish("a", "one");
	test_publish("a", "two");

	handing_pipe(fds);
	sub.since = test_span("9000000000000-1");
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	handing_client(&client, fds[1], false);
	streams_settle(&test.hub, &client, 1);
	streams_put_head(&want, "9000000000000-1");
	streams_put_event(&want, 2, "two");
	streams_assert(&client, &want);
	streams_close(&client);
	buffer_truncate(&want, 0);

	handing_pipe(fds);
	sub.since = test_span("");
	sub.since_all = true;
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	handing_client(&client, fds[1], false);
	streams_settle(&test.hub, &client, 1);
	assert_int_equal(buffer_append(&client.text, "", 1), 0);
	assert_non_null(strstr(client.text.data, "one"));
	assert_non_null(strstr(client.text.data, "two"));
	streams_close(&client);

	handing_pipe(fds);
	sub.since_all = false;
	sub.has_last = true;
	sub.last = 1;
	sub.is_tagged = true;
	sub.is_poll = true;
	sub.poll_ms = 60000;
	sub.poll_above = 17;
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	handing_client(&client, fds[1], false);
	streams_settle(&test.hub, &client, 1);
	assert_int_equal(buffer_append(&client.text, "", 1), 0);
	assert_null(strstr(client.text.data, "one"));
	assert_non_null(strstr(client.text.data,
	    ": channel a\nid: 9000000000000-2\n"));
	assert_non_null(strstr(client.text.data, "two"));
	assert_true(client.is_over);
	streams_close(&client);
	buffer_clear(&want);
	handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 0);
	handing_teardown(&test);
}

/* What the web server has sent behind its request goes with the stream. */
static void
test_input(void **state)
{
	/* FCGI_ABORT_REQUEST for request 258, in two parts. */
	static const char abort_record[] = { 1, 2, 1, 2, 0, 0, 0, 0 };
	struct subscription sub = test_subscription();
	struct streams_client client;
	int fds[2];

	(void)state;
	handing_setup(&test, NULL);
	handing_socketpair(fds);
	sub.input.text = abort_record;
	sub.input.len = 5;
	test_hand(&sub, HANDOFF_FASTCGI, fds[0]);
	handing_assert(&test, handing_opened);
	handing_client(&client, fds[1], true);
	streams_settle(&test.hub, &client, 1);
	assert_false(client.is_ended);
	assert_int_equal(write(fds[1], abort_record + 5, 3), 3);
	streams_settle(&test.hub, &client, 1);
	assert_true(client.is_ended);
	streams_close(&client);
	handing_turn(&test);
	handing_teardown(&test);
}

/* JSON holds no other text than UTF-8, and a client may have sent any. */
static void
test_not_utf8(void **state)
{
	struct subscription sub = test_subscription();
	char name[3000];
	int fds[2];

	(void)state;
	handing_setup(&test, NULL);
	handing_pipe(fds);
	sub.user = test_span("a\xff\n");
	sub.since = test_span("\xc3(");
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	handing_assert(&test, handing_opened);
	assert_string_equal(stream_user(test_stream()), "a\\xff\\x0a");
	close(fds[1]);
	/* However long it was, it is not longer than the hub takes. */
	memset(name, '\xfe', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	handing_pipe(fds);
	sub.user = test_span(name);
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	handing_assert(&test, handing_opened);
	close(fds[1]);
	handing_turn(&test);
	handing_teardown(&test);
}

/* What the hub has replied is read as this answer. */
static void
test_answer(enum hub_answer answer)
{
	struct opening_result result;

	handoff_read_reply(test.reply.data, test.reply.len - 1, &result);
	assert_int_equal(result.refusal.status, 0);
	assert_int_equal(result.answer, answer);
}

/* Each answer that is no stream; the descriptor is not left open. */
static void
test_turned_away(void **state)
{
	static const char *const settings[] = { "max-streams=1", NULL };
	struct subscription sub = test_subscription();
	int fds[2], first[2];
	char end;

	(void)state;
	handing_setup(&test, settings);
	hub_reconfigure(test.hub.hub, test.hub.config, 1);
	handing_pipe(first);
	test_hand(&sub, HANDOFF_RAW, first[0]);
	handing_pipe(fds);
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	handing_assert(&test, handing_full);
	test_answer(HUB_FULL);
	assert_int_equal(read(fds[1], &end, 1), 0);
	close(fds[1]);
	close(first[1]);
	handing_turn(&test);

	hub_close_user(test.hub.hub, "ann", true);
	handing_pipe(fds);
	test_hand(&sub, HANDOFF_RAW, fds[0]);
	test_answer(HUB_STOPPED);
	close(fds[1]);
	handing_teardown(&test);
}

/* Whatever a hub says, it is an answer or is not. */
static void
test_replies(void **state)
{
	static const struct {
		const char *reply;
		enum hub_answer answer;
		const char *why; /* no answer; NULL: there is one */
	} replies[] = {
		{ "{\"ok\":true,\"answer\":\"opened\"}", HUB_OPENED, NULL },
		{ "{\"answer\":\"draining\"}", HUB_DRAINING, NULL },
		{ "{\"answer\":\"memory\"}", HUB_NO_MEMORY, NULL },
		{ "{\"answer\":\"other\"}", 0, "cannot be understood" },
		{ "{\"answer\":null}", 0, "cannot be understood" },
		{ "{\"answer\":7,\"error\":null}", 0, "cannot be understood" },
		{ "{\"ok\":false,\"error\":\"no\"}", 0, "no" },
		{ "{\"ok\":false,\"error\":\"no\",\"code\":77}", 0, "no" },
		/* As the queue says when it has no descriptors left. */
		{ "{\"ok\":false,\"error\":\"later\",\"code\":75}", HUB_FULL,
		    NULL },
		{ "{\"answer\":\"other\",\"code\":75}", 0,
		    "cannot be understood" },
		{ "{\"error\":{}}", 0, "cannot be understood" },
		{ "[]", 0, "cannot be understood" },
		{ "\"opened\"", 0, "cannot be understood" },
		{ "null", 0, "cannot be understood" },
		{ "", 0, "cannot be understood" },
		{ "{\"answer\":\"opened\"", 0, "cannot be understood" },
		{ "\xff", 0, "cannot be understood" },
	};
	struct opening_result result;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof replies / sizeof *replies; i++) {
		len = strlen(replies[i].reply);
		handoff_read_reply(support_guard(replies[i].reply, len), len,
		    &result);
		if (replies[i].why == NULL) {
			assert_int_equal(result.refusal.status, 0);
			assert_int_equal(result.answer, replies[i].answer);
			continue;
		}
		assert_int_equal(result.refusal.status, 503);
		if (strstr(result.refusal.text, replies[i].why) == NULL)
			fail_msg("%s: %s", replies[i].reply,
			    result.refusal.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_half_open),
		cmocka_unit_test(test_half_open_slow),
		cmocka_unit_test(test_half_open_pieces),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_turned_away),
		cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests_name("handoff", tests, NULL, NULL);
}
