/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A request that publishes: from templates and body to an event.  The reply is
 * expanded here too, all but what is known only when the event is accepted, so
 * nothing of the request has to be kept until then.
 */

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "protocol/limits.h"
#include "request/route_part.h"

enum {
	ROUTE_JSON_DEPTH = 32
};

/* The fields are named in a body as they are on the queue. */
static const char *const route_fields[] = { [CONFIG_FIELD_DATA] = "data",
	[CONFIG_FIELD_EVENT] = "event",
	[CONFIG_FIELD_ID] = "id",
	[CONFIG_FIELD_KEY] = "key",
	[CONFIG_FIELD_RETRY] = "retry",
	[CONFIG_FIELD_EXPIRES] = "expires" };

/* Whether a field can have this value of JSON: the queue has the same rules. */
static bool
route_may_be(enum config_route_field field, struct json_object *value)
{
	struct text_span text;

	switch (field) {
	case CONFIG_FIELD_DATA:
		return true;
	case CONFIG_FIELD_EVENT:
		return json_get_text(value, &text);
	case CONFIG_FIELD_ID:
	case CONFIG_FIELD_KEY:
		return json_get_name(value, &text);
	default:
		return json_get_word(value, &text);
	}
}

/* Reads a field from the body itself.  1; 0: it is not there; -1: refused. */
static int
route_read_field(struct route *r, struct route_input *in,
    enum config_route_field field)
{
	/* A template of this variable alone, which may be missing. */
	struct template_piece piece = { .source = TEMPLATE_BODY,
		.text = { route_fields[field], strlen(route_fields[field]) },
		.is_optional = true };
	const struct template t = { .count = 1, .pieces = &piece };
	struct json_object *o;

	if (in->values.body.kind == BODY_JSON)
		piece.source = TEMPLATE_JSON;
	else if (in->values.body.kind == BODY_FORM)
		piece.source = TEMPLATE_FORM;
	else if (field != CONFIG_FIELD_DATA)
		return 0;
	if (piece.source == TEMPLATE_JSON &&
	    json_object_object_get_ex(in->values.body.json, route_fields[field],
		&o) &&
	    !route_may_be(field, o))
		return refusal_set(&r->refusal, 400, "%s is not a string",
		    route_fields[field]);
	return expand_text(&t, true, &in->values, &r->fields[field]);
}

/*
 * Finds a field: by its template, or, in a route without a template for the
 * data, in the body.  1; 0: there is none; -1: refused.
 *
 * A key has its template or is none: it makes later events duplicates, and
 * whether clients may do that is for the configuration to say.
 */
static int
route_find_field(struct route *r, struct route_input *in,
    enum config_route_field field, struct text_span *span)
{
	const struct config_route *c = in->found;
	struct expansion *e = &r->fields[field];
	int got = 0;

	if (c->fields[field] != NULL)
		got = expand_text(c->fields[field], field != CONFIG_FIELD_DATA,
		    &in->values, e);
	else if (c->fields[CONFIG_FIELD_DATA] == NULL &&
	    field != CONFIG_FIELD_KEY)
		got = route_read_field(r, in, field);
	if (got == -1)
		return -1;
	span->text = e->text.len > 0 ? e->text.data : "";
	span->len = got == 1 ? e->text.len : 0;
	return got;
}

static int
route_read_retry(struct route *r, struct text_span text)
{
	const struct limit *limit = &limit_of[LIMIT_RETRY_MS];

	if (text_parse_number(text.text, text.len, limit->max,
		&r->event.retry_ms))
		return 0;
	return refusal_set(&r->refusal, 400,
	    "retry is not a whole number from 0 to %llu",
	    (unsigned long long)limit->max);
}

static int
route_read_expires(struct route *r, struct text_span text)
{
	if (event_parse_expires(text.text, text.len, &r->event.expires_ms))
		return 0;
	return refusal_set(&r->refusal, 400,
	    "expires is not a number of seconds above 0");
}

/*
 * Sets event name, id or key.  An empty name is none; the others cannot be
 * empty.
 */
static int
route_set_word(struct route *r, enum config_route_field field,
    struct text_span text)
{
	if (field == CONFIG_FIELD_EVENT) {
		r->event.name = text.text;
		r->event.name_len = text.len;
		return 0;
	}
	if (text.len == 0)
		return refusal_set(&r->refusal, 400, "%s is empty",
		    route_fields[field]);
	if (field == CONFIG_FIELD_ID) {
		r->event.id = text.text;
		r->event.id_len = text.len;
	} else {
		r->event.key = text.text;
		r->event.key_len = text.len;
	}
	return 0;
}

static int
route_set_field(struct route *r, enum config_route_field field,
    struct text_span text)
{
	switch (field) {
	case CONFIG_FIELD_DATA:
		r->event.data = text.text;
		r->event.data_len = text.len;
		return 0;
	case CONFIG_FIELD_RETRY:
		return route_read_retry(r, text);
	case CONFIG_FIELD_EXPIRES:
		return route_read_expires(r, text);
	default:
		return route_set_word(r, field, text);
	}
}

/* The key is this route's: another's, or the queue's, is another key. */
static void
route_set_origin(struct route *r, const struct config_route *c)
{
	r->event.origin = c->title;
	r->event.origin_len = strlen(c->title);
}

static int
route_read_fields(struct route *r, struct route_input *in)
{
	static const enum config_route_field fields[] = { CONFIG_FIELD_DATA,
		CONFIG_FIELD_EVENT, CONFIG_FIELD_ID, CONFIG_FIELD_KEY,
		CONFIG_FIELD_RETRY, CONFIG_FIELD_EXPIRES };
	struct text_span text = { "", 0 };
	const char *why;
	size_t i;
	int got;

	r->event.retry_ms = EVENT_RETRY_NONE;
	route_set_origin(r, in->found);
	for (i = 0; i < sizeof fields / sizeof *fields; i++) {
		got = route_find_field(r, in, fields[i], &text);
		if (got == 1)
			got = route_set_field(r, fields[i], text);
		if (got == -1)
			return -1;
	}
	if (r->event.data == NULL)
		return refusal_set(&r->refusal, 400, "data is missing");
	why = event_check(&r->event, in->config->max_event_bytes);
	if (why == NULL)
		return 0;
	return refusal_set(&r->refusal,
	    r->event.data_len > in->config->max_event_bytes ? 413 : 400, "%s",
	    why);
}

/* Reads a body that is an event, or a part of one. */
static int
route_read_event_body(struct route *r, struct route_input *in, unsigned accept,
    bool needs_object)
{
	if (route_read_body(r, in, accept, ROUTE_JSON_DEPTH) == -1)
		return -1;
	if (in->values.body.kind == BODY_JSON && needs_object &&
	    !json_object_is_type(in->values.body.json, json_type_object))
		return refusal_set(&r->refusal, 400,
		    "the body is not a JSON object");
	return 0;
}

/* Expands the reply, but for {id} and {streams}. */
static int
route_read_reply(struct route *r, struct route_input *in)
{
	const struct template *t = in->found->fields[CONFIG_FIELD_REPLY];
	struct expansion *e = &r->fields[CONFIG_FIELD_REPLY];

	if ((r->reply_type = strdup(in->found->reply_type)) == NULL)
		return refusal_set_memory(&r->refusal);
	if (t == NULL)
		return 0;
	r->has_reply = true;
	if (t->count == 0)
		r->status = 204;
	return expand_text(t, false, &in->values, e) == -1 ? -1 : 0;
}

int
route_read_event(struct route *r, struct route_input *in)
{
	unsigned sources = in->found->sources, accept = 0;

	if (in->found->fields[CONFIG_FIELD_DATA] == NULL ||
	    (sources & TEMPLATE_BIT(TEMPLATE_BODY)) != 0)
		accept = BODY_FORM | BODY_JSON | BODY_TEXT;
	if (sources & TEMPLATE_BIT(TEMPLATE_FORM))
		accept |= BODY_FORM;
	if (sources & TEMPLATE_BIT(TEMPLATE_JSON))
		accept |= BODY_JSON;
	/* A body that no template uses may be anything: it is not read. */
	if (accept != 0 &&
	    route_read_event_body(r, in, accept,
		in->found->fields[CONFIG_FIELD_DATA] == NULL ||
		    (sources & TEMPLATE_BIT(TEMPLATE_JSON)) != 0) == -1)
		return -1;
	if (route_read_channels(r, in) == -1 || route_read_fields(r, in) == -1)
		return -1;
	return route_read_reply(r, in);
}

int
route_read_plain_event(struct route *r, struct route_input *in,
    const char *channel)
{
	if (route_read_event_body(r, in, BODY_FORM | BODY_JSON | BODY_TEXT,
		true) == -1 ||
	    route_add_channel(r, in, channel, strlen(channel)) == -1 ||
	    route_read_fields(r, in) == -1)
		return -1;
	if ((r->reply_type = strdup("application/json")) == NULL)
		return refusal_set_memory(&r->refusal);
	return 0;
}

int
route_put_reply(const struct route *r, struct buffer *b, struct text_span id,
    uint64_t streams)
{
	struct json_object *o;

	if (r->has_reply)
		return expand_fill(&r->fields[CONFIG_FIELD_REPLY], b, id,
		    streams);
	o = json_object_new_object();
	json_add_flag(o, "ok", true);
	json_add_text(o, "id", id.text, id.len);
	json_add_number(o, "streams", streams);
	return json_append_line(b, o);
}
