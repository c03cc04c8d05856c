/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* The verbs that ask something of crierd. */

#include <fcntl.h>
#include <json-c/json.h>
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

#include "companion/status_table.h"
#include "companion/verb.h"
#include "lib/run.h"

/* What a server sends when it was asked. */
static const char *test_stream;

static void
talk_stream(int fd, FILE *requests)
{
	FILE *in = fdopen(dup(fd), "r");
	char *line = NULL;
	size_t size = 0;

	if (getline(&line, &size, in) > 0)
		fputs(line, requests);
	fflush(requests);
	run_write_text(fd, test_stream);
	free(line);
	fclose(in);
}

#define TAIL_BEGIN "retry: 3000\n\nid: 5-0\n\n"
#define TAIL_END(reason) \
	"event: crier.end\ndata: {\"reason\":\"" reason "\"}\n\n"

static const struct {
	const char *args[6];
	const char *stream, *request, *output, *errors;
	int code;
} tail_cases[] = {
	{ { "a" },
	    TAIL_BEGIN ":\n:\nid: 6-0\ndata: x\n\nid: 7-0\nevent: e\n"
		       "data: y\ndata: \"z\n\n" TAIL_END("closed"),
	    "{\"do\":\"stream\",\"channel\":[\"a\"]}\n",
	    "{\"id\":\"6-0\",\"data\":\"x\"}\n"
	    "{\"id\":\"7-0\",\"event\":\"e\",\"data\":\"y\\n\\\"z\"}\n",
	    "", 0 },
	{ { "-d", "-n", "3", "a", "b" },
	    TAIL_BEGIN "id: 6-0\ndata: x\n\nevent: crier.gap\ndata: {}\n\n"
		       "data: y\ndata: z\n\n" TAIL_END("closed"),
	    "{\"do\":\"stream\",\"channel\":[\"a\",\"b\"],\"last\":3}\n",
	    "x\ny\nz\n", "crier: events may be missing here\n", 0 },
	{ { "--since", "all", "a" },
	    TAIL_BEGIN "event: crier.gap\ndata: {}\n\n" TAIL_END("closed"),
	    "{\"do\":\"stream\",\"channel\":[\"a\"],\"since\":\"all\"}\n",
	    "{\"event\":\"crier.gap\",\"data\":\"{}\"}\n", "", 0 },
	{ { "a" }, TAIL_BEGIN TAIL_END("shutdown"),
	    "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "",
	    "crier: crierd went away\n", EX_TEMPFAIL },
	{ { "a" }, TAIL_BEGIN "id: 6-0\ndata: cut",
	    "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "",
	    "crier: crierd went away\n", EX_TEMPFAIL },
	{ { "a" }, "", "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "",
	    "crier: crierd went away\n", EX_TEMPFAIL },
	{ { "a" }, "{\"ok\":false,\"error\":\"bad\",\"code\":65}\n",
	    "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "", "crier: bad\n",
	    65 },
	{ { "a" }, "{\"ok\":false,\"error\":\"full\",\"code\":75}\n",
	    "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "", "crier: full\n",
	    75 },
	{ { "a" }, "{\"ok\":", "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "",
	    "crier: crierd went away\n", EX_TEMPFAIL },
};

static void
test_tail(void **state)
{
	const char *args[RUN_ARGS + 1] = { "tail" };
	struct run run;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * (sizeof tail_cases / sizeof tail_cases[0]); i++) {
		memcpy(args + 1, tail_cases[i / 2].args,
		    sizeof tail_cases[0].args);
		test_stream = tail_cases[i / 2].stream;
		run_piece = i % 2 == 0 ? SIZE_MAX : 1;
		run_talk(&run, talk_stream, &verb_tail, args, "");
		run_piece = SIZE_MAX;
		assert_string_equal(run.output, tail_cases[i / 2].output);
		assert_string_equal(run.errors, tail_cases[i / 2].errors);
		assert_string_equal(run.requests, tail_cases[i / 2].request);
		assert_int_equal(run.code, tail_cases[i / 2].code);
		run_clear(&run);
	}
}

static void
talk_first(int fd, FILE *requests)
{
	test_stream = TAIL_BEGIN "id: 6-0\ndata: x\n\nid: 7-0\ndata: cut\n";
	talk_stream(fd, requests);
}

static void
talk_full(int fd, FILE *requests)
{
	test_stream = "{\"ok\":false,\"error\":\"full\",\"code\":75}\n";
	talk_stream(fd, requests);
}

static void
talk_turn(int fd, FILE *requests)
{
	test_stream = TAIL_BEGIN "id: 7-0\ndata: cut\n\n" TAIL_END("timeout");
	talk_stream(fd, requests);
}

static void
talk_closed(int fd, FILE *requests)
{
	test_stream = "id: 8-0\n\n" TAIL_END("closed");
	talk_stream(fd, requests);
}

/* With -w it comes back after the last event that it has printed. */
static void
test_tail_resumes(void **state)
{
	const run_talker talks[] = { talk_first, talk_full, talk_turn,
		talk_closed, NULL };
	static const char *const args[] = { "tail", "-n", "1", "a", NULL };
	FILE *requests = run_open_requests();
	pid_t server = run_serve(talks, requests);
	char *text;

	(void)state;
	fclose(requests);
	assert_int_equal(run_verb(&verb_tail, args, RUN_WAIT_MS), 0);
	assert_int_equal(run_wait(server), 0);
	text = run_read(run_output);
	assert_string_equal(text,
	    "{\"id\":\"6-0\",\"data\":\"x\"}\n"
	    "{\"id\":\"7-0\",\"data\":\"cut\"}\n");
	free(text);
	text = run_read(run_requests);
	assert_string_equal(text,
	    "{\"do\":\"stream\",\"channel\":[\"a\"],\"last\":1}\n"
	    "{\"do\":\"stream\",\"channel\":[\"a\"],\"since\":\"6-0\"}\n"
	    "{\"do\":\"stream\",\"channel\":[\"a\"],\"since\":\"6-0\"}\n"
	    "{\"do\":\"stream\",\"channel\":[\"a\"],\"since\":\"7-0\"}\n");
	free(text);
	text = run_read(run_errors);
	assert_string_equal(text, "");
	free(text);
}

static void
talk_open_stream(int fd, FILE *requests)
{
	char c;

	(void)requests;
	run_write_text(fd, TAIL_BEGIN "data: x\n\n");
	while (read(fd, &c, 1) == 1)
		;
}

/* An interrupt and a reader that leaves both end it well. */
static void
test_tail_ends(void **state)
{
	const run_talker talks[] = { talk_open_stream, talk_open_stream, NULL };
	static const char *const args[] = { "tail", "-d", "a", NULL };
	static const int signals[] = { SIGINT, 0 };
	pid_t server = run_serve(talks, NULL), verb;
	int out[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char text[2];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(pipe2(out, O_CLOEXEC), 0);
		verb = run_begin(&verb_tail, null, out[1], args, 0);
		close(out[1]);
		assert_int_equal(read(out[0], text, 2), 2);
		assert_memory_equal(text, "x\n", 2);
		if (signals[i] != 0)
			assert_int_equal(kill(verb, signals[i]), 0);
		else
			close(out[0]);
		assert_int_equal(run_wait(verb), 0);
		if (signals[i] != 0)
			close(out[0]);
	}
	close(null);
	assert_int_equal(run_wait(server), 0);
}

static void
talk_status(int fd, FILE *requests)
{
	test_stream = "{\"ok\":true,\"pid\":7,\"a\":{\"size_bytes\":1536}}\n";
	talk_stream(fd, requests);
}

/* What goes as it should is not told of. */
static void
talk_well(int fd, FILE *requests)
{
	test_stream =
	    "{\"ok\":true,\"draining\":false,\"streams\":2,\"polls_served\":1,"
	    "\"queue\":{\"lines\":1},\"configuration\":{\"reload_error\":\"\"},"
	    "\"store\":{\"degraded\":false,\"errors\":0,"
	    "\"last_error\":\"\"}}\n";
	talk_stream(fd, requests);
}

static void
talk_badly(int fd, FILE *requests)
{
	test_stream =
	    "{\"ok\":true,\"draining\":true,\"streams\":2,\"polls_served\":1,"
	    "\"queue\":{\"lines\":1},"
	    "\"configuration\":{\"reload_error\":\"no\"},"
	    "\"store\":{\"degraded\":true,\"errors\":3,"
	    "\"last_error\":\"disk full\"}}\n";
	talk_stream(fd, requests);
}

static void
talk_channels(int fd, FILE *requests)
{
	test_stream = "{\"ok\":true,\"channels\":5,\"channel_list\":["
		      "{\"channel\":\"news\",\"events\":7,"
		      "\"history_bytes\":1024,\"streams\":2},"
		      "{\"channel\":\"a\",\"events\":0,"
		      "\"history_bytes\":0,\"streams\":1}]}\n";
	talk_stream(fd, requests);
}

static void
talk_none(int fd, FILE *requests)
{
	test_stream = "{\"ok\":true,\"channels\":0,\"channel_list\":[]}\n";
	talk_stream(fd, requests);
}

static void
talk_nobody(int fd, FILE *requests)
{
	test_stream = "{\"ok\":true,\"channel\":\"x\",\"streams\":0,"
		      "\"users\":[],\"anonymous\":0}\n";
	talk_stream(fd, requests);
}

static void
talk_closed_three(int fd, FILE *requests)
{
	test_stream = "{\"ok\":true,\"closed\":3}\n";
	talk_stream(fd, requests);
}

static void
talk_position(int fd, FILE *requests)
{
	test_stream = "{\"ok\":true,\"position\":\"1763620000123-4\"}\n";
	talk_stream(fd, requests);
}

static const struct {
	const struct verb *verb;
	run_talker talk;
	const char *args[6];
	int code;
	const char *request, *output;
} call_cases[] = {
	{ &verb_status, talk_status, { "status", "-v" }, 0,
	    "{\"do\":\"status\"}\n", "pid  7\n\na\n  size  1.5 KiB\n" },
	{ &verb_status, talk_status, { "status" }, 0, "{\"do\":\"status\"}\n",
	    "pid  7\n" },
	{ &verb_status, talk_well, { "status" }, 0, "{\"do\":\"status\"}\n",
	    "streams  2\n\nstore\n  degraded  no\n" },
	{ &verb_status, talk_badly, { "status" }, 0, "{\"do\":\"status\"}\n",
	    "draining  yes\nstreams   2\n"
	    "\nconfiguration\n  reload error  no\n"
	    "\nstore\n  degraded    yes\n  errors      3\n"
	    "  last error  disk full\n" },
	{ &verb_status, talk_channels, { "status", "-c" }, 0,
	    "{\"do\":\"status\",\"channels\":true}\n",
	    "channel  events  history  streams\n"
	    "news          7  1.0 KiB        2\n"
	    "a             0      0 B        1\n"
	    "and 3 others\n" },
	{ &verb_status, talk_none, { "status", "-c" }, 0,
	    "{\"do\":\"status\",\"channels\":true}\n",
	    "no channel has streams, or events in memory\n" },
	{ &verb_status, talk_status, { "status", "-cj" }, 0,
	    "{\"do\":\"status\",\"channels\":true}\n",
	    "{\"ok\":true,\"pid\":7,\"a\":{\"size_bytes\":1536}}\n" },
	{ &verb_status, talk_nobody, { "status", "x" }, 0,
	    "{\"do\":\"presence\",\"channel\":\"x\"}\n",
	    "channel    x\nstreams    0\nusers      -\nanonymous  0\n" },
	{ &verb_status, talk_status, { "status", "-j" }, 0,
	    "{\"do\":\"status\"}\n",
	    "{\"ok\":true,\"pid\":7,\"a\":{\"size_bytes\":1536}}\n" },
	{ &verb_status, talk_full, { "status" }, 75, "{\"do\":\"status\"}\n",
	    "" },
	{ &verb_status, talk_status, { "status", "x", "y" }, EX_USAGE, "", "" },
	{ &verb_status, talk_status, { "status", "-s", "x" }, EX_USAGE, "",
	    "" },
	{ &verb_status, talk_status, { "status", "-c", "-s" }, EX_USAGE, "",
	    "" },
	{ &verb_status, talk_status, { "status", "-j", "a\"/b" }, 0,
	    "{\"do\":\"presence\",\"channel\":\"a\\\"/b\"}\n",
	    "{\"ok\":true,\"pid\":7,\"a\":{\"size_bytes\":1536}}\n" },
	{ &verb_position, talk_position, { "position" }, 0,
	    "{\"do\":\"position\"}\n", "1763620000123-4\n" },
	{ &verb_position, talk_position, { "position", "a", "b" }, 0,
	    "{\"do\":\"position\",\"channel\":[\"a\",\"b\"]}\n",
	    "1763620000123-4\n" },
	{ &verb_position, talk_closed_three, { "position" }, EX_TEMPFAIL,
	    "{\"do\":\"position\"}\n", "" },
	{ &verb_position, talk_full, { "position" }, 75,
	    "{\"do\":\"position\"}\n", "" },
	{ &verb_position, talk_status, { "position", "-n", "1" }, EX_USAGE, "",
	    "" },
	{ &verb_close, talk_closed_three, { "close", "a" }, 0,
	    "{\"do\":\"close\",\"channel\":\"a\"}\n", "" },
	{ &verb_close, talk_closed_three, { "close", "-v", "--stop", "a" }, 0,
	    "{\"do\":\"close\",\"channel\":\"a\",\"stop\":true}\n",
	    "closed 3\n" },
	{ &verb_close, talk_closed_three, { "close", "--user", "u" }, 0,
	    "{\"do\":\"close\",\"user\":\"u\"}\n", "" },
	{ &verb_close, talk_closed_three,
	    { "close", "--user=u", "--stop", "-v" }, 0,
	    "{\"do\":\"close\",\"user\":\"u\",\"stop\":true}\n", "closed 3\n" },
	{ &verb_close, talk_closed_three, { "close", "--stream", "5" }, 0,
	    "{\"do\":\"close\",\"stream\":\"5\"}\n", "" },
	{ &verb_close, talk_full, { "close", "a" }, 75,
	    "{\"do\":\"close\",\"channel\":\"a\"}\n", "" },
	{ &verb_close, talk_status, { "close" }, EX_USAGE, "", "" },
	{ &verb_close, talk_status, { "close", "a", "b" }, EX_USAGE, "", "" },
	{ &verb_close, talk_status, { "close", "--user", "u", "a" }, EX_USAGE,
	    "", "" },
	{ &verb_close, talk_status, { "close", "--stop", "--stream", "5" },
	    EX_USAGE, "", "" },
};

static void
test_calls(void **state)
{
	struct run run;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof call_cases / sizeof call_cases[0]; i++) {
		run_talk(&run, call_cases[i].talk, call_cases[i].verb,
		    call_cases[i].args, "");
		assert_int_equal(run.code, call_cases[i].code);
		assert_string_equal(run.requests, call_cases[i].request);
		assert_string_equal(run.output, call_cases[i].output);
		run_clear(&run);
	}
}

/* -h is help on standard output, and says how to use the verb. */
static void
test_help(void **state)
{
	enum {
		VERBS = 5
	};
	static const struct verb *const verbs[VERBS] = { &verb_pub, &verb_tail,
		&verb_status, &verb_position, &verb_close };
	char want[64], *text;
	size_t i;

	(void)state;
	for (i = 0; i / 2 < VERBS; i++) {
		const char *args[] = { verbs[i / 2]->name,
			i % 2 == 0 ? "-h" : "--help", NULL };

		assert_int_equal(run_verb(verbs[i / 2], args, 0), 0);
		text = run_read(run_output);
		snprintf(want, sizeof want, "usage: crier %s ",
		    verbs[i / 2]->name);
		assert_memory_equal(text, want, strlen(want));
		assert_non_null(strstr(text, "\nexamples:\n"));
		free(text);
	}
}

static void
test_table(void **state)
{
	static const char *const table[][2] = {
		{ "{\"ok\":true}", "" },
		{ "{\"ok\":true,\"version\":\"1\",\"open_streams\":5,"
		  "\"total\":1234,\"on\":true,\"none\":null,\"l\":[1,2]}",
		    "version       1\nopen streams     5\ntotal         1234\n"
		    "on            yes\nnone          -\nl             [ 1, 2 ]"
		    "\n" },
		{ "{\"a_bytes\":0,\"b_bytes\":1023,\"c_bytes\":1024,"
		  "\"d_bytes\":1610612736,\"_bytes\":1}",
		    "a           0 B\nb        1023 B\nc       1.0 KiB\n"
		    "d       1.5 GiB\n bytes        1\n" },
		{ "{\"a_ms\":999,\"b_ms\":1500,\"c_seconds\":61,"
		  "\"d_seconds\":3661,\"e_seconds\":90000.5,\"f_ms\":0}",
		    "a     999 ms\nb      1.5 s\nc  1 min 1 s\n"
		    "d  1 h 1 min\ne    1 d 1 h\nf        0 s\n" },
		{ "{\"text\":\"\",\"list\":[],\"x\":{},\"n\":1}",
		    "text  -\nlist  -\nn     1\n" },
		{ "{\"keep\":5,\"keep_bytes\":6,\"t_ms\":25000}",
		    "keep           5\nkeep bytes   6 B\nt           25 s\n" },
		{ "{\"x\":{\"b\":{\"c\":1}},\"a\":1}",
		    "a  1\n\nx\n  b  { \"c\": 1 }\n" },
		{ "{\"t\":[{\"name\":\"long name\",\"n\":1},"
		  "{\"name\":\"\\u001b\",\"n\":100,\"x\":1},{}]}",
		    "\nt\n  name         n\n  long name    1\n"
		    "  \\x1b       100\n  -          -  \n" },
		/* The one time that is no duration, three hours from UTC. */
		{ "{\"oldest_ms\":1763620000123,\"wait_ms\":2}",
		    "oldest  2025-11-20 09:26:40\n"
		    "wait                   2 ms\n" },
		{ "{\"oldest_ms\":0,\"n\":12}", "oldest   -\nn       12\n" },
		{ "{\"\xc3\xa9\":1,\"ab\":2}", "\xc3\xa9   1\nab  2\n" },
	};
	struct json_object *object;
	char *text;
	size_t i, len;
	FILE *fp;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		object = json_tokener_parse(table[i][0]);
		assert_non_null(object);
		fp = open_memstream(&text, &len);
		assert_non_null(fp);
		status_table_print(object, NULL, fp);
		fclose(fp);
		assert_string_equal(text, table[i][1]);
		free(text);
		json_object_put(object);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_tail_resumes),
		cmocka_unit_test(test_tail_ends),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_table),
	};

	alarm(120); /* whatever hangs is a failure */
	setenv("TZ", "CRI-3", 1);
	return cmocka_run_group_tests_name("verbs", tests, run_setup,
	    run_teardown);
}
