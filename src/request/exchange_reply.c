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
		json_add(o, "do", json_object_new_string("presence"));
		json_add(o, "channel", exchange_channels(r));
		break;
	default:
		json_add(o, "do", json_object_new_string("status"));
		break;
	}
	return json_append(b, o) == 0 ? buffer_append(b, "\n", 1) : -1;
}

/* The exit codes of the queue (sysexits(3)) as HTTP has them. */
static int
exchange_status_of(struct json_object *reply)
{
	struct json_object *code;

	if (!json_object_object_get_ex(reply, "code", &code))
		return 503;
	switch (json_object_get_int(code)) {
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
	struct json_object *error;
	const char *text = "crierd does not answer";

	if (json_object_object_get_ex(reply, "error", &error) &&
	    json_object_is_type(error, json_type_string))
		text = json_object_get_string(error);
	return answer_error(b, &ex->context, exchange_status_of(reply), text);
}

static int
exchange_put_published(const struct exchange *ex, struct json_object *reply,
    struct buffer *b)
{
	struct buffer text = { 0 };
	struct text_span id = { "", 0 };
	struct json_object *value;
	uint64_t streams = 0;
	int rc;

	if (json_object_object_get_ex(reply, "id", &value) &&
	    json_object_is_type(value, json_type_string)) {
		id.text = json_object_get_string(value);
		id.len = (size_t)json_object_get_string_len(value);
	}
	if (json_object_object_get_ex(reply, "streams", &value))
		streams = json_object_get_uint64(value);
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

static struct json_object *
exchange_parse(const char *reply, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *o = NULL;

	if (tokener != NULL && len < INT_MAX)
		o = json_tokener_parse_ex(tokener, reply, (int)len);
	if (tokener != NULL)
		json_tokener_free(tokener);
	return o;
}

int
exchange_put_reply(const struct exchange *ex, const char *reply, size_t len,
    struct buffer *b)
{
	struct json_object *o = exchange_parse(reply, len), *ok;
	int rc;

	if (!json_object_object_get_ex(o, "ok", &ok) ||
	    !json_object_get_boolean(ok))
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
