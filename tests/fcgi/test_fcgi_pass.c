/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* A web server's module gives crierd its client's own socket, or says that it
 * may and does not. */

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/pass.h"
#include "lib/support.h"

static struct support_options pass_tcp = { { "listen=tcp:127.0.0.1:0" } };
static struct support_options pass_full = { { "max-streams=1" } };
static struct support_options pass_user = { { "max-streams-per-address=1" } };
static struct support_options pass_run = { { "run-max=1",
    "@route \"GET /slow\" { run = { \"/bin/sh\", \"-c\","
    " \"echo runs; exec sleep 60\" } }" } };
static struct support_options pass_keep_few = { { "keep=2" } };

static void
test_passed(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;
	struct pass_client client;
	const char *reply;
	struct daemon_queue queue;

	pass_give(&conn, daemon, &client, "/events?channel=a");
	pass_client_expect(&client, "retry: ");
	pass_client_expect(&client, "id: ");
	assert_int_equal(daemon_streams(daemon), 1);
	/* What the client sends is not read for anything. */
	assert_int_equal(write(client.fd, "\1\2\0\1GET /", 9), 9);
	assert_int_equal(daemon_publish(daemon, "a", "one"), 1);
	pass_client_expect(&client, "data: one\n\n");
	assert_int_equal(client.got[0], 'r');
	assert_int_equal(daemon_queue_open(&queue, daemon), 0);
	reply =
	    daemon_queue_ask(&queue, "{\"do\":\"status\",\"streams\":true}");
	assert_non_null(strstr(reply, "\"passed\""));
	daemon_queue_close(&queue);
	/* It leaves by closing its side, as browsers do. */
	shutdown(client.fd, SHUT_WR);
	assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
	pass_client_close(&client);
	support_expect_healthy(daemon);
}

static void
test_ends(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;
	struct pass_client client;

	pass_give(&conn, daemon, &client, "/events?channel=a");
	pass_client_expect(&client, "id: ");
	assert_int_equal(daemon_close_channel(daemon, "a", false), 0);
	pass_client_expect(&client, "event: crier.end\n");
	assert_true(pass_client_is_ended(&client, FCGI_SOON_MS));
	pass_client_close(&client);
	support_expect_healthy(daemon);
}

/* The web server's connection stays for its next request. */
static void
test_kept(void **state)
{
	struct daemon *daemon = *state;
	static const char *const extra[] = { "CRIER_PASS", "1", NULL };
	struct wire_request request = { .uri = "/events?channel=a",
		.flags = WIRE_KEEP_CONN,
		.extra = extra };
	struct fcgi_conn conn;
	struct pass_client clients[3];

	support_open(&conn, daemon);
	for (int i = 0; i < 3; i++) {
		pass_client_open(&clients[i]);
		support_request(&conn, &request);
		assert_true(pass_head(&conn));
		pass_record(&conn, &clients[i].passed, 1);
		pass_expect_taken(&conn);
		assert_int_equal(daemon_streams(daemon), i + 1);
	}
	/* The same connection may have the next stream itself. */
	support_request(&conn, &request);
	assert_true(pass_head(&conn));
	pass_expect_records(&conn, "id: ");
	assert_int_equal(daemon_publish(daemon, "a", "all"), 4);
	for (int i = 0; i < 3; i++) {
		pass_client_expect(&clients[i], "data: all\n\n");
		pass_client_close(&clients[i]);
	}
	pass_expect_records(&conn, "data: all\n\n");
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* What is published while a stream is held is the stream's, either way. */
static void
test_held_events(void **state)
{
	struct daemon *daemon = *state;
	static const char *const uris[] = { "/events?channel=a",
		"/events?channel=a&last=1", "/events?channel=a&since=all" };
	struct fcgi_conn conn;
	struct pass_client client;

	for (size_t i = 0; i < 3; i++) {
		pass_client_open(&client);
		pass_begin(&conn, daemon, uris[i]);
		daemon_publish(daemon, "a", "held 1");
		daemon_publish(daemon, "a", "held 2");
		pass_record(&conn, &client.passed, 1);
		pass_expect_taken(&conn);
		pass_client_expect(&client, "data: held 1\n\n");
		pass_client_expect(&client, "data: held 2\n\n");
		fcgi_close(&conn);
		pass_client_close(&client);
		assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
	}
	pass_begin(&conn, daemon, uris[0]);
	daemon_publish(daemon, "a", "held 3");
	pass_expect_records(&conn, "data: held 3\n\n");
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* What is retained no more is told of. */
static void
test_held_gap(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;
	struct pass_client client;

	pass_client_open(&client);
	pass_begin(&conn, daemon, "/events?channel=a");
	for (int i = 0; i < 4; i++)
		daemon_publish(daemon, "a", "held");
	pass_record(&conn, &client.passed, 1);
	pass_expect_taken(&conn);
	pass_client_expect(&client, "event: crier.gap\n");
	pass_client_expect(&client, "data: held\n\n");
	fcgi_close(&conn);
	pass_client_close(&client);
	support_expect_healthy(daemon);
}

/* No record, or one that comes when the second is over. */
static void
test_not_passed(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;
	struct pass_client client;

	pass_client_open(&client);
	pass_begin(&conn, daemon, "/events?channel=a");
	assert_true(fcgi_is_silent(&conn, FCGI_NOTHING_MS));
	assert_int_equal(daemon_streams(daemon), 0);
	pass_expect_records(&conn, "id: ");
	assert_int_equal(daemon_streams(daemon), 1);
	pass_record(&conn, &client.passed, 1);
	pass_client_let_go(&client);
	/* Nobody else has it: it is closed. */
	assert_true(pass_client_is_ended(&client, FCGI_SOON_MS));
	assert_int_equal(daemon_publish(daemon, "a", "on"), 1);
	pass_expect_records(&conn, "data: on\n\n");
	pass_client_close(&client);
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* The module leaves while its stream is held. */
static void
test_leaves(void **state)
{
	struct daemon *daemon = *state;
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;

	pass_begin(&conn, daemon, "/events?channel=a");
	fcgi_close(&conn);
	pass_begin(&conn, daemon, "/events?channel=a");
	wire_record(&bytes, WIRE_ABORT_REQUEST, 1, NULL, 0, 0);
	support_send(&conn, &bytes);
	assert_true(fcgi_is_closed(&conn, FCGI_SOON_MS));
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* Whose socket is not asked for. */
static void
test_not_asked(void **state)
{
	struct daemon *daemon = *state;
	static const char *const other[] = { "CRIER_PASS", "0", NULL };
	struct wire_request request = { .uri = "/events?channel=a",
		.extra = other };
	struct fcgi_conn conn;

	support_open(&conn, daemon);
	support_request(&conn, &request);
	assert_false(pass_head(&conn));
	fcgi_close(&conn);
	/* A stream that polls, and crierd's own channels. */
	pass_ask(&conn, daemon, "/events?channel=a&poll=1", 0);
	assert_false(pass_head(&conn));
	fcgi_close(&conn);
	pass_ask(&conn, daemon, "/events?channel=%24streams", 0);
	assert_false(pass_head(&conn));
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* By TCP no descriptor comes. */
static void
test_cannot_pass(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;

	pass_ask(&conn, daemon, "/events?channel=a", 0);
	assert_false(pass_head(&conn));
	fcgi_close(&conn);
	support_expect_healthy(daemon);
}

/* The refusals come as ever: with a status of their own, or as a stream. */
static void
test_stopped(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;
	struct watch watch;

	support_watch(&watch, daemon, "a");
	assert_int_equal(daemon_close_channel(daemon, "a", true), 0);
	watch_clear(&watch);
	pass_ask(&conn, daemon, "/events?channel=a", 0);
	support_expect_reply(&conn, 1, 204);
	fcgi_close(&conn);
}

static void
test_full(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn, second;
	struct pass_client client, late;

	/* Two are asked for, and there is one place. */
	pass_client_open(&late);
	pass_begin(&second, daemon, "/events?channel=a");
	pass_give(&conn, daemon, &client, "/events?channel=a");
	pass_record(&second, &late.passed, 1);
	pass_expect_records(&second, "retry: ");
	support_expect_end(&second, 1, WIRE_REQUEST_COMPLETE);
	fcgi_close(&second);
	/* Its socket is the module's own again. */
	pass_client_let_go(&late);
	assert_true(pass_client_is_ended(&late, FCGI_SOON_MS));
	assert_int_equal(late.len, 0);
	pass_client_close(&late);
	/* A third one is not even asked for its socket. */
	pass_ask(&conn, daemon, "/events?channel=a", 0);
	assert_false(pass_head(&conn));
	fcgi_close(&conn);
	pass_client_close(&client);
	assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
}

/* A program begins with its stream: not before, and only if one more may run.
 */
static void
test_program(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn, second;
	struct pass_client client;

	pass_client_open(&client);
	pass_begin(&conn, daemon, "/slow");
	/* The one that may run is not running yet. */
	pass_begin(&second, daemon, "/slow");
	pass_record(&conn, &client.passed, 1);
	pass_expect_taken(&conn);
	pass_client_expect(&client, "data: runs\n\n");
	pass_record(&second, &client.passed, 1);
	pass_expect_records(&second, "retry: ");
	support_expect_end(&second, 1, WIRE_REQUEST_COMPLETE);
	fcgi_close(&second);
	pass_ask(&second, daemon, "/slow", 0);
	support_expect_reply(&second, 1, 503);
	fcgi_close(&second);
	fcgi_close(&conn);
	pass_client_close(&client);
	assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_passed),
		SUPPORT_TEST(test_ends),
		SUPPORT_TEST(test_kept),
		SUPPORT_TEST(test_held_events),
		SUPPORT_TEST_WITH(test_held_gap, &pass_keep_few),
		SUPPORT_TEST(test_not_passed),
		SUPPORT_TEST(test_leaves),
		SUPPORT_TEST(test_not_asked),
		SUPPORT_TEST_WITH(test_cannot_pass, &pass_tcp),
		SUPPORT_TEST(test_stopped),
		SUPPORT_TEST_WITH(test_full, &pass_full),
		SUPPORT_TEST_WITH(test_full, &pass_user),
		SUPPORT_TEST_WITH(test_program, &pass_run),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("passed sockets", tests, NULL, NULL);
}
