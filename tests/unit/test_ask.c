/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a node answers to a question, within bounds; and the answers of several,
 * made one.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "hub/ask.h"
#include "hub/merge.h"
#include "hub/state.h"
#include "lib/streams.h"

static struct streams test_hub;

static int
setup(void **state)
{
	(void)state;
	streams_setup(&test_hub, NULL);
	test_hub.store->node = "self";
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	streams_teardown(&test_hub);
	return 0;
}

static void
test_command(struct command *c, const char *line)
{
	struct json_tokener *t = command_tokener();

	assert_non_null(t);
	assert_int_equal(command_parse(c, t, line, strlen(line)), 0);
	json_tokener_free(t);
}

static const struct {
	const char *what, *command, *answers[3], *merged;
} test_rows[] = {
	{ "sums, and users once", "{\"do\":\"presence\",\"channel\":\"a\"}",
	    { "{\"streams\":3,\"anonymous\":1,\"users\":["
	      "{\"user\":\"ann\",\"streams\":1},"
	      "{\"user\":\"cid\",\"streams\":1}]}",
		"{\"streams\":2,\"anonymous\":0,\"users\":["
		"{\"user\":\"ann\",\"streams\":1},"
		"{\"user\":\"bob\",\"streams\":1}]}" },
	    "{\"channel\":\"a\",\"streams\":5,\"users\":["
	    "{\"user\":\"ann\",\"streams\":2},"
	    "{\"user\":\"bob\",\"streams\":1},"
	    "{\"user\":\"cid\",\"streams\":1}],\"anonymous\":1,"
	    "\"missing\":[]}" },
	{ "nothing behind where one was cut",
	    "{\"do\":\"presence\",\"channel\":\"a\"}",
	    { "{\"streams\":9,\"anonymous\":0,\"more\":true,\"users\":["
	      "{\"user\":\"ann\",\"streams\":1}]}",
		"{\"streams\":2,\"anonymous\":0,\"users\":["
		"{\"user\":\"ann\",\"streams\":1},"
		"{\"user\":\"bob\",\"streams\":1}]}" },
	    "{\"channel\":\"a\",\"streams\":11,\"users\":["
	    "{\"user\":\"ann\",\"streams\":2}],\"anonymous\":0,"
	    "\"more\":true,\"missing\":[]}" },
	{ "who says nothing, or nonsense, is missing",
	    "{\"do\":\"close\",\"channel\":\"a\"}",
	    { "{\"closed\":2}", "", "[1,2" },
	    "{\"closed\":2,\"missing\":[\"n1\",\"n2\"]}" },
	{ "what is no JSON that may be passed on is missing",
	    "{\"do\":\"close\",\"user\":\"ann\"}",
	    { "{\"closed\":1,\"x\":NaN}", "{\"closed\":2,\"x\":-Infinity}",
		"{\"closed\":4,\"x\":\"\xff\"}" },
	    "{\"closed\":0,\"missing\":[\"n0\",\"n1\",\"n2\"]}" },
	{ "a node speaks for itself alone",
	    "{\"do\":\"status\",\"streams\":true}",
	    { "{\"node\":\"n1\",\"answered\":false,\"streams\":1,\"list\":["
	      "{\"node\":\"n1\",\"stream\":7}]}" },
	    "{\"streams_everywhere\":1,\"nodes\":[{\"node\":\"n0\","
	    "\"answered\":true,\"streams\":1,\"lag_ms\":0}],"
	    "\"list\":[{\"node\":\"n0\",\"stream\":7}],\"missing\":[]}" },
	{ "what is not a number counts nothing",
	    "{\"do\":\"close\",\"user\":\"ann\"}",
	    { "{\"closed\":\"x\"}", "{\"closed\":-4}", "{\"closed\":1}" },
	    "{\"closed\":1,\"missing\":[]}" },
	{ "a list that is none, users that are none",
	    "{\"do\":\"presence\",\"channel\":\"a\"}",
	    { "{\"streams\":1,\"users\":7}",
		"{\"streams\":1,\"users\":[1,null,{\"streams\":2}]}" },
	    "{\"channel\":\"a\",\"streams\":2,\"users\":[],\"anonymous\":0,"
	    "\"missing\":[]}" },
};

static void
test_merge(void **state)
{
	static const char *const names[] = { "n0", "n1", "n2" };
	struct store_answer answers[3];
	struct json_object *o;
	struct command c;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof test_rows / sizeof test_rows[0]; i++) {
		memset(answers, 0, sizeof answers);
		for (k = 0; k < 3 && test_rows[i].answers[k] != NULL; k++) {
			answers[k].node = names[k];
			answers[k].text.text = test_rows[i].answers[k];
			answers[k].text.len = strlen(test_rows[i].answers[k]);
		}
		test_command(&c, test_rows[i].command);
		o = merge_answers(test_hub.hub, &c, answers, k);
		if (strcmp(json_line(o), test_rows[i].merged) != 0)
			fail_msg("%s: %s", test_rows[i].what, json_line(o));
		json_object_put(o);
		command_clear(&c);
	}
}

/* A channel is listed once, in the order that was asked for. */
static void
test_channels(void **state)
{
	static const char *const names[] = { "a", "b" };
	static const struct {
		const char *sort, *first;
	} rows[] = { { "events", "x" }, { "streams", "y" }, { "bytes", "y" },
		{ "published", "x" }, { "newest", "z" } };
	static const char *const texts[] = {
		"{\"channel_list\":[{\"channel\":\"x\",\"events\":5,"
		"\"history_bytes\":1,\"streams\":1,\"published\":9,"
		"\"newest_seconds\":7},{\"channel\":\"y\",\"events\":1,"
		"\"history_bytes\":3,\"streams\":2,\"published\":2}]}",
		"{\"channel_list\":[{\"channel\":\"x\",\"events\":4,"
		"\"history_bytes\":2,\"streams\":0,\"published\":8,"
		"\"newest_seconds\":5},{\"channel\":\"z\",\"events\":0,"
		"\"history_bytes\":0,\"streams\":0,\"published\":0,"
		"\"newest_seconds\":0}]}"
	};
	struct store_answer answers[2] = { 0 };
	struct json_object *o, *list;
	struct command c;
	char line[128];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++)
		answers[i] = (struct store_answer){ names[i],
			{ texts[i], strlen(texts[i]) }, 0 };
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(line, sizeof line,
		    "{\"do\":\"status\",\"channels\":true,\"sort\":\"%s\"}",
		    rows[i].sort);
		test_command(&c, line);
		o = merge_answers(test_hub.hub, &c, answers, 2);
		list = json_member(o, "channel_list");
		assert_int_equal(json_length(list), 3);
		assert_string_equal(json_get_string(json_member(
					json_object_array_get_idx(list, 0),
					"channel")),
		    rows[i].first);
		json_object_put(o);
		command_clear(&c);
	}
}

static size_t
test_answer(const char *line, struct buffer *answer)
{
	buffer_truncate(answer, 0);
	ask_answer(test_hub.hub, (struct text_span){ line, strlen(line) }, 0,
	    answer);
	return answer->len;
}

enum {
	TEST_STREAMS = 40,
	TEST_NAME = 200, /* bytes of a channel's name */
	TEST_FOLLOWED = 100
};

/* Lists are cut so that an answer is never longer than it may be. */
static void
test_long(void **state)
{
	static struct streams_client clients[TEST_STREAMS];
	static char channels[TEST_FOLLOWED * (TEST_NAME + 1) + 1];
	struct streams_request r = { .channels = channels };
	struct buffer answer = { 0 };
	struct json_object *o;
	size_t i;

	(void)state;
	for (i = 0; i < TEST_FOLLOWED; i++)
		snprintf(channels + i * (TEST_NAME + 1), TEST_NAME + 2,
		    "%0*zu%s", TEST_NAME, i, i + 1 < TEST_FOLLOWED ? "," : "");
	for (i = 0; i < TEST_STREAMS; i++)
		streams_open(&test_hub, &clients[i], &r);
	assert_true(test_answer("{\"do\":\"status\",\"streams\":true}",
			&answer) > 0);
	assert_true(answer.len <= STORE_ANSWER_MAX);
	o = json_parse_object(answer.data, answer.len);
	assert_true(json_length(json_member(o, "list")) > 1);
	assert_true(json_length(json_member(o, "list")) < TEST_STREAMS);
	json_object_put(o);
	buffer_clear(&answer);
	for (i = 0; i < TEST_STREAMS; i++)
		streams_close(&clients[i]);
}

/* Others' questions have half of the time; what is to be done is done. */
static void
test_pace(void **state)
{
	struct hub *hub = test_hub.hub;
	struct buffer answer = { 0 };
	uint64_t now_us = clock_monotonic_us();

	(void)state;
	memset(&hub->nodes.pace, 0, sizeof hub->nodes.pace);
	assert_true(test_answer("{\"do\":\"presence\",\"channel\":\"a\"}",
			&answer) > 0);
	pace_pay(&hub->nodes.pace, now_us, now_us + 60000000);
	assert_int_equal(test_answer("{\"do\":\"presence\",\"channel\":\"a\"}",
			     &answer),
	    0);
	assert_int_equal(hub->counters.questions_refused, 1);
	assert_true(test_answer("{\"do\":\"close\",\"channel\":\"a\"}",
			&answer) > 0);
	assert_int_equal(hub->counters.questions_refused, 1);
	buffer_clear(&answer);
}

/* What is none is answered with nothing, and does nothing. */
static void
test_nonsense(void **state)
{
	static const char *const lines[] = { "", "{", "[]", "want ", "want $x",
		"{\"do\":\"shutdown\"}", "{\"do\":\"close\"}",
		"{\"channel\":\"a\",\"data\":\"x\"}",
		"{\"do\":\"presence\",\"channel\":[\"a\",\"b\"]}" };
	struct buffer answer = { 0 };
	struct json_object *o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		test_answer(lines[i], &answer);
		o = answer.len == 0
		    ? NULL
		    : json_parse_object(answer.data, answer.len);
		if (o != NULL && json_object_object_length(o) > 0)
			fail_msg("%s: %.*s", lines[i], (int)answer.len,
			    answer.data);
		json_object_put(o);
	}
	assert_false(hub_has_batch(test_hub.hub));
	buffer_clear(&answer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
