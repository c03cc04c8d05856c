/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "hub/presence.h"
#include "hub/status.h"
#include "protocol/reply.h"
#include "queue/execute.h"
#include "queue/reply.h"

int
execute_publish(struct queue *q, struct queue_peer *peer, struct command *c)
{
	const char *why;
	ptrdiff_t event = hub_publish(q->hub, c->channels, c->channel_count,
	    &c->event, &why, &c->code);

	if (event == -1) {
		snprintf(c->error, sizeof c->error, "%s", why);
		return -1;
	}
	queue_turn_later(q);
	/* Without memory for the reply it is sent all the same. */
	return reply_add_event(q, peer, (size_t)event) == -1 ? 1 : 0;
}

static void
execute_status_queue(const struct queue *q, struct json_object *status)
{
	const struct queue_figures figures = {
		.counters = q->counters,
		.connections = q->peer_count,
		.line_max_bytes = queue_line_max(q),
	};

	figures_add(status, FIGURES_QUEUE, &figures);
}

static int
execute_status(struct queue *q, const struct command *c, struct buffer *b)
{
	struct json_object *o = reply_new(true);

	json_add_string(o, "version", PACKAGE_VERSION);
	json_add_number(o, "pid", (uint64_t)getpid());
	hub_status(q->hub, o);
	execute_status_queue(q, o);
	if (q->status_cb != NULL)
		q->status_cb(q->status_arg, o);
	if (c->streams)
		hub_status_streams(q->hub,
		    c->channel_count > 0 ? &c->channels[0] : NULL, o);
	if (c->list_channels)
		hub_status_channels(q->hub, o);
	return json_append_line(b, o);
}

static int
execute_close(struct queue *q, const struct command *c, struct buffer *b)
{
	struct json_object *o;
	const char *why;
	size_t closed = 0, i;

	for (i = 0; i < c->channel_count; i++) {
		why = event_check_channel(c->channels[i].text,
		    c->channels[i].len);
		if (why != NULL)
			return reply_put_error(b, EX_DATAERR, why);
	}
	for (i = 0; i < c->channel_count; i++)
		closed += hub_close_channel(q->hub, c->channels[i].text,
		    c->channels[i].len, c->stop);
	if (c->user != NULL)
		closed = hub_close_user(q->hub, c->user, c->stop);
	if (c->has_stream)
		closed = hub_close_stream(q->hub, c->stream);
	o = reply_new(true);
	json_add_number(o, "closed", closed);
	return json_append_line(b, o);
}

static int
execute_presence(struct queue *q, const struct command *c, struct buffer *b)
{
	const struct text_span *name = &c->channels[0];
	const char *why = event_check_channel(name->text, name->len);
	struct json_object *o;

	if (why != NULL)
		return reply_put_error(b, EX_DATAERR, why);
	o = reply_new(true);
	presence_add(q->hub, *name, o);
	return json_append_line(b, o);
}

int
execute_command(struct queue *q, const struct command *c, struct buffer *b)
{
	switch (c->kind) {
	case COMMAND_STATUS:
		return execute_status(q, c, b);
	case COMMAND_CLOSE:
		return execute_close(q, c, b);
	case COMMAND_PRESENCE:
		return execute_presence(q, c, b);
	default:
		return -1;
	}
}
