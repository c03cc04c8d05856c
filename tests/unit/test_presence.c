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

#include "base/json.h"
#include "base/log.h"
#include "hub/presence.h"
#include "hub/visitor.h"
#include "lib/streams.h"
#include "lib/support.h"

/* Users and addresses: who is there, and how many streams they may have. */

enum {
	TEST_CLIENTS = 1001
};

static struct streams test_hub;
static struct streams_client test_clients[TEST_CLIENTS];

static void
test_assert_presence(const char *channel, const char *want)
{
	struct text_span name = { channel, strlen(channel) };
	struct json_object *o = json_object_new_object();
	struct buffer b = { 0 };

	presence_add(test_hub.hub, name, 0, o);
	assert_int_equal(json_append(&b, o), 0);
	assert_int_equal(buffer_append(&b, "", 1), 0);
	assert_string_equal(b.data, want);
	buffer_clear(&b);
}

static enum hub_answer
test_ask(struct streams_client *c, const char *channels, const char *user,
    const char *address)
{
	struct streams_request r = {
		.channels = channels, .user = user, .address = address
	};

	return streams_ask(&test_hub, c, &r);
}

static void
test_open(struct streams_client *c, const char *channels, const char *user)
{
	assert_int_equal(test_ask(c, channels, user, NULL), HUB_OPENED);
}

static void
test_presence(void **state)
{
	struct streams_client *c = test_clients;

	(void)state;
	streams_setup(&test_hub, NULL);
	test_assert_presence("a",
	    "{\"channel\":\"a\",\"streams\":0,\"users\":[],\"anonymous\":0}");
	test_open(&c[0], "a,b", "carol");
	test_open(&c[1], "a", "anna");
	test_open(&c[2], "a", NULL);
	test_open(&c[3], "a", "carol");
	test_open(&c[4], "b", "dave");
	test_open(&c[5], "c", "b\xff\n");
	test_assert_presence("a",
	    "{\"channel\":\"a\",\"streams\":4,\"users\":["
	    "{\"user\":\"anna\",\"streams\":1},"
	    "{\"user\":\"carol\",\"streams\":2}],\"anonymous\":1}");
	test_assert_presence("b",
	    "{\"channel\":\"b\",\"streams\":2,\"users\":["
	    "{\"user\":\"carol\",\"streams\":1},"
	    "{\"user\":\"dave\",\"streams\":1}],\"anonymous\":0}");
	/* What is no UTF-8 is made some. */
	test_assert_presence("c",
	    "{\"channel\":\"c\",\"streams\":1,\"users\":["
	    "{\"user\":\"b\\\\xff\\\\x0a\",\"streams\":1}],\"anonymous\":0}");
	assert_int_equal(test_hub.hub->visitors.users.count, 4);
	/* One that is dead is not there, though it is not freed yet. */
	stream_kill(c[0].stream, STREAM_CLIENT);
	test_assert_presence("a",
	    "{\"channel\":\"a\",\"streams\":3,\"users\":["
	    "{\"user\":\"anna\",\"streams\":1},"
	    "{\"user\":\"carol\",\"streams\":1}],\"anonymous\":1}");
	streams_settle(&test_hub, c, 6);
	assert_int_equal(hub_close_user(test_hub.hub, "carol", false), 1);
	streams_settle(&test_hub, c, 6);
	assert_int_equal(test_hub.hub->visitors.users.count, 3);
	test_assert_presence("b",
	    "{\"channel\":\"b\",\"streams\":1,\"users\":["
	    "{\"user\":\"dave\",\"streams\":1}],\"anonymous\":0}");
	for (; c < test_clients + 6; c++)
		streams_close(c);
	streams_teardown(&test_hub);
}

/* A stream that cannot get its end out is on its way, too. */
static void
test_ending(void **state)
{
	static char data[60000];
	struct streams_client *c = test_clients;
	unsigned i;

	(void)state;
	memset(data, 'x', sizeof data - 1);
	streams_setup(&test_hub, NULL);
	test_open(&c[0], "a", "anna");
	for (i = 0; i < 40; i++)
		streams_publish(&test_hub, "a", data);
	streams_deliver(&test_hub);
	hub_close_channel(test_hub.hub, "a", 1, false);
	assert_int_equal(test_hub.hub->streams.count, 1);
	test_assert_presence("a",
	    "{\"channel\":\"a\",\"streams\":0,\"users\":[],\"anonymous\":0}");
	streams_close(&c[0]);
	streams_teardown(&test_hub);
}

/* So many users, who come in any order; the first names are listed. */
static void
test_many(void **state)
{
	struct json_object *o, *list, *more, *user;
	struct text_span name = { "a", 1 };
	char text[16];
	size_t i, count;

	(void)state;
	for (count = PRESENCE_USERS_MAX; count <= TEST_CLIENTS; count++) {
		streams_setup(&test_hub, NULL);
		for (i = 0; i < count; i++) {
			snprintf(text, sizeof text, "u%04zu", i * 617 % count);
			test_open(&test_clients[i], "a", text);
		}
		o = json_object_new_object();
		presence_add(test_hub.hub, name, 0, o);
		assert_true(json_object_object_get_ex(o, "users", &list));
		assert_int_equal(json_object_array_length(list),
		    PRESENCE_USERS_MAX);
		for (i = 0; i < PRESENCE_USERS_MAX; i++) {
			json_object_object_get_ex(
			    json_object_array_get_idx(list, i), "user", &user);
			snprintf(text, sizeof text, "u%04zu", i);
			assert_string_equal(json_object_get_string(user), text);
		}
		assert_int_equal(json_object_object_get_ex(o, "more", &more),
		    count > PRESENCE_USERS_MAX);
		json_object_put(o);
		for (i = 0; i < count; i++)
			streams_close(&test_clients[i]);
		streams_teardown(&test_hub);
	}
}

/* More than the list has room for at once, the greatest first. */
static void
test_cut(void **state)
{
	const size_t count = 5003;
	struct presence_run {
		struct streams_client *clients;
	} run = { calloc(count, sizeof(struct streams_client)) };
	struct json_object *o = json_object_new_object(), *list, *user;
	struct text_span name = { "a", 1 };
	char text[16];
	size_t i;

	(void)state;
	assert_non_null(run.clients);
	streams_setup(&test_hub, NULL);
	for (i = 0; i < count; i++) {
		snprintf(text, sizeof text, "u%05zu", count - 1 - i);
		test_open(&run.clients[i], "a", text);
	}
	presence_add(test_hub.hub, name, 0, o);
	json_object_object_get_ex(o, "users", &list);
	assert_int_equal(json_object_array_length(list), PRESENCE_USERS_MAX);
	for (i = 0; i < PRESENCE_USERS_MAX; i++) {
		json_object_object_get_ex(json_object_array_get_idx(list, i),
		    "user", &user);
		snprintf(text, sizeof text, "u%05zu", i);
		assert_string_equal(json_object_get_string(user), text);
	}
	json_object_put(o);
	for (i = 0; i < count; i++)
		streams_close(&run.clients[i]);
	free(run.clients);
	streams_teardown(&test_hub);
}

static void
test_user_limit(void **state)
{
	static const char *const settings[] = { "max-streams-per-user=2",
		NULL };
	struct streams_client *c = test_clients;

	(void)state;
	streams_setup(&test_hub, settings);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	test_open(&c[0], "a", "anna");
	test_open(&c[1], "b", "anna");
	assert_int_equal(test_ask(&c[2], "a", "anna", NULL), HUB_USER_FULL);
	streams_close(&c[2]);
	assert_int_equal(test_hub.hub->counters.user_full, 1);
	assert_int_equal(test_hub.hub->counters.turned_away, 1);
	assert_null(channel_find(test_hub.hub, "c", 1));
	assert_int_equal(test_ask(&c[2], "c", "anna", NULL), HUB_USER_FULL);
	streams_close(&c[2]);
	assert_null(channel_find(test_hub.hub, "c", 1));
	test_open(&c[2], "a", "bert");
	test_open(&c[3], "a", NULL);
	test_open(&c[4], "a", NULL);
	test_open(&c[5], "a", NULL);
	/* Dead is dead, also before it is freed. */
	stream_kill(c[0].stream, STREAM_CLIENT);
	streams_close(&c[0]);
	test_open(&c[0], "a", "anna");
	assert_int_equal(test_ask(&c[6], "a", "anna", NULL), HUB_USER_FULL);
	streams_close(&c[6]);
	/* Who may not come back is told so, full or not. */
	hub_close_channel(test_hub.hub, "z", 1, true);
	assert_int_equal(test_ask(&c[6], "z", "anna", NULL), HUB_STOPPED);
	streams_close(&c[6]);
	while (c < test_clients + 6)
		streams_close(c++);
	streams_teardown(&test_hub);
}

static const struct {
	const char *address, *house; /* NULL: no address */
} test_addresses[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "::FFFF:192.0.2.1", "192.0.2.1" },
	{ "::ffff:c000:201", "192.0.2.1" },
	{ "0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1" },
	{ "[::ffff:192.0.2.1]", "192.0.2.1" },
	{ "2001:db8::1", "2001:db8::/64" },
	{ "2001:DB8:0:0:ffff:ffff:ffff:ffff", "2001:db8::/64" },
	{ "2001:0db8:0000::1", "2001:db8::/64" },
	{ "[2001:db8::1]", "2001:db8::/64" },
	{ "2001:db8::1%eth0", "2001:db8::/64" },
	{ "2001:db8:0:1::1", "2001:db8:0:1::/64" },
	{ "2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:1234:5678::/64" },
	{ "fe80::1%eth0", "fe80::1" },
	{ "fe80::1", "fe80::1" },
	{ "FE80::2", "fe80::2" },
	{ "::1", "::1" },
	{ "::2", "::/64" },
	{ "", NULL },
	{ "%eth0", NULL },
	{ "[]", NULL },
	{ "queue", NULL },
	{ "192.0.2.1:80", "192.0.2.1" },
	{ "192.0.2.1:", NULL },
	{ "192.0.2.1:65536", NULL },
	{ "192.0.2.1:80:80", NULL },
	{ "[192.0.2.1]:80", "192.0.2.1" },
	{ "[::1]:80", "::1" },
	{ "[::1]80", NULL },
	{ "[::1", NULL },
	{ "::1]", NULL },
	{ "[[::1]]", NULL },
	{ "[fe80::1%eth0]:80", "fe80::1" },
	{ "2001:db8::1%", "2001:db8::/64" },
	{ "2001:db8::1%eth0%[x]", "2001:db8::/64" },
	{ "2001:db8::1:80", "2001:db8::/64" },
	{ "64:ff9b::192.0.2.1", "192.0.2.1" },
	{ "64:FF9B:0::c000:201", "192.0.2.1" },
	{ "64:ff9b:1::192.0.2.1", "64:ff9b:1::/64" },
	{ "64:ff9b::1:192.0.2.1", "64:ff9b::/64" },
	{ "::192.0.2.1", "::/64" },
	{ "127.0.0.1.", NULL },
	{ "1.2.3", NULL },
	{ "01.2.3.4", NULL },
	{ "localhost:80", NULL },
	{ " ::1", NULL },
	{ "2001:db8::1::2", NULL },
	{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", NULL },
};

/* What is the same to people is the same to the limit. */
static void
test_houses(void **state)
{
	char house[VISITOR_HOUSE_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_addresses / sizeof *test_addresses; i++) {
		struct text_span span = { test_addresses[i].address,
			strlen(test_addresses[i].address) };
		bool is = visitor_house(span, house);

		if (is != (test_addresses[i].house != NULL) ||
		    (is && strcmp(house, test_addresses[i].house) != 0))
			fail_msg("%s: %s", test_addresses[i].address,
			    is ? house : "none");
	}
}

/* All of a house count, however they come and go. */
static void
test_house_limit(void **state)
{
	static const char *const settings[] = { "max-streams-per-address=2",
		NULL };
	static const char *const pairs[][2] = {
		{ "2001:db8::1", "2001:db8::2" },
		{ "192.0.2.1", "::ffff:192.0.2.1" },
		{ "192.0.2.1", "64:ff9b::192.0.2.1" },
		{ "192.0.2.1:1024", "192.0.2.1:1025" },
		{ "::ffff:192.0.2.1", "::ffff:c000:201" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
	};
	struct streams_client *c = test_clients;
	size_t i;

	(void)state;
	streams_setup(&test_hub, settings);
	for (i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		assert_int_equal(test_ask(&c[0], "a", NULL, pairs[i][0]),
		    HUB_OPENED);
		assert_int_equal(test_ask(&c[1], "a", NULL, pairs[i][1]),
		    HUB_OPENED);
		assert_int_equal(test_ask(&c[2], "a", NULL, pairs[i][0]),
		    HUB_ADDRESS_FULL);
		streams_close(&c[2]);
		stream_kill(c[0].stream, STREAM_CLIENT);
		assert_int_equal(test_ask(&c[2], "a", NULL, pairs[i][1]),
		    HUB_OPENED);
		assert_int_equal(test_ask(&c[3], "a", NULL, pairs[i][1]),
		    HUB_ADDRESS_FULL);
		streams_close(&c[3]);
		stream_kill(c[1].stream, STREAM_CLIENT);
		stream_kill(c[2].stream, STREAM_CLIENT);
		streams_close(&c[0]);
		streams_close(&c[1]);
		streams_close(&c[2]);
	}
	streams_teardown(&test_hub);
}

static void
test_address_limit(void **state)
{
	static const char *const settings[] = { "max-streams-per-address=1",
		NULL };
	static const char *const not_counted[] = { "", "queue",
		"unix:", "/run/web.sock", "192.0.2.1:", "localhost",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb" };
	const size_t count = sizeof not_counted / sizeof *not_counted;
	struct streams_client *c = test_clients;
	size_t i, k;

	(void)state;
	streams_setup(&test_hub, settings);
	assert_int_equal(test_ask(c++, "a", NULL, "192.0.2.1"), HUB_OPENED);
	assert_int_equal(test_ask(c++, "a", "anna", "192.0.2.2"), HUB_OPENED);
	assert_int_equal(test_ask(c++, "a", NULL, "2001:db8::1"), HUB_OPENED);
	for (i = 0; i < count; i++)
		for (k = 0; k < 2; k++)
			assert_int_equal(test_ask(c++, "a", NULL,
					     not_counted[i]),
			    HUB_OPENED);
	assert_int_equal(test_ask(c, "a", "bert", "192.0.2.1"),
	    HUB_ADDRESS_FULL);
	streams_close(c);
	assert_int_equal(test_ask(c, "a", NULL, "2001:db8::1"),
	    HUB_ADDRESS_FULL);
	streams_close(c);
	assert_int_equal(test_hub.hub->counters.address_full, 2);
	assert_int_equal(test_hub.hub->counters.user_full, 0);
	assert_int_equal(test_hub.hub->counters.turned_away, 2);
	while (c-- > test_clients)
		streams_close(c);
	streams_teardown(&test_hub);
}

/* A reload counts those who are there already. */
static void
test_reload(void **state)
{
	static const char *const settings[] = { "max-streams-per-user=2",
		"max-streams-per-address=3", NULL };
	struct config *limited = support_config(settings);
	struct streams_client *c = test_clients;

	(void)state;
	streams_setup(&test_hub, NULL);
	assert_int_equal(test_ask(&c[0], "a", "anna", "::1"), HUB_OPENED);
	assert_int_equal(test_ask(&c[1], "a", "anna", "::1"), HUB_OPENED);
	assert_int_equal(test_ask(&c[2], "a", "anna", "::1"), HUB_OPENED);
	hub_reconfigure(test_hub.hub, limited, 10000);
	assert_int_equal(test_ask(&c[3], "a", "anna", "::2"), HUB_USER_FULL);
	streams_close(&c[3]);
	assert_int_equal(test_ask(&c[3], "a", "b", "::1"), HUB_ADDRESS_FULL);
	streams_close(&c[3]);
	stream_kill(c[0].stream, STREAM_CLIENT);
	assert_int_equal(test_ask(&c[3], "a", "anna", "::2"), HUB_USER_FULL);
	streams_close(&c[3]);
	assert_int_equal(test_ask(&c[3], "a", "b", "::1"), HUB_OPENED);
	hub_reconfigure(test_hub.hub, test_hub.config, 10000);
	assert_int_equal(test_ask(&c[4], "a", "anna", "::1"), HUB_OPENED);
	while (c < test_clients + 5)
		streams_close(c++);
	streams_teardown(&test_hub);
	config_free(limited);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presence),
		cmocka_unit_test(test_ending),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_user_limit),
		cmocka_unit_test(test_address_limit),
		cmocka_unit_test(test_houses),
		cmocka_unit_test(test_house_limit),
		cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests_name("presence", tests, NULL, NULL);
}
