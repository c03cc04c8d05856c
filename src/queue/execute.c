/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "hub/ask.h"
#include "hub/presence.h"
#include "hub/run.h"
#include "hub/status.h"
#include "protocol/reply.h"
#include "queue/execute.h"
#include "queue/state.h"

int
execute_publish(struct queue *q, const struct asker *asker, void *who,
    struct command *c)
{
	const char *why;
	ptrdiff_t event = hub_publish(q->hub, c->channels, c->channel_count,
	    &c->event, &why, &c->code);

	if (event == -1) {
		snprintf(c->error, sizeof c->error, "%s", why);
		return -1;
	}
	replies_commit_later(&q->replies);
	/* Without memory for the reply the event is sent all the same. */
	return replies_add_event(&q->replies, asker, who, (size_t)event) == -1
	    ? 1
	    : 0;
}

static void
execute_status_queue(const struct queue *q, struct json_object *status)
{
	struct queue_figures figures = q->figures;

	figures.line_max_bytes =
	    command_line_max(hub_config(q->hub)->max_event_bytes);
	figures.bytes_max = hub_config(q->hub)->queue_bytes;
	figures_add(status, FIGURES_QUEUE, &figures);
}

/* What a status is of this process alone. */
static void
execute_add_status(struct queue *q, struct json_object *o)
{
	json_add_string(o, "version", PACKAGE_VERSION);
	json_add_number(o, "pid", (uint64_t)getpid());
	hub_status(q->hub, o);
	execute_status_queue(q, o);
	if (q->status_cb != NULL)
		q->status_cb(q->status_arg, o);
}

static int
execute_status(struct queue *q, const struct command *c, struct buffer *b)
{
	struct json_object *o = reply_new(true);

	execute_add_status(q, o);
	hub_status_lists(q->hub, c, o);
	return json_append_line(b, o);
}

static const char execute_denied[] =
    "somebody else has begun what runs in this channel";

/* NULL, or why one of the channels is none. */
static const char *
execute_check_channels(const struct command *c)
{
	const char *why = NULL;
	size_t i;

	for (i = 0; why == NULL && i < c->channel_count; i++)
		why = event_check_channel(c->channels[i].text,
		    c->channels[i].len);
	return why;
}

static int
execute_close(struct queue *q, const struct command *c, struct buffer *b)
{
	const char *why = execute_check_channels(c);
	struct json_object *o;
	size_t closed = 0, i;

	if (why != NULL)
		return reply_put_error(b, EX_DATAERR, why);
	for (i = 0; i < c->channel_count; i++)
		closed += hub_close_channel(q->hub, c->channels[i].text,
		    c->channels[i].len, c->stop);
	if (c->user != NULL)
		closed = hub_close_user(q->hub, c->user, c->stop);
	if (c->has_stream && hub_is_node(q->hub, c->node))
		closed = hub_close_stream(q->hub, c->stream);
	o = reply_new(true);
	json_add_number(o, "closed", closed);
	return json_append_line(b, o);
}

static int
execute_presence(struct queue *q, const struct command *c, struct buffer *b)
{
	const char *why = execute_check_channels(c);
	struct json_object *o;

	if (why != NULL)
		return reply_put_error(b, EX_DATAERR, why);
	o = reply_new(true);
	presence_add(q->hub, c->channels[0], 0, o);
	return json_append_line(b, o);
}

const char *
execute_check(const struct command *c)
{
	return c->kind == COMMAND_STATUS ? NULL : execute_check_channels(c);
}

int
execute_answer(struct queue *q, enum command_kind kind,
    struct json_object *answer, struct buffer *b)
{
	struct json_object *o;

	if (json_member(answer, "denied") != NULL) {
		json_object_put(answer);
		return reply_put_error(b, EX_NOPERM, execute_denied);
	}
	o = reply_new(true);
	if (kind == COMMAND_STATUS)
		execute_add_status(q, o);
	json_object_object_foreach(answer, name, value)
	{
		json_add(o, name, json_object_get(value));
	}
	json_object_put(answer);
	return json_append_line(b, o);
}

static int
execute_position(struct queue *q, const struct command *c, struct buffer *b)
{
	char text[ID_TEXT_SIZE];
	struct json_object *o;
	struct id position;
	const char *why;
	size_t i;

	for (i = 0; i < c->channel_count; i++) {
		why = event_check_channel(c->channels[i].text,
		    c->channels[i].len);
		if (why != NULL)
			return reply_put_error(b, EX_DATAERR, why);
	}
	if (!hub_find_position(q->hub, c->channels, c->channel_count,
		&position))
		return reply_put_error(b, EX_TEMPFAIL,
		    hub_answer_text(HUB_AWAY));
	o = reply_new(true);
	json_add_text(o, "position", text, id_format(position, text));
	return json_append_line(b, o);
}

/* A reply of how many runs are stopped: one at most. */
static int
execute_stop(struct queue *q, const struct command *c, struct buffer *b)
{
	const struct text_span *name = &c->channels[0];
	const char *why = event_check_channel(name->text, name->len);
	struct json_object *o;
	int stopped;

	if (why != NULL)
		return reply_put_error(b, EX_DATAERR, why);
	stopped = hub_run_stop(q->hub, *name, c->user);
	if (stopped == -1)
		return reply_put_error(b, EX_NOPERM, execute_denied);
	o = reply_new(true);
	json_add_number(o, "stopped", (uint64_t)stopped);
	return json_append_line(b, o);
}

/*
 * Every command of the line protocol.  One without a function here takes the
 * connection, or its reply waits for the store: those are a peer's affair.
 */
static const struct {
	int (*run)(struct queue *, const struct command *, struct buffer *);
	bool may_overtake;
} execute_commands[COMMAND_KINDS] = {
	[COMMAND_PUBLISH] = { NULL, true },
	[COMMAND_STREAM] = { NULL, false },
	[COMMAND_STATUS] = { execute_status, true },
	[COMMAND_CLOSE] = { execute_close, false },
	[COMMAND_HANDOFF] = { NULL, false },
	[COMMAND_PRESENCE] = { execute_presence, false },
	[COMMAND_ORDER] = { NULL, false },
	[COMMAND_STOP] = { execute_stop, false },
	[COMMAND_RUN] = { NULL, false },
	[COMMAND_POSITION] = { execute_position, false },
	[COMMAND_HISTORY] = { NULL, false },
	[COMMAND_RELOAD] = { NULL, false },
	[COMMAND_RESTART] = { NULL, false },
	[COMMAND_SHUTDOWN] = { NULL, false },
};

bool
execute_may_overtake(enum command_kind kind)
{
	return execute_commands[kind].may_overtake;
}

bool
execute_is_costly(enum command_kind kind)
{
	return execute_commands[kind].run != NULL || kind == COMMAND_HISTORY;
}

bool
execute_is_question(enum command_kind kind)
{
	return kind == COMMAND_STATUS || kind == COMMAND_PRESENCE ||
	    kind == COMMAND_POSITION || kind == COMMAND_HISTORY;
}

bool
execute_is_long(const struct command *c)
{
	return c->streams || c->list_channels || c->runs ||
	    c->kind == COMMAND_PRESENCE || c->kind == COMMAND_HISTORY;
}

int
execute_command(struct queue *q, const struct command *c, struct buffer *b)
{
	if (execute_commands[c->kind].run == NULL)
		return -1;
	return execute_commands[c->kind].run(q, c, b);
}
