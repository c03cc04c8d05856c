/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
support_setup(void **state)
{
	const struct support_options *options = *state;

	*state = daemon_start(options != NULL ? options->list : NULL);
	return *state != NULL ? 0 : -1;
}

int
support_teardown(void **state)
{
	return *state != NULL ? daemon_stop(*state) : 0;
}

void
support_open(struct fcgi_conn *conn, const struct daemon *daemon)
{
	if (fcgi_open(conn, daemon->listen, 0) == -1)
		fail_msg("connect: %s", strerror(errno));
}

void
support_send(struct fcgi_conn *conn, struct bytes *bytes)
{
	int sent = fcgi_send_bytes(conn, bytes);

	bytes_clear(bytes);
	if (sent == -1)
		fail_msg("send: %s", strerror(errno));
}

void
support_request(struct fcgi_conn *conn, const struct wire_request *request)
{
	struct bytes bytes = { NULL, 0, 0 };

	wire_request(&bytes, request);
	support_send(conn, &bytes);
}

void
support_expect_reply(struct fcgi_conn *conn, unsigned id, int status)
{
	struct fcgi_reply reply;
	int got = fcgi_read_reply(conn, id, &reply, FCGI_SOON_MS);
	int seen = got == 0 ? fcgi_reply_status(&reply) : -1;

	fcgi_reply_clear(&reply);
	if (got == -1)
		fail_msg("reply to id %u: %s", id, strerror(errno));
	if (!reply.ended)
		fail_msg("reply to id %u: closed without END_REQUEST", id);
	assert_int_equal(seen, status);
	assert_int_equal(reply.protocol_status, WIRE_REQUEST_COMPLETE);
	assert_int_equal(reply.app_status, 0);
}

void
support_expect_end(struct fcgi_conn *conn, unsigned id,
    enum wire_protocol_status status)
{
	struct fcgi_record record = { .type = 0 };
	int got;

	do
		got = fcgi_read(conn, &record, FCGI_SOON_MS);
	while (got == 1 && record.type == WIRE_STDOUT && record.len == 0);
	if (got == -1)
		fail_msg("END_REQUEST: %s", strerror(errno));
	if (got == 0)
		fail_msg("END_REQUEST: closed without it");
	assert_int_equal(record.type, WIRE_END_REQUEST);
	assert_int_equal(record.id, id);
	assert_int_equal(record.len, 8);
	assert_int_equal(record.content[4], status);
}

void
support_watch(struct watch *watch, const struct daemon *daemon,
    const char *channel)
{
	char uri[300];

	snprintf(uri, sizeof(uri), "/events?channel=%s", channel);
	if (watch_get(watch, daemon->listen, uri) == -1)
		fail_msg("stream of %s: %s", channel, strerror(errno));
}

void
support_expect_live(const struct daemon *daemon, const char *channel,
    const char *text, struct watch *watches, size_t count)
{
	if (daemon_publish(daemon, channel, text) == -1)
		fail_msg("publish to %s", channel);
	for (size_t i = 0; i < count; i++) {
		struct watch *watch = &watches[i];
		size_t next = watch->count;

		if (watch_events(watch, next + 1, FCGI_SOON_MS) == -1)
			fail_msg("event on stream %zu: %s", i, strerror(errno));
		assert_true(watch_is(watch, next, "message", text));
		assert_int_equal(watch->count, next + 1);
	}
}

void
support_close_channel(const struct daemon *daemon, const char *channel,
    struct watch *watch)
{
	assert_int_equal(daemon_close_channel(daemon, channel, false), 0);
	if (watch_end(watch, FCGI_SOON_MS) == -1)
		fail_msg("end of stream: %s", strerror(errno));
	assert_true(watch->ended);
	assert_int_equal(watch->protocol_status, WIRE_REQUEST_COMPLETE);
	assert_int_equal(watch->app_status, 0);
	assert_true(watch->count > 0);
	assert_string_equal(watch->events[watch->count - 1].type, "crier.end");
}

void
support_expect_healthy(const struct daemon *daemon)
{
	struct watch watch;

	assert_true(daemon_is_alive(daemon));
	if (!daemon_wait_streams(daemon, 0, FCGI_SOON_MS))
		fail_msg("%d streams are left", daemon_streams(daemon));
	support_watch(&watch, daemon, "health");
	assert_int_equal(daemon_streams(daemon), 1);
	support_expect_live(daemon, "health", "well", &watch, 1);
	watch_clear(&watch);
	if (!daemon_wait_streams(daemon, 0, FCGI_SOON_MS))
		fail_msg("%d streams are left", daemon_streams(daemon));
}

void
support_turn(const struct daemon *daemon)
{
	struct daemon_queue queue;

	assert_int_equal(daemon_queue_open(&queue, daemon), 0);
	assert_true(daemon_turn(&queue));
	assert_true(daemon_turn(&queue));
	daemon_queue_close(&queue);
}
