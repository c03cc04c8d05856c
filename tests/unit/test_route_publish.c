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

#include <json-c/json.h>

#include "base/json.h"
#include "lib/route_run.h"
#include "request/route.h"

#define BYTES(t, u, b, w)                                               \
	{                                                               \
		.method = "POST", .uri = (u), .type = (t), .body = (b), \
		.body_len = sizeof(b) - 1, .want = (w)                  \
	}
#define TEXT "text/plain;charset=UTF-8"

static const char retry[] =
    "400 retry is not a whole number from 0 to 86400000";

static const char expires[] = "400 expires is not a number of seconds above 0";

static const struct route_case test_bodies_cases[] = {
	POST(TEXT, "/p/c", "hello", "publish [c] data=hello"),
	POST("text/plain", "/p/c", "a\r\nb\n",
	    "publish [c] "
	    "data=a\r\nb\n"),
	POST("text/plain", "/p/c", NULL, "publish [c] data="),
	POST(FORM, "/p/c", NULL, "400 data is missing"),
	POST(JSON, "/p/c", NULL, "400 data is missing"),
	POST(NULL, "/p/c", NULL, "400 data is missing"),
	POST(JSON, "/p/c", "{\"data\":\"x\"}", "publish [c] data=x"),
	POST(JSON, "/p/c",
	    "{\"data\":{\"a\":[1,\"\xc3\xa9/\"]},\"event\":\"e\","
	    "\"id\":\"i\",\"key\":\"k\",\"retry\":5,\"expires\":1.5}",
	    "publish [c] data={\"a\":[1,\"\xc3\xa9/\"]} event=e id=i "
	    "retry=5 expires=1500"),
	POST(JSON, "/p/c", "{\"data\":null}", "publish [c] data=null"),
	POST(JSON, "/p/c", "{\"data\":false}", "publish [c] data=false"),
	POST(JSON, "/p/c", "{\"data\":\"\"}", "publish [c] data="),
	POST(JSON, "/p/c", "{\"data\":[1,2]}", "publish [c] data=[1,2]"),
	POST(JSON, "/p/c",
	    "{\"data\":1,\"id\":7,\"channel\":\"x\","
	    "\"retry\":\"9\",\"expires\":\"0.0019\"}",
	    "publish [c] data=1 id=7 retry=9 expires=2"),
	POST(JSON, "/p/c", "{\"event\":\"e\"}", "400 data is missing"),
	POST(JSON, "/p/c", "{}", "400 data is missing"),
	POST(JSON, "/p/c", "[]", "400 the body is not a JSON object"),
	POST(JSON, "/p/c", "null", "400 the body is not a JSON object"),
	POST(JSON, "/p/c", "{\"data\":1", "400 the body is not valid JSON"),
	POST(JSON, "/p/c", "{\"data\":NaN}",
	    "400 the body has a number that is none, or one of more "
	    "than 64 bits"),
	POST(JSON, "/p/c", "{\"data\":1.}",
	    "400 the body has a number that is none, or one of more "
	    "than 64 bits"),
	POST(JSON, "/p/c", "{\"data\":\"\xff\"}",
	    "400 the body is not valid JSON"),
	BYTES(JSON, "/p/c", "{\"data\":1}\0", "400 the body is not valid JSON"),
	POST(JSON, "/p/c", "{\"data\":1,\"event\":\"a\\nb\"}",
	    "400 event has a line end or NUL in it"),
	POST(JSON, "/p/c", "{\"data\":1,\"event\":\"crier.end\"}",
	    "400 events that begin with crier. are crier's own"),
	POST(JSON, "/p/c", "{\"data\":1,\"event\":null}",
	    "400 event is not a string"),
	POST(JSON, "/p/c", "{\"data\":1,\"id\":{}}", "400 id is not a string"),
	POST(JSON, "/p/c", "{\"data\":1,\"event\":\"\"}", "publish [c] data=1"),
	POST(JSON, "/p/c", "{\"data\":1,\"id\":\"\"}", "400 id is empty"),
	/* No template names a key here: whatever it is, it is none. */
	POST(JSON, "/p/c", "{\"data\":1,\"key\":\"\"}", "publish [c] data=1"),
	POST(JSON, "/p/c", "{\"data\":1,\"id\":\"a\\r\"}",
	    "400 id has a line end or NUL in it"),
	POST(JSON, "/p/c", "{\"data\":1,\"key\":\" a\"}", "publish [c] data=1"),
	POST(JSON, "/p/c", "{\"data\":1,\"retry\":-1}", retry),
	POST(JSON, "/p/c", "{\"data\":1,\"retry\":1.5}", retry),
	POST(JSON, "/p/c", "{\"data\":1,\"retry\":\"\"}", retry),
	POST(JSON, "/p/c", "{\"data\":1,\"retry\":86400001}", retry),
	POST(JSON, "/p/c", "{\"data\":1,\"expires\":0}", expires),
	POST(JSON, "/p/c", "{\"data\":1,\"expires\":-5}", expires),
	POST(JSON, "/p/c", "{\"data\":1,\"event\":5}",
	    "400 event is not a string"),
	POST(JSON, "/p/c", "{\"data\":1,\"id\":1.5}", "400 id is not a string"),
	POST(JSON, "/p/c", "{\"data\":1,\"expires\":0.0001}",
	    "publish [c] data=1 expires=1"),
	POST(JSON, "/p/c", "{\"data\":1,\"expires\":1e3}",
	    "publish [c] data=1 expires=1000000"),
	POST(JSON, "/p/c", "{\"data\":1,\"expires\":1e300}", expires),
	POST(JSON, "/p/c", "{\"data\":1,\"expires\":\"1.2.3\"}", expires),
	POST(JSON, "/p/c", "{\"data\":1,\"expires\":\"1.2345x\"}", expires),
	POST(JSON, "/p/c", "{\"data\":1,\"expires\":10000000000}", expires),
	POST(FORM, "/p/c",
	    "data=a+b%26c&event=e&id=i&key=k&retry=0"
	    "&expires=2",
	    "publish [c] data=a b&c event=e id=i retry=0 "
	    "expires=2000"),
	POST(FORM, "/p/c", "data=", "publish [c] data="),
	POST(FORM, "/p/c", "date=x", "400 data is missing"),
	POST(FORM, "/p/c", "data=a&data=b",
	    "400 data in the form is given more than once"),
	POST(FORM, "/p/c", "data=%",
	    "400 a parameter has a malformed %-escape"),
	POST(FORM, "/p/c", "data=%ff",
	    "400 data in the form is not valid UTF-8"),
	POST(FORM, "/p/c", "data=a%00b", "400 data has a NUL in it"),
	POST(JSON, "/p/c", "{\"data\":\"a\\u0000b\"}",
	    "400 data has a NUL in it"),
	BYTES("text/plain", "/p/c", "a\0b", "400 data has a NUL in it"),
	POST("text/plain", "/p/c", "\xff", "400 the body is not valid UTF-8"),
	POST("text/html", "/p/c", "x",
	    "415 the body is neither "
	    "application/x-www-form-urlencoded, application/json nor "
	    "text/plain"),
	POST(NULL, "/p/c", "x",
	    "415 the body is neither "
	    "application/x-www-form-urlencoded, application/json nor "
	    "text/plain"),
	POST("multipart/form-data; boundary=x", "/p/c", "x",
	    "415 multipart/form-data is not read: send "
	    "application/x-www-form-urlencoded"),
	POST("text/plain; charset=\"UTF-8\"; x=y", "/p/c", "x",
	    "publish [c] data=x"),
	POST("text/plain; x=y;CHARSET=utf-8 ", "/p/c", "x",
	    "publish [c] data=x"),
	POST("text/plain; charset=utf-80", "/p/c", "x",
	    "415 the body's charset is not UTF-8"),
	POST("text/plain; charset=\"utf-8", "/p/c", "x",
	    "415 the body's charset is not UTF-8"),
	POST("text/plain;charset=", "/p/c", "x",
	    "415 the body's charset is not UTF-8"),
	POST("text/plain", "/p/c", "0123456789abcdefg",
	    "413 data is longer than max-event"),
	POST("text/plain", "/p/c", "0123456789abcdef",
	    "publish [c] data=0123456789abcdef"),
	POST(TEXT, "/p/$stats", "x",
	    "403 channels that begin with $ are crier's own"),
	POST(TEXT, "/p/a%2fb", "x", "400 channel in the path has a / in it"),
};

/* Without a data template the body is the event. */
static void
test_bodies(void **state)
{
	struct config *c = route_run_good(
	    "max-event = 30\n"
	    "route \"POST /p/{channel}\" { publish = \"{channel}\" }\n");
	struct config *small = route_run_good(
	    "max-event = 16\n"
	    "route \"POST /p/{channel}\" { publish = \"{channel}\" }\n");
	const size_t n = sizeof test_bodies_cases / sizeof *test_bodies_cases;

	(void)state;
	/* The last four are about the size. */
	route_run_all(c, test_bodies_cases, n - 4);
	route_run_all(small, test_bodies_cases + n - 4, 4);
	config_free(c);
	config_free(small);
}

static const struct route_case test_templates_cases[] = {
	POST(NULL, "/sse/push?clientId=5&content=hello+you", NULL,
	    "publish [user/5] data=hello you"),
	POST("multipart/form-data", "/sse/push?clientId=5&content=x",
	    "whatever", "publish [user/5] data=x"),
	POST(NULL, "/sse/push?clientId=5&clientId=6&content=x", NULL,
	    "publish [user/5][user/6] data=x"),
	POST(NULL, "/sse/push?clientId=5", NULL,
	    "400 content in the query is missing"),
	POST(NULL, "/sse/push?content=x", NULL,
	    "400 clientId in the query is missing"),
	POST(NULL, "/sse/push?clientId=5&content=x&content=y", NULL,
	    "400 content in the query is given more than once"),
	GET("/push?m=x", "publish [chat] data=x"),
	POST(JSON, "/api/send-message", "{\"message\":\"hi\"}",
	    "publish [chat] data=hi reply={\"status\":\"success\"}"),
	POST(JSON, "/api/send-message", "{\"message\":{\"a\":\"\\n\"}}",
	    "publish [chat] data={\"a\":\"\\n\"} "
	    "reply={\"status\":\"success\"}"),
	POST(JSON, "/api/send-message", "{\"data\":\"hi\"}",
	    "400 message in the JSON body is missing"),
	POST(FORM, "/api/send-message", "message=hi",
	    "415 the body is not application/json"),
	POST(JSON, "/form", "{\"a\":1}",
	    "415 the body is not application/x-www-form-urlencoded"),
	POST(FORM, "/form", "a=1&b=2", "publish [f] data=1-2"),
	POST(FORM, "/form", "a=1", "publish [f] data=1-"),
	POST(JSON, "/all?k=1", "{\"j\":{\"i\":5}}",
	    "publish [x][y-5] data={\"j\":{\"i\":5}} event=e-5 "
	    "id=i-5 key=1 retry=5 expires=500"),
	POST(JSON, "/all", "{\"j\":{\"i\":5}}",
	    "publish [x][y-5] data={\"j\":{\"i\":5}} event=e-5 "
	    "id=i-5 retry=5 expires=500"),
	POST(JSON, "/all?k=", "{\"j\":{\"i\":5}}", "400 key is empty"),
	POST(JSON, "/all", "{\"j\":{\"i\":\"a\\nb\"}}",
	    "400 channel name has a space or control character"),
	POST(JSON, "/event", "{\"e\":\"a\\ndata: x\"}",
	    "400 event has a line end or NUL in it"),
	POST(JSON, "/event", "{\"e\":\"crier.end\"}",
	    "400 events that begin with crier. are crier's own"),
	POST(JSON, "/event", "{\"e\":\"\"}", "publish [c] data=d"),
	POST(TEXT, "/none", "x", "publish [c] data=x 204"),
	POST(TEXT, "/text", "x",
	    "publish [c] data=x "
	    "reply=7-0 3 \"x\" (text/plain)"),
	POST(TEXT, "/path/9", "x",
	    "publish [c] data=x reply={\"ok\":"
	    "true,\"id\":\"9\"}"),
};

static void
test_templates(void **state)
{
	struct config *c = route_run_good(
	    "route \"POST /sse/push\" { publish = \"user/{query.clientId}\" "
	    "data = \"{query.content}\" }\n"
	    "route \"GET /push\" { publish = chat data = \"{query.m}\" }\n"
	    "route \"POST /api/send-message\" { publish = chat "
	    "data = \"{json.message}\" "
	    "reply = \"{\\\"status\\\":\\\"success\\\"}\" }\n"
	    "route \"POST /form\" { publish = f "
	    "data = \"{form.a}-{form.b?}\" }\n"
	    "route \"POST /all\" { publish = { x, \"y-{json.j.i}\" } "
	    "data = \"{body}\" event = \"e-{json.j.i}\" "
	    "id = \"i-{json.j.i}\" key = \"{query.k?}\" "
	    "retry = \"{json.j.i}\" expires = \"0.{json.j.i}\" }\n"
	    "route \"POST /event\" { publish = c data = d "
	    "event = \"{json.e}\" }\n"
	    "route \"POST /none\" { publish = c reply = \"\" }\n"
	    "route \"POST /text\" { publish = c "
	    "reply = \"{id} {streams} \\\"{body}\\\"\" "
	    "reply-type = \"text/plain\" }\n"
	    "route \"POST /path/{id}\" { publish = c "
	    "reply = \"{\\\"ok\\\":true,\\\"id\\\":{id}}\" }\n");

	(void)state;
	ROUTE_RUN_ALL(c, test_templates_cases);
	config_free(c);
}

static const struct route_case test_escapes_cases[] = {
	POST(JSON, "/quoted", "{\"v\":\"a\\\"b\"}",
	    "publish [c] data={\"m\":\"a\\\"b\"}"),
	POST(JSON, "/quoted", "{\"v\":5}", "publish [c] data={\"m\":\"5\"}"),
	POST(JSON, "/quoted", "{\"v\":{\"a\":\"b\"}}",
	    "publish [c] data={\"m\":\"{\\\"a\\\":\\\"b\\\"}\"}"),
	POST(JSON, "/quoted", "{\"v\":\"\\\\\"}",
	    "publish [c] data={\"m\":\"\\\\\"}"),
	POST(JSON, "/bare", "{\"v\":\"a\\\"b\"}",
	    "publish [c] data={\"m\":\"a\\\"b\",\"n\":null}"),
	POST(JSON, "/bare", "{\"v\":[1,{\"x\":null}]}",
	    "publish [c] data={\"m\":[1,{\"x\":null}],\"n\":null}"),
	POST(JSON, "/bare?n=5", "{\"v\":true}",
	    "publish [c] data={\"m\":true,\"n\":\"5\"}"),
	POST(JSON, "/bare?n=a,%22b%22:1", "{\"v\":null}",
	    "publish [c] data={\"m\":null,\"n\":\"a,\\\"b\\\":1\"}"),
	POST(JSON, "/body", " {\"a\" : 01e1}",
	    "400 the body has a number that is none, or one of more "
	    "than 64 bits"),
	POST(JSON, "/body", " {\"a\" : \"x\ty\"} ",
	    "publish [c] data={\"b\":{\"a\":\"x\\ty\"}}"),
	POST(TEXT, "/body", "{\"a\":1}",
	    "publish [c] data={\"b\":\"{\\\"a\\\":1}\"}"),
	POST(FORM, "/body", "a=\"", "publish [c] data={\"b\":\"a=\\\"\"}"),
	POST(FORM, "/html", "v=%3Cb+a%3D%22%27%26",
	    "publish [c] data=x "
	    "reply=<i title=\"&lt;b a=&#34;&#39;&amp;\">7-0</i> "
	    "(text/html; charset=utf-8)"),
	POST(FORM, "/plain", "v=%22%7D", "publish [c] data=[info] \"}"),
	POST(FORM, "/data", "v=a%0D%0A%0D%0Aid:+1",
	    "publish [c] data=a\r\n\r\nid: 1"),
	POST(FORM, "/data", "v={v}{{", "publish [c] data={v}{{"),
	POST(FORM, "/reply", "v=%22,%22ok%22:false",
	    "publish [c] data=x "
	    "reply={\"v\":\"\\\",\\\"ok\\\":false\",\"i\":\"7-0\","
	    "\"j\":\"<7-0>\",\"n\":3,\"m\":\"3\"}"),
};

/* Whatever a value is, it stays in its place. */
static void
test_escapes(void **state)
{
	struct config *c = route_run_good(
	    "route \"POST /quoted\" { publish = c "
	    "data = \"{\\\"m\\\":\\\"{json.v}\\\"}\" }\n"
	    "route \"POST /bare\" { publish = c "
	    "data = \"{{\\\"m\\\":{json.v},\\\"n\\\":{query.n?}}}\" }\n"
	    "route \"POST /body\" { publish = c "
	    "data = \"{{\\\"b\\\":{body}}}\" }\n"
	    "route \"POST /html\" { publish = c data = x "
	    "reply = \"<i title=\\\"{form.v}\\\">{id}</i>\" "
	    "reply-type = \"text/html; charset=utf-8\" }\n"
	    "route \"POST /plain\" { publish = c "
	    "data = \"[info] {form.v}\" }\n"
	    "route \"POST /data\" { publish = c data = \"{form.v}\" }\n"
	    "route \"POST /reply\" { publish = c data = x "
	    "reply = '{\"v\":{form.v},\"i\":{id},\"j\":\"<{id}>\","
	    "\"n\":{streams},\"m\":\"{streams}\"}' }\n");

	(void)state;
	ROUTE_RUN_ALL(c, test_escapes_cases);
	config_free(c);
}

/* Every byte, in and out of quotes: the data is JSON, with that in its place.
 */
static void
test_every_byte(void **state)
{
	struct config *c = route_run_good(
	    "route \"POST /p\" { publish = c data = "
	    "'{\"a\":\"x{form.v}y\",\"b\":{form.v},\"c\":[\"{form.v}\"]}' }\n");
	char body[32], want[8], have[256];
	struct route_case t = POST(FORM, "/p", body, NULL);
	struct json_object *o, *member;
	int byte;

	(void)state;
	for (byte = 1; byte < 128; byte++) {
		snprintf(body, sizeof body, "v=%%%02x", (unsigned)byte);
		route_run_decide(c, &t, have, sizeof have);
		assert_memory_equal(have, "publish [c] data=", 17);
		assert_int_equal(json_parse(have + 17, strlen(have + 17), 8,
				     &o),
		    1);
		assert_int_equal(json_object_object_length(o), 3);
		snprintf(want, sizeof want, "x%cy", byte);
		assert_true(json_object_object_get_ex(o, "a", &member));
		assert_string_equal(json_object_get_string(member), want);
		snprintf(want, sizeof want, "%c", byte);
		assert_true(json_object_object_get_ex(o, "b", &member));
		assert_string_equal(json_object_get_string(member), want);
		assert_true(json_object_object_get_ex(o, "c", &member));
		assert_int_equal(json_object_array_length(member), 1);
		json_object_put(o);
	}
	config_free(c);
}

static void
test_many_channels(void **state)
{
	static char body[8192], have[8192];
	struct route_case t = POST(JSON, "/p", body, NULL);
	struct config *c = route_run_good(
	    "route \"POST /p\" { publish = \"{json.c}\" data = x }\n");
	size_t n;
	int count, i;

	(void)state;
	for (count = CURSORS_MAX; count <= CURSORS_MAX + 1; count++) {
		n = (size_t)sprintf(body, "{\"c\":[");
		for (i = 0; i < count; i++)
			n += (size_t)sprintf(body + n, "%s\"c%d\"",
			    i == 0 ? "" : ",", i);
		sprintf(body + n, "]}");
		route_run_decide(c, &t, have, sizeof have);
		if (count > CURSORS_MAX)
			assert_string_equal(have, "400 more than 256 channels");
		else
			assert_memory_equal(have, "publish [c0][c1]", 16);
	}
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_many_channels),
	};

	return cmocka_run_group_tests_name("route_publish", tests, NULL, NULL);
}
