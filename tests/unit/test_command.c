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
#include "protocol/command.h"

/* A line and what it says, as test_describe writes it. */
struct test_case {
	const char *line, *want;
};

static struct json_tokener *test_tokener;

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

static void
test_describe_event(const struct event_fields *e, char *to, size_t size)
{
	if (e->data != NULL)
		test_put(to, size, " \"%.*s\"", (int)e->data_len, e->data);
	if (e->name_len > 0)
		test_put(to, size, " event=%.*s", (int)e->name_len, e->name);
	if (e->id_len > 0)
		test_put(to, size, " id=%.*s", (int)e->id_len, e->id);
	if (e->retry_ms != EVENT_RETRY_NONE)
		test_put(to, size, " retry=%llu",
		    (unsigned long long)e->retry_ms);
	if (e->expires_ms != 0)
		test_put(to, size, " expires=%llu",
		    (unsigned long long)e->expires_ms);
}

static void
test_describe(const struct command *c, char *to, size_t size)
{
	static const char *const kinds[] = { "publish", "stream", "status",
		"close", "handoff", "presence", "order", "stop", "run",
		"position", "history" };
	size_t i;

	to[0] = '\0';
	test_put(to, size, "%s", kinds[c->kind]);
	for (i = 0; i < c->channel_count; i++)
		test_put(to, size, "%s[%.*s]", i == 0 ? " " : "",
		    (int)c->channels[i].len, c->channels[i].text);
	test_describe_event(&c->event, to, size);
	if (c->since.len > 0)
		test_put(to, size, " since=%.*s", (int)c->since.len,
		    c->since.text);
	if (c->since_all)
		test_put(to, size, " all");
	if (c->has_last)
		test_put(to, size, " last=%llu", (unsigned long long)c->last);
	if (c->user != NULL)
		test_put(to, size, " user=%s", c->user);
	if (c->has_stream)
		test_put(to, size, " stream=%llu",
		    (unsigned long long)c->stream);
	if (c->stop)
		test_put(to, size, " stop");
}

typedef int (*test_parser)(struct command *, struct json_tokener *,
    const char *, size_t);

static void
test_parse(test_parser parse, const char *line, size_t len, char *have,
    size_t size)
{
	/* Whatever was in it before. */
	struct command *c = malloc(sizeof *c);

	assert_non_null(c);
	memset(c, 0xa5, sizeof *c);
	if (parse(c, test_tokener, support_guard(line, len), len) == 0)
		test_describe(c, have, size);
	else
		snprintf(have, size, "%d %s", c->code, c->error);
	command_clear(c);
	free(c);
}

static void
test_all(test_parser parse, const struct test_case *cases, size_t count)
{
	char have[1024];
	size_t i;

	for (i = 0; i < count; i++) {
		test_parse(parse, cases[i].line, strlen(cases[i].line), have,
		    sizeof have);
		if (strcmp(have, cases[i].want) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].line,
			    have, cases[i].want);
	}
}

#define TEST_ALL(cases) \
	test_all(command_parse, cases, sizeof(cases) / sizeof *(cases))
#define PUB(fields) "{\"channel\":\"a\",\"data\":\"d\"," fields "}"
#define TO(fields)  "{\"channel\":\"a\"," fields "}"
#define DO(fields)  "{\"do\":" fields "}"

static void
test_publish(void **state)
{
	static const struct test_case cases[] = {
		{ "{\"channel\":\"a\",\"data\":\"b\"}", "publish [a] \"b\"" },
		{ "{\"data\":\"b\",\"channel\":\"a\"}", "publish [a] \"b\"" },
		{ " { \"channel\" : \"a\" , \"data\" : \"b\" } ",
		    "publish [a] \"b\"" },
		{ "{\"channel\":[\"a\",\"b\"],\"data\":\"c\"}",
		    "publish [a][b] \"c\"" },
		{ "{\"channel\":[\"a\",\"a\"],\"data\":\"c\"}",
		    "publish [a][a] \"c\"" },
		/* Names are judged by whoever uses them. */
		{ "{\"channel\":\"$ *\",\"data\":\"c\"}",
		    "publish [$ *] \"c\"" },
		{ "{\"channel\":\"\",\"data\":\"c\"}", "publish [] \"c\"" },
		{ "{\"channel\":[],\"data\":\"c\"}", "65 channel is missing" },
		{ "{\"data\":\"c\"}", "65 channel is missing" },
		{ "{\"channel\":\"a\"}", "65 data is missing" },
		{ "{}", "65 data is missing" },
		{ "{\"channel\":1,\"data\":\"c\"}",
		    "65 channel is not a string" },
		{ "{\"channel\":null,\"data\":\"c\"}",
		    "65 channel is not a string" },
		{ "{\"channel\":{},\"data\":\"c\"}",
		    "65 channel is not a string" },
		{ "{\"channel\":[\"a\",2],\"data\":\"c\"}",
		    "65 channel is not a string" },
		{ "{\"channel\":[[\"a\"]],\"data\":\"c\"}",
		    "65 channel is not a string" },
		{ PUB("\"event\":\"e\""), "publish [a] \"d\" event=e" },
		{ PUB("\"event\":\"\""), "publish [a] \"d\"" },
		{ PUB("\"event\":1"), "65 event is not a string" },
		{ PUB("\"event\":null"), "65 event is not a string" },
		{ PUB("\"id\":\"x\""), "publish [a] \"d\" id=x" },
		{ PUB("\"id\":\"\""), "65 id is empty" },
		{ PUB("\"id\":5"), "publish [a] \"d\" id=5" },
		{ PUB("\"id\":1.5"), "65 id is not a string" },
		{ PUB("\"id\":99999999999999999999"), "65 id is not a string" },
		{ PUB("\"other\":1"), "65 unknown field \"other\"" },
		{ PUB("\"\":1"), "65 unknown field \"\"" },
		{ PUB("\"Event\":\"e\""), "65 unknown field \"Event\"" },
		{ PUB("\"since\":\"x\""), "65 unknown field \"since\"" },
		{ PUB("\"last\":1"), "65 unknown field \"last\"" },
		{ PUB("\"stop\":true"), "65 unknown field \"stop\"" },
		{ PUB("\"user\":\"u\""), "65 unknown field \"user\"" },
		{ PUB("\"stream\":1"), "65 unknown field \"stream\"" },
		/* The last of two is meant. */
		{ PUB("\"data\":\"e\""), "publish [a] \"e\"" },
	};

	(void)state;
	TEST_ALL(cases);
}

static void
test_data(void **state)
{
	static const struct test_case cases[] = {
		{ TO("\"data\":\"\""), "publish [a] \"\"" },
		{ TO("\"data\":\"a\\nb\\t\\\"\\\\\\/\""),
		    "publish [a] \"a\nb\t\"\\/\"" },
		{ TO("\"data\":\"\\u00e4\\u20ac\\ud83d\\ude00\""),
		    "publish [a] \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ TO("\"data\":\"\xc3\xa4\""), "publish [a] \"\xc3\xa4\"" },
		/* What is no string is sent as its JSON. */
		{ TO("\"data\":{\"x\":[1,\"/\",null]}"),
		    "publish [a] \"{\"x\":[1,\"/\",null]}\"" },
		{ TO("\"data\":[ ]"), "publish [a] \"[]\"" },
		{ TO("\"data\":{ }"), "publish [a] \"{}\"" },
		{ TO("\"data\":true"), "publish [a] \"true\"" },
		{ TO("\"data\":null"), "publish [a] \"null\"" },
		{ TO("\"data\":0"), "publish [a] \"0\"" },
		{ TO("\"data\":-5"), "publish [a] \"-5\"" },
		{ TO("\"data\":1.50"), "publish [a] \"1.50\"" },
		{ TO("\"data\":1e3"), "publish [a] \"1e3\"" },
		{ TO("\"data\":9223372036854775807"),
		    "publish [a] \"9223372036854775807\"" },
		{ TO("\"data\":-9223372036854775807"),
		    "publish [a] \"-9223372036854775807\"" },
		{ TO("\"data\":18446744073709551614"),
		    "publish [a] \"18446744073709551614\"" },
		{ TO("\"data\":{\"\":\"\\u0001\xc3\xa4\"}"),
		    "publish [a] \"{\"\":\"\\u0001\xc3\xa4\"}\"" },
	};

	(void)state;
	TEST_ALL(cases);
}

/* What JSON libraries cannot hold may be refused, but not be changed. */
static void
test_large_numbers(void **state)
{
	static const char *const numbers[] = { "9223372036854775808",
		"18446744073709551615", "18446744073709551616",
		"-9223372036854775808", "-9223372036854775809",
		"123456789012345678901234567890", "0.1234567890123456789",
		"1e400", "-1e400" };
	static const char *const forms[] = { "%s", "[1,%s]", "{\"x\":[%s]}" };
	char line[256], data[128], want[256], have[256];
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		for (k = 0; k < sizeof forms / sizeof *forms; k++) {
			data[0] = line[0] = want[0] = '\0';
			test_put(data, sizeof data, "%.*s%s%s",
			    (int)strcspn(forms[k], "%"), forms[k], numbers[i],
			    strchr(forms[k], 's') + 1);
			test_put(line, sizeof line,
			    "{\"channel\":\"a\",\"data\":%s}", data);
			test_put(want, sizeof want, "publish [a] \"%s\"", data);
			test_parse(command_parse, line, strlen(line), have,
			    sizeof have);
			if (strcmp(have, want) != 0 &&
			    strncmp(have, "65 ", 3) != 0)
				fail_msg("%s: %s", line, have);
		}
	}
}

static const char retry[] = "65 retry is not a whole number from 0 to 86400000";
static const char expires[] = "65 expires is not a number of seconds above 0";
static const struct test_case test_numbers_cases[] = {
	{ PUB("\"retry\":0"), "publish [a] \"d\" retry=0" },
	{ PUB("\"retry\":3000"), "publish [a] \"d\" retry=3000" },
	{ PUB("\"retry\":\"3000\""), "publish [a] \"d\" retry=3000" },
	{ PUB("\"retry\":86399999"), "publish [a] \"d\" retry=86399999" },
	{ PUB("\"retry\":86400000"), "publish [a] \"d\" retry=86400000" },
	{ PUB("\"retry\":86400001"), retry },
	{ PUB("\"retry\":\"86400001\""), retry },
	{ PUB("\"retry\":9223372036854775807"), retry },
	{ PUB("\"retry\":18446744073709551615"), retry },
	{ PUB("\"retry\":-1"), retry },
	{ PUB("\"retry\":-9223372036854775808"), retry },
	{ PUB("\"retry\":1.5"), retry },
	{ PUB("\"retry\":1e3"), retry },
	{ PUB("\"retry\":\"\""), retry },
	{ PUB("\"retry\":\" 1\""), retry },
	{ PUB("\"retry\":\"+1\""), retry },
	{ PUB("\"retry\":\"0x1\""), retry },
	{ PUB("\"retry\":null"), retry },
	{ PUB("\"retry\":true"), retry },
	{ PUB("\"retry\":[1]"), retry },
	{ PUB("\"expires\":1"), "publish [a] \"d\" expires=1000" },
	{ PUB("\"expires\":0.5"), "publish [a] \"d\" expires=500" },
	{ PUB("\"expires\":0.0001"), "publish [a] \"d\" expires=1" },
	{ PUB("\"expires\":1.0001"), "publish [a] \"d\" expires=1001" },
	{ PUB("\"expires\":1000000000"),
	    "publish [a] \"d\" expires=1000000000000" },
	{ PUB("\"expires\":1000000001"), expires },
	{ PUB("\"expires\":1e300"), expires },
	{ PUB("\"expires\":0"), expires },
	{ PUB("\"expires\":0.0"), expires },
	{ PUB("\"expires\":-0"), expires },
	{ PUB("\"expires\":-1"), expires },
	{ PUB("\"expires\":\"1\""), "publish [a] \"d\" expires=1000" },
	{ PUB("\"expires\":\"00.25\""), "publish [a] \"d\" expires=250" },
	{ PUB("\"expires\":0.035"), "publish [a] \"d\" expires=35" },
	{ PUB("\"expires\":1000000000.001"), expires },
	{ PUB("\"expires\":\"\""), expires },
	{ PUB("\"expires\":\"1.\""), expires },
	{ PUB("\"expires\":\"1s\""), expires },
	{ PUB("\"expires\":\"0x1\""), expires },
	{ PUB("\"expires\":\"1\\u0000\""), expires },
	{ PUB("\"expires\":null"), expires },
	{ PUB("\"expires\":true"), expires },
	{ DO("\"stream\",\"channel\":\"a\",\"last\":4294967295"),
	    "stream [a] last=4294967295" },
	{ DO("\"stream\",\"channel\":\"a\",\"last\":4294967296"),
	    "65 last is not a whole number from 0 to 4294967295" },
	{ DO("\"close\",\"stream\":9223372036854775807"),
	    "close stream=9223372036854775807" },
	{ DO("\"close\",\"stream\":\"7\""), "close stream=7" },
	{ DO("\"close\",\"stream\":9223372036854775808"),
	    "65 stream is not a whole number from 0 to "
	    "9223372036854775807" },
	{ DO("\"close\",\"stream\":-1"),
	    "65 stream is not a whole number from 0 to "
	    "9223372036854775807" },
};

static void
test_numbers(void **state)
{
	(void)state;
	TEST_ALL(test_numbers_cases);
}

static const char one[] = "65 close takes one of channel, user, stream";
static const char none[] =
    "64 \"do\" is none of stream, status, close, presence, order, stop, "
    "position, history, reload, restart, shutdown";
static const struct test_case test_kinds_cases[] = {
	{ DO("\"stop\",\"channel\":\"a\",\"user\":\"u\""), "stop [a] user=u" },
	{ DO("\"stop\""), "65 channel is missing" },
	{ DO("\"stop\",\"channel\":[\"a\",\"b\"]"),
	    "65 stop takes one channel" },
	{ DO("\"status\",\"runs\":true"), "status" },
	{ DO("\"status\""), "status" },
	{ DO("\"status\",\"streams\":true,\"channel\":\"a\""), "status [a]" },
	{ DO("\"status\",\"channels\":true"), "status" },
	{ DO("\"status\",\"channels\":1"), "65 channels is not true or false" },
	{ DO("\"close\",\"channels\":true"), "65 unknown field \"channels\"" },
	{ DO("\"status\",\"user\":\"a\""), "65 unknown field \"user\"" },
	{ DO("\"presence\",\"channel\":\"a/b\""), "presence [a/b]" },
	{ DO("\"presence\",\"channel\":[\"a\"]"), "presence [a]" },
	{ DO("\"presence\""), "65 channel is missing" },
	{ DO("\"presence\",\"channel\":[\"a\",\"b\"]"),
	    "65 presence takes one channel" },
	{ DO("\"presence\",\"channel\":\"a\",\"user\":\"u\""),
	    "65 unknown field \"user\"" },
	{ DO("\"order\""), "order" },
	{ DO("\"position\""), "position" },
	{ DO("\"history\",\"channel\":[\"a\"],\"since\":\"1-0\""),
	    "history [a] since=1-0" },
	{ DO("\"history\",\"channel\":\"a\",\"last\":3,\"limit\":1000"),
	    "history [a] last=3" },
	{ DO("\"history\",\"channel\":\"a\",\"limit\":1001"),
	    "65 limit is not a number from 1 to 1000" },
	{ DO("\"history\""), "65 channel is missing" },
	{ DO("\"history\",\"channel\":\"a\",\"slow\":true"),
	    "65 unknown field \"slow\"" },
	{ DO("\"position\",\"channel\":[\"a\",\"b\"]"), "position [a][b]" },
	{ DO("\"position\",\"last\":1"), "65 unknown field \"last\"" },
	{ DO("\"order\",\"channel\":\"a\""), "65 unknown field \"channel\"" },
	{ DO("\"status\",\"x\":1"), "65 unknown field \"x\"" },
	{ DO("\"stream\",\"channel\":\"a\""), "stream [a]" },
	{ "{\"channel\":[\"a\",\"b\"],\"do\":\"stream\"}", "stream [a][b]" },
	{ DO("\"stream\""), "65 channel is missing" },
	{ DO("\"stream\",\"channel\":\"a\",\"data\":\"d\""),
	    "65 unknown field \"data\"" },
	{ DO("\"stream\",\"channel\":\"a\",\"since\":\"5-0\""),
	    "stream [a] since=5-0" },
	{ DO("\"stream\",\"channel\":\"a\",\"since\":\"\""), "stream [a]" },
	{ DO("\"stream\",\"channel\":\"a\",\"since\":\"all\""),
	    "stream [a] all" },
	{ DO("\"stream\",\"channel\":\"a\",\"since\":5"),
	    "65 since is not a string" },
	{ DO("\"stream\",\"channel\":\"a\",\"last\":3"), "stream [a] last=3" },
	{ DO("\"stream\",\"channel\":\"a\",\"stop\":true"),
	    "65 unknown field \"stop\"" },
	{ DO("\"close\",\"channel\":\"a\""), "close [a]" },
	{ DO("\"close\",\"channel\":\"a\",\"stop\":true"), "close [a] stop" },
	{ DO("\"close\",\"channel\":\"a\",\"stop\":false"), "close [a]" },
	{ DO("\"close\",\"channel\":\"a\",\"stop\":1"),
	    "65 stop is not true or false" },
	{ DO("\"close\",\"channel\":\"a\",\"stop\":\"true\""),
	    "65 stop is not true or false" },
	{ DO("\"close\",\"user\":\"u\""), "close user=u" },
	{ DO("\"close\",\"user\":1"), "65 user is not a string" },
	{ DO("\"close\",\"stream\":0"), "close stream=0" },
	{ DO("\"close\""), one },
	{ DO("\"close\",\"stop\":true"), one },
	{ DO("\"close\",\"channel\":[]"), one },
	{ DO("\"close\",\"channel\":\"a\",\"user\":\"u\""), one },
	{ DO("\"close\",\"user\":\"u\",\"stream\":1"), one },
	{ DO("\"close\",\"channel\":\"a\",\"stream\":1"), one },
	{ DO("\"publish\",\"channel\":\"a\",\"data\":\"d\""), none },
	{ DO("\"\""), none },
	{ DO("\"Status\""), none },
	{ DO("\"statusx\""), none },
	{ DO("1"), "65 do is not a string" },
	{ DO("null"), "65 do is not a string" },
	{ DO("[\"status\"]"), "65 do is not a string" },
};

static void
test_kinds(void **state)
{
	(void)state;
	TEST_ALL(test_kinds_cases);
}

static void
test_many(unsigned count, const char *want)
{
	char line[8000] = "{\"data\":\"d\",\"channel\":[", have[4000];
	unsigned i;

	for (i = 0; i < count; i++)
		test_put(line, sizeof line, "%s\"c%u\"", i == 0 ? "" : ",", i);
	test_put(line, sizeof line, "]}");
	test_parse(command_parse, line, strlen(line), have, sizeof have);
	assert_memory_equal(have, want, strlen(want));
}

static void
test_many_channels(void **state)
{
	(void)state;
	test_many(255, "publish [c0]");
	test_many(256, "publish [c0]");
	test_many(257, "65 more than 256 channels");
	test_many(900, "65 more than 256 channels");
}

static int
test_setup(void **state)
{
	(void)state;
	test_tokener = command_tokener();
	return test_tokener == NULL ? -1 : 0;
}

static int
test_teardown(void **state)
{
	(void)state;
	json_tokener_free(test_tokener);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_large_numbers),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_many_channels),
	};

	return cmocka_run_group_tests_name("command", tests, test_setup,
	    test_teardown);
}
