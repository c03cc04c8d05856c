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

#define GET_AS(login, u, w)                                               \
	{                                                                 \
		.method = "GET", .uri = (u), .user = (login), .want = (w) \
	}

/* Whatever their order, the most specific route is taken. */
static void
test_specific(void **state)
{
	static const char *const routes[] = {
		"route \"GET /a/{x...}\" { subscribe = \"rest-{x}\" }\n",
		"route \"GET /a/{x}\" { subscribe = \"one-{x}\" }\n",
		"route \"GET /a/b\" { subscribe = \"literal\" }\n",
		"route \"GET /{y}/b/{z}\" { subscribe = \"y-{y}-{z}\" }\n",
		"route \"POST /a/c\" { subscribe = \"post\" }\n",
	};
	static const struct route_case cases[] = {
		GET("/a/b", "stream [literal]"),
		GET("/a/c", "stream [one-c]"),
		GET("/a/b/c", "stream [rest-b/c]"),
		GET("/b/b/c", "stream [y-b-c]"),
		ASK("POST", "/a/c", "stream [post]"),
		ASK("POST", "/a/b",
		    "405 method not allowed "
		    "(GET, HEAD, OPTIONS)"),
		GET("/a", "404 no such route"),
		GET("/b/c/b", "404 no such route"),
	};
	const size_t n = sizeof routes / sizeof *routes;
	struct config *c;
	char text[1024];
	size_t first, i, len;

	(void)state;
	for (first = 0; first < 2 * n; first++) {
		for (i = len = 0; i < n; i++)
			len += (size_t)sprintf(text + len, "%s",
			    routes[first < n ? (first + i) % n
					     : (first + n - i) % n]);
		c = route_run_good(text);
		ROUTE_RUN_ALL(c, cases);
		config_free(c);
	}
}

static void
test_methods(void **state)
{
	static const struct route_case cases[] = {
		ASK("HEAD", "/stream", "head [s]"),
		ASK("HEAD", "/status", "status json"),
		ASK("HEAD", "/who/a", "presence [a]"),
		ASK("HEAD", "/run", "head"),
		ASK("HEAD", "/publish",
		    "405 method not allowed "
		    "(GET, OPTIONS)"),
		ASK("OPTIONS", "/publish", "options (GET, OPTIONS)"),
		ASK("OPTIONS", "/both",
		    "options (GET, HEAD, PURGE, POST, "
		    "OPTIONS)"),
		ASK("OPTIONS", "/none", "404 no such route"),
		ASK("OPTIONS", "*", "404 no such route"),
		ASK("PURGE", "/both", "stream [got]"),
		ASK("POST", "/both", "publish [posted] data=x"),
		ASK("HEAD", "/both", "head [got]"),
		ASK("HEAD", "/head", "head [head]"),
		GET("/head", "stream [get]"),
		ASK("get", "/both",
		    "405 method not allowed "
		    "(GET, HEAD, PURGE, POST, OPTIONS)"),
		ASK("", "/status",
		    "405 method not allowed "
		    "(GET, HEAD, OPTIONS)"),
		GET("/metrics", "status prometheus"),
		ASK("POST", "/run", "run /bin/x"),
		GET("/run?last=3&padding=5", "run /bin/x last=3 padding=5"),
		GET("/run?since=5-0", "run /bin/x since=5-0"),
	};
	struct config *c = route_run_good(
	    "route \"GET /stream\" { subscribe = s }\n"
	    "route \"GET /status\" { status = json }\n"
	    "route \"GET /metrics\" { status = prometheus }\n"
	    "route \"GET /who/{c}\" { presence = \"{c}\" }\n"
	    "route \"GET,POST /run\" { run = \"/bin/x\" }\n"
	    "route \"GET /publish\" { publish = p data = x }\n"
	    "route \"GET,PURGE /both\" { subscribe = got }\n"
	    "route \"POST /both\" { publish = posted data = x }\n"
	    "route \"GET /head\" { subscribe = get }\n"
	    "route \"HEAD /head\" { subscribe = head }\n");

	(void)state;
	ROUTE_RUN_ALL(c, cases);
	config_free(c);
}

/* Only the routes that there are: those that stand otherwise are gone. */
static void
test_instead(void **state)
{
	static const struct route_case cases[] = {
		GET("/events?channel=a", "404 no such route"),
		GET("/events/a", "404 no such route"),
		GET("/x", "stream [x]"),
	};
	struct config *c =
	    route_run_good("route \"GET /x\" { subscribe = x }\n");

	(void)state;
	ROUTE_RUN_ALL(c, cases);
	config_free(c);
}

static const char dots[] = "400 the path has a . or .. in it";

static const struct route_case test_paths_cases[] = {
	GET("/user/ann/feed", "stream [user/ann]"),
	GET("/user/ann%20b/feed",
	    "400 channel name has a space or control character"),
	GET("/%75ser/ann/f%65ed", "stream [user/ann]"),
	GET("/user/a%2Fb/feed", "400 name in the path has a / in it"),
	GET("/user%2Fann/feed", "404 no such route"),
	GET("/user/ann%2Ffeed", "404 no such route"),
	GET("/user//feed", "404 no such route"),
	GET("/user/feed", "404 no such route"),
	GET("/user/ann/feed/", "404 no such route"),
	GET("//user/ann/feed", "404 no such route"),
	GET("/user/./feed", dots),
	GET("/user/../feed", dots),
	GET("/user/%2e/feed", dots),
	GET("/user/%2E%2e/feed", dots),
	GET("/user/x/feed/..", dots),
	GET("/./user/x/feed", dots),
	GET("/files/a%2F..%2Fb", dots),
	GET("/files/a/%2e%2e%2f%2e%2e/b", dots),
	GET("/user/.../feed", "stream [user/...]"),
	GET("/user/.a/feed", "stream [user/.a]"),
	GET("/user/a..b/feed", "stream [user/a..b]"),
	GET("/user/%00/feed",
	    "400 channel name has a space or control character"),
	GET("/user/a%0d%0ab/feed",
	    "400 channel name has a space or control character"),
	GET("/user/%ff/feed", "400 channel name is not valid UTF-8"),
	GET("/user/%C2%85/feed",
	    "400 channel name has a space or control character"),
	GET("/user/*/feed", "400 channel name has one of * { }"),
	GET("/user/%7Bname%7D/feed", "400 channel name has one of * { }"),
	GET("/user/%/feed", "400 the path has a malformed %-escape"),
	GET("/user/$stats/feed", "stream [user/$stats]"),
	GET("/files/a/b", "stream [a/b]"),
	GET("/files/a%2Fb", "stream [a/b]"),
	GET("/files/$stats", "403 channels that begin with $ are crier's own"),
	GET("/files/%24stats",
	    "403 channels that begin with $ are crier's own"),
	GET("/files/", "400 file in the path is missing"),
	GET("/files", "404 no such route"),
	GET("http://host/files/a", "stream [a]"),
	GET("/all", "stream [$stats]"),
	GET("/caf%C3%A9", "stream [c]"),
	GET("/caf\xc3\xa9", "stream [c]"),
	GET("/a%20b", "stream [d]"),
	GET("/a+b", "404 no such route"),
};

/* What a server has taken for another path must not come to this one. */
static void
test_paths(void **state)
{
	struct config *c = route_run_good(
	    "route \"GET /user/{name}/feed\" { subscribe = \"user/{name}\" }\n"
	    "route \"GET /files/{file...}\" { subscribe = \"{file}\" }\n"
	    "route \"GET /all\" { subscribe = \"$stats\" }\n"
	    "route \"GET /caf\xc3\xa9\" { subscribe = c }\n"
	    "route \"GET /a%20b\" { subscribe = d }\n");

	(void)state;
	ROUTE_RUN_ALL(c, test_paths_cases);
	config_free(c);
}

static const struct route_case test_queries_cases[] = {
	GET("/sse?clientId=5", "stream [user/5]"),
	GET("/sse?clientId=5&clientId=6&clientId=5", "stream [user/5][user/6]"),
	GET("/sse?%63lientId=%35", "stream [user/5]"),
	GET("/sse?clientId=a%2Bb", "stream [user/a+b]"),
	GET("/sse", "400 clientId in the query is missing"),
	GET("/sse?clientid=5", "400 clientId in the query is missing"),
	GET("/sse?clientId=", "400 clientId in the query is empty"),
	GET("/sse?clientId", "400 clientId in the query is empty"),
	GET("/sse?clientId=5&clientId=", "400 clientId in the query is empty"),
	GET("/sse?clientId=a/b", "400 clientId in the query has a / in it"),
	GET("/sse?clientId=a%2fb", "400 clientId in the query has a / in it"),
	GET("/sse?clientId=..", "stream [user/..]"),
	GET("/sse?clientId=%", "400 a parameter has a malformed %-escape"),
	GET("/sse?clientId=5&clientId=%",
	    "400 a parameter has a malformed %-escape"),
	GET("/sse?clientId=a%00",
	    "400 channel name has a space or control character"),
	GET("/sse?clientId=a%0Aid:%201",
	    "400 channel name has a space or control character"),
	GET("/sse?clientId=a+b",
	    "400 channel name has a space or control character"),
	GET("/sse?clientId=%C3", "400 channel name is not valid UTF-8"),
	GET("/sse?clientId=5&since=1-0&last=2&padding=3",
	    "stream [user/5] since=1-0 last=2 padding=3"),
	GET("/sse?clientId=5&last=x",
	    "400 last is not a number up to 4294967295"),
	/* The route's last is for who does not say where to begin. */
	GET("/late", "stream [a] last=3"),
	GET("/late?lastEventId=", "stream [a] last=3"),
	GET("/late?lastEventId=1-0", "stream [a] since=1-0"),
	GET("/late?since=all", "stream [a] all"),
	GET("/late?last=0", "stream [a] last=0"),
	POST(JSON, "/late", "{\"last\":5}", "stream [a] last=5"),
	POST(JSON, "/late", "{}", "stream [a] last=3"),
	/* What a template uses is the site's own. */
	GET("/own?last=x&since=y", "stream [x][y]"),
	GET("/two?a=1&b=2", "stream [1-2]"),
	GET("/two?a=1&a=2&b=3", "stream [1-3][2-3]"),
	GET("/two?b=3&a=1&b=4", "stream [1-3][1-4]"),
	GET("/two?a=1&a=2&b=3&b=4",
	    "400 b in the query is given more than once"),
	GET("/same?a=1&a=2", "stream [1.1][2.2]"),
	GET("/maybe", "stream [news]"),
	GET("/maybe?team=a", "stream [news][team/a]"),
	GET("/maybe?team=a&team=b", "stream [news][team/a][team/b]"),
	GET("/maybe?team=", "400 team in the query is empty"),
	GET("/only", "400 no channel is named"),
	GET("/only?a=$stats", "403 channels that begin with $ are crier's own"),
	GET("/only?a=x&a=$stats",
	    "403 channels that begin with $ are crier's own"),
	GET("/only?a=", "400 channel name is empty"),
	GET("/dollar?a=x", "stream [$x]"),
	GET("/who?c=a", "presence [a]"),
	GET("/who?c=a&c=a", "presence [a]"),
	GET("/who?c=a&c=b", "400 more than one channel is named"),
	GET("/who", "400 c in the query is missing"),
	GET("/me", "403 nobody is logged in"),
	GET_AS("ann", "/me", "stream [user/ann]"),
	GET_AS("a/b", "/me", "400 the user's name has a / in it"),
	GET_AS("a%2fb", "/me", "stream [user/a%2fb]"),
	GET_AS("*", "/me", "400 channel name has one of * { }"),
};

static void
test_queries(void **state)
{
	struct config *c = route_run_good(
	    "route \"GET /sse\" { subscribe = \"user/{query.clientId}\" }\n"
	    "route \"GET /own\" { subscribe = { \"{query.last}\", "
	    "\"{query.since}\" } }\n"
	    "route \"GET /two\" { subscribe = \"{query.a}-{query.b}\" }\n"
	    "route \"GET /same\" { subscribe = \"{query.a}.{query.a}\" }\n"
	    "route \"GET /maybe\" { subscribe = { news, "
	    "\"team/{query.team?}\" } }\n"
	    "route \"GET /only\" { subscribe = \"{query.a?}\" }\n"
	    "route \"GET,POST /late\" { subscribe = a last = 3 }\n"
	    "route \"GET /dollar\" { subscribe = \"\\${query.a}\" }\n"
	    "route \"GET /who\" { presence = \"{query.c}\" }\n"
	    "route \"GET /me\" { subscribe = \"user/{user}\" }\n");

	(void)state;
	ROUTE_RUN_ALL(c, test_queries_cases);
	config_free(c);
}

static const struct route_case test_bodies_cases[] = {
	POST(JSON, "/j", "{\"team\":{\"id\":\"x\"}}", "stream [t/x]"),
	POST(JSON, "/j", "{\"team\":{\"id\":5}}", "stream [t/5]"),
	POST(JSON, "/j", "{\"team\":{\"id\":[\"x\",5]}}", "stream [t/x][t/5]"),
	POST(JSON, "/j", "{\"team\":{\"id\":[]}}", "400 no channel is named"),
	POST(JSON, "/j", "{\"team\":{\"id\":\"a/b\"}}",
	    "400 team.id in the JSON body has a / in it"),
	POST(JSON, "/j", "{\"team\":{\"id\":\"\"}}",
	    "400 team.id in the JSON body is empty"),
	POST(JSON, "/j", "{\"team\":{\"id\":null}}",
	    "400 team.id in the JSON body is no string and no whole "
	    "number"),
	POST(JSON, "/j", "{\"team\":{\"id\":{\"a\":1}}}",
	    "400 team.id in the JSON body is no string and no whole "
	    "number"),
	POST(JSON, "/j", "{\"team\":{\"id\":[\"x\",[\"y\"]]}}",
	    "400 team.id in the JSON body is no string and no whole "
	    "number"),
	POST(JSON, "/j", "{\"team\":{\"id\":1.5}}",
	    "400 team.id in the JSON body is no string and no whole "
	    "number"),
	POST(JSON, "/j", "{\"team\":{\"id\":99999999999999999999}}",
	    "400 the body has a number that is none, or one of more "
	    "than 64 bits"),
	POST(JSON, "/j", "{\"team\":{\"id\":\"a\\u0000b\"}}",
	    "400 channel name has a space or control character"),
	POST(JSON, "/j", "{\"team\":\"x\"}",
	    "400 team.id in the JSON body is missing"),
	POST(JSON, "/j", "{\"team.id\":\"x\"}",
	    "400 team.id in the JSON body is missing"),
	POST(JSON, "/j", "[1]", "400 the body is not a JSON object"),
	POST(JSON, "/j", "{\"team\":{\"id\":\"x\"},\"last\":5}",
	    "stream [t/x] last=5"),
	POST(NULL, "/j", NULL, "400 team.id in the JSON body is missing"),
	POST(FORM, "/j", "team=x", "415 the body is not application/json"),
	POST("multipart/form-data; boundary=x", "/f", "--x",
	    "415 multipart/form-data is not read: send "
	    "application/x-www-form-urlencoded"),
	POST(FORM, "/f", "team=x&team=y+z",
	    "400 channel name has a space or control character"),
	POST(FORM, "/f", "team=x&team=y%2bz", "stream [x][y+z]"),
	POST(FORM, "/f", "tea=x", "400 team in the form is missing"),
	/* A form is no query, and a query no form. */
	POST(FORM, "/f?team=x", "tea=x", "400 team in the form is missing"),
	POST("text/plain", "/f", "team=x",
	    "415 the body is neither "
	    "application/x-www-form-urlencoded nor application/json"),
	POST("text/plain", "/b", "room", "stream [r-room]"),
	POST("text/plain", "/b", "a/b", "400 the body has a / in it"),
	POST("text/plain;charset=latin1", "/b", "room",
	    "415 the body's charset is not UTF-8"),
};

static void
test_bodies(void **state)
{
	struct config *c = route_run_good(
	    "route \"POST /j\" { subscribe = \"t/{json.team.id}\" }\n"
	    "route \"POST /f\" { subscribe = \"{form.team}\" }\n"
	    "route \"POST /b\" { subscribe = \"r-{body}\" }\n");

	(void)state;
	ROUTE_RUN_ALL(c, test_bodies_cases);
	config_free(c);
}

/* Names of 255 bytes, queries that are large, very many of the same. */
static void
test_long(void **state)
{
	static char uri[70000], have[65536], value[300];
	struct route_case t = GET(uri, NULL);
	struct config *c = route_run_good(
	    "max-channels = 3\n"
	    "route \"GET /s\" { subscribe = \"u/{query.a}\" }\n");
	size_t n;
	int i;

	(void)state;
	memset(value, 'x', sizeof value);
	sprintf(uri, "/s?a=%.*s", 253, value);
	route_run_decide(c, &t, have, sizeof have);
	assert_memory_equal(have, "stream [u/xxx", 13);
	sprintf(uri, "/s?a=%.*s", 254, value);
	route_run_decide(c, &t, have, sizeof have);
	assert_string_equal(have, "400 channel name is longer than 255 bytes");
	n = (size_t)sprintf(uri, "/s?");
	while (n < 65000)
		n += (size_t)sprintf(uri + n, "a=same&");
	route_run_decide(c, &t, have, sizeof have);
	assert_string_equal(have, "stream [u/same]");
	for (i = 0; i < 2; i++)
		n += (size_t)sprintf(uri + n, "a=other%d&", i);
	route_run_decide(c, &t, have, sizeof have);
	assert_string_equal(have, "stream [u/same][u/other0][u/other1]");
	sprintf(uri + n, "a=more");
	route_run_decide(c, &t, have, sizeof have);
	assert_string_equal(have,
	    "400 more than 3 channels on one stream (max-channels)");
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specific),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_instead),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests_name("route_match", tests, NULL, NULL);
}
