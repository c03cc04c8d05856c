/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

static char *
watch_copy(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		abort();
	memcpy(copy, text, len + 1);
	return copy;
}

static void
watch_event_cb(const struct sse_event *event, void *arg)
{
	struct watch *watch = arg;
	struct watch_event *kept;

	if (watch->count == watch->cap) {
		watch->cap = watch->cap * 2 + 16;
		watch->events =
		    realloc(watch->events, watch->cap * sizeof(*watch->events));
		if (watch->events == NULL)
			abort();
	}
	kept = &watch->events[watch->count++];
	kept->type = watch_copy(event->type, event->type_len);
	kept->data = watch_copy(event->data, event->data_len);
	kept->data_len = event->data_len;
	kept->id = watch_copy(event->last_id, event->last_id_len);
}

static void
watch_retry_cb(uint64_t ms, void *arg)
{
	struct watch *watch = arg;

	watch->retry_ms = ms;
	watch->retries++;
}

static void
watch_comment_cb(const char *text, size_t len, void *arg)
{
	struct watch *watch = arg;

	(void)text;
	(void)len;
	watch->comments++;
}

/* Waits for the header and the first id. */
static int
watch_prime(struct watch *watch)
{
	size_t len = 0;
	int got = 1;

	while (got == 1 && len == 0) {
		got = watch_take(watch, FCGI_SOON_MS);
		sse_parser_last_id(watch->parser, &len);
	}
	if (got == 0)
		errno = EPIPE;
	return got == 1 ? 0 : -1;
}

int
watch_adopt(struct watch *watch, struct fcgi_conn *conn, unsigned id)
{
	struct sse_sink sink = { watch_event_cb, watch_retry_cb,
		watch_comment_cb, NULL };

	*watch = (struct watch){ .conn = *conn, .id = id };
	sink.arg = watch;
	*conn = (struct fcgi_conn){ .fd = -1 };
	watch->parser = sse_parser_new(&sink);
	return watch_prime(watch);
}

int
watch_open(struct watch *watch, const char *address,
    const struct wire_request *request)
{
	struct bytes bytes = { NULL, 0, 0 };
	struct fcgi_conn conn;
	int sent;

	*watch = (struct watch){ .conn.fd = -1 };
	if (fcgi_open(&conn, address, 0) == -1)
		return -1;
	wire_request(&bytes, request);
	sent = fcgi_send_bytes(&conn, &bytes);
	bytes_clear(&bytes);
	if (sent == -1) {
		fcgi_close(&conn);
		return -1;
	}
	return watch_adopt(watch, &conn, request->id != 0 ? request->id : 1);
}

int
watch_get(struct watch *watch, const char *address, const char *uri)
{
	struct wire_request request = { .uri = uri };

	return watch_open(watch, address, &request);
}

void
watch_release(struct watch *watch, struct fcgi_conn *conn)
{
	*conn = watch->conn;
	for (size_t i = 0; i < watch->count; i++) {
		free(watch->events[i].type);
		free(watch->events[i].data);
		free(watch->events[i].id);
	}
	free(watch->events);
	bytes_clear(&watch->head);
	sse_parser_free(watch->parser);
	*watch = (struct watch){ .conn.fd = -1 };
}

void
watch_clear(struct watch *watch)
{
	struct fcgi_conn conn;

	watch_release(watch, &conn);
	fcgi_close(&conn);
}

/* The content of a STDOUT record: header first, then event stream. */
static void
watch_stdout(struct watch *watch, const uint8_t *content, size_t len)
{
	size_t body;

	if (len == 0)
		return;
	watch->stdouts++;
	if (!watch->open) {
		bytes_add(&watch->head, content, len);
		body = fcgi_body_at(&watch->head);
		if (body == 0)
			return;
		watch->open = true;
		sse_parser_feed(watch->parser, watch->head.at + body,
		    watch->head.len - body);
		watch->head.len = body;
	} else {
		sse_parser_feed(watch->parser, content, len);
	}
	/* A heartbeat's comment is whole without a blank line. */
	if (sse_parser_pending(watch->parser) != 0 &&
	    !(len == 2 && memcmp(content, ":\n", 2) == 0))
		watch->cut_records++;
}

int
watch_take(struct watch *watch, int ms)
{
	struct fcgi_record record;
	int got = fcgi_read(&watch->conn, &record, ms);

	if (got == 0) {
		watch->closed = true;
		sse_parser_end(watch->parser);
	}
	if (got != 1)
		return got;
	if (record.id == watch->id && record.type == WIRE_STDOUT &&
	    !watch->ended) {
		watch_stdout(watch, record.content, record.len);
		return 1;
	}
	if (record.id != watch->id || record.type != WIRE_END_REQUEST ||
	    record.len != 8 || watch->ended) {
		errno = EPROTO;
		return -1;
	}
	watch->ended = true;
	watch->protocol_status = record.content[4];
	watch->app_status =
	    (uint32_t)(record.content[0] << 24 | record.content[1] << 16 |
		record.content[2] << 8 | record.content[3]);
	sse_parser_end(watch->parser);
	return 1;
}

int
watch_events(struct watch *watch, size_t count, int ms)
{
	int64_t deadline = fcgi_deadline(ms);

	while (watch->count < count) {
		int got = watch->ended ? 0 : watch_take(watch, ms);

		if (got == 0)
			errno = EPIPE;
		if (got != 1)
			return -1;
		if (fcgi_remaining(deadline) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

int
watch_end(struct watch *watch, int ms)
{
	int64_t deadline = fcgi_deadline(ms);
	int got = 1;

	while (got == 1 && !watch->ended) {
		got = watch_take(watch, ms);
		if (got == 1 && fcgi_remaining(deadline) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return got == -1 ? -1 : 0;
}

bool
watch_is(const struct watch *watch, size_t i, const char *type,
    const char *text)
{
	return i < watch->count && strcmp(watch->events[i].type, type) == 0 &&
	    watch->events[i].data_len == strlen(text) &&
	    strcmp(watch->events[i].data, text) == 0;
}

long
watch_number(const struct watch_event *event, size_t size)
{
	char *expected;
	char *end;
	long number;

	if (event->data_len != size || size < 7)
		return -1;
	number = strtol(event->data, &end, 10);
	if (end != event->data + 6)
		return -1;
	expected = malloc(size);
	if (expected == NULL)
		abort();
	daemon_fill(expected, (unsigned)number, size);
	if (memcmp(expected, event->data, size) != 0)
		number = -1;
	free(expected);
	return number;
}
