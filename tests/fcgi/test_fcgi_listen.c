/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Where crierd listens: TCP, IPv6, a Unix socket, several at once. */
#include "lib/support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct support_options listen_tcp = { { "listen=tcp:127.0.0.1:0" } };
static struct support_options listen_two = { { "also=tcp:127.0.0.1:0" } };
static struct support_options listen_tcp6 = { { "listen=tcp:[::1]:0" } };

static void
test_one_listener(void **state)
{
	struct daemon *daemon = *state;
	struct wire_request request = {
		.uri = "/nothing", .flags = WIRE_KEEP_CONN, .id = 300
	};
	struct fcgi_conn conn;

	support_expect_healthy(daemon);
	support_open(&conn, daemon);
	for (int i = 0; i < 5; i++) {
		support_request(&conn, &request);
		support_expect_reply(&conn, 300, 404);
	}
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* Whether this machine has the IPv6 loopback. */
static int
listen_setup_tcp6(void **state)
{
	char address[64];

	if (daemon_free_port("tcp:[::1]:0", address, sizeof(address)) == -1) {
		fprintf(stderr, "# no IPv6 here: not tested\n");
		*state = NULL;
		return 0;
	}
	return support_setup(state);
}

static void
test_ipv6(void **state)
{
	if (*state != NULL)
		test_one_listener(state);
}

static void
test_request_larger_than_a_segment(void **state)
{
	struct daemon *daemon = *state;
	struct bytes value = { NULL, 0, 0 };
	const char *extra[] = { "HTTP_X_FILL", NULL, NULL };
	struct wire_request request = { .uri = "/events/a", .extra = extra };
	struct watch watch;

	bytes_add_fill(&value, 'v', 64000);
	bytes_add(&value, "", 1);
	extra[1] = (const char *)value.at;
	assert_int_equal(watch_open(&watch, daemon->listen, &request), 0);
	support_expect_live(daemon, "a", "x", &watch, 1);
	watch_clear(&watch);
	bytes_clear(&value);
	support_expect_healthy(daemon);
}

/* A list of two: both serve, one event reaches the streams of both. */
static void
test_two_listeners(void **state)
{
	struct daemon *daemon = *state;
	struct watch watches[2];

	assert_int_equal(watch_get(&watches[0], daemon->listen, "/events/a"),
	    0);
	assert_int_equal(watch_get(&watches[1], daemon->also, "/events/a"), 0);
	assert_int_equal(daemon_streams(daemon), 2);
	support_expect_live(daemon, "a", "x", watches, 2);
	watch_clear(&watches[0]);
	watch_clear(&watches[1]);
	support_expect_healthy(daemon);
}

static void
test_socket_mode(void **state)
{
	struct daemon *daemon = *state;
	struct stat st;

	assert_int_equal(stat(daemon->listen + strlen("unix:"), &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(stat(daemon->queue, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(stat(daemon->fifo, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_one_listener),
		SUPPORT_TEST_WITH(test_one_listener, &listen_tcp),
		SUPPORT_TEST_WITH(test_request_larger_than_a_segment,
		    &listen_tcp),
		SUPPORT_TEST_WITH(test_two_listeners, &listen_two),
		cmocka_unit_test_prestate_setup_teardown(test_ipv6,
		    listen_setup_tcp6, support_teardown, &listen_tcp6),
		SUPPORT_TEST(test_socket_mode),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("listeners", tests, NULL, NULL);
}
