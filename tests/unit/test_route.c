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

#include "lib/route_run.h"
#include "lib/support.h"
#include "request/route.h"

static struct config *test_config;

#define TEST_ALL(cases) ROUTE_RUN_ALL(test_config, cases)
#define WITH_ID(u, id, w)                                                 \
	{                                                                 \
		.method = "GET", .uri = (u), .last_id = (id), .want = (w) \
	}
#define POST_JSON(u, b, w) POST(JSON, u, b, w)

static const struct route_case test_paths_cases[] = {
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
	    "400 channel in the query has a / in it: ask for it in the "
	    "path, as in /events/job/1"),
	GET("/events?channel=a%2Fb",
	    "400 channel in the query has a / in it: ask for it in the "
	    "path, as in /events/job/1"),
	GET("/events?channel=a&channel=/",
	    "400 channel in the query has a / in it: ask for it in the "
	    "path, as in /events/job/1"),
	GET("/events/%", "400 the path has a malformed %-escape"),
	GET("/events/%0", "400 the path has a malformed %-escape"),
	GET("/events?channel=%", "400 a parameter has a malformed %-escape"),
	GET("/events/%FF", "400 channel name is not valid UTF-8"),
	GET("/events?channel=%FF", "400 channel name is not valid UTF-8"),
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

static void
test_paths(void **state)
{
	(void)state;
	TEST_ALL(test_paths_cases);
}

#define ACCEPT(a, u, w)                                                 \
	{                                                               \
		.method = "GET", .uri = (u), .accept = (a), .want = (w) \
	}

/* A history at once, or a stream, and whether that names channels. */
static const char tag[] = "400 tag is not channel";
static const char bad_limit[] = "400 limit is not a number from 1 to 1000";
static const struct route_case test_history_cases[] = {
	ACCEPT("application/json", "/events/a", "history [a]"),
	ACCEPT("text/event-stream", "/events/a", "stream [a]"),
	ACCEPT("*/*", "/events/a", "stream [a]"),
	ACCEPT("", "/events/a", "stream [a]"),
	GET("/events/a?format=json", "history [a]"),
	GET("/events/a?format=stream", "stream [a]"),
	ACCEPT("application/json", "/events/a?format=stream", "stream [a]"),
	ACCEPT("text/event-stream", "/events/a?format=json", "history [a]"),
	GET("/events/a?format=xml", "400 format is neither json nor stream"),
	GET("/events/a?format=", "400 format is neither json nor stream"),
	ASK("HEAD", "/events/a?format=json", "history [a]"),
	GET("/events?channel=a&channel=b&format=json&last=3&limit=2",
	    "history [a][b] last=3 limit=2"),
	GET("/events/a?format=json&since=5-0", "history [a] since=5-0"),
	GET("/events/a?format=json&since=all", "history [a] all"),
	GET("/events/a?format=json&limit=1000", "history [a] limit=1000"),
	GET("/events/a?format=json&limit=0", bad_limit),
	GET("/events/a?format=json&limit=1001",
	    "400 limit is not a number up to 1000"),
	GET("/events/a?format=json&limit=x",
	    "400 limit is not a number up to 1000"),
	/* A stream has no limit, and does not look at one. */
	GET("/events/a?limit=x", "stream [a]"),
	GET("/events?format=json", "400 no channel is named"),
	POST_JSON("/events", "{\"channel\":\"a\",\"format\":\"json\"}",
	    "history [a]"),
	POST_JSON("/events/a", "{\"format\":\"json\",\"limit\":5,\"last\":7}",
	    "history [a] last=7 limit=5"),
	POST_JSON("/events/a?format=stream", "{\"format\":\"json\"}",
	    "stream [a]"),
	POST_JSON("/events/a", "{\"format\":\"json\",\"limit\":\"5\"}",
	    bad_limit),
	POST_JSON("/events/a", "{\"format\":\"json\",\"limit\":1001}",
	    bad_limit),
	POST_JSON("/events/a", "{\"format\":7,\"limit\":[]}", "stream [a]"),
	GET("/events/a?tag=channel", "stream [a] tagged"),
	ASK("HEAD", "/events/a?tag=channel", "head [a] tagged"),
	GET("/events/a?tag=channel&last=2&poll=1",
	    "stream [a] last=2 tagged poll=1000"),
	GET("/events/a?tag=", tag),
	GET("/events/a?tag", tag),
	GET("/events/a?tag=channel%00", tag),
	GET("/events/a?tag=channel,id", tag),
	POST_JSON("/events/a", "{\"tag\":\"channel\"}", "stream [a] tagged"),
	POST_JSON("/events/a?tag=channel", "{}", "stream [a] tagged"),
	POST_JSON("/events/a", "{\"tag\":null}", "stream [a]"),
	POST_JSON("/events/a", "{\"tag\":\"\"}", tag),
	POST_JSON("/events/a", "{\"tag\":\"channel\\u0000\"}", tag),
	POST_JSON("/events/a", "{\"tag\":true}", tag),
	POST_JSON("/events/a", "{\"tag\":[\"channel\"]}", tag),
};

static void
test_history(void **state)
{
	(void)state;
	TEST_ALL(test_history_cases);
}

static void
test_methods(void **state)
{
	static const char not_allowed[] =
	    "405 method not allowed (GET, HEAD, POST, OPTIONS)";
	static const char options[] = "options (GET, HEAD, POST, OPTIONS)";
	static const struct route_case cases[] = {
		ASK("GET", "/events?channel=a", "stream [a]"),
		ASK("POST", "/events?channel=a", "stream [a]"),
		ASK("HEAD", "/events?channel=a", "head [a]"),
		ASK("OPTIONS", "/events?channel=a", options),
		ASK("PUT", "/events?channel=a", not_allowed),
		ASK("DELETE", "/events?channel=a", not_allowed),
		ASK("PATCH", "/events?channel=a", not_allowed),
		ASK("get", "/events?channel=a", not_allowed),
		ASK("GETX", "/events?channel=a", not_allowed),
		ASK("", "/events?channel=a", not_allowed),
		/* No such route comes before no such method. */
		ASK("PUT", "/", "404 no such route"),
		ASK("OPTIONS", "/", "404 no such route"),
		ASK("OPTIONS", "/events", options),
		ASK("OPTIONS", "/events/$x", options),
		ASK("HEAD", "/events", "400 no channel is named"),
		ASK("HEAD", "/events/$x",
		    "403 channels that begin with $ are crier's own"),
		/* Only POST has a body that is looked at. */
		{ .method = "GET",
		    .uri = "/events/a",
		    .type = "text/plain",
		    .body = "{",
		    .want = "stream [a]" },
	};

	(void)state;
	TEST_ALL(cases);
}

#define SINCE(query) "/events?channel=a&" query

static const struct route_case test_positions_cases[] = {
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
	WITH_ID(SINCE("lastEventId=1-0"), "9-0", "stream [a] since=9-0"),
	WITH_ID(SINCE("lastEventId=9-1"), "9-0", "stream [a] since=9-1"),
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
	GET(SINCE("lastEventId=1-0&lastEventId="), "stream [a] since=1-0"),
	GET(SINCE("lastEventId=1-0&%6castEventId=3-0"), "stream [a] since=3-0"),
	GET(SINCE("since=1-0&since=all"), "stream [a] since=1-0 all"),
	/* A header that came twice is a list of the two. */
	WITH_ID("/events/a", "1-0, 9-0", "stream [a] since=9-0"),
	WITH_ID("/events/a", "9-0,1-0", "stream [a] since=9-0"),
	WITH_ID("/events/a", "9-0 , 11-0\t,\t10-0", "stream [a] since=11-0"),
	WITH_ID("/events/a", "9-0,", "stream [a] since=9-0,"),
	WITH_ID("/events/a", "order 1, 2", "stream [a] since=order 1, 2"),
	WITH_ID("/events/a", "1-0, x", "stream [a] since=1-0, x"),
	/*
	 * Of a publisher's own ids: the header, then the last of the
	 * first name.
	 */
	WITH_ID(SINCE("lastEventId=o-1"), "o-2", "stream [a] since=o-2"),
	WITH_ID(SINCE("lastEventId=1-0"), "o-2", "stream [a] since=o-2"),
	GET(SINCE("lastEventId=o-1&lastEventId=o-2"), "stream [a] since=o-2"),
	GET(SINCE("lastEventId=1-0&lastEventId=crier.end"),
	    "stream [a] since=crier.end"),
	GET(SINCE("since=o-3&lastEventId=o-1&lastEventId=o-2"),
	    "stream [a] since=o-2"),
	GET(SINCE("lastEventId=1-0&lastEventId=%zz"),
	    "400 a parameter has a malformed %-escape"),
	GET(SINCE("since=%"), "400 a parameter has a malformed %-escape"),
	GET(SINCE("lastEventId=%zz"),
	    "400 a parameter has a malformed %-escape"),
};

static void
test_positions(void **state)
{
	(void)state;
	TEST_ALL(test_positions_cases);
}

static void
test_numbers(void **state)
{
	static const char last[] = "400 last is not a number up to 4294967295";
	static const char padding[] = "400 padding is not a number up to 4096";
	static const struct route_case cases[] = {
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

static const char json[] = "400 the body is not valid JSON";
static const char type[] = "415 the body is not application/json";
static const struct route_case test_bodies_cases[] = {
	POST_JSON("/events", "{\"channel\":\"a\"}", "stream [a]"),
	POST_JSON("/events", "{\"channel\":[\"a\",\"b\",\"a\"]}",
	    "stream [a][b]"),
	POST_JSON("/events", " {\"channel\" : [\"a\"] } \n", "stream [a]"),
	POST_JSON("/events/a", "{}", "stream [a]"),
	POST_JSON("/events/a", NULL, "stream [a]"),
	POST_JSON("/events/a", "{\"channel\":\"b\"}", "stream [a][b]"),
	POST_JSON("/events?channel=a", "{\"channel\":\"b\"}", "stream [a][b]"),
	POST_JSON("/events", "{\"channel\":\"\\u00e4\"}", "stream [\xc3\xa4]"),
	POST_JSON("/events", "{\"other\":1,\"channel\":\"a\"}", "stream [a]"),
	POST_JSON("/events", "{\"channel\":[]}", "400 no channel is named"),
	POST_JSON("/events", "{}", "400 no channel is named"),
	POST_JSON("/events", NULL, "400 no channel is named"),
	POST_JSON("/events", "{\"channel\":1}", "400 channel is not a string"),
	POST_JSON("/events", "{\"channel\":null}",
	    "400 channel is not a string"),
	POST_JSON("/events", "{\"channel\":{}}", "400 channel is not a string"),
	POST_JSON("/events", "{\"channel\":[\"a\",1]}",
	    "400 channel is not a string"),
	POST_JSON("/events", "{\"channel\":[[\"a\"]]}",
	    "400 channel is not a string"),
	POST_JSON("/events", "{\"channel\":\"\"}", "400 channel name is empty"),
	POST_JSON("/events", "{\"channel\":\"a b\"}",
	    "400 channel name has a space or control character"),
	POST_JSON("/events", "{\"channel\":\"a\\u0000b\"}",
	    "400 channel name has a space or control character"),
	POST_JSON("/events", "{\"channel\":\"$streams\"}",
	    "403 channels that begin with $ are crier's own"),
	POST_JSON("/events", "[]", "400 the body is not a JSON object"),
	POST_JSON("/events", "\"a\"", "400 the body is not a JSON object"),
	POST_JSON("/events", "{", json),
	POST_JSON("/events", " ", json),
	POST_JSON("/events", "{\"channel\":\"a\"", json),
	POST_JSON("/events", "{\"channel\":\"a\"}x", json),
	POST_JSON("/events", "{\"channel\":\"a\"}{}", json),
	POST_JSON("/events", "{'channel':'a'}", json),
	POST_JSON("/events", "{\"channel\":\"a\",}", json),
	POST_JSON("/events", "{\"channel\":\"\xff\"}", json),
	POST_JSON("/events", "channel=a", json),
	POST_JSON("/events/a", "[[[[[[[[[[[]]]]]]]]]]]", json),
	/* Where to begin: of header, query and this the newest. */
	POST_JSON("/events/a", "{\"lastEventId\":\"7-0\"}",
	    "stream [a] since=7-0"),
	POST_JSON("/events/a?since=5-0", "{\"lastEventId\":\"7-0\"}",
	    "stream [a] since=7-0"),
	POST_JSON("/events/a?since=9-0", "{\"lastEventId\":\"7-0\"}",
	    "stream [a] since=9-0"),
	POST_JSON("/events/a?since=o-2", "{\"lastEventId\":\"o-1\"}",
	    "stream [a] since=o-2"),
	{ .method = "POST",
	    .uri = "/events/a",
	    .type = JSON,
	    .body = "{\"lastEventId\":\"7-0\"}",
	    .last_id = "9-0",
	    .want = "stream [a] since=9-0" },
	POST_JSON("/events/a", "{\"lastEventId\":\"\"}", "stream [a]"),
	/* What a page sends that has none yet; and numbers as ids. */
	POST_JSON("/events/a", "{\"lastEventId\":null}", "stream [a]"),
	POST_JSON("/events/a", "{\"since\":null}", "stream [a]"),
	POST_JSON("/events/a", "{\"lastEventId\":0}", "stream [a]"),
	POST_JSON("/events/a", "{\"lastEventId\":0.0}", "stream [a]"),
	POST_JSON("/events/a", "{\"lastEventId\":-1}", "stream [a]"),
	POST_JSON("/events/a", "{\"since\":0}", "stream [a]"),
	POST_JSON("/events/a", "{\"lastEventId\":\"0\"}", "stream [a] since=0"),
	POST_JSON("/events/a", "{\"lastEventId\":1}", "stream [a] since=1"),
	POST_JSON("/events/a", "{\"since\":7}", "stream [a] since=7"),
	POST_JSON("/events/a", "{\"lastEventId\":1.50}",
	    "stream [a] since=1.50"),
	POST_JSON("/events/a", "{\"lastEventId\":9223372036854775807}",
	    "stream [a] since=9223372036854775807"),
	POST_JSON("/events/a?since=5-0", "{\"lastEventId\":null}",
	    "stream [a] since=5-0"),
	POST_JSON("/events/a", "{\"lastEventId\":true}",
	    "400 lastEventId is neither a string nor a number"),
	POST_JSON("/events/a", "{\"lastEventId\":[]}",
	    "400 lastEventId is neither a string nor a number"),
	POST_JSON("/events/a", "{\"since\":{}}",
	    "400 since is neither a string nor a number"),
	POST("application/json;charset=utf-8", "/events?channel=q", "{}",
	    "stream [q]"),
	POST("application/json ; charset=utf-8", "/events?channel=q", "{}",
	    "stream [q]"),
	POST("Application/JSON", "/events?channel=q", "{}", "stream [q]"),
	POST("application/jsonp", "/events?channel=q", "{}", type),
	POST("application/json-seq", "/events?channel=q", "{}", type),
	POST("text/plain", "/events?channel=q", "{}", type),
	POST("application/x-www-form-urlencoded", "/events?channel=q",
	    "channel=a", type),
	POST("", "/events?channel=q", "{}", type),
	POST("text/plain", "/events?channel=q", NULL, "stream [q]"),
};

static void
test_bodies(void **state)
{
	(void)state;
	TEST_ALL(test_bodies_cases);
}

static const char poll[] = "400 poll is not a number of seconds up to 3600";
static const struct route_case test_polls_cases[] = {
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
	GET(SINCE("poll=%"), "400 a parameter has a malformed %-escape"),
	GET(SINCE("Poll=x"), "stream [a]"),
	/* The first counts, as of other parameters. */
	GET(SINCE("poll=1&poll=x"), "stream [a] poll=1000"),
	GET(SINCE("poll=2&last=1&since=5-0"),
	    "stream [a] since=5-0 last=1 poll=2000"),
	ASK("HEAD", SINCE("poll=1"), "head [a] poll=1000"),
	ASK("HEAD", SINCE("poll=x"), poll),
	ASK("OPTIONS", SINCE("poll=x"), "options (GET, HEAD, POST, OPTIONS)"),
	POST_JSON("/events/a", "{\"poll\":0}", "stream [a] poll=0"),
	POST_JSON("/events/a", "{\"poll\":3600}", "stream [a] poll=3600000"),
	POST_JSON("/events/a", "{\"poll\":1.25}", "stream [a] poll=1250"),
	POST_JSON("/events/a?poll=3", "{\"poll\":1}", "stream [a] poll=1000"),
	POST_JSON("/events/a?poll=3", "{}", "stream [a] poll=3000"),
	POST_JSON("/events/a?poll=x", "{\"poll\":1}", poll),
	POST_JSON("/events/a", "{\"poll\":3601}", poll),
	POST_JSON("/events/a", "{\"poll\":-1}", poll),
	POST_JSON("/events/a", "{\"poll\":1e2}", poll),
	POST_JSON("/events/a", "{\"poll\":0.0001}", poll),
	POST_JSON("/events/a", "{\"poll\":\"1\"}", poll),
	POST_JSON("/events/a", "{\"poll\":true}", poll),
	POST_JSON("/events/a", "{\"poll\":null}", poll),
	POST_JSON("/events/a", "{\"poll\":[1]}", poll),
	POST_JSON("/events/a", "{\"poll\":NaN}",
	    "400 the body has a number that is none, or one of more "
	    "than 64 bits"),
};

static void
test_polls(void **state)
{
	(void)state;
	TEST_ALL(test_polls_cases);
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
	static const struct route_case cases[] = {
		{ .method = "POST",
		    .uri = "/events",
		    .type = JSON,
		    .body = body,
		    .body_len = sizeof body - 1,
		    .want = "400 the body is not valid JSON" },
	};

	(void)state;
	TEST_ALL(cases);
}

/* Channels c0, c1, … in the query and in a body. */
static void
test_many(unsigned in_query, unsigned in_body, const char *want)
{
	char uri[4000] = "/events?", body[4000] = "{\"channel\":[", have[4096];
	size_t at = strlen(uri), in = strlen(body);
	struct route_case t = POST_JSON(uri, body, want);
	unsigned i;

	for (i = 0; i < in_query; i++)
		at += (size_t)snprintf(uri + at, sizeof uri - at,
		    "channel=c%u&", i);
	for (; i < in_query + in_body; i++)
		in += (size_t)snprintf(body + in, sizeof body - in, "%s\"c%u\"",
		    i == in_query ? "" : ",", i);
	snprintf(body + in, sizeof body - in, "]}");
	route_run_decide(test_config, &t, have, sizeof have);
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
		cmocka_unit_test(test_history),
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
