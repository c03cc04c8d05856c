/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Publishing, status, presence and a history as JSON are questions to the hub's
 * queue, which an exchange asks as any other program would.  exchange_questions
 * has, for each kind of route that is one, the line to be sent and the answer
 * that is made of the reply.
 */

#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "protocol/reply.h"
#include "request/exchange_part.h"
#include "request/metrics.h"

enum {
	EXCHANGE_LISTED = 50 /* channels, and slow streams, of the page */
};

static struct json_object *
exchange_channels(const struct route *r)
{
	struct json_object *names = json_object_new_array();
	size_t i;

	for (i = 0; names != NULL && i < r->channel_count; i++)
		json_object_array_add(names,
		    json_object_new_string_len(r->channels[i].text,
			(int)r->channels[i].len));
	return names;
}

static void
exchange_add_event(struct json_object *o, const struct event_fields *e)
{
	json_add_text(o, "data", e->data, e->data_len);
	if (e->name_len > 0)
		json_add_text(o, "event", e->name, e->name_len);
	if (e->id_len > 0)
		json_add_text(o, "id", e->id, e->id_len);
	if (e->key_len > 0)
		json_add_text(o, "key", e->key, e->key_len);
	if (e->key_len > 0)
		json_add_text(o, "origin", e->origin, e->origin_len);
	if (e->retry_ms != EVENT_RETRY_NONE)
		json_add_number(o, "retry", e->retry_ms);
	if (e->expires_ms > 0)
		json_add(o, "expires",
		    json_object_new_double((double)e->expires_ms / 1000));
}

static void
exchange_put_publish(const struct exchange *ex, struct json_object *line)
{
	const struct route *r = &ex->route;

	json_add(line, "channel", exchange_channels(r));
	exchange_add_event(line, &r->event);
}

static void
exchange_put_presence(const struct exchange *ex, struct json_object *line)
{
	const struct route *r = &ex->route;

	json_add_string(line, "do", "presence");
	json_add(line, "channel", exchange_channels(r));
}

static void
exchange_put_history(const struct exchange *ex, struct json_object *line)
{
	const struct route *r = &ex->route;

	json_add_string(line, "do", "history");
	json_add(line, "channel", exchange_channels(r));
	if (r->since_len > 0)
		json_add_text(line, "since", r->since, r->since_len);
	if (r->has_last)
		json_add_number(line, "last", r->last);
	if (r->limit > 0)
		json_add_number(line, "limit", r->limit);
}

static void
exchange_put_stop(const struct exchange *ex, struct json_object *line)
{
	const struct route *r = &ex->route;

	json_add_string(line, "do", "stop");
	json_add(line, "channel", exchange_channels(r));
	if (r->is_own_alone)
		json_add_string(line, "user", ex->who.user);
}

static void
exchange_put_status(const struct exchange *ex, struct json_object *line)
{
	const struct route *r = &ex->route;

	json_add_string(line, "do", "status");
	/* Whoever gathers metrics asks each node. */
	if (r->config->status == CONFIG_STATUS_PROMETHEUS)
		json_add_flag(line, "here", true);
	if (r->view != ROUTE_VIEW_FIGURES)
		return;
	json_add_flag(line, "channels", true);
	json_add_flag(line, "streams", true);
	json_add_flag(line, "slow", true);
	json_add_flag(line, "runs", true);
	json_add_number(line, "limit", EXCHANGE_LISTED);
	if (r->sort != NULL)
		json_add_string(line, "sort", r->sort);
	if (r->find != NULL)
		json_add_string(line, "find", r->find);
}

/*
 * The HTTP status for a refusal of the queue's, whose reply has an exit code
 * (sysexits(3)).
 */
static int
exchange_status_of(int code)
{
	switch (code) {
	case EX_DATAERR:
	case EX_USAGE:
		return 400;
	case EX_NOPERM:
		return 403;
	default:
		return 503;
	}
}

static int
exchange_answer_published(const struct exchange *ex, struct json_object *reply,
    struct text_span line, struct buffer *b)
{
	struct buffer text = { 0 };
	struct text_span id = { "", 0 };
	uint64_t streams = 0;
	int rc;

	(void)line;
	json_get_text(json_member(reply, "id"), &id);
	json_get_whole(json_member(reply, "streams"), UINT64_MAX, &streams);
	rc = route_put_reply(&ex->route, &text, id, streams);
	if (rc == 0)
		rc = answer_text(b, &ex->context, ex->route.status,
		    ex->route.reply_type,
		    (struct text_span){ text.data, text.len });
	buffer_clear(&text);
	return rc;
}

/* The reply of the queue is itself the answer. */
static int
exchange_answer_reply(const struct exchange *ex, struct json_object *reply,
    struct text_span line, struct buffer *b)
{
	(void)reply;
	return answer_text(b, &ex->context, 200, "application/json", line);
}

/* How the request came: what crier doctor would ask about. */
static struct json_object *
exchange_way(const struct exchange *ex)
{
	static const struct {
		const char *name, *variable;
	} members[] = { { "server", "SERVER_SOFTWARE" },
		{ "protocol", "SERVER_PROTOCOL" }, { "tls", "HTTPS" },
		{ "user", "REMOTE_USER" }, { "address", "REMOTE_ADDR" } };
	struct json_object *o = json_object_new_object();
	size_t i;

	json_add_string(o, "door", ex->door == NULL ? "" : ex->door);
	for (i = 0; i < sizeof members / sizeof *members; i++)
		json_add_string(o, members[i].name,
		    request_get(&ex->request, members[i].variable));
	return o;
}

/* Whether the page may publish to the channel that it shows. */
static bool
exchange_may_publish(const struct exchange *ex)
{
	const char *name = ex->route.looked_into;

	return config_route_has_body(ex->route.config) &&
	    access_decide(&ex->who, ex->context.config, ACCESS_PUBLISH,
		(struct text_span){ name, strlen(name) }) == ACCESS_GRANTED;
}

static int
exchange_answer_figures(const struct exchange *ex, struct json_object *reply,
    struct buffer *b)
{
	struct text_span text;

	json_add_value(reply, "request", exchange_way(ex));
	if (ex->route.looked_into != NULL)
		json_add_flag(reply, "may_publish", exchange_may_publish(ex));
	if ((text.text = json_line(reply)) == NULL)
		return -1;
	text.len = strlen(text.text);
	return answer_text(b, &ex->context, 200, "application/json", text);
}

static int
exchange_answer_status(const struct exchange *ex, struct json_object *reply,
    struct text_span line, struct buffer *b)
{
	struct buffer text = { 0 };
	int rc;

	if (ex->route.view == ROUTE_VIEW_FIGURES)
		return exchange_answer_figures(ex, reply, b);
	if (ex->route.config->status != CONFIG_STATUS_PROMETHEUS)
		return exchange_answer_reply(ex, reply, line, b);
	rc = metrics_append(&text, reply);
	if (rc == 0)
		rc = answer_text(b, &ex->context, 200, METRICS_TYPE,
		    (struct text_span){ text.data, text.len });
	buffer_clear(&text);
	return rc;
}

/*
 * The kinds of routes that are questions: how to ask, and how to answer after a
 * reply that is "ok".
 */
static const struct exchange_question {
	void (*put_line)(const struct exchange *, struct json_object *line);
	int (*put_answer)(const struct exchange *, struct json_object *reply,
	    struct text_span line, struct buffer *);
} exchange_questions[ROUTE_KINDS] = {
	[ROUTE_PUBLISH] = { exchange_put_publish, exchange_answer_published },
	[ROUTE_STATUS] = { exchange_put_status, exchange_answer_status },
	[ROUTE_PRESENCE] = { exchange_put_presence, exchange_answer_reply },
	[ROUTE_HISTORY] = { exchange_put_history, exchange_answer_reply },
	[ROUTE_STOP] = { exchange_put_stop, exchange_answer_reply },
};

bool
exchange_is_question(const struct exchange *ex)
{
	return exchange_questions[ex->route.kind].put_line != NULL;
}

/*
 * Whether a line may be sent again if its reply is missing: an event with a key
 * may, for the hub knows it by that.
 */
static bool
exchange_is_repeatable(const struct exchange *ex)
{
	return ex->route.kind != ROUTE_PUBLISH || ex->route.event.key_len > 0;
}

enum exchange_state
exchange_ask(struct exchange *ex)
{
	enum exchange_state state = EXCHANGE_FAILED;
	struct json_object *o = json_object_new_object();
	struct buffer line = { 0 };

	exchange_questions[ex->route.kind].put_line(ex, o);
	if (json_append(&line, o) == 0 && buffer_append(&line, "\n", 1) == 0)
		state = ex->attachment->ask(ex->arg, &line,
		    exchange_is_repeatable(ex));
	buffer_clear(&line);
	return state;
}

int
exchange_put_reply(const struct exchange *ex, const char *reply, size_t len,
    struct buffer *b)
{
	struct text_span text = { reply, len };
	struct reply r;
	int rc;

	reply_read(&r, reply, len);
	if (r.is_ok)
		rc = exchange_questions[ex->route.kind].put_answer(ex, r.json,
		    text, b);
	else
		rc = answer_error(b, &ex->context, exchange_status_of(r.code),
		    r.error == NULL ? "crierd does not answer" : r.error);
	reply_clear(&r);
	return rc;
}
