/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config_routes.h"
#include "lib/route_run.h"

struct test_message {
	const char *text, *want;
};

static void
test_bad(const struct test_message *table, size_t count)
{
	struct config *c;
	char *cause;
	size_t i;

	for (i = 0; i < count; i++) {
		c = route_run_config(table[i].text, &cause);
		if (c != NULL)
			fail_msg("accepted: %s", table[i].text);
		if (strcmp(cause, table[i].want) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", table[i].text,
			    cause, table[i].want);
		free(cause);
	}
}

#define TEST_BAD(table)       test_bad(table, sizeof(table) / sizeof *(table))
#define ROUTE(title, section) "\nroute \"" title "\" {\n" section "\n}\n"
#define ROUTE_GET(section)    ROUTE("GET /x/{n}", section)
#define ROUTE_POST(section)   ROUTE("POST /x/{n}", section)
#define PUBLISH(section)      ROUTE_POST("publish = c\n" section)
#define RUN(more)             ROUTE_POST("run = \"/bin/true\"\nchannel = a\n" more)
#define SUBSCRIBE(section)    ROUTE_GET("subscribe = c\n" section)
#define X128                                                               \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define X512  X128 X128 X128 X128
#define X2048 X512 X512 X512 X512

static void
test_titles(void **state)
{
	static const struct test_message table[] = {
		{ "route { status = json }",
		    "F:1: missing title for section 'route'" },
		{ ROUTE("", "status = json"),
		    "F:2: route \"\": must be \"METHOD PATH\", such as "
		    "\"GET /events\"" },
		{ ROUTE("/events", "status = json"),
		    "F:2: route \"/events\": must be \"METHOD PATH\", such as "
		    "\"GET /events\"" },
		{ ROUTE("GET events", "status = json"),
		    "F:2: route \"GET events\": the path does not begin with "
		    "/" },
		{ ROUTE("GET /{a...}/b", "status = json"),
		    "F:2: route \"GET /{a...}/b\": the path has a {name...} "
		    "that is not its end" },
		{ ROUTE("GET /{a}/{a}", "status = json"),
		    "F:2: route \"GET /{a}/{a}\": the path has the same "
		    "variable twice" },
		{ ROUTE("GET /a b", "status = json"),
		    "F:2: route \"GET /a b\": the path has a space: write "
		    "%20" },
		{ ROUTE("get /a", "status = json"),
		    "F:2: route \"get /a\": methods are written in capitals" },
		{ ROUTE("GET,Post /a", "status = json"),
		    "F:2: route \"GET,Post /a\": methods are written in "
		    "capitals" },
		{ ROUTE("GET,GET /a", "status = json"),
		    "F:2: route \"GET,GET /a\": a method is named twice" },
		{ ROUTE("GET, POST /a", "status = json"),
		    "F:2: route \"GET, POST /a\": a method is missing" },
		{ ROUTE(",GET /a", "status = json"),
		    "F:2: route \",GET /a\": a method is missing" },
		{ ROUTE("G(T /a", "status = json"),
		    "F:2: route \"G(T /a\": a method is no word" },
		{ ROUTE("ABCDEFGHIJKLMNOPQRSTU /a", "status = json"),
		    "F:2: route \"ABCDEFGHIJKLMNOPQRSTU /a\": a method is "
		    "longer than 20 bytes" },
		{ ROUTE("OPTIONS /a", "status = json"),
		    "F:2: route \"OPTIONS /a\": OPTIONS is always answered, "
		    "and by crier itself" },
	};

	(void)state;
	TEST_BAD(table);
}

static const struct test_message test_sections_table[] = {
	{ ROUTE("GET /x", ""),
	    "F:2: route \"GET /x\": has none of subscribe, publish, "
	    "status, run, presence, script, stop" },
	{ ROUTE("GET /x", "heartbeat = 5"),
	    "F:2: route \"GET /x\": has none of subscribe, publish, "
	    "status, run, presence, script, stop" },
	{ ROUTE_GET("subscribe = a\nstatus = json"),
	    "F:4: status: there is subscribe already: a route has one "
	    "of both" },
	{ ROUTE_POST("run = \"/bin/true\"\n\npublish = a"),
	    "F:3: run: there is publish already: a route has one of "
	    "both" },
	{ SUBSCRIBE("\ndata = x"), "F:5: data: does not go with subscribe" },
	{ SUBSCRIBE("reply = x"), "F:4: reply: does not go with subscribe" },
	{ SUBSCRIBE("run-time = 5"),
	    "F:4: run-time: does not go with subscribe" },
	{ PUBLISH("poll = 5"), "F:4: poll: does not go with publish" },
	{ PUBLISH("end-event = x"),
	    "F:4: end-event: does not go with publish" },
	{ ROUTE_GET("status = json\nretry = 5"),
	    "F:4: retry: does not go with status" },
	{ ROUTE_GET("presence = a\nheartbeat = 5"),
	    "F:4: heartbeat: does not go with presence" },
	{ ROUTE_GET("run = \"/bin/true\"\npoll-above = 5"),
	    "F:4: poll-above: does not go with run" },
	{ ROUTE_GET("run = \"/bin/true\"\nlast = 5"),
	    "F:4: last: does not go with run" },
	{ SUBSCRIBE("last = all"), "F:4: last: must be a whole number" },
	{ PUBLISH("terse = true"), "F:4: terse: does not go with publish" },
	{ ROUTE_GET("status = xml"),
	    "F:3: status: must be json, prometheus or page" },
	{ ROUTE_GET("run = \"/bin/true\"\nformat = text"),
	    "F:4: format: must be lines or raw" },
	{ ROUTE_GET("run = \"/bin/true\"\nend-stop = maybe"),
	    "F:4: end-stop: must be true or false" },
	{ ROUTE_POST("run = \"/bin/true\"\nrun-busy = join"),
	    "F:4: run-busy: needs channel beside it" },
	{ ROUTE_POST("run = \"/bin/true\"\nrun-linger = 5"),
	    "F:4: run-linger: needs channel beside it" },
	{ ROUTE_POST("run = \"/bin/true\"\nrun-again = yes"),
	    "F:4: run-again: needs channel beside it" },
	{ ROUTE_POST("run = \"/bin/true\"\nkey = \"{query.k}\""),
	    "F:4: key: needs channel beside it" },
	{ SUBSCRIBE("channel = a"),
	    "F:4: channel: does not go with subscribe" },
	{ RUN("run-linger = soon"),
	    "F:5: run-linger: must be a number of seconds up to a year, or "
	    "forever" },
	{ RUN("run-linger = 31622401"),
	    "F:5: run-linger: must be a number of seconds up to a year, or "
	    "forever" },
	{ RUN("run-busy = wait"), "F:5: run-busy: must be join or refuse" },
	{ RUN("end-event = \"\""),
	    "F:5: end-event: must not be empty: a channel is told of the end "
	    "by it" },
	{ RUN("end-stop = no"),
	    "F:5: end-stop: must not be false with channel: who has seen the "
	    "end of a run is to stop" },
	{ ROUTE_POST("run = \"/bin/true\"\nchannel = \"$a\""),
	    "F:4: channel: begins with $, where only crier itself publishes" },
	{ ROUTE_GET("stop = a"),
	    "F:3: stop: is for POST or DELETE: a GET changes nothing" },
	{ ROUTE_POST("stop = a\nretry = 5"),
	    "F:4: retry: does not go with stop" },
	{ SUBSCRIBE("retry = soon"), "F:4: retry: must be a whole number" },
	{ SUBSCRIBE("retry = 86400001"),
	    "F:4: retry: must be from 0 to 86400000" },
	{ SUBSCRIBE("heartbeat = 86401"),
	    "F:4: heartbeat: must be from 0 to 86400" },
	{ SUBSCRIBE("end-event = \"a\nb\""),
	    "F:5: end-event: must not contain control characters" },
	{ SUBSCRIBE("end-event = \"\"\nend-data = x"),
	    "F:5: end-data: there is no end-event that it could be "
	    "sent with" },
	{ SUBSCRIBE("end-data = " X2048 "x"),
	    "F:4: end-data: is longer than 2048 bytes" },
	{ ROUTE_GET("subscribe = {}"), "F:3: subscribe: must not be empty" },
	{ ROUTE_POST("publish = {}\ndata = x"),
	    "F:3: publish: must not be empty" },
	{ ROUTE_GET("run = {}"), "F:3: run: must not be empty" },
	{ ROUTE_GET("run = { true }"),
	    "F:3: run: must begin with the program's full path" },
	{ ROUTE_GET("run = { \"/bin/true\", \"\" }"),
	    "F:3: run: must not be empty" },
	{ ROUTE_GET("publish = c"),
	    "F:3: publish: needs data, for a GET request has no body "
	    "with it" },
	{ PUBLISH("reply-type = json"),
	    "F:4: reply-type: must be a media type, such as "
	    "text/plain" },
	{ PUBLISH("reply-type = \"text/\""),
	    "F:4: reply-type: must be a media type, such as "
	    "text/plain" },
	{ PUBLISH("reply-type = \"text/a\r\nX: y\""),
	    "F:5: reply-type: must not contain control characters" },
	{ ROUTE_GET("queue = x"), "F:3: no such option 'queue'" },
	{ ROUTE_GET("end_event = x"), "F:3: no such option 'end_event'" },
	{ ROUTE("GET /x",
	      "subscribe = { \"{query.a}\",\n"
	      "\"{wrong}\" }"),
	    "F:4: subscribe: {wrong} is neither in the path nor "
	    "query.NAME, form.NAME, json.NAME, body or user" },
};

static void
test_sections(void **state)
{
	(void)state;
	TEST_BAD(test_sections_table);
}

static const struct test_message test_templates_table[] = {
	{ ROUTE_GET("subscribe = \"{m}\""),
	    "F:3: subscribe: {m} is neither in the path nor "
	    "query.NAME, form.NAME, json.NAME, body or user" },
	{ ROUTE_GET("subscribe = \"{queryx}\""),
	    "F:3: subscribe: {queryx} is neither in the path nor "
	    "query.NAME, form.NAME, json.NAME, body or user" },
	{ ROUTE_GET("subscribe = \"{header.x}\""),
	    "F:3: subscribe: {header.x} is neither in the path nor "
	    "query.NAME, form.NAME, json.NAME, body or user" },
	{ ROUTE_GET("subscribe = \"{users}\""),
	    "F:3: subscribe: {users} is neither in the path nor "
	    "query.NAME, form.NAME, json.NAME, body or user" },
	{ ROUTE_GET("subscribe = \"{id}\""),
	    "F:3: subscribe: {id} is known in a reply only" },
	{ PUBLISH("data = \"{streams}\""),
	    "F:4: data: {streams} is known in a reply only" },
	{ ROUTE_GET("subscribe = \"{query.}\""),
	    "F:3: subscribe: {query.} has no name behind the dot" },
	{ ROUTE_GET("subscribe = \"{query.a b}\""),
	    "F:3: subscribe: {query.a b} has a space or a control "
	    "character" },
	{ ROUTE_POST("publish = \"{json.a..b}\""),
	    "F:3: publish: {json.a..b} has an empty name between its "
	    "dots" },
	{ ROUTE_POST("publish = \"{json.a.}\""),
	    "F:3: publish: {json.a.} has an empty name between its "
	    "dots" },
	{ ROUTE_GET("subscribe = \"{form.a}\""),
	    "F:3: subscribe: {form.a} needs a body, which a GET "
	    "request has not" },
	{ ROUTE("GET,HEAD /x", "subscribe = \"{json.a}\""),
	    "F:3: subscribe: {json.a} needs a body, which a GET "
	    "request has not" },
	{ ROUTE_GET("publish = c\ndata = \"{body}\""),
	    "F:4: data: {body} needs a body, which a GET request has "
	    "not" },
	{ ROUTE_GET("subscribe = \"a{n\""),
	    "F:3: subscribe: has a variable that is not closed by }" },
	{ ROUTE_GET("subscribe = \"a{n{n}\""),
	    "F:3: subscribe: has a variable that is not closed by }" },
	{ ROUTE_GET("subscribe = \"a}\""),
	    "F:3: subscribe: has a } without its {: write }}" },
	{ PUBLISH("data = \"a } b\""),
	    "F:4: data: has a } without its {: write }}" },
	{ PUBLISH("data = \"a { b\""),
	    "F:4: data: has a { without its }: write {{" },
	{ PUBLISH("data = \"{{{{\\\"a\\\":1\""),
	    "F:4: data: begins with a brace and is not valid JSON" },
	{ PUBLISH("data = \"{{\\\"a\\\":{query.a},}}\""),
	    "F:4: data: begins with a brace and is not valid JSON" },
	{ PUBLISH("data = \"{\\\"a\\\":\\\"{query.a}}\""),
	    "F:4: data: begins with a brace and is not valid JSON" },
	{ PUBLISH("data = \"{\\\"a\\\":\\\"\\\\{query.a}\\\"}\""),
	    "F:4: data: begins with a brace and is not valid JSON" },
	{ PUBLISH("reply = \"ok\""),
	    "F:4: reply: is not valid JSON (see reply-type)" },
	{ PUBLISH("reply = \"[{id}}}\""),
	    "F:4: reply: is not valid JSON (see reply-type)" },
	{ PUBLISH("reply = \"{n}\"\nreply-type = "
		  "\"application/javascript\""),
	    "F:4: reply: has a variable, which is safe in JSON, HTML, "
	    "XML and text/plain only (see reply-type)" },
	{ ROUTE_GET("subscribe = \"\""),
	    "F:3: subscribe: is empty, which no channel's name is" },
	{ ROUTE_GET("presence = \"\""),
	    "F:3: presence: is empty, which no channel's name is" },
	{ ROUTE_GET("subscribe = \"a {n}\""),
	    "F:3: subscribe: has a space, a control character or one "
	    "of * { }, which no channel's name has" },
	{ ROUTE_GET("subscribe = \"user/*\""),
	    "F:3: subscribe: has a space, a control character or one "
	    "of * { }, which no channel's name has" },
	{ ROUTE_GET("subscribe = \"{{n}}\""),
	    "F:3: subscribe: has a space, a control character or one "
	    "of * { }, which no channel's name has" },
	{ ROUTE_POST("publish = \"$stats\""),
	    "F:3: publish: begins with $, where only crier itself "
	    "publishes" },
	{ PUBLISH("event = \"crier.end\""),
	    "F:4: event: begins with crier., as crier's own do" },
	{ PUBLISH("event = \"a\nb\""), "F:5: event: has a line end in it" },
	{ PUBLISH("id = 5"),
	    "F:4: id: is the same for every event: it needs a "
	    "variable" },
	{ PUBLISH("key = same"),
	    "F:4: key: is the same for every event: it needs a "
	    "variable" },
	{ PUBLISH("retry = soon"),
	    "F:4: retry: must be a number of milliseconds, up to a "
	    "day" },
	{ PUBLISH("expires = 0"),
	    "F:4: expires: must be a number of seconds above 0" },
	{ PUBLISH("expires = 1d"),
	    "F:4: expires: must be a number of seconds above 0" },
	{ PUBLISH("data = \"a\x01\""),
	    "F:4: data: must not contain control characters" },
	{ PUBLISH("data = \"\xff\""), "F:4: data: is not valid UTF-8" },
};

static void
test_templates(void **state)
{
	(void)state;
	TEST_BAD(test_templates_table);
}

/* Names of 64 bytes, names of channels and templates of any length. */
static void
test_lengths(void **state)
{
	char *text = malloc(40000), *cause;
	char fill[TEMPLATE_MAX + 2];
	struct config *c;
	size_t i;
	static const struct {
		const char *before, *behind;
		int good;
		const char *why;
	} table[] = {
		{ "route \"GET /\" { subscribe = \"{query.", "}\" }", 64,
		    "longer than 64 bytes" },
		{ "route \"GET /\" { subscribe = \"", "\" }", 255,
		    "longer than 255 bytes" },
		{ "route \"GET /\" { subscribe = \"{query.a}", "\" }", 254,
		    "longer than 255 bytes" },
		{ "route \"POST /\" { publish = a event = \"", "\" }", 255,
		    "longer than 255 bytes" },
		{ "route \"POST /\" { publish = a data = \"", "\" }",
		    TEMPLATE_MAX, "longer than 16384 bytes" },
	};

	(void)state;
	memset(fill, 'a', sizeof fill);
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		sprintf(text, "%s%.*s%s", table[i].before, table[i].good, fill,
		    table[i].behind);
		config_free(route_run_good(text));
		sprintf(text, "%s%.*s%s", table[i].before, table[i].good + 1,
		    fill, table[i].behind);
		c = route_run_config(text, &cause);
		assert_null(c);
		if (strstr(cause, table[i].why) == NULL)
			fail_msg("%s", cause);
		free(cause);
	}
	free(text);
}

#define PLAIN(title) "route \"" title "\" { status = json }\n"

static void
test_conflicts(void **state)
{
	static const struct test_message table[] = {
		{ PLAIN("GET /x") PLAIN("GET /x"),
		    "F:2: route \"GET /x\": there is one in line 1 already: "
		    "change that, or leave this out" },
		{ "# GET /x\n" PLAIN("GET /x") "\n\n" PLAIN("GET /x"),
		    "F:5: route \"GET /x\": there is one in line 2 already: "
		    "change that, or leave this out" },
		{ PLAIN("GET /x") PLAIN("GET  /x"),
		    "F:2: route \"GET  /x\": the route in line 1 serves GET "
		    "on this path already" },
		{ PLAIN("GET /x/{a}") "\n" PLAIN("POST,GET /x/{b}"),
		    "F:3: route \"POST,GET /x/{b}\": the route in line 1 "
		    "serves GET on this path already" },
		{ PLAIN("GET /x/{a...}") PLAIN("GET /x/{b...}"),
		    "F:2: route \"GET /x/{b...}\": the route in line 1 serves "
		    "GET on this path already" },
		{ PLAIN("GET /x") PLAIN("GET /%78"),
		    "F:2: route \"GET /%78\": the route in line 1 serves GET "
		    "on this path already" },
		{ PLAIN("GET /x/{a...}") PLAIN("GET /x/{a}")
			PLAIN("GET /x/{a}/{b...}") PLAIN("GET /x/"),
		    "F:1: route \"GET /x/{a...}\": no request comes to it: "
		    "more specific routes take them all" },
	};
	static const char *const good[] = {
		PLAIN("GET /x") PLAIN("POST /x") PLAIN("HEAD /x"),
		PLAIN("GET /x/{a}") PLAIN("GET /x/b") PLAIN("GET /x/{a...}"),
		PLAIN("GET /{a}/b") PLAIN("GET /a/{b}"),
		PLAIN("GET /x") PLAIN("GET /x/"),
		PLAIN("GET /x/{a...}") PLAIN("GET /x/{a}")
		    PLAIN("POST /x/{a}/{b...}"),
	};
	size_t i;

	(void)state;
	TEST_BAD(table);
	for (i = 0; i < sizeof good / sizeof *good; i++)
		config_free(route_run_good(good[i]));
}

static void
test_many(void **state)
{
	char *text = malloc(100000), *cause;
	struct config *c;
	size_t n = 0;
	int i;

	(void)state;
	for (i = 0; i < CONFIG_ROUTES_MAX; i++)
		n += (size_t)sprintf(text + n,
		    "route \"GET /r%d/{a...}\" { status = json }\n", i);
	c = route_run_good(text);
	assert_int_equal(c->route_count, CONFIG_ROUTES_MAX);
	config_free(c);
	sprintf(text + n, PLAIN("GET /one"));
	assert_null(route_run_config(text, &cause));
	assert_string_equal(cause,
	    "F:1001: route \"GET /one\": more than 1000 routes");
	free(cause);
	free(text);
}

static char *
test_print(const struct config *c)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	config_print(c, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

/* What is printed reads back to what prints the same. */
static void
test_round_trip(void **state)
{
	static const char *const table[] = {
		"",
		"route \"GET  /events\" { subscribe = { \"{query.channel}\" } "
		"}\n"
		"route \"GET /events/{channel...}\" { subscribe = "
		"\"{channel}\" "
		"end-event = \"\" end-stop = yes poll = 2.5 poll-above = 100 "
		"heartbeat = 0 retry = 5 max-time = 60 }\n"
		"route \"POST,PUT /sse/push\" { publish = { a, "
		"\"user/{query.clientId}\" } data = \"{query.content}\" "
		"event = x id = \"{query.i}\" key = \"{query.k?}\" "
		"retry = 10 expires = 1.5 "
		"reply = \"{\\\"status\\\":\\\"\\$x\\\"}\n\" }\n"
		"route \"POST /api\" { publish = chat reply = \"ok\n\t{id}\" "
		"reply-type = \"text/plain; charset=utf-8\" }\n"
		"route \"POST /run\" { run = { \"/usr/lib/x y\", \"-a\" } "
		"format = raw run-time = 10 run-bytes = 1M end-data = \"a\nb\" "
		"end-stop = off heartbeat = 5 retry = 1 }\n"
		"route \"POST /chat/{id}\" { run = /x channel = \"c/{id}\" "
		"run-busy = refuse run-linger = forever run-again = yes "
		"key = \"{query.k}\" }\n"
		"route \"POST /b/{id}\" { run = /x channel = \"b/{id}\" }\n"
		"route \"POST,DELETE /s/{id}\" { stop = \"c/{id}\" }\n"
		"route \"GET /crier/status\" { status = json } "
		"route \"GET /crier/metrics\" { status = prometheus }\n"
		"route \"GET /who/{c}\" { presence = \"{c}\" }\n",
	};
	struct config *c;
	char *first, *second;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		c = route_run_good(table[i]);
		first = test_print(c);
		config_free(c);
		c = route_run_good(first);
		second = test_print(c);
		assert_string_equal(first, second);
		assert_true((strstr(first, "route") != NULL) == (i == 1));
		free(first);
		free(second);
		config_free(c);
	}
}

static void
test_values(void **state)
{
	struct config *c = route_run_good(
	    "route \"GET,POST /a\" { subscribe = { a, b } heartbeat = 0.5 "
	    "retry = 7 max-time = 2 poll = 3 poll-above = 4 }\n"
	    "route \"GET /b\" { subscribe = c end-event = close end-data = "
	    "\"\" end-stop = on }\n"
	    "route \"POST /c\" { run = { \"/x\", y } run-time = 1 run-bytes = "
	    "2K format = raw }\n"
	    "route \"POST /d\" { publish = { a } data = "
	    "\"{\\\"a\\\":{form.a}}\" }\n");
	struct config_route **r = c->routes;

	(void)state;
	assert_int_equal(c->route_count, 4);
	assert_int_equal(r[0]->kind, CONFIG_ROUTE_SUBSCRIBE);
	assert_int_equal(r[0]->methods.count, 2);
	assert_string_equal(r[0]->methods.items[1], "POST");
	assert_int_equal(r[0]->channel_count, 2);
	assert_int_equal(r[0]->heartbeat_ms, 500);
	assert_int_equal(r[0]->retry_ms, 7);
	assert_int_equal(r[0]->max_time_ms, 2000);
	assert_int_equal(r[0]->poll_ms, 3000);
	assert_int_equal(r[0]->poll_above, 4);
	assert_string_equal(r[0]->end_event, "crier.end");
	assert_null(r[0]->end_data);
	assert_int_equal(r[0]->end_stop, 0);
	assert_int_equal(r[0]->line, 1);
	assert_true(r[1]->heartbeat_ms == CONFIG_UNSET);
	assert_true(r[1]->retry_ms == CONFIG_UNSET);
	assert_true(r[1]->max_time_ms == CONFIG_UNSET);
	assert_true(r[1]->poll_ms == CONFIG_UNSET);
	assert_true(r[1]->poll_above == CONFIG_UNSET);
	assert_string_equal(r[1]->end_event, "close");
	assert_string_equal(r[1]->end_data, "");
	assert_int_equal(r[1]->end_stop, 1);
	assert_int_equal(r[2]->kind, CONFIG_ROUTE_RUN);
	assert_int_equal(r[2]->run.count, 2);
	assert_int_equal(r[2]->run_ms, 1000);
	assert_int_equal(r[2]->run_bytes, 2048);
	assert_int_equal(r[2]->format, CONFIG_FORMAT_RAW);
	assert_int_equal(r[3]->kind, CONFIG_ROUTE_PUBLISH);
	assert_int_equal(r[3]->fields[CONFIG_FIELD_DATA]->form,
	    TEMPLATE_AS_JSON);
	assert_null(r[3]->fields[CONFIG_FIELD_REPLY]);
	assert_string_equal(r[3]->reply_type, "application/json");
	config_free(c);
	c = route_run_good("");
	assert_int_equal(c->route_count, 2);
	assert_true(c->routes[0]->is_standing && c->routes[1]->is_standing);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("config_route", tests, NULL, NULL);
}
