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
#include "request/exchange.h"

/* What question a request becomes, and what answer the queue's reply. */

#define CONFIG                                                           \
	"channel \"closed\" { publish = nobody }\n"                      \
	"channel \"**\" { publish = anyone }\n"                          \
	"route \"GET /s\" { subscribe = a }\n"                           \
	"route \"GET /end\" { subscribe = a end-stop = true }\n"         \
	"route \"GET,POST /run\" { run = \"/bin/x\" end-stop = true\n"   \
	"  run-time = 3 }\n"                                             \
	"route \"POST /p/{c...}\" { publish = \"{c}\" }\n"               \
	"route \"POST /two\" { publish = { a, b } data = \"{body}\" }\n" \
	"route \"POST /t\" { publish = a data = \"{form.m}\"\n"          \
	"  reply = \"{id} {streams} {form.m}\"\n"                        \
	"  reply-type = \"text/plain\" }\n"                              \
	"route \"POST /q\" { publish = a data = x reply = \"\" }\n"      \
	"route \"GET /j\" { status = json }\n"                           \
	"route \"GET /m\" { status = prometheus }\n"                     \
	"route \"GET /w/{c}\" { presence = \"{c}\" }\n"

#define FORM "application/x-www-form-urlencoded"

static struct config *config;

static int
group_setup(void **state)
{
	(void)state;
	config = route_run_good(CONFIG);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	config_free(config);
	return 0;
}

static struct exchange *
exchange_of(const char *method, const char *uri, const char *type,
    const char *body, const char *more)
{
	struct exchange *ex = exchange_new(config);
	char text[512];

	assert_non_null(ex);
	snprintf(text, sizeof text, "REQUEST_METHOD=%s", method);
	assert_int_equal(request_add(&ex->request, text), 0);
	snprintf(text, sizeof text, "REQUEST_URI=%s", uri);
	assert_int_equal(request_add(&ex->request, text), 0);
	if (type != NULL) {
		snprintf(text, sizeof text, "CONTENT_TYPE=%s", type);
		assert_int_equal(request_add(&ex->request, text), 0);
	}
	if (more != NULL)
		assert_int_equal(request_add(&ex->request, more), 0);
	ex->request.body.text = body;
	ex->request.body.len = body == NULL ? 0 : strlen(body);
	exchange_decide(ex, 0);
	return ex;
}

static const char *
text_of(struct buffer *b)
{
	assert_int_equal(buffer_append(b, "", 1), 0);
	return b->data;
}

static const struct {
	const char *method, *uri, *type, *body, *line;
	bool is_repeatable;
} questions[] = {
	{ "POST", "/p/a", FORM, "data=x%0Ay&event=e&id=i&retry=5",
	    "{\"channel\":[\"a\"],\"data\":\"x\\ny\",\"event\":\"e\","
	    "\"id\":\"i\",\"retry\":5}\n",
	    false },
	{ "POST", "/p/a/b", FORM, "data=%22%5C%01&key=k",
	    "{\"channel\":[\"a/b\"],\"data\":\"\\\"\\\\\\u0001\","
	    "\"key\":\"k\"}\n",
	    true },
	{ "POST", "/p/a", "application/json",
	    "{\"data\":{\"n\":[1]},\"expires\":2.5}",
	    "{\"channel\":[\"a\"],\"data\":\"{\\\"n\\\":[1]}\","
	    "\"expires\":2.5}\n",
	    false },
	{ "POST", "/two", "text/plain", "z",
	    "{\"channel\":[\"a\",\"b\"],\"data\":\"z\"}\n", false },
	{ "GET", "/j", NULL, NULL, "{\"do\":\"status\"}\n", true },
	{ "HEAD", "/m", NULL, NULL, "{\"do\":\"status\"}\n", true },
	{ "GET", "/w/a%22b", NULL, NULL,
	    "{\"do\":\"presence\",\"channel\":[\"a\\\"b\"]}\n", true },
};

static void
test_questions(void **state)
{
	struct exchange *ex;
	struct buffer b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		memset(&b, 0, sizeof b);
		ex = exchange_of(questions[i].method, questions[i].uri,
		    questions[i].type, questions[i].body, NULL);
		assert_true(exchange_is_question(ex));
		assert_false(exchange_is_stream(ex));
		assert_int_equal(exchange_is_repeatable(ex),
		    questions[i].is_repeatable);
		assert_int_equal(exchange_put_question(ex, &b), 0);
		assert_string_equal(text_of(&b), questions[i].line);
		buffer_clear(&b);
		exchange_free(ex);
	}
}

#define HEAD(status, type)                          \
	"Status: " status "\r\nContent-Type: " type \
	"\r\nCache-Control: no-store\r\n\r\n"
#define LATER                                                   \
	"Status: 503 Service Unavailable\r\nRetry-After: 5\r\n" \
	"Content-Type: application/json\r\n"                    \
	"Cache-Control: no-store\r\n\r\n"
#define JSON "application/json"

static const struct {
	const char *method, *uri, *body, *reply, *answer;
} replies[] = {
	{ "POST", "/p/a", "data=x",
	    "{\"ok\":true,\"id\":\"7-0\",\"streams\":2}",
	    HEAD("200 OK", JSON) "{\"ok\":true,\"id\":\"7-0\",\"streams\":2}"
				 "\n" },
	/* A field more, which is not this answer's, changes nothing. */
	{ "POST", "/p/a", "data=x",
	    "{\"ok\":true,\"id\":\"7-0\",\"streams\":2,\"duplicate\":true}",
	    HEAD("200 OK", JSON) "{\"ok\":true,\"id\":\"7-0\",\"streams\":2}"
				 "\n" },
	{ "POST", "/t", "m=%0D%0AX:+y",
	    "{\"ok\":true,\"id\":\"7-0\",\"streams\":2}",
	    HEAD("200 OK", "text/plain") "7-0 2 \r\nX: y" },
	{ "POST", "/q", NULL, "{\"ok\":true,\"id\":\"7-0\",\"streams\":2}",
	    "Status: 204 No Content\r\nCache-Control: no-store\r\n\r\n" },
	{ "POST", "/p/a", "data=x",
	    "{\"ok\":false,\"error\":\"a\\\"\\r\\nb\",\"code\":65}",
	    HEAD("400 Bad Request", JSON) "{\"ok\":false,\"error\":\"a\\\""
					  "\\r\\nb\"}\n" },
	{ "POST", "/p/a", "data=x",
	    "{\"ok\":false,\"error\":\"no\",\"code\":77}",
	    HEAD("403 Forbidden", JSON) "{\"ok\":false,\"error\":\"no\"}\n" },
	{ "POST", "/p/a", "data=x",
	    "{\"ok\":false,\"error\":\"full\",\"code\":75}",
	    LATER "{\"ok\":false,\"error\":\"full\"}\n" },
	{ "POST", "/p/a", "data=x", "{\"ok\":false}",
	    LATER "{\"ok\":false,\"error\":\"crierd does not answer\"}\n" },
	{ "POST", "/p/a", "data=x", "",
	    LATER "{\"ok\":false,\"error\":\"crierd does not answer\"}\n" },
	{ "POST", "/p/a", "data=x", "[true]",
	    LATER "{\"ok\":false,\"error\":\"crierd does not answer\"}\n" },
	{ "POST", "/p/a", "data=x", "{\"ok\":false,\"error\":null}",
	    LATER "{\"ok\":false,\"error\":\"crierd does not answer\"}\n" },
	{ "POST", "/p/a", "data=x", "{\"ok\":true,\"id\":null}",
	    HEAD("200 OK", JSON) "{\"ok\":true,\"id\":\"\",\"streams\":0}\n" },
	{ "GET", "/j", NULL, "{\"ok\":true,\"x\":[1]}",
	    HEAD("200 OK", JSON) "{\"ok\":true,\"x\":[1]}" },
	{ "HEAD", "/j", NULL, "{\"ok\":true,\"x\":[1]}", HEAD("200 OK", JSON) },
	{ "GET", "/w/a", NULL, "{\"ok\":true,\"users\":[]}",
	    HEAD("200 OK", JSON) "{\"ok\":true,\"users\":[]}" },
	{ "GET", "/w/a", NULL, "{\"ok\":false,\"error\":\"x\",\"code\":64}",
	    HEAD("400 Bad Request", JSON) "{\"ok\":false,\"error\":\"x\"}\n" },
};

static void
test_replies(void **state)
{
	struct exchange *ex;
	struct buffer b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		memset(&b, 0, sizeof b);
		ex = exchange_of(replies[i].method, replies[i].uri, FORM,
		    replies[i].body, NULL);
		assert_int_equal(exchange_put_reply(ex, replies[i].reply,
				     strlen(replies[i].reply), &b),
		    0);
		assert_string_equal(text_of(&b), replies[i].answer);
		buffer_clear(&b);
		exchange_free(ex);
	}
}

static void
test_metrics(void **state)
{
	static const char reply[] = "{\"ok\":true,\"streams\":3}";
	struct exchange *ex = exchange_of("GET", "/m", NULL, NULL, NULL);
	struct buffer b = { 0 };

	(void)state;
	assert_int_equal(exchange_put_reply(ex, reply, strlen(reply), &b), 0);
	assert_non_null(strstr(text_of(&b), "\ncrier_streams 3\n"));
	buffer_clear(&b);
	exchange_free(ex);
}

/* Whom the hub turns away: a stream comes again, all else is told 503. */
static void
test_refusals(void **state)
{
	static const enum hub_answer answers[] = { HUB_FULL, HUB_USER_FULL,
		HUB_ADDRESS_FULL, HUB_DRAINING, HUB_NO_MEMORY };
	struct exchange *stream = exchange_of("GET", "/s", NULL, NULL, NULL);
	struct exchange *post =
	    exchange_of("POST", "/p/a", FORM, "data=x", NULL);
	struct buffer b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		assert_int_equal(exchange_put_refusal(stream, answers[i], &b),
		    0);
		assert_ptr_equal(strstr(text_of(&b), "Status: 200"), b.data);
		assert_non_null(strstr(b.data, "\r\n\r\nretry: "));
		buffer_truncate(&b, 0);
		assert_int_equal(exchange_put_refusal(post, answers[i], &b), 0);
		assert_ptr_equal(strstr(text_of(&b), LATER), b.data);
		buffer_truncate(&b, 0);
	}
	assert_int_equal(exchange_put_refusal(stream, HUB_STOPPED, &b), 0);
	assert_ptr_equal(strstr(text_of(&b), "Status: 204"), b.data);
	buffer_clear(&b);
	exchange_free(stream);
	exchange_free(post);
}

/* What a stream ends with, and how long it may last. */
static void
test_subscription(void **state)
{
	struct exchange *ex = exchange_of("GET", "/s", NULL, NULL, NULL);
	struct subscription sub = { .fd = -1 };
	struct buffer head = { 0 }, end = { 0 };

	(void)state;
	assert_int_equal(exchange_put_subscription(ex, &sub, &head, &end), 0);
	assert_false(sub.has_end);
	assert_int_equal(sub.channel_count, 1);
	assert_int_equal(sub.limit_ms, 0);
	exchange_free(ex);
	buffer_clear(&head);
	ex = exchange_of("GET", "/end", NULL, NULL, NULL);
	assert_int_equal(exchange_put_subscription(ex, &sub, &head, &end), 0);
	assert_true(sub.has_end);
	assert_string_equal(text_of(&end),
	    "id: crier.end\nevent: crier.end\ndata: ");
	exchange_free(ex);
	buffer_clear(&head);
	buffer_clear(&end);
	memset(&sub, 0, sizeof sub);
	ex = exchange_of("POST", "/run", "text/plain", "x", NULL);
	assert_true(exchange_is_stream(ex));
	assert_int_equal(exchange_put_subscription(ex, &sub, &head, &end), 0);
	assert_int_equal(sub.channel_count, 0);
	assert_int_equal(sub.limit_ms, 3000);
	assert_int_equal(sub.rules->max_time_ms, 0);
	exchange_free(ex);
	buffer_clear(&head);
	buffer_clear(&end);
}

/* Who has seen the end is told to stop, and who has not goes on. */
static const struct {
	const char *method, *uri, *more;
	int status;
} overs[] = {
	{ "GET", "/end", "HTTP_LAST_EVENT_ID=crier.end", 204 },
	{ "GET", "/end?lastEventId=crier.end", NULL, 204 },
	{ "GET", "/end", "HTTP_LAST_EVENT_ID=7-0", 200 },
	{ "GET", "/end", NULL, 200 },
	{ "GET", "/s", "HTTP_LAST_EVENT_ID=crier.end", 200 },
	{ "GET", "/run", "HTTP_LAST_EVENT_ID=7-0", 204 },
	{ "GET", "/run", NULL, 200 },
};

static void
test_over(void **state)
{
	struct exchange *ex;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof overs / sizeof overs[0]; i++) {
		ex = exchange_of(overs[i].method, overs[i].uri, NULL, NULL,
		    overs[i].more);
		assert_int_equal(ex->route.refusal.status,
		    overs[i].status == 200 ? 0 : overs[i].status);
		exchange_free(ex);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_subscription),
		cmocka_unit_test(test_over),
	};

	return cmocka_run_group_tests_name("exchange", tests, group_setup,
	    group_teardown);
}
