/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <limits.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "request/exchange.h"
#include "request/metrics.h"

/*
 * What is not a stream is asked of the queue, as any other program would ask:
 * publishing, who is there, how it goes.
 */

bool
exchange_is_question(const struct exchange *ex)
{
	return ex->route.kind == ROUTE_PUBLISH ||
	    ex->route.kind == ROUTE_STATUS || ex->route.kind == ROUTE_PRESENCE;
}

bool
exchange_is_repeatable(const struct exchange *ex)
{
	return ex->route.kind != ROUTE_PUBLISH || ex->route.event.key_len > 0;
}

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
	if (e->retry_ms != EVENT_RETRY_NONE)
		json_add_number(o, "retry", e->retry_ms);
	if (e->expires_ms > 0)
		json_add(o, "expires",
		    json_object_new_double((double)e->expires_ms / 1000));
}

int
exchange_put_question(const struct exchange *ex, struct buffer *b)
{
	const struct route *r = &ex->route;
	struct json_object *o = json_object_new_object();

	switch (r->kind) {
	case ROUTE_PUBLISH:
		json_add(o, "channel", exchange_channels(r));
		exchange_add_event(o, &r->event);
		break;
	case ROUTE_PRESENCE:
		json_add_string(o, "do", "presence");
		json_add(o, "channel", exchange_channels(r));
		break;
	default:
		json_add_string(o, "do", "status");
		break;
	}
	return json_append(b, o) == 0 ? buffer_append(b, "\n", 1) : -1;
}

/* The exit codes of the queue (sysexits(3)) as HTTP has them. */
static int
exchange_status_of(struct json_object *reply)
{
	uint64_t code = EX_TEMPFAIL;

	json_get_whole(json_member(reply, "code"), INT_MAX, &code);
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
exchange_put_error(const struct exchange *ex, struct json_object *reply,
    struct buffer *b)
{
	const char *text = json_get_string(json_member(reply, "error"));

	return answer_error(b, &ex->context, exchange_status_of(reply),
	    text == NULL ? "crierd does not answer" : text);
}

static int
exchange_put_published(const struct exchange *ex, struct json_object *reply,
    struct buffer *b)
{
	struct buffer text = { 0 };
	struct text_span id = { "", 0 };
	uint64_t streams = 0;
	int rc;

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

static int
exchange_put_metrics(const struct exchange *ex, struct json_object *reply,
    struct buffer *b)
{
	struct buffer text = { 0 };
	int rc = metrics_append(&text, reply);

	if (rc == 0)
		rc = answer_text(b, &ex->context, 200, METRICS_TYPE,
		    (struct text_span){ text.data, text.len });
	buffer_clear(&text);
	return rc;
}

int
exchange_put_reply(const struct exchange *ex, const char *reply, size_t len,
    struct buffer *b)
{
	struct json_object *o = json_parse_object(reply, len);
	bool ok = false;
	int rc;

	json_get_flag(json_member(o, "ok"), &ok);
	if (!ok)
		rc = exchange_put_error(ex, o, b);
	else if (ex->route.kind == ROUTE_PUBLISH)
		rc = exchange_put_published(ex, o, b);
	else if (ex->route.kind == ROUTE_STATUS &&
	    ex->route.config->status == CONFIG_STATUS_PROMETHEUS)
		rc = exchange_put_metrics(ex, o, b);
	else
		rc = answer_text(b, &ex->context, 200, "application/json",
		    (struct text_span){ reply, len });
	json_object_put(o);
	return rc;
}
