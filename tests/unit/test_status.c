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
#include "hub/status.h"
#include "lib/streams.h"

/* The list of channels. */

enum {
	TEST_CHANNELS = 2503 /* a prime, and more than are looked at at once */
};

static struct streams test_hub;
static struct hub_status_query test_query; /* as it is: all, by events */

static struct json_object *
test_list(struct json_object *status)
{
	struct json_object *list;

	hub_status_channels(test_hub.hub, &test_query, status);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
