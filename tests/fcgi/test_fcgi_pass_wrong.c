/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What a web server's module passes is no client's socket, or comes where none
 * is awaited. */

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/pass.h"
#include "lib/support.h"

/* Descriptors that are no client's, and the connection goes on as ever. */
static void
pass_refused(const struct daemon *daemon, const int *fds, size_t count)
{
	struct fcgi_conn conn;

	pass_begin(&conn, daemon, "/events?channel=a");
	pass_record(&conn, fds, count);
	pass_expect_records(&conn, "id: ");
	assert_int_equal(daemon_publish(daemon, "a", "on"), 1);
	pass_expect_records(&conn, "data: on\n\n");
	fcgi_close(&conn);
	assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
}

static void
test_no_client(void **state)
{
	struct daemon *daemon = *state;
	int fds[7], pipes[2], many[PASS_MANY];
	struct pass_client client;

	pass_client_open(&client);
	assert_int_equal(pipe(pipes), 0);
	fds[0] = open("/dev/null", O_RDWR);
	fds[1] = pipes[0];
	fds[2] = pipes[1];
	fds[3] = socket(AF_INET, SOCK_STREAM, 0);
	fds[4] = socket(AF_INET, SOCK_DGRAM, 0);
	fds[5] = socket(AF_UNIX, SOCK_STREAM, 0);
	fds[6] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(listen(fds[6], 1), 0);
	for (size_t i = 0; i < 7; i++) {
		pass_refused(daemon, &fds[i], 1);
		close(fds[i]);
	}
	/* More than one, and more than there is room for. */
	for (size_t i = 0; i < PASS_MANY; i++)
		many[i] = client.passed;
	pass_refused(daemon, many, 2);
	pass_refused(daemon, many, PASS_MANY);
	pass_client_let_go(&client);
	assert_true(pass_client_is_ended(&client, FCGI_SOON_MS));
	pass_client_close(&client);
	support_expect_healthy(daemon);
}

/* The descriptor comes on something else than its record. */
static void
test_wrong_record(void **state)
{
	struct daemon *daemon = *state;
	static const struct {
		int version, type;
		unsigned id, padding;
		size_t cut;
		bool is_broken; /* not FastCGI: the connection is closed */
	} wrong[] = { { 1, PASS_RECORD, 2, 0, 8, false },
		{ 1, PASS_RECORD, 1, 8, 16, false },
		{ 1, PASS_RECORD + 1, 1, 0, 8, false },
		{ 1, WIRE_STDIN, 1, 0, 8, false },
		{ 2, PASS_RECORD, 1, 0, 8, true },
		{ 1, PASS_RECORD, 1, 0, 7, false },
		{ 1, PASS_RECORD, 1, 0, 1, false } };
	struct bytes record = { NULL, 0, 0 };
	struct pass_client client;
	struct fcgi_conn conn;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		pass_client_open(&client);
		pass_begin(&conn, daemon, "/events?channel=a");
		wire_header(&record, wrong[i].version, wrong[i].type,
		    wrong[i].id, 0, wrong[i].padding);
		bytes_add_fill(&record, '\0', wrong[i].padding);
		pass_send(&conn, record.at, wrong[i].cut, &client.passed, 1);
		bytes_clear(&record);
		pass_client_let_go(&client);
		assert_true(pass_client_is_ended(&client, FCGI_SOON_MS));
		assert_int_equal(client.len, 0);
		pass_client_close(&client);
		if (wrong[i].is_broken)
			assert_true(fcgi_is_closed(&conn, FCGI_SOON_MS));
		else
			pass_expect_records(&conn, "id: ");
		fcgi_close(&conn);
		assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
	}
	support_expect_healthy(daemon);
}

/* Nobody awaits a descriptor with the request itself, or twice. */
static void
test_wrong_time(void **state)
{
	struct daemon *daemon = *state;
	static const char *const extra[] = { "CRIER_PASS", "1", NULL };
	struct wire_request request = { .uri = "/events?channel=a",
		.extra = extra };
	struct bytes bytes = { NULL, 0, 0 };
	struct pass_client clients[2];
	struct fcgi_conn conn;

	pass_client_open(&clients[0]);
	support_open(&conn, daemon);
	wire_request(&bytes, &request);
	pass_send(&conn, bytes.at, bytes.len, &clients[0].passed, 1);
	bytes_clear(&bytes);
	pass_client_let_go(&clients[0]);
	assert_true(pass_head(&conn));
	assert_true(pass_client_is_ended(&clients[0], FCGI_SOON_MS));
	pass_client_close(&clients[0]);
	fcgi_close(&conn);

	pass_client_open(&clients[0]);
	pass_client_open(&clients[1]);
	pass_ask(&conn, daemon, "/events?channel=a", WIRE_KEEP_CONN);
	assert_true(pass_head(&conn));
	pass_record(&conn, &clients[0].passed, 1);
	pass_record(&conn, &clients[1].passed, 1);
	pass_expect_taken(&conn);
	pass_client_expect(&clients[0], "id: ");
	assert_true(fcgi_is_silent(&conn, FCGI_NOTHING_MS));
	fcgi_close(&conn);
	pass_client_let_go(&clients[1]);
	assert_true(pass_client_is_ended(&clients[1], FCGI_SOON_MS));
	assert_int_equal(clients[1].len, 0);
	pass_client_close(&clients[0]);
	pass_client_close(&clients[1]);
	support_expect_healthy(daemon);
}

/* crierd gets its own connection back as a client's, and a copy of ours. */
static void
test_own_socket(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;
	int copies[2];

	for (int i = 0; i < 3; i++) {
		pass_begin(&conn, daemon, "/events?channel=a");
		copies[0] = dup(conn.fd);
		pass_record(&conn, copies, 1);
		close(copies[0]);
		daemon_publish(daemon, "a", "to itself");
		support_turn(daemon);
		fcgi_close(&conn);
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, copies), 0);
	pass_begin(&conn, daemon, "/events?channel=a");
	pass_record(&conn, copies, 1);
	pass_expect_taken(&conn);
	fcgi_close(&conn);
	close(copies[0]);
	shutdown(copies[1], SHUT_WR);
	assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
	close(copies[1]);
	support_expect_healthy(daemon);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(test_no_client),
		SUPPORT_TEST(test_wrong_record),
		SUPPORT_TEST(test_wrong_time),
		SUPPORT_TEST(test_own_socket),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("wrong descriptors", tests, NULL,
	    NULL);
}
