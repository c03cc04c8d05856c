/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/clock.h"
#include "hub/status.h"
#include "lib/streams.h"

/* The list of channels. */

enum {
	TEST_CHANNELS = 2503 /* a prime, and more than are looked at at once */
};

static struct streams test_hub;
static struct hub_status_query test_query_now; /* as it is: all, by events */

static struct json_object *
test_list(struct json_object *status)
{
	struct json_object *list;

	hub_status_channels(test_hub.hub, &test_query_now, status);
	assert_true(json_object_object_get_ex(status, "channel_list", &list));
	return list;
}

static void
test_order(void **state)
{
	struct streams_client c[3];
	static const struct streams_request requests[] = {
		{ .channels = "quiet,one" },
		{ .channels = "quiet" },
		{ .channels = "even,more" },
	};
	struct json_object *o = json_object_new_object(), *list, *first;
	size_t i, memory = 0;
	char text[1024] = "";

	(void)state;
	streams_setup(&test_hub, NULL);
	assert_int_equal(json_object_array_length(test_list(o)), 0);
	streams_publish(&test_hub, "even,odd,one,more", "1");
	streams_publish(&test_hub, "even,odd,more", "2");
	streams_publish(&test_hub, "more", "3");
	streams_deliver(&test_hub);
	for (i = 0; i < 3; i++)
		streams_open(&test_hub, &c[i], &requests[i]);
	list = test_list(o);
	for (i = 0; i < json_object_array_length(list); i++) {
		first = json_object_array_get_idx(list, i);
		memory += json_object_get_uint64(json_object_object_get(first,
		    "history_bytes"));
		snprintf(text + strlen(text), sizeof text - strlen(text),
		    "%s %s %s\n",
		    json_object_get_string(json_object_object_get(first,
			"channel")),
		    json_object_get_string(json_object_object_get(first,
			"events")),
		    json_object_get_string(json_object_object_get(first,
			"streams")));
	}
	assert_string_equal(text,
	    "more 3 1\neven 2 1\nodd 2 0\none 1 1\nquiet 0 2\n");
	assert_int_equal(memory, test_hub.hub->channels.history_bytes);
	json_object_put(o);
	for (i = 0; i < 3; i++)
		streams_close(&c[i]);
	streams_teardown(&test_hub);
}

/* How many events the channel of this number has. */
static unsigned
test_events(unsigned channel)
{
	return 1 + channel % 3;
}

static void
test_assert_name(struct json_object *list, size_t i, unsigned channel)
{
	struct json_object *o = json_object_array_get_idx(list, i);
	char want[32];

	snprintf(want, sizeof want, "c%04u", channel);
	assert_string_equal(json_object_get_string(json_object_object_get(o,
				"channel")),
	    want);
}

/* Of more than are listed those with most events, whenever they came. */
static void
test_bound(void **state)
{
	struct json_object *o = json_object_new_object(), *list;
	unsigned channel, events;
	char name[32];
	size_t i;

	(void)state;
	streams_setup(&test_hub, NULL);
	for (i = 0; i < TEST_CHANNELS; i++) {
		channel = (unsigned)(i * 797 % TEST_CHANNELS);
		snprintf(name, sizeof name, "c%04u", channel);
		for (events = test_events(channel); events > 0; events--)
			streams_publish(&test_hub, name, "x");
	}
	streams_deliver(&test_hub);
	list = test_list(o);
	assert_int_equal(json_object_array_length(list), STATUS_CHANNELS_MAX);
	i = 0;
	for (events = 3; events > 0; events--)
		for (channel = 0; channel < TEST_CHANNELS; channel++)
			if (test_events(channel) == events &&
			    i < STATUS_CHANNELS_MAX)
				test_assert_name(list, i++, channel);
	json_object_put(o);
	streams_teardown(&test_hub);
}

/* Until the clock has moved on: an event's age is in milliseconds. */
static void
test_tick(void)
{
	uint64_t before = clock_monotonic_ms();

	while (clock_monotonic_ms() < before + 2)
		;
	hub_now(test_hub.hub);
}

/* By what is asked for, only what is looked for, and no more than wanted. */
static void
test_query(void **state)
{
	static const struct {
		struct hub_status_query query;
		const char *want;
	} cases[] = {
		{ { .sort = COMMAND_SORT_EVENTS }, "many large new quiet " },
		{ { .sort = COMMAND_SORT_STREAMS }, "quiet large many new " },
		{ { .sort = COMMAND_SORT_BYTES }, "large many new quiet " },
		{ { .sort = COMMAND_SORT_PUBLISHED }, "many large new quiet " },
		{ { .sort = COMMAND_SORT_NEWEST }, "new large many quiet " },
		{ { .find = { "an", 2 } }, "many " },
		{ { .find = { "e", 1 } }, "large new quiet " },
		{ { .find = { "larger", 6 } }, "" },
		{ { .limit = 1 }, "many " },
		{ { .limit = 3 }, "many large new " },
		{ { .limit = 4 }, "many large new quiet " },
		{ { .limit = 5 }, "many large new quiet " },
		{ { .limit = UINT64_MAX }, "many large new quiet " },
		{ { .sort = COMMAND_SORT_NEWEST, .limit = 1 }, "new " },
	};
	const struct streams_request quiet = { .channels = "quiet" };
	struct json_object *o, *list;
	struct streams_client client;
	static char long_text[4001];
	char text[128];
	size_t i, k;

	(void)state;
	memset(long_text, 'x', sizeof long_text - 1);
	streams_setup(&test_hub, NULL);
	streams_open(&test_hub, &client, &quiet);
	for (i = 0; i < 3; i++)
		streams_publish(&test_hub, "many", "x");
	streams_deliver(&test_hub);
	test_tick();
	streams_publish(&test_hub, "large", long_text);
	streams_publish(&test_hub, "large", long_text);
	streams_deliver(&test_hub);
	test_tick();
	streams_publish(&test_hub, "new", "x");
	streams_deliver(&test_hub);
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		o = json_object_new_object();
		test_query_now = cases[i].query;
		list = test_list(o);
		text[0] = '\0';
		for (k = 0; k < json_object_array_length(list); k++)
			snprintf(text + strlen(text),
			    sizeof text - strlen(text), "%s ",
			    json_object_get_string(json_object_object_get(
				json_object_array_get_idx(list, k),
				"channel")));
		assert_string_equal(text, cases[i].want);
		json_object_put(o);
	}
	memset(&test_query_now, 0, sizeof test_query_now);
	streams_close(&client);
	streams_teardown(&test_hub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
