/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* A web server's module gives crierd its client's own socket; or says that it
 * may, and does not, or gives something else. */
#include "lib/support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PASS_RECORD = 64,
	PASS_TAKEN = 1,
	PASS_MANY = 20
};

static struct support_options pass_tcp = { { "listen=tcp:127.0.0.1:0" } };
static struct support_options pass_full = { { "max-streams=1" } };
static struct support_options pass_user = { { "max-streams-per-address=1" } };
static struct support_options pass_run = { { "run-max=1",
    "@route \"GET /slow\" { run = { \"/bin/sh\", \"-c\","
    " \"echo runs; exec sleep 60\" } }" } };
static struct support_options pass_keep_few = { { "keep=2" } };

/* A client's connection: the end that the module has, and the client's. */
struct client {
	int passed;
	int fd;
	char got[65536];
	size_t len;
};

/* A TCP connection to ourselves. */
static void
client_open(struct client *client)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	client->len = 0;
	assert_int_equal(bind(listening, (struct sockaddr *)&address,
			     sizeof address),
	    0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&address,
			     &len),
	    0);
	client->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client->fd, (struct sockaddr *)&address,
			     sizeof address),
	    0);
	client->passed = accept(listening, NULL, NULL);
	assert_int_not_equal(client->passed, -1);
	close(listening);
}

static void
client_close(struct client *client)
{
	close(client->fd);
	if (client->passed != -1)
		close(client->passed);
	client->fd = client->passed = -1;
}

/* Reads once; false: the end, or nothing in time. */
static bool
client_read(struct client *client, int ms)
{
	struct pollfd p = { .fd = client->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, fcgi_remaining(fcgi_deadline(ms))) != 1)
		return false;
	n = read(client->fd, client->got + client->len,
	    sizeof client->got - 1 - client->len);
	if (n <= 0)
		return false;
	client->len += (size_t)n;
	client->got[client->len] = '\0';
	return true;
}

/* Reads until the text has come. */
static void
client_expect(struct client *client, const char *text)
{
	client->got[client->len] = '\0';
	while (strstr(client->got, text) == NULL)
		if (!client_read(client, FCGI_SOON_MS))
			fail_msg("no %s in: %s", text, client->got);
}

static bool
client_is_ended(struct client *client, int ms)
{
	int64_t until = fcgi_deadline(ms);
	char byte;

	while (fcgi_remaining(until) > 0 && client_read(client, ms))
		;
	return recv(client->fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* Sends bytes with descriptors on the first one. */
static void
pass_send(struct fcgi_conn *conn, const void *bytes, size_t len, const int *fds,
    size_t count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(PASS_MANY * sizeof(int))];
	} control;
	struct iovec iov = { .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *c;

	memcpy(&iov.iov_base, &bytes, sizeof bytes);
	memset(&control, 0, sizeof control);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	assert_int_equal(sendmsg(conn->fd, &msg, MSG_NOSIGNAL), len);
}

/* Sends the record that passes these. */
static void
pass_record(struct fcgi_conn *conn, const int *fds, size_t count)
{
	struct bytes record = { NULL, 0, 0 };

	wire_record(&record, PASS_RECORD, 1, NULL, 0, 0);
	pass_send(conn, record.at, record.len, fds, count);
	bytes_clear(&record);
}

static void
pass_ask(struct fcgi_conn *conn, const struct daemon *daemon, const char *uri,
    unsigned flags)
{
	static const char *const extra[] = { "CRIER_PASS", "1", NULL };
	struct wire_request request = {
		.uri = uri, .flags = flags, .extra = extra
	};

	support_open(conn, daemon);
	support_request(conn, &request);
}

/* Reads the STDOUT records of the head; whether it says X-Crier-Pass. */
static bool
pass_head(struct fcgi_conn *conn)
{
	struct bytes head = { NULL, 0, 0 };
	struct fcgi_record record;
	char *value;
	bool says;

	while (fcgi_body_at(&head) == 0) {
		assert_int_equal(fcgi_read(conn, &record, FCGI_SOON_MS), 1);
		assert_int_equal(record.type, WIRE_STDOUT);
		bytes_add(&head, record.content, record.len);
	}
	value = fcgi_header_value(&head, "X-Crier-Pass");
	says = value != NULL && strcmp(value, "1") == 0;
	/* Nothing else is said yet. */
	if (says)
		assert_int_equal(fcgi_body_at(&head), head.len);
	free(value);
	bytes_clear(&head);
	return says;
}

/* Asks for a stream, and expects that its socket is wanted. */
static void
pass_begin(struct fcgi_conn *conn, const struct daemon *daemon, const char *uri)
{
	pass_ask(conn, daemon, uri, 0);
	assert_true(pass_head(conn));
}

static void
pass_expect_taken(struct fcgi_conn *conn)
{
	struct fcgi_record record;

	assert_int_equal(fcgi_read(conn, &record, FCGI_SOON_MS), 1);
	assert_int_equal(record.type, WIRE_END_REQUEST);
	assert_int_equal(record.id, 1);
	assert_int_equal(record.content[3], PASS_TAKEN);
	assert_int_equal(record.content[4], WIRE_REQUEST_COMPLETE);
}

/* Passes the client's socket on and lets go of it, as the module does. */
static void
pass_client(struct fcgi_conn *conn, const struct daemon *daemon,
    struct client *client, const char *uri)
{
	client_open(client);
	pass_begin(conn, daemon, uri);
	pass_record(conn, &client->passed, 1);
	pass_expect_taken(conn);
	assert_true(fcgi_is_closed(conn, FCGI_SOON_MS));
	fcgi_close(conn);
	close(client->passed);
	client->passed = -1;
}

/* Reads STDOUT records until the text has come in one of them. */
static void
pass_expect_records(struct fcgi_conn *conn, const char *text)
{
	struct fcgi_record record;
	struct bytes all = { NULL, 0, 0 };

	do {
		assert_int_equal(fcgi_read(conn, &record, FCGI_LONG_MS), 1);
		assert_int_equal(record.type, WIRE_STDOUT);
		bytes_add(&all, record.content, record.len);
		bytes_add(&all, "", 1);
		all.len--;
	} while (strstr((const char *)all.at, text) == NULL);
	bytes_clear(&all);
}

static void
test_passed(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;
	struct client client;
	const char *reply;
	struct daemon_queue queue;

	pass_client(&conn, daemon, &client, "/events?channel=a");
	client_expect(&client, "retry: ");
	client_expect(&client, "id: ");
	assert_int_equal(daemon_streams(daemon), 1);
	/* What the client sends is not read for anything. */
	assert_int_equal(write(client.fd, "\1\2\0\1GET /", 9), 9);
	assert_int_equal(daemon_publish(daemon, "a", "one"), 1);
	client_expect(&client, "data: one\n\n");
	assert_int_equal(client.got[0], 'r');
	assert_int_equal(daemon_queue_open(&queue, daemon), 0);
	reply =
	    daemon_queue_ask(&queue, "{\"do\":\"status\",\"streams\":true}");
	assert_non_null(strstr(reply, "\"passed\""));
	daemon_queue_close(&queue);
	/* It leaves by closing its side, as browsers do. */
	shutdown(client.fd, SHUT_WR);
	assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
	client_close(&client);
	support_expect_healthy(daemon);
}

static void
test_ends(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;
	struct client client;

	pass_client(&conn, daemon, &client, "/events?channel=a");
	client_expect(&client, "id: ");
	assert_int_equal(daemon_close_channel(daemon, "a", false), 0);
	client_expect(&client, "event: crier.end\n");
	assert_true(client_is_ended(&client, FCGI_SOON_MS));
	client_close(&client);
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
	struct client clients[3];

	support_open(&conn, daemon);
	for (int i = 0; i < 3; i++) {
		client_open(&clients[i]);
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
		client_expect(&clients[i], "data: all\n\n");
		client_close(&clients[i]);
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
	struct client client;

	for (size_t i = 0; i < 3; i++) {
		client_open(&client);
		pass_begin(&conn, daemon, uris[i]);
		daemon_publish(daemon, "a", "held 1");
		daemon_publish(daemon, "a", "held 2");
		pass_record(&conn, &client.passed, 1);
		pass_expect_taken(&conn);
		client_expect(&client, "data: held 1\n\n");
		client_expect(&client, "data: held 2\n\n");
		fcgi_close(&conn);
		client_close(&client);
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
	struct client client;

	client_open(&client);
	pass_begin(&conn, daemon, "/events?channel=a");
	for (int i = 0; i < 4; i++)
		daemon_publish(daemon, "a", "held");
	pass_record(&conn, &client.passed, 1);
	pass_expect_taken(&conn);
	client_expect(&client, "event: crier.gap\n");
	client_expect(&client, "data: held\n\n");
	fcgi_close(&conn);
	client_close(&client);
	support_expect_healthy(daemon);
}

/* No record, or one that comes when the second is over. */
static void
test_not_passed(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn;
	struct client client;

	client_open(&client);
	pass_begin(&conn, daemon, "/events?channel=a");
	assert_true(fcgi_is_silent(&conn, FCGI_NOTHING_MS));
	assert_int_equal(daemon_streams(daemon), 0);
	pass_expect_records(&conn, "id: ");
	assert_int_equal(daemon_streams(daemon), 1);
	pass_record(&conn, &client.passed, 1);
	close(client.passed);
	client.passed = -1;
	/* Nobody else has it: it is closed. */
	assert_true(client_is_ended(&client, FCGI_SOON_MS));
	assert_int_equal(daemon_publish(daemon, "a", "on"), 1);
	pass_expect_records(&conn, "data: on\n\n");
	client_close(&client);
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
	struct client client, late;

	/* Two are asked for, and there is one place. */
	client_open(&late);
	pass_begin(&second, daemon, "/events?channel=a");
	pass_client(&conn, daemon, &client, "/events?channel=a");
	pass_record(&second, &late.passed, 1);
	pass_expect_records(&second, "retry: ");
	support_expect_end(&second, 1, WIRE_REQUEST_COMPLETE);
	fcgi_close(&second);
	/* Its socket is the module's own again. */
	close(late.passed);
	late.passed = -1;
	assert_true(client_is_ended(&late, FCGI_SOON_MS));
	assert_int_equal(late.len, 0);
	client_close(&late);
	/* A third one is not even asked for its socket. */
	pass_ask(&conn, daemon, "/events?channel=a", 0);
	assert_false(pass_head(&conn));
	fcgi_close(&conn);
	client_close(&client);
	assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
}

/* A program begins with its stream: not before, and only if one more may run.
 */
static void
test_program(void **state)
{
	struct daemon *daemon = *state;
	struct fcgi_conn conn, second;
	struct client client;

	client_open(&client);
	pass_begin(&conn, daemon, "/slow");
	/* The one that may run is not running yet. */
	pass_begin(&second, daemon, "/slow");
	pass_record(&conn, &client.passed, 1);
	pass_expect_taken(&conn);
	client_expect(&client, "data: runs\n\n");
	pass_record(&second, &client.passed, 1);
	pass_expect_records(&second, "retry: ");
	support_expect_end(&second, 1, WIRE_REQUEST_COMPLETE);
	fcgi_close(&second);
	pass_ask(&second, daemon, "/slow", 0);
	support_expect_reply(&second, 1, 503);
	fcgi_close(&second);
	fcgi_close(&conn);
	client_close(&client);
	assert_true(daemon_wait_streams(daemon, 0, FCGI_SOON_MS));
}

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
	struct client client;

	client_open(&client);
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
	close(client.passed);
	client.passed = -1;
	assert_true(client_is_ended(&client, FCGI_SOON_MS));
	client_close(&client);
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
	struct client client;
	struct fcgi_conn conn;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		client_open(&client);
		pass_begin(&conn, daemon, "/events?channel=a");
		wire_header(&record, wrong[i].version, wrong[i].type,
		    wrong[i].id, 0, wrong[i].padding);
		bytes_add_fill(&record, '\0', wrong[i].padding);
		pass_send(&conn, record.at, wrong[i].cut, &client.passed, 1);
		bytes_clear(&record);
		close(client.passed);
		client.passed = -1;
		assert_true(client_is_ended(&client, FCGI_SOON_MS));
		assert_int_equal(client.len, 0);
		client_close(&client);
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
	struct client clients[2];
	struct fcgi_conn conn;

	client_open(&clients[0]);
	support_open(&conn, daemon);
	wire_request(&bytes, &request);
	pass_send(&conn, bytes.at, bytes.len, &clients[0].passed, 1);
	bytes_clear(&bytes);
	close(clients[0].passed);
	clients[0].passed = -1;
	assert_true(pass_head(&conn));
	assert_true(client_is_ended(&clients[0], FCGI_SOON_MS));
	client_close(&clients[0]);
	fcgi_close(&conn);

	client_open(&clients[0]);
	client_open(&clients[1]);
	pass_ask(&conn, daemon, "/events?channel=a", WIRE_KEEP_CONN);
	assert_true(pass_head(&conn));
	pass_record(&conn, &clients[0].passed, 1);
	pass_record(&conn, &clients[1].passed, 1);
	pass_expect_taken(&conn);
	client_expect(&clients[0], "id: ");
	assert_true(fcgi_is_silent(&conn, FCGI_NOTHING_MS));
	fcgi_close(&conn);
	close(clients[1].passed);
	clients[1].passed = -1;
	assert_true(client_is_ended(&clients[1], FCGI_SOON_MS));
	assert_int_equal(clients[1].len, 0);
	client_close(&clients[0]);
	client_close(&clients[1]);
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
		SUPPORT_TEST(test_no_client),
		SUPPORT_TEST(test_wrong_record),
		SUPPORT_TEST(test_wrong_time),
		SUPPORT_TEST(test_own_socket),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("passed sockets", tests, NULL, NULL);
}
