/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pass.h"
#include "support.h"

enum {
	PASS_TAKEN = 1 /* of END_REQUEST's appStatus */
};

void
pass_client_open(struct pass_client *client)
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

void
pass_client_let_go(struct pass_client *client)
{
	close(client->passed);
	client->passed = -1;
}

void
pass_client_close(struct pass_client *client)
{
	close(client->fd);
	client->fd = -1;
	if (client->passed != -1)
		pass_client_let_go(client);
}

/* Reads once; false: the end, or nothing in time. */
static bool
pass_client_read(struct pass_client *client, int ms)
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

void
pass_client_expect(struct pass_client *client, const char *text)
{
	client->got[client->len] = '\0';
	while (strstr(client->got, text) == NULL)
		if (!pass_client_read(client, FCGI_SOON_MS))
			fail_msg("no %s in: %s", text, client->got);
}

bool
pass_client_is_ended(struct pass_client *client, int ms)
{
	int64_t until = fcgi_deadline(ms);
	char byte;

	while (fcgi_remaining(until) > 0 && pass_client_read(client, ms))
		;
	return recv(client->fd, &byte, 1, MSG_DONTWAIT) == 0;
}

void
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

void
pass_record(struct fcgi_conn *conn, const int *fds, size_t count)
{
	struct bytes record = { NULL, 0, 0 };

	wire_record(&record, PASS_RECORD, 1, NULL, 0, 0);
	pass_send(conn, record.at, record.len, fds, count);
	bytes_clear(&record);
}

void
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

bool
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

void
pass_begin(struct fcgi_conn *conn, const struct daemon *daemon, const char *uri)
{
	pass_ask(conn, daemon, uri, 0);
	assert_true(pass_head(conn));
}

void
pass_expect_taken(struct fcgi_conn *conn)
{
	struct fcgi_record record;

	assert_int_equal(fcgi_read(conn, &record, FCGI_SOON_MS), 1);
	assert_int_equal(record.type, WIRE_END_REQUEST);
	assert_int_equal(record.id, 1);
	assert_int_equal(record.content[3], PASS_TAKEN);
	assert_int_equal(record.content[4], WIRE_REQUEST_COMPLETE);
}

void
pass_give(struct fcgi_conn *conn, const struct daemon *daemon,
    struct pass_client *client, const char *uri)
{
	pass_client_open(client);
	pass_begin(conn, daemon, uri);
	pass_record(conn, &client->passed, 1);
	pass_expect_taken(conn);
	assert_true(fcgi_is_closed(conn, FCGI_SOON_MS));
	fcgi_close(conn);
	pass_client_let_go(client);
}

void
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
