/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A number reaches crierd as a setting, in a request, on the queue, with a
 * stream that is handed over, or as an option of crier.  Below, at and above
 * its limits all of these decide alike; so what is configured works behind
 * every door.
 */

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/quantity.h"
#include "companion/verb.h"
#include "door/handoff.h"
#include "lib/handing.h"
#include "lib/route_run.h"
#include "lib/run.h"
#include "protocol/command.h"
#include "protocol/limits.h"
#include "request/exchange_part.h"

#define ROUTE(title, what) "route \"" title " /r\" { " what " }\n"
#define SUBSCRIBE(more)    ROUTE("GET", "subscribe = a " more)
#define RUN(more)          ROUTE("GET", "run = \"/bin/true\" " more)
#define PUBLISH(more)      ROUTE("POST", "publish = a data = x " more)
#define CHANNEL(more)      "channel \"a\" { " more " }\n"
#define EVENT(more)        "{\"channel\":\"a\",\"data\":\"\"," more "}"

static struct handing test_hub;
static struct config *test_config;

/* The ways in: whether what is written, with the number, is taken. */

static bool
test_file(const char *text)
{
	char *cause;
	struct config *c = route_run_config(text, &cause);

	if (c == NULL)
		assert_non_null(strstr(cause, " must be "));
	free(cause);
	config_free(c);
	return c != NULL;
}

static bool
test_request(const char *method, const char *uri, const char *body)
{
	const struct route_case request = { .method = method,
		.uri = uri,
		.type = body == NULL ? NULL : "application/json",
		.body = body,
		.want = "" };
	char have[512];

	route_run_decide(test_config, &request, have, sizeof have);
	return strncmp(have, "400 ", 4) != 0;
}

static bool
test_get(const char *uri)
{
	return test_request("GET", uri, NULL);
}

static bool
test_follow(const char *body)
{
	return test_request("POST", "/events/a", body);
}

static bool
test_publish(const char *body)
{
	return test_request("POST", "/p", body);
}

static bool
test_queue(const char *line)
{
	struct json_tokener *tokener = command_tokener();
	struct command c;
	bool is_taken;

	assert_non_null(tokener);
	is_taken = command_parse(&c, tokener, line, strlen(line)) == 0;
	command_clear(&c);
	json_tokener_free(tokener);
	return is_taken;
}

static bool
test_handoff(const char *members)
{
	bool is_taken;
	int fds[2];

	handing_pipe(fds);
	handing_take(&test_hub, handing_line("cgi", members), fds[0]);
	is_taken = strcmp(test_hub.reply.data, handing_opened) == 0;
	if (!is_taken)
		handing_assert_refused(&test_hub, "is out of range");
	close(fds[1]);
	handing_turn(&test_hub);
	return is_taken;
}

/* There is no crierd: a verb says so when its options are good. */
static bool
test_verb(const struct verb *verb, const char *option, const char *value)
{
	const char *args[] = { verb->name, option, value, "a", "text", NULL };
	int code = run_verb(verb, args, 0);

	assert_true(code == EX_USAGE || code == EX_UNAVAILABLE);
	return code == EX_UNAVAILABLE;
}

static bool
test_tail_last(const char *value)
{
	return test_verb(&verb_tail, "-n", value);
}

static bool
test_history_last(const char *value)
{
	return test_verb(&verb_history, "-n", value);
}

static bool
test_pub_retry(const char *value)
{
	return test_verb(&verb_pub, "-r", value);
}

static bool
test_pub_expires(const char *value)
{
	return test_verb(&verb_pub, "-x", value);
}

enum test_unit {
	TEST_COUNT, /* and milliseconds and bytes as such */
	TEST_SECONDS
};

static const struct {
	enum limit_name limit;
	enum test_unit unit;
	bool (*is_taken)(const char *text);
	const char *format; /* of text: where it has its %s stands the number */
} ways[] = {
	{ LIMIT_EVENT_BYTES, TEST_COUNT, test_file, "max-event = %s\n" },

	{ LIMIT_RETRY_MS, TEST_COUNT, test_file, "retry = %s\n" },
	{ LIMIT_RETRY_MS, TEST_COUNT, test_file, CHANNEL("retry = %s") },
	{ LIMIT_RETRY_MS, TEST_COUNT, test_file, SUBSCRIBE("retry = %s") },
	{ LIMIT_RETRY_MS, TEST_COUNT, test_file, RUN("retry = %s") },
	{ LIMIT_RETRY_MS, TEST_COUNT, test_file, PUBLISH("retry = %s") },
	{ LIMIT_RETRY_MS, TEST_COUNT, test_publish,
	    "{\"data\":1,\"retry\":%s}" },
	{ LIMIT_RETRY_MS, TEST_COUNT, test_queue, EVENT("\"retry\":%s") },
	{ LIMIT_RETRY_MS, TEST_COUNT, test_handoff, ",\"retry_ms\":%s" },
	{ LIMIT_RETRY_MS, TEST_COUNT, test_pub_retry, "%s" },

	{ LIMIT_EXPIRES_MS, TEST_SECONDS, test_file, PUBLISH("expires = %s") },
	{ LIMIT_EXPIRES_MS, TEST_SECONDS, test_publish,
	    "{\"data\":1,\"expires\":%s}" },
	{ LIMIT_EXPIRES_MS, TEST_SECONDS, test_queue, EVENT("\"expires\":%s") },
	{ LIMIT_EXPIRES_MS, TEST_SECONDS, test_pub_expires, "%s" },

	{ LIMIT_HEARTBEAT_MS, TEST_SECONDS, test_file, "heartbeat = %s\n" },
	{ LIMIT_HEARTBEAT_MS, TEST_SECONDS, test_file,
	    CHANNEL("heartbeat = %s") },
	{ LIMIT_HEARTBEAT_MS, TEST_SECONDS, test_file,
	    SUBSCRIBE("heartbeat = %s") },
	{ LIMIT_HEARTBEAT_MS, TEST_SECONDS, test_file, RUN("heartbeat = %s") },
	{ LIMIT_HEARTBEAT_MS, TEST_COUNT, test_handoff,
	    ",\"heartbeat_ms\":%s" },

	{ LIMIT_MAX_TIME_MS, TEST_SECONDS, test_file, "max-time = %s\n" },
	{ LIMIT_MAX_TIME_MS, TEST_SECONDS, test_file,
	    CHANNEL("max-time = %s") },
	{ LIMIT_MAX_TIME_MS, TEST_SECONDS, test_file,
	    SUBSCRIBE("max-time = %s") },
	{ LIMIT_MAX_TIME_MS, TEST_COUNT, test_handoff, ",\"max_time_ms\":%s" },

	{ LIMIT_RUN_TIME_MS, TEST_SECONDS, test_file, RUN("run-time = %s") },
	{ LIMIT_STREAM_MS, TEST_COUNT, test_handoff, ",\"limit_ms\":%s" },

	{ LIMIT_POLL_MS, TEST_SECONDS, test_file, "poll = %s\n" },
	{ LIMIT_POLL_MS, TEST_SECONDS, test_file, SUBSCRIBE("poll = %s") },
	{ LIMIT_POLL_MS, TEST_SECONDS, test_get, "/events/a?poll=%s" },
	{ LIMIT_POLL_MS, TEST_SECONDS, test_follow, "{\"poll\":%s}" },
	{ LIMIT_POLL_MS, TEST_COUNT, test_handoff, ",\"poll_ms\":%s" },

	{ LIMIT_POLL_ABOVE, TEST_COUNT, test_file, "poll-above = %s\n" },
	{ LIMIT_POLL_ABOVE, TEST_COUNT, test_file,
	    SUBSCRIBE("poll-above = %s") },
	{ LIMIT_POLL_ABOVE, TEST_COUNT, test_handoff, ",\"poll_above\":%s" },

	{ LIMIT_LAST, TEST_COUNT, test_file, SUBSCRIBE("last = %s") },
	{ LIMIT_LAST, TEST_COUNT, test_get, "/events/a?last=%s" },
	{ LIMIT_LAST, TEST_COUNT, test_follow, "{\"last\":%s}" },
	{ LIMIT_LAST, TEST_COUNT, test_queue,
	    "{\"do\":\"stream\",\"channel\":\"a\",\"last\":%s}" },
	{ LIMIT_LAST, TEST_COUNT, test_handoff, ",\"last\":%s" },
	{ LIMIT_LAST, TEST_COUNT, test_tail_last, "%s" },

	{ LIMIT_LAST, TEST_COUNT, test_queue,
	    "{\"do\":\"history\",\"channel\":\"a\",\"last\":%s}" },
	{ LIMIT_LAST, TEST_COUNT, test_history_last, "%s" },

	{ LIMIT_HISTORY, TEST_COUNT, test_get,
	    "/events/a?format=json&limit=%s" },
	{ LIMIT_HISTORY, TEST_COUNT, test_follow,
	    "{\"format\":\"json\",\"limit\":%s}" },
	{ LIMIT_HISTORY, TEST_COUNT, test_queue,
	    "{\"do\":\"history\",\"channel\":\"a\",\"limit\":%s}" },

	{ LIMIT_PADDING_BYTES, TEST_COUNT, test_get, "/events/a?padding=%s" },
};

static void
test_way(size_t way, uint64_t value, bool want)
{
	char number[QUANTITY_TEXT_SIZE], text[512];
	const char *at = strstr(ways[way].format, "%s");

	if (ways[way].unit == TEST_SECONDS)
		quantity_format_seconds(value, number);
	else
		snprintf(number, sizeof number, "%" PRIu64, value);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - ways[way].format),
	    ways[way].format, number, at + 2);
	if (ways[way].is_taken(text) != want)
		fail_msg("%s: must %sbe taken", text, want ? "" : "not ");
}

static void
test_limits(void **state)
{
	bool is_there[LIMITS] = { false };
	const struct limit *l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		l = &limit_of[ways[i].limit];
		is_there[ways[i].limit] = true;
		if (l->min > 0)
			test_way(i, l->min - 1, false);
		test_way(i, l->min, true);
		test_way(i, l->min + 1, true);
		test_way(i, l->max - 1, true);
		test_way(i, l->max, true);
		test_way(i, l->max + 1, false);
		/* What 32 bits would make one again. */
		if (l->max < UINT64_C(4294967297))
			test_way(i, UINT64_C(4294967297), false);
	}
	for (i = 0; i < LIMITS; i++)
		assert_true(is_there[i]);
	/* A program's time is handed over as the stream's. */
	assert_true(limit_of[LIMIT_RUN_TIME_MS].min >=
	    limit_of[LIMIT_STREAM_MS].min);
	assert_true(limit_of[LIMIT_RUN_TIME_MS].max <=
	    limit_of[LIMIT_STREAM_MS].max);
}

static enum exchange_state
test_open(void *arg, struct opening *opening)
{
	const struct subscription *sub = &opening->sub;

	assert_int_equal(sub->poll_ms, 3600000);
	assert_int_equal(sub->poll_above, 10000000);
	assert_int_equal(sub->last, UINT32_MAX);
	assert_int_equal(sub->rules->heartbeat_ms, 86400000);
	assert_int_equal(sub->rules->retry_ms, 86400000);
	assert_int_equal(sub->rules->max_time_ms, UINT64_C(31622400000));
	/* The second time there is a token. */
	if (sub->limit_ms == 0)
		return EXCHANGE_WAITS;
	assert_int_equal(sub->limit_ms, limit_of[LIMIT_STREAM_MS].max);
	assert_int_equal(handoff_put(arg, opening, HANDOFF_RAW), 0);
	return EXCHANGE_STREAMS;
}

/* From the file through a request and a handoff, all of it the greatest. */
static void
test_greatest(void **state)
{
	static const char text[] =
	    SUBSCRIBE("poll = 3600 poll-above = 10000000 last = 4294967295 "
		      "heartbeat = 86400 retry = 86400000 max-time = 31622400");
	static const struct exchange_attachment attachment = { .open =
								   test_open };
	struct config *config = route_run_good(text);
	struct buffer line = { 0 };
	struct exchange *ex = exchange_new(config, &attachment, &line);
	const struct stream *s;
	int fds[2];

	(void)state;
	assert_non_null(ex);
	assert_int_equal(request_add(&ex->request, "REQUEST_METHOD=GET"), 0);
	assert_int_equal(request_add(&ex->request,
			     "REQUEST_URI=/r?padding=4096"),
	    0);
	assert_int_equal(exchange_serve(ex, 0), EXCHANGE_WAITS);
	/* A token that is good for longer than anything else. */
	ex->who.has_token = true;
	ex->who.token.expires_ms = UINT64_C(1000000000000000000);
	assert_int_equal(exchange_open(ex), EXCHANGE_STREAMS);
	assert_int_equal(buffer_append(&line, "", 1), 0);
	handing_pipe(fds);
	assert_int_equal(test_hub.hub.hub->streams.count, 0);
	handing_take(&test_hub, line.data, fds[0]);
	handing_assert(&test_hub, handing_opened);
	s = TAILQ_FIRST(&test_hub.hub.hub->streams.list);
	assert_int_equal(s->heartbeat_ms, 86400000);
	close(fds[1]);
	handing_turn(&test_hub);
	buffer_clear(&line);
	exchange_free(ex);
	config_free(config);
}

static int
group_setup(void **state)
{
	if (run_setup(state) == -1)
		return -1;
	/* So that nobody waits for an answer. */
	unlink(run_socket);
	test_config =
	    route_run_good("route \"POST /p\" { publish = a }\n"
			   "route \"GET,POST /events/a\" { subscribe = a }\n");
	handing_setup(&test_hub, NULL);
	return 0;
}

static int
group_teardown(void **state)
{
	handing_teardown(&test_hub);
	config_free(test_config);
	return run_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_greatest),
	};

	return cmocka_run_group_tests_name("limits", tests, group_setup,
	    group_teardown);
}
