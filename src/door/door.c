/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>

#include <fastcgi.h>

#include "door/connection.h"
#include "door/door.h"
#include "door/record.h"

static int
door_put_end(struct buffer *b, uint16_t request_id)
{
	return record_append_finish(b, request_id);
}

/*
 * Sends the answer to a record that is no part of the stream's request; it
 * stands between two records of the stream.
 */
static int
door_answer_record(struct door *door, struct stream *s, const struct record *r)
{
	struct buffer b = { 0 };
	int rc;

	if (r->request_id != FCGI_NULL_REQUEST_ID)
		rc = record_append_end(&b, r->request_id, FCGI_CANT_MPX_CONN);
	else if (r->type == FCGI_GET_VALUES)
		rc = record_append_values(&b, r, door->max_connections);
	else
		rc = record_append_unknown_type(&b, r->type);
	if (rc == 0)
		rc = stream_insert(s, b.data, b.len);
	buffer_clear(&b);
	return rc;
}

/*
 * Reads what a web server sends while its stream is open: an ABORT (of those
 * tested, only HAProxy sends one), or requests that we have told it not to
 * send.  Mostly there is nothing but the end of file.
 */
static ptrdiff_t
door_input(void *arg, struct stream *s, const char *data, size_t len)
{
	uint16_t request_id = stream_request_id(s);
	struct record r;
	size_t whole;

	if (data[0] != FCGI_VERSION_1)
		return -1;
	if ((whole = record_parse(data, len, &r)) == 0)
		return 0;
	if (r.request_id == FCGI_NULL_REQUEST_ID ||
	    (r.type == FCGI_BEGIN_REQUEST && r.request_id != request_id)) {
		if (door_answer_record(arg, s, &r) == -1)
			return -1;
	} else if (r.request_id == request_id) {
		if (r.type == FCGI_BEGIN_REQUEST)
			return -1;
		if (r.type == FCGI_ABORT_REQUEST)
			stream_abort(s);
	}
	return (ptrdiff_t)whole;
}

static void
door_returned(void *arg, int fd, struct text_span input)
{
	connection_open(arg, fd, true, input);
}

static void
door_accept_cb(void *arg, int fd)
{
	static const struct text_span nothing;
	struct door *door = arg;

	door->counters.connections++;
	connection_open(door, fd, false, nothing);
}

struct door *
door_new(struct event_base *base, struct uplink *uplink)
{
	struct door *door = calloc(1, sizeof *door);

	if (door == NULL)
		return NULL;
	door->base = base;
	door->uplink = uplink;
	TAILQ_INIT(&door->connections);
	TAILQ_INIT(&door->idle);
	TAILQ_INIT(&door->surplus);
	framing_init_raw(&door->raw, "cgi");
	framing_init_raw(&door->passed, "passed");
	door->framing = (struct framing){ .name = "fastcgi",
		.header_bytes = FCGI_HEADER_LEN,
		.put_header = record_put_stdout,
		.put_end = door_put_end,
		.input = door_input,
		.returned = door_returned,
		.arg = door };
	door->handed = door->framing;
	door->handed.name = "fastcgi-handoff";
	return door;
}

void
door_configure(struct door *door, const struct config *config, size_t max)
{
	door->config = config;
	door->max_connections = max;
}

void
door_set_hub(struct door *door, struct hub *hub)
{
	door->sources.hub = hub;
}

int
door_listen(struct door *door, int fd)
{
	struct listener *l;

	if (door->listener_count == DOOR_LISTENERS_MAX)
		return -1;
	l = listener_new(door->base, fd, door_accept_cb, door);
	if (l == NULL)
		return -1;
	door->listeners[door->listener_count++] = l;
	return 0;
}

void
door_close(struct door *door)
{
	while (door->listener_count > 0)
		listener_free(door->listeners[--door->listener_count]);
}

bool
door_is_busy(const struct door *door)
{
	return connection_any_is_busy(door);
}

void
door_free(struct door *door)
{
	struct connection *c;

	if (door == NULL)
		return;
	door_close(door);
	while ((c = TAILQ_FIRST(&door->connections)) != NULL)
		connection_close(c);
	free(door);
}
