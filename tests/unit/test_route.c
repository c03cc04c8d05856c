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

#include "lib/support.h"
#include "request/route.h"

static struct config *test_config;

/* A request and what it comes to, as test_describe writes it. */
struct test_case {
	const char *method, *uri;
	const char *body;   /* NULL: none */
	const char *type;   /* Content-Type; NULL: application/json */
	const char *header; /* Last-Event-ID; NULL: none */
	const char *want;
};

static void test_put(char *to, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
test_put(char *to, size_t size, const char *fmt, ...)
{
	size_t n = strlen(to);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(to + n, size - n, fmt, ap);
	va_end(ap);
}

/*
 * A refusal as its status and error; else the kind (stream, head, options),
 * [channel]…, and what is asked for besides.
 */
static void
test_describe(const struct route *r, char *to, size_t size)
{
	static const char *const kinds[] = { "stream", "head", "options" };
	size_t i;

	to[0] = '\0';
	if (r->kind == ROUTE_REFUSAL) {
		test_put(to, size, "%d %s", r->refusal.status, r->refusal.text);
		return;
	}
	assert_int_equal(r->status, r->kind == ROUTE_PREFLIGHT ? 204 : 200);
	test_put(to, size, "%s ", kinds[r->kind]);
	for (i = 0; i < r->channel_count; i++)
		test_put(to, size, "[%.*s]", (int)r->channels[i].len,
		    r->channels[i].text);
	if (r->since != NULL)
		test_put(to, size, " since=%.*s", (int)r->since_len, r->since);
	if (r->since_all)
		test_put(to, size, " all");
	if (r->has_last)
		test_put(to, size, " last=%llu", (unsigned long long)r->last);
	if (r->padding > 0)
		test_put(to, size, " padding=%llu",
		    (unsigned long long)r->padding);
	if (r->is_poll)
		test_put(to, size, " poll=%llu",
		    (unsigned long long)r->poll_ms);
}

static void
test_decide(const struct test_case *t, char *have, size_t size)
{
	struct request r = { 0 };
	struct route route;
	char text[4096];

	snprintf(text, sizeof text, "REQUEST_METHOD=%s", t->method);
	assert_int_equal(request_add(&r, text), 0);
	snprintf(text, sizeof text, "REQUEST_URI=%s", t->uri);
	assert_int_equal(request_add(&r, text), 0);
	snprintf(text, sizeof text, "CONTENT_TYPE=%s",
	    t->type == NULL ? "application/json" : t->type);
	assert_int_equal(request_add(&r, text), 0);
	if (t->header != NULL) {
		snprintf(text, sizeof text, "HTTP_LAST_EVENT_ID=%s", t->header);
		assert_int_equal(request_add(&r, text), 0);
	}
	if (t->body != NULL) {
		r.body.len = strlen(t->body);
		r.body.text = support_guard(t->body, r.body.len);
	}
	route_decide(&r, test_config, &route);
	test_describe(&route, have, size);
	route_clear(&route);
	request_clear(&r);
}

static void
test_all(const struct test_case *cases, size_t count)
{
	char have[2048];
	size_t i;

	for (i = 0; i < count; i++) {
		test_decide(&cases[i], have, sizeof have);
		if (strcmp(have, cases[i].want) != 0)
			fail_msg("%s %s: \"%s\" instead of \"%s\"",
			    cases[i].method, cases[i].uri, have, cases[i].want);
	}
}

#define TEST_ALL(cases) test_all(cases, sizeof(cases) / sizeof *(cases))
#define GET(uri, want)                             \
	{                                          \
		"GET", uri, NULL, NULL, NULL, want \
	}
#define WITH_ID(uri, header, want)                   \
	{                                            \
		"GET", uri, NULL, NULL, header, want \
	}
#define POST(uri, body, want)                       \
	{                                           \
		"POST", uri, body, NULL, NULL, want \
	}
#define POST_AS(type, body, want)                                   \
	{                                                           \
		"POST", "/events?channel=q", body, type, NULL, want \
	}
#define METHOD(method, want)                                        \
	{                                                           \
		method, "/events?channel=a", NULL, NULL, NULL, want \
	}

static void
test_paths(void **state)
{
	static const struct test_case cases[] = {
		GET("/events?channel=a", "stream [a]"),
		GET("/events/a", "stream [a]"),
		GET("/events/a/b/c", "stream [a/b/c]"),
		GET("/events/a%2Fb", "stream [a/b]"),
		GET("/events/?channel=a", "stream [a]"),
		GET("/events/a?channel=b", "stream [a][b]"),
		GET("/events?channel=a&channel=b&channel=a", "stream [a][b]"),
		GET("/events/a?channel=a", "stream [a]"),
		GET("http://host/events/a", "stream [a]"),
		GET("/events/%C3%A4", "stream [\xc3\xa4]"),
		GET("/events?channel=%C3%A4", "stream [\xc3\xa4]"),
		GET("/events/\xc3\xa4", "stream [\xc3\xa4]"),
		/* A plus is a plus in a path and a space in a query. */
		GET("/events/a+b", "stream [a+b]"),
		GET("/events?channel=a%2Bb", "stream [a+b]"),
		GET("/events?channel=a+b",
		    "400 channel name has a space or control character"),
		GET("/events?%63hannel=a", "stream [a]"),
		GET("/events?Channel=a", "400 no channel is named"),
		GET("/events?other=1&channel=a&", "stream [a]"),
		GET("/events", "400 no channel is named"),
		GET("/events/", "400 no channel is named"),
		GET("/events?channels=a", "400 no channel is named"),
		GET("/events?channel=", "400 channel name is empty"),
		GET("/events?channel", "400 channel name is empty"),
		GET("/events?channel=a/b",
		    "400 channel in the query has a / in it: use /events/NAME"),
		GET("/events?channel=a%2Fb",
		    "400 channel in the query has a / in it: use /events/NAME"),
		GET("/events?channel=a&channel=/",
		    "400 channel in the query has a / in it: use /events/NAME"),
		GET("/events/%", "400 the path has a malformed %-escape"),
		GET("/events/%0", "400 the path has a malformed %-escape"),
		GET("/events?channel=%",
		    "400 a parameter has a malformed %-escape"),
		GET("/events/%FF", "400 channel name is not valid UTF-8"),
		GET("/events?channel=%FF",
		    "400 channel name is not valid UTF-8"),
		GET("/events/a%00",
		    "400 channel name has a space or control character"),
		GET("/events/a%0Ab",
		    "400 channel name has a space or control character"),
		GET("/events/*", "400 channel name has one of * { }"),
		GET("/events/%7Bx%7D", "400 channel name has one of * { }"),
		GET("/events/$streams",
		    "403 channels that begin with $ are crier's own"),
		GET("/events/%24stats",
		    "403 channels that begin with $ are crier's own"),
		GET("/events?channel=$streams",
		    "403 channels that begin with $ are crier's own"),
		GET("/events?channel=a&channel=%24streams",
		    "403 channels that begin with $ are crier's own"),
		GET("/events/a$b", "stream [a$b]"),
		GET("/", "404 no such route"),
		GET("/event", "404 no such route"),
		GET("/eventsx", "404 no such route"),
		GET("/events.html", "404 no such route"),
		GET("/Events?channel=a", "404 no such route"),
		GET("//events?channel=a", "404 no such route"),
		GET("/x/events?channel=a", "404 no such route"),
		GET("/events%00?channel=a", "404 no such route"),
		GET("*", "404 no such route"),
		GET("", "404 no such route"),
	};

	(void)state;
	TEST_ALL(cases);
}

static void
test_methods(void **state)
{
	static const struct test_case cases[] = {
		METHOD("GET", "stream [a]"),
		METHOD("POST", "stream [a]"),
		METHOD("HEAD", "head [a]"),
		METHOD("OPTIONS", "options "),
		METHOD("PUT", "405 method not allowed"),
		METHOD("DELETE", "405 method not allowed"),
		METHOD("PATCH", "405 method not allowed"),
		METHOD("get", "405 method not allowed"),
		METHOD("GETX", "405 method not allowed"),
		METHOD("", "405 method not allowed"),
		/* No such route comes before no such method. */
		{ "PUT", "/", NULL, NULL, NULL, "404 no such route" },
		{ "OPTIONS", "/", NULL, NULL, NULL, "404 no such route" },
		{ "OPTIONS", "/events", NULL, NULL, NULL, "options " },
		{ "OPTIONS", "/events/$x", NULL, NULL, NULL, "options " },
		{ "HEAD", "/events", NULL, NULL, NULL,
		    "400 no channel is named" },
		{ "HEAD", "/events/$x", NULL, NULL, NULL,
		    "403 channels that begin with $ are crier's own" },
		/* Only POST has a body that is looked at. */
		{ "GET", "/events/a", "{", "text/plain", NULL, "stream [a]" },
	};

	(void)state;
	TEST_ALL(cases);
}

#define SINCE(query) "/events?channel=a&" query

static void
test_positions(void **state)
{
	static const struct test_case cases[] = {
		WITH_ID("/events/a", "5-0", "stream [a] since=5-0"),
		WITH_ID("/events/a", "", "stream [a]"),
		WITH_ID("/events/a", "any thing", "stream [a] since=any thing"),
		GET(SINCE("lastEventId=1-0"), "stream [a] since=1-0"),
		GET(SINCE("last-event-id=1-0"), "stream [a] since=1-0"),
		GET(SINCE("Last-Event-ID=1-0"), "stream [a] since=1-0"),
		GET(SINCE("since=1-0"), "stream [a] since=1-0"),
		GET(SINCE("since="), "stream [a]"),
		GET(SINCE("since=all"), "stream [a] all"),
		GET(SINCE("since=ALL"), "stream [a] since=ALL"),
		GET(SINCE("since=all%00"), "stream [a] since=all"),
		GET(SINCE("lastEventId=all"), "stream [a] since=all"),
		GET(SINCE("since=x+y"), "stream [a] since=x y"),
		/* The newest, wherever and however often it is given. */
		WITH_ID(SINCE("since=1-0"), "9-0", "stream [a] since=9-0"),
		WITH_ID(SINCE("since=9-0"), "1-0", "stream [a] since=9-0"),
		WITH_ID(SINCE("lastEventId=1-0"), "9-0",
		    "stream [a] since=9-0"),
		WITH_ID(SINCE("lastEventId=9-1"), "9-0",
		    "stream [a] since=9-1"),
		WITH_ID(SINCE("lastEventId=1-0"), "", "stream [a] since=1-0"),
		WITH_ID(SINCE("since=all"), "9-0", "stream [a] since=9-0 all"),
		GET(SINCE("since=1-0&Last-Event-ID=2-0&last-event-id=3-0&"
			  "lastEventId=4-0"),
		    "stream [a] since=4-0"),
		GET(SINCE("since=4-0&Last-Event-ID=3-0&last-event-id=2-0&"
			  "lastEventId=1-0"),
		    "stream [a] since=4-0"),
		GET(SINCE("since=1-0&Last-Event-ID=2-0&last-event-id=13-0"),
		    "stream [a] since=13-0"),
		GET(SINCE("lastEventId=&since=1-0"), "stream [a] since=1-0"),
		GET(SINCE("since=1-0&since=2-0"), "stream [a] since=2-0"),
		GET(SINCE("since=2-0&since=1-0"), "stream [a] since=2-0"),
		GET(SINCE("lastEventId=1-0&lastEventId=10-0&lastEventId=9-0"),
		    "stream [a] since=10-0"),
		GET(SINCE("lastEventId=1-0&lastEventId="),
		    "stream [a] since=1-0"),
		GET(SINCE("lastEventId=1-0&%6castEventId=3-0"),
		    "stream [a] since=3-0"),
		GET(SINCE("since=1-0&since=all"), "stream [a] since=1-0 all"),
		/* A header that came twice is a list of the two. */
		WITH_ID("/events/a", "1-0, 9-0", "stream [a] since=9-0"),
		WITH_ID("/events/a", "9-0,1-0", "stream [a] since=9-0"),
		WITH_ID("/events/a", "9-0 , 11-0\t,\t10-0",
		    "stream [a] since=11-0"),
		WITH_ID("/events/a", "9-0,", "stream [a] since=9-0,"),
		WITH_ID("/events/a", "order 1, 2",
		    "stream [a] since=order 1, 2"),
		WITH_ID("/events/a", "1-0, x", "stream [a] since=1-0, x"),
		/*
		 * Of a publisher's own ids: the header, then the last of the
		 * first name.
		 */
		WITH_ID(SINCE("lastEventId=o-1"), "o-2",
		    "stream [a] since=o-2"),
		WITH_ID(SINCE("lastEventId=1-0"), "o-2",
		    "stream [a] since=o-2"),
		GET(SINCE("lastEventId=o-1&lastEventId=o-2"),
		    "stream [a] since=o-2"),
		GET(SINCE("lastEventId=1-0&lastEventId=crier.end"),
		    "stream [a] since=crier.end"),
		GET(SINCE("since=o-3&lastEventId=o-1&lastEventId=o-2"),
		    "stream [a] since=o-2"),
		GET(SINCE("lastEventId=1-0&lastEventId=%zz"),
		    "400 a parameter has a malformed %-escape"),
		GET(SINCE("since=%"),
		    "400 a parameter has a malformed %-escape"),
		GET(SINCE("lastEventId=%zz"),
		    "400 a parameter has a malformed %-escape"),
	};

	(void)state;
	TEST_ALL(cases);
}

static void
test_numbers(void **state)
{
	static const char last[] = "400 last is not a number up to 4294967295";
	static const char padding[] = "400 padding is not a number up to 4096";
	static const struct test_case cases[] = {
		GET(SINCE("last=0"), "stream [a] last=0"),
		GET(SINCE("last=10"), "stream [a] last=10"),
		GET(SINCE("last=4294967295"), "stream [a] last=4294967295"),
		GET(SINCE("last=4294967296"), last),
		GET(SINCE("last="), last),
		GET(SINCE("last"), last),
		GET(SINCE("last=-1"), last),
		GET(SINCE("last=+1"), last),
		GET(SINCE("last=1.5"), last),
		GET(SINCE("last=1%00"), last),
		GET(SINCE("last=all"), last),
		GET(SINCE("last=%"),
		    "400 a parameter has a malformed %-escape"),
		GET(SINCE("padding=0"), "stream [a]"),
		GET(SINCE("padding=4095"), "stream [a] padding=4095"),
		GET(SINCE("padding=4096"), "stream [a] padding=4096"),
		GET(SINCE("padding=4097"), padding),
		GET(SINCE("padding=x"), padding),
		GET(SINCE("padding=18446744073709551617"), padding),
		GET(SINCE("last=3&padding=2&since=all"),
		    "stream [a] all last=3 padding=2"),
	};

	(void)state;
	TEST_ALL(cases);
}

static void
test_bodies(void **state)
{
	static const char json[] = "400 the body is not valid JSON";
	static const char type[] = "415 the body is not application/json";
	static const struct test_case cases[] = {
		POST("/events", "{\"channel\":\"a\"}", "stream [a]"),
		POST("/events", "{\"channel\":[\"a\",\"b\",\"a\"]}",
		    "stream [a][b]"),
		POST("/events", " {\"channel\" : [\"a\"] } \n", "stream [a]"),
		POST("/events/a", "{}", "stream [a]"),
		POST("/events/a", NULL, "stream [a]"),
		POST("/events/a", "{\"channel\":\"b\"}", "stream [a][b]"),
		POST("/events?channel=a", "{\"channel\":\"b\"}",
		    "stream [a][b]"),
		POST("/events", "{\"channel\":\"\\u00e4\"}",
		    "stream [\xc3\xa4]"),
		POST("/events", "{\"other\":1,\"channel\":\"a\"}",
		    "stream [a]"),
		POST("/events", "{\"channel\":[]}", "400 no channel is named"),
		POST("/events", "{}", "400 no channel is named"),
		POST("/events", NULL, "400 no channel is named"),
		POST("/events", "{\"channel\":1}",
		    "400 channel is not a string"),
		POST("/events", "{\"channel\":null}",
		    "400 channel is not a string"),
		POST("/events", "{\"channel\":{}}",
		    "400 channel is not a string"),
		POST("/events", "{\"channel\":[\"a\",1]}",
		    "400 channel is not a string"),
		POST("/events", "{\"channel\":[[\"a\"]]}",
		    "400 channel is not a string"),
		POST("/events", "{\"channel\":\"\"}",
		    "400 channel name is empty"),
		POST("/events", "{\"channel\":\"a b\"}",
		    "400 channel name has a space or control character"),
		POST("/events", "{\"channel\":\"a\\u0000b\"}",
		    "400 channel name has a space or control character"),
		POST("/events", "{\"channel\":\"$streams\"}",
		    "403 channels that begin with $ are crier's own"),
		POST("/events", "[]", "400 the body is not a JSON object"),
		POST("/events", "\"a\"", "400 the body is not a JSON object"),
		POST("/events", "{", json),
		POST("/events", " ", json),
		POST("/events", "{\"channel\":\"a\"", json),
		POST("/events", "{\"channel\":\"a\"}x", json),
		POST("/events", "{\"channel\":\"a\"}{}", json),
		POST("/events", "{'channel':'a'}", json),
		POST("/events", "{\"channel\":\"a\",}", json),
		POST("/events", "{\"channel\":\"\xff\"}", json),
		POST("/events", "channel=a", json),
		POST("/events/a", "[[[[[[[[[[[]]]]]]]]]]]", json),
		/* Where to begin: of header, query and this the newest. */
		POST("/events/a", "{\"lastEventId\":\"7-0\"}",
		    "stream [a] since=7-0"),
		POST("/events/a?since=5-0", "{\"lastEventId\":\"7-0\"}",
		    "stream [a] since=7-0"),
		POST("/events/a?since=9-0", "{\"lastEventId\":\"7-0\"}",
		    "stream [a] since=9-0"),
		POST("/events/a?since=o-2", "{\"lastEventId\":\"o-1\"}",
		    "stream [a] since=o-2"),
		{ "POST", "/events/a", "{\"lastEventId\":\"7-0\"}", NULL, "9-0",
		    "stream [a] since=9-0" },
		POST("/events/a", "{\"lastEventId\":\"\"}", "stream [a]"),
		/* What a page sends that has none yet; and numbers as ids. */
		POST("/events/a", "{\"lastEventId\":null}", "stream [a]"),
		POST("/events/a", "{\"since\":null}", "stream [a]"),
		POST("/events/a", "{\"lastEventId\":0}", "stream [a]"),
		POST("/events/a", "{\"lastEventId\":0.0}", "stream [a]"),
		POST("/events/a", "{\"lastEventId\":-1}", "stream [a]"),
		POST("/events/a", "{\"since\":0}", "stream [a]"),
		POST("/events/a", "{\"lastEventId\":\"0\"}",
		    "stream [a] since=0"),
		POST("/events/a", "{\"lastEventId\":1}", "stream [a] since=1"),
		POST("/events/a", "{\"since\":7}", "stream [a] since=7"),
		POST("/events/a", "{\"lastEventId\":1.50}",
		    "stream [a] since=1.50"),
		POST("/events/a", "{\"lastEventId\":9223372036854775807}",
		    "stream [a] since=9223372036854775807"),
		POST("/events/a?since=5-0", "{\"lastEventId\":null}",
		    "stream [a] since=5-0"),
		POST("/events/a", "{\"lastEventId\":true}",
		    "400 lastEventId is neither a string nor a number"),
		POST("/events/a", "{\"lastEventId\":[]}",
		    "400 lastEventId is neither a string nor a number"),
		POST("/events/a", "{\"since\":{}}",
		    "400 since is neither a string nor a number"),
		POST_AS("application/json;charset=utf-8", "{}", "stream [q]"),
		POST_AS("application/json ; charset=utf-8", "{}", "stream [q]"),
		POST_AS("Application/JSON", "{}", "stream [q]"),
		POST_AS("application/jsonp", "{}", type),
		POST_AS("application/json-seq", "{}", type),
		POST_AS("text/plain", "{}", type),
		POST_AS("application/x-www-form-urlencoded", "channel=a", type),
		POST_AS("", "{}", type),
		POST_AS("text/plain", NULL, "stream [q]"),
	};

	(void)state;
	TEST_ALL(cases);
}

static void
test_polls(void **state)
{
	static const char poll[] =
	    "400 poll is not a number of seconds up to 3600";
	static const struct test_case cases[] = {
		GET(SINCE("poll=0"), "stream [a] poll=0"),
		GET(SINCE("poll=25"), "stream [a] poll=25000"),
		GET(SINCE("poll=0.5"), "stream [a] poll=500"),
		GET(SINCE("poll=0.001"), "stream [a] poll=1"),
		GET(SINCE("poll=007"), "stream [a] poll=7000"),
		GET(SINCE("poll=3600"), "stream [a] poll=3600000"),
		GET(SINCE("poll=3600.001"), poll),
		GET(SINCE("poll=3601"), poll),
		GET(SINCE("poll=18446744073709551617"), poll),
		GET(SINCE("poll=18446744073709552"), poll),
		GET(SINCE("poll=0.0001"), poll),
		GET(SINCE("poll="), poll),
		GET(SINCE("poll"), poll),
		GET(SINCE("poll=-1"), poll),
		GET(SINCE("poll=+1"), poll),
		GET(SINCE("poll=1e3"), poll),
		GET(SINCE("poll=.5"), poll),
		GET(SINCE("poll=5."), poll),
		GET(SINCE("poll=1s"), poll),
		GET(SINCE("poll=yes"), poll),
		GET(SINCE("poll=nan"), poll),
		GET(SINCE("poll=%201"), poll),
		GET(SINCE("poll=1%00"), poll),
		GET(SINCE("poll=%"),
		    "400 a parameter has a malformed %-escape"),
		GET(SINCE("Poll=x"), "stream [a]"),
		/* The first counts, as of other parameters. */
		GET(SINCE("poll=1&poll=x"), "stream [a] poll=1000"),
		GET(SINCE("poll=2&last=1&since=5-0"),
		    "stream [a] since=5-0 last=1 poll=2000"),
		{ "HEAD", SINCE("poll=1"), NULL, NULL, NULL,
		    "head [a] poll=1000" },
		{ "HEAD", SINCE("poll=x"), NULL, NULL, NULL, poll },
		{ "OPTIONS", SINCE("poll=x"), NULL, NULL, NULL, "options " },
		POST("/events/a", "{\"poll\":0}", "stream [a] poll=0"),
		POST("/events/a", "{\"poll\":3600}", "stream [a] poll=3600000"),
		POST("/events/a", "{\"poll\":1.25}", "stream [a] poll=1250"),
		POST("/events/a?poll=3", "{\"poll\":1}",
		    "stream [a] poll=1000"),
		POST("/events/a?poll=3", "{}", "stream [a] poll=3000"),
		POST("/events/a?poll=x", "{\"poll\":1}", poll),
		POST("/events/a", "{\"poll\":3601}", poll),
		POST("/events/a", "{\"poll\":-1}", poll),
		POST("/events/a", "{\"poll\":1e2}", poll),
		POST("/events/a", "{\"poll\":0.0001}", poll),
		POST("/events/a", "{\"poll\":\"1\"}", poll),
		POST("/events/a", "{\"poll\":true}", poll),
		POST("/events/a", "{\"poll\":null}", poll),
		POST("/events/a", "{\"poll\":[1]}", poll),
		POST("/events/a", "{\"poll\":NaN}",
		    "400 the body has a number that is none, or one of more "
		    "than 64 bits"),
	};

	(void)state;
	TEST_ALL(cases);
}

/* Without a word from the client it is as configured. */
static void
test_poll_settings(void **state)
{
	static const char *const settings[] = { "poll=2.5", "poll-above=7",
		NULL };
	static const char *const uris[] = { "/events/a", "/events/a?poll=1" };
	struct config *config = support_config(settings);
	struct route route;
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct request r = { 0 };

		snprintf(text, sizeof text, "REQUEST_URI=%s", uris[i]);
		assert_int_equal(request_add(&r, "REQUEST_METHOD=GET"), 0);
		assert_int_equal(request_add(&r, text), 0);
		route_decide(&r, config, &route);
		assert_int_equal(route.is_poll, i == 1);
		assert_int_equal(route.poll_ms, i == 1 ? 1000 : 2500);
		assert_int_equal(route.poll_above, 7);
		route_clear(&route);
		request_clear(&r);
	}
	config_free(config);
}

/* JSON ends where the body does: a NUL is no end of it. */
static void
test_body_nul(void **state)
{
	static const char body[] = "{\"channel\":\"a\"}\0{\"channel\":\"b\"}";
	struct request r = { .body = { body, sizeof body - 1 } };
	struct route route;

	(void)state;
	request_add(&r, "REQUEST_METHOD=POST");
	request_add(&r, "REQUEST_URI=/events");
	request_add(&r, "CONTENT_TYPE=application/json");
	route_decide(&r, test_config, &route);
	assert_int_equal(route.kind, ROUTE_REFUSAL);
	assert_int_equal(route.refusal.status, 400);
	route_clear(&route);
	request_clear(&r);
}

/* Channels c0, c1, … in the query and in a body. */
static void
test_many(unsigned in_query, unsigned in_body, const char *want)
{
	char uri[4000] = "/events?", body[4000] = "{\"channel\":[", have[4096];
	struct test_case t = { "POST", uri, body, NULL, NULL, want };
	unsigned i;

	for (i = 0; i < in_query; i++)
		test_put(uri, sizeof uri, "channel=c%u&", i);
	for (; i < in_query + in_body; i++)
		test_put(body, sizeof body, "%s\"c%u\"",
		    i == in_query ? "" : ",", i);
	test_put(body, sizeof body, "]}");
	test_decide(&t, have, sizeof have);
	assert_memory_equal(have, want, strlen(want));
}

static void
test_max_channels(void **state)
{
	static const char refused[] =
	    "400 more than 20 channels on one stream (max-channels)";

	(void)state;
	test_many(19, 0, "stream [c0]");
	test_many(20, 0, "stream [c0]");
	test_many(21, 0, refused);
	test_many(100, 0, refused);
	test_many(0, 20, "stream [c0]");
	test_many(0, 21, refused);
	test_many(10, 10, "stream [c0]");
	test_many(10, 11, refused);
}

static int
test_setup(void **state)
{
	static const char *const settings[] = { "max-channels=20", NULL };

	(void)state;
	test_config = support_config(settings);
	return 0;
}

static int
test_teardown(void **state)
{
	(void)state;
	config_free(test_config);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_polls),
		cmocka_unit_test(test_poll_settings),
		cmocka_unit_test(test_body_nul),
		cmocka_unit_test(test_max_channels),
	};

	return cmocka_run_group_tests_name("route", tests, test_setup,
	    test_teardown);
}
