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

/*
 * What an exchange has its attachment do for a request, and what answer it
 * makes of the reply.
 */

#define CONFIG                                                               \
	"channel \"closed\" { publish = nobody }\n"                          \
	"channel \"mine\" { publish = user subscribe = nobody }\n"           \
	"channel \"secret\" { subscribe = user publish = anyone }\n"         \
	"route \"GET /secret\" { subscribe = secret }\n"                     \
	"channel \"**\" { publish = anyone }\n"                              \
	"route \"GET /s\" { subscribe = a }\n"                               \
	"route \"GET /end\" { subscribe = a end-stop = true }\n"             \
	"route \"GET,POST /run\" { run = \"/bin/x\" end-stop = true\n"       \
	"  run-time = 3 }\n"                                                 \
	"route \"POST /p/{c...}\" { publish = \"{c}\" }\n"                   \
	"route \"POST /k/{c}\" { publish = \"{c}\" key = \"{form.key}\" }\n" \
	"route \"POST /two\" { publish = { a, b } data = \"{body}\" }\n"     \
	"route \"POST /t\" { publish = a data = \"{form.m}\"\n"              \
	"  reply = \"{id} {streams} {form.m}\"\n"                            \
	"  reply-type = \"text/plain\" }\n"                                  \
	"route \"POST /q\" { publish = a data = x reply = \"\" }\n"          \
	"route \"GET /j\" { status = json }\n"                               \
	"route \"GET /m\" { status = prometheus }\n"                         \
	"route \"GET,POST /page\" { status = page allow = anyone }\n"        \
	"route \"GET /w/{c}\" { presence = \"{c}\" }\n"

#define TEST_FORM "/page?view=publish&channel=a"
#define FORM      "application/x-www-form-urlencoded"

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

/* An attachment that notes what it was asked to do. */
static struct test_attachment {
	struct buffer answer, line, end; /* each ends with a NUL if it came */
	bool is_repeatable;
	struct opening opening;
	struct stream_rules rules;
	struct opening_result result; /* what becomes of it; or wait: */
	bool is_waiting;
	const char *trouble;
	struct exchange *exchange;
	enum exchange_state state; /* what exchange_serve returned */
} test;

static void
note(struct buffer *to, const char *text, size_t len)
{
	assert_int_equal(to->len, 0);
	assert_int_equal(buffer_append(to, text, len), 0);
	assert_int_equal(buffer_append(to, "", 1), 0);
}

static int
note_answer(void *arg, const struct buffer *response)
{
	struct test_attachment *t = arg;

	note(&t->answer, response->data, response->len);
	return 0;
}

static enum exchange_state
note_opening(void *arg, struct opening *opening)
{
	struct test_attachment *t = arg;

	assert_int_equal(opening->sub.fd, -1);
	assert_non_null(strstr(opening->sub.head.text, "text/event-stream"));
	t->opening = *opening;
	t->rules = *opening->sub.rules;
	note(&t->end, opening->sub.end.text, opening->sub.end.len);
	return t->is_waiting ? EXCHANGE_WAITS
			     : exchange_opened(t->exchange, &t->result);
}

static enum exchange_state
note_question(void *arg, struct buffer *line, bool is_repeatable)
{
	struct test_attachment *t = arg;

	note(&t->line, line->data, line->len);
	t->is_repeatable = is_repeatable;
	return EXCHANGE_WAITS;
}

static const struct exchange_attachment test_notes = {
	.answer = note_answer,
	.open = note_opening,
	.ask = note_question,
};

/* Serves a request; the usual stream is opened at once. */
static void
serve(const char *method, const char *uri, const char *type, const char *body,
    const char *more)
{
	struct exchange *ex = exchange_new(config, &test_notes, &test);
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
	ex->trouble = test.trouble;
	test.exchange = ex;
	test.state = exchange_serve(ex, 0);
}

static void
finish(void)
{
	exchange_free(test.exchange);
	buffer_clear(&test.answer);
	buffer_clear(&test.line);
	buffer_clear(&test.end);
	memset(&test, 0, sizeof test);
}

static const struct {
	const char *method, *uri, *type, *body, *line;
	bool is_repeatable;
} questions[] = {
	{ "POST", "/p/a", FORM, "data=x%0Ay&event=e&id=i&retry=5",
	    "{\"channel\":[\"a\"],\"data\":\"x\\ny\",\"event\":\"e\","
	    "\"id\":\"i\",\"retry\":5}\n",
	    false },
	/* Only a template makes a key, and then it is the route's. */
	{ "POST", "/p/a/b", FORM, "data=%22%5C%01&key=k",
	    "{\"channel\":[\"a/b\"],\"data\":\"\\\"\\\\\\u0001\"}\n", false },
	{ "POST", "/k/a", FORM, "data=x&key=k",
	    "{\"channel\":[\"a\"],\"data\":\"x\",\"key\":\"k\","
	    "\"origin\":\"POST /k/{c}\"}\n",
	    true },
	{ "POST", "/p/a", "application/json",
	    "{\"data\":{\"n\":[1]},\"expires\":2.5}",
	    "{\"channel\":[\"a\"],\"data\":\"{\\\"n\\\":[1]}\","
	    "\"expires\":2.5}\n",
	    false },
	{ "POST", "/two", "text/plain", "z",
	    "{\"channel\":[\"a\",\"b\"],\"data\":\"z\"}\n", false },
	{ "GET", "/j", NULL, NULL, "{\"do\":\"status\"}\n", true },
	{ "HEAD", "/m", NULL, NULL, "{\"do\":\"status\",\"here\":true}\n",
	    true },
	{ "GET", "/w/a%22b", NULL, NULL,
	    "{\"do\":\"presence\",\"channel\":[\"a\\\"b\"]}\n", true },
};

static void
test_questions(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		serve(questions[i].method, questions[i].uri, questions[i].type,
		    questions[i].body, NULL);
		assert_int_equal(test.state, EXCHANGE_WAITS);
		assert_int_equal(test.is_repeatable,
		    questions[i].is_repeatable);
		assert_string_equal(test.line.data, questions[i].line);
		finish();
	}
}

#define NOSNIFF "X-Content-Type-Options: nosniff\r\n"
#define HEAD(status, type)                                     \
	"Status: " status "\r\n" NOSNIFF "Content-Type: " type \
	"\r\nCache-Control: no-store\r\n\r\n"
#define LATER                                                              \
	"Status: 503 Service Unavailable\r\n" NOSNIFF "Retry-After: 5\r\n" \
	"Content-Type: application/json\r\n"                               \
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
	    "Status: 204 No Content\r\n" NOSNIFF
	    "Cache-Control: no-store\r\n\r\n" },
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
	size_t i;

	(void)state;
	for (i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		serve(replies[i].method, replies[i].uri, FORM, replies[i].body,
		    NULL);
		assert_int_equal(exchange_replied(test.exchange,
				     replies[i].reply,
				     strlen(replies[i].reply)),
		    EXCHANGE_ANSWERED);
		assert_string_equal(test.answer.data, replies[i].answer);
		finish();
	}
}

static void
test_metrics(void **state)
{
	static const char reply[] = "{\"ok\":true,\"streams\":3}";

	(void)state;
	serve("GET", "/m", NULL, NULL, NULL);
	assert_int_equal(exchange_replied(test.exchange, reply, strlen(reply)),
	    EXCHANGE_ANSWERED);
	assert_non_null(strstr(test.answer.data, "\ncrier_streams 3\n"));
	finish();
}

static void
assert_begins(const char *with)
{
	assert_memory_equal(test.answer.data, with, strlen(with));
}

/* Nobody replies: a stream comes again, all else is told 503. */
static void
test_no_reply(void **state)
{
	(void)state;
	serve("POST", "/p/a", FORM, "data=x", NULL);
	assert_int_equal(exchange_replied(test.exchange, NULL, 0),
	    EXCHANGE_ANSWERED);
	assert_string_equal(test.answer.data,
	    LATER "{\"ok\":false,\"error\":\"crierd was lost\"}\n");
	finish();
	serve("POST", "/p/a", FORM, "data=x", NULL);
	assert_int_equal(exchange_give_up(test.exchange), EXCHANGE_ANSWERED);
	assert_string_equal(test.answer.data,
	    LATER "{\"ok\":false,\"error\":\"crierd is not there\"}\n");
	finish();
	test.is_waiting = true;
	serve("GET", "/s", NULL, NULL, NULL);
	assert_int_equal(test.state, EXCHANGE_WAITS);
	assert_int_equal(exchange_give_up(test.exchange), EXCHANGE_ANSWERED);
	assert_begins("Status: 200");
	assert_non_null(strstr(test.answer.data, "\r\n\r\nretry: "));
	assert_non_null(strstr(test.answer.data, "\n: crierd is not there\n"));
	finish();
}

/* Whom the hub turns away comes again, or stops. */
static void
test_refusals(void **state)
{
	static const enum hub_answer answers[] = { HUB_FULL, HUB_USER_FULL,
		HUB_ADDRESS_FULL, HUB_FOLLOWED_FULL, HUB_DRAINING, HUB_WAITING,
		HUB_NO_MEMORY };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		test.result.answer = answers[i];
		serve("GET", "/s", NULL, NULL, NULL);
		assert_int_equal(test.state, EXCHANGE_ANSWERED);
		assert_begins("Status: 200");
		assert_non_null(strstr(test.answer.data, "\r\n\r\nretry: "));
		assert_non_null(strstr(test.answer.data,
		    hub_answer_text(answers[i])));
		finish();
	}
	test.result.answer = HUB_STOPPED;
	serve("GET", "/s", NULL, NULL, NULL);
	assert_int_equal(test.state, EXCHANGE_ANSWERED);
	assert_begins("Status: 204");
	finish();
	refusal_set(&test.result.refusal, 503, "no program");
	serve("GET", "/run", NULL, NULL, NULL);
	assert_int_equal(test.state, EXCHANGE_ANSWERED);
	assert_string_equal(test.answer.data,
	    LATER "{\"ok\":false,\"error\":\"no program\"}\n");
	finish();
}

/* What a stream ends with, and how long it may last. */
static void
test_subscription(void **state)
{
	(void)state;
	serve("GET", "/s", NULL, NULL, NULL);
	assert_int_equal(test.state, EXCHANGE_STREAMS);
	assert_null(test.opening.program);
	assert_false(test.opening.sub.has_end);
	assert_int_equal(test.opening.sub.channel_count, 1);
	assert_int_equal(test.opening.sub.limit_ms, 0);
	finish();
	serve("GET", "/end", NULL, NULL, NULL);
	assert_true(test.opening.sub.has_end);
	assert_string_equal(test.end.data,
	    "id: crier.end\nevent: crier.end\ndata: ");
	finish();
	serve("POST", "/run", "text/plain", "x", NULL);
	assert_int_equal(test.state, EXCHANGE_STREAMS);
	assert_string_equal(test.opening.program->run.items[0], "/bin/x");
	assert_ptr_equal(test.opening.request, &test.exchange->request);
	assert_int_equal(test.opening.sub.channel_count, 0);
	assert_int_equal(test.opening.sub.limit_ms, 3000);
	assert_int_equal(test.rules.max_time_ms, 0);
	finish();
}

/* What needs nobody is answered at once. */
static void
test_at_once(void **state)
{
	static const struct {
		const char *method, *uri, *status;
		bool is_refused;
	} cases[] = {
		{ "HEAD", "/s", "Status: 200", false },
		{ "OPTIONS", "/s", "Status: 204", false },
		{ "GET", "/none", "Status: 404", true },
		{ "DELETE", "/s", "Status: 405", true },
		{ "POST", "/p/closed", "Status: 403", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		serve(cases[i].method, cases[i].uri, FORM, "data=x", NULL);
		assert_int_equal(test.state, EXCHANGE_ANSWERED);
		assert_begins(cases[i].status);
		assert_int_equal(exchange_is_refused(test.exchange),
		    cases[i].is_refused);
		finish();
	}
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
	size_t i;

	(void)state;
	for (i = 0; i < sizeof overs / sizeof overs[0]; i++) {
		serve(overs[i].method, overs[i].uri, NULL, NULL, overs[i].more);
		assert_int_equal(test.state,
		    overs[i].status == 200 ? EXCHANGE_STREAMS
					   : EXCHANGE_ANSWERED);
		if (overs[i].status == 204)
			assert_begins("Status: 204");
		finish();
	}
}

/* Who is refused, for what, and in which order it is looked at. */
static const struct {
	const char *method, *uri, *body, *more, *status;
} checks[] = {
	/* What has effects needs a page of this site, or no page. */
	{ "POST", "/run", NULL, "HTTP_ORIGIN=https://evil.example", "403" },
	{ "GET", "/run", NULL, "HTTP_ORIGIN=https://evil.example", "403" },
	{ "POST", "/run", NULL, "HTTP_ORIGIN=null", "403" },
	{ "GET", "/run", NULL, "HTTP_SEC_FETCH_SITE=cross-site", "403" },
	{ "POST", "/run", NULL, "HTTP_SEC_FETCH_SITE=same-site", "403" },
	{ "POST", "/run", NULL, "HTTP_SEC_FETCH_SITE=same-origin", NULL },
	{ "POST", "/run", NULL, NULL, NULL },
	{ "HEAD", "/run", NULL, "HTTP_ORIGIN=https://evil.example", "200" },
	{ "OPTIONS", "/run", NULL, "HTTP_ORIGIN=https://evil.example", "204" },
	{ "POST", "/p/mine", "data=x", "REMOTE_USER=ann", NULL },
	/* What anyone may do, any page may; and a stream has no effect. */
	{ "POST", "/p/a", "data=x", "HTTP_ORIGIN=https://evil.example", NULL },
	{ "GET", "/s", NULL, "HTTP_ORIGIN=https://evil.example", NULL },
	/* But publishing by the status page is for the page's own viewers. */
	{ "POST", TEST_FORM, "data=x", "HTTP_SEC_FETCH_SITE=same-origin",
	    NULL },
	{ "POST", TEST_FORM, "data=x", NULL, NULL },
	{ "POST", TEST_FORM, "data=x", "HTTP_SEC_FETCH_SITE=cross-site",
	    "403" },
	{ "POST", TEST_FORM, "data=x", "HTTP_SEC_FETCH_SITE=same-site", "403" },
	{ "POST", TEST_FORM, "data=x", "HTTP_ORIGIN=https://evil.example",
	    "403" },
	/* Bad data are bad data, whoever may follow or publish. */
	{ "POST", "/p/mine", "x=y", "REMOTE_USER=ann", "400" },
	{ "POST", "/p/mine", "data=x&id=", "REMOTE_USER=ann", "400" },
	{ "POST", "/p/mine", "data=x&id=", NULL, "400" },
	{ "POST", "/p/closed", "x=y", NULL, "400" },
	{ "POST", "/p/secret", "x=y", NULL, "400" },
	{ "GET", "/secret?last=x", NULL, NULL, "400" },
	{ "HEAD", "/secret?last=x", NULL, NULL, "400" },
	{ "POST", "/secret", NULL, NULL, "405" },
	/* Good ones are asked who sends them, by what they are for. */
	{ "POST", "/p/mine", "data=x", NULL, "401" },
	{ "POST", "/p/closed", "data=x", NULL, "403" },
	{ "POST", "/p/secret", "data=x", NULL, NULL },
	{ "GET", "/secret", NULL, NULL, "401" },
	{ "HEAD", "/secret", NULL, NULL, "401" },
	{ "GET", "/secret", NULL, "REMOTE_USER=ann", NULL },
};

static void
test_checks(void **state)
{
	char status[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		serve(checks[i].method, checks[i].uri, FORM, checks[i].body,
		    checks[i].more);
		snprintf(status, sizeof status, "Status: %s ",
		    checks[i].status);
		if ((checks[i].status == NULL) !=
			(test.state != EXCHANGE_ANSWERED) ||
		    (checks[i].status != NULL &&
			strncmp(test.answer.data, status, strlen(status)) != 0))
			fail_msg("%s %s %s %s: %s", checks[i].method,
			    checks[i].uri, checks[i].body, checks[i].more,
			    test.answer.len > 0 ? test.answer.data : "served");
		finish();
	}
}

/*
 * With a bad configuration nobody knows what is a stream here: what asks for
 * one is told to come again, and all else that it was not served.
 */
static void
test_trouble(void **state)
{
	static const struct {
		const char *method, *uri, *accept, *status;
	} cases[] = {
		{ "GET", "/s", "HTTP_ACCEPT=text/event-stream", "Status: 200" },
		{ "GET", "/none", "HTTP_ACCEPT=a/b, Text/Event-Stream;q=0.9",
		    "Status: 200" },
		{ "GET", "/s", "HTTP_ACCEPT=*/*", "Status: 503" },
		{ "GET", "/s", NULL, "Status: 503" },
		{ "GET", "/m", "HTTP_ACCEPT=text/plain", "Status: 503" },
		{ "HEAD", "/s", "HTTP_ACCEPT=text/event-stream",
		    "Status: 503" },
		{ "OPTIONS", "/s", NULL, "Status: 503" },
		{ "POST", "/p/a", NULL, "Status: 503" },
		{ "POST", "/p/a", "HTTP_ACCEPT=text/event-stream",
		    "Status: 503" },
		{ "POST", "/end", "HTTP_ACCEPT=text/event-stream",
		    "Status: 503" },
		{ "DELETE", "/s", "HTTP_ACCEPT=text/event-stream",
		    "Status: 503" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		test.trouble = "a mistake";
		serve(cases[i].method, cases[i].uri, FORM, "data=x",
		    cases[i].accept);
		assert_int_equal(test.state, EXCHANGE_ANSWERED);
		assert_begins(cases[i].status);
		assert_non_null(strstr(test.answer.data,
		    strcmp(cases[i].method, "HEAD") == 0 ? "Retry-After: 5"
							 : "a mistake"));
		finish();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_no_reply),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_subscription),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_trouble),
	};

	return cmocka_run_group_tests_name("exchange", tests, group_setup,
	    group_teardown);
}
