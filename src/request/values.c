/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "request/values.h"

const char *
values_describe(const struct template_piece *p, char to[VALUES_NAME_SIZE])
{
	static const char *const places[] = { [TEMPLATE_PATH] = "path",
		[TEMPLATE_QUERY] = "query",
		[TEMPLATE_FORM] = "form",
		[TEMPLATE_JSON] = "JSON body" };

	if (p->source == TEMPLATE_BODY)
		return "the body";
	if (p->source == TEMPLATE_USER)
		return "the user's name";
	snprintf(to, VALUES_NAME_SIZE, "%.*s in the %s", (int)p->text.len,
	    p->text.text, places[p->source]);
	return to;
}

int
values_refuse_missing(struct values *v, const struct template_piece *p)
{
	char name[VALUES_NAME_SIZE];

	if (p->source == TEMPLATE_USER)
		return refusal_set(v->refusal, 403, "nobody is logged in");
	return refusal_set(v->refusal, 400, "%s is missing",
	    values_describe(p, name));
}

void
value_clear(struct value *value)
{
	free(value->owned);
	memset(value, 0, sizeof *value);
}

static int
values_next_parameter(struct values *v, const struct template_piece *p,
    struct values_cursor *cursor, struct value *value)
{
	char name[PATH_NAME_MAX + 1];
	const char *why;
	int got;

	if (!cursor->is_begun && p->source == TEMPLATE_QUERY)
		cursor->form = v->target->query;
	else if (!cursor->is_begun && v->body.kind == BODY_FORM)
		cursor->form = v->body.text;
	cursor->is_begun = true;
	memcpy(name, p->text.text, p->text.len);
	name[p->text.len] = '\0';
	got = request_next_parameter(&cursor->form, name, &value->owned,
	    &value->text.len, &why);
	if (got == -1)
		return refusal_set(v->refusal, 400, "%s", why);
	value->text.text = value->owned;
	return got;
}

/* Follows a path such as a.b.c into the objects of a JSON body. */
static bool
values_find_json(const struct values *v, struct text_span path,
    struct json_object **found)
{
	struct json_object *o = v->body.json;
	char name[PATH_NAME_MAX + 1];
	const char *dot;
	size_t len;

	if (v->body.kind != BODY_JSON)
		return false;
	for (;;) {
		dot = memchr(path.text, '.', path.len);
		len = dot == NULL ? path.len : (size_t)(dot - path.text);
		memcpy(name, path.text, len);
		name[len] = '\0';
		if (!json_object_object_get_ex(o, name, &o))
			return false;
		if (dot == NULL)
			break;
		path.text += len + 1;
		path.len -= len + 1;
	}
	*found = o;
	return true;
}

/*
 * Takes a string as its text, and any other value as its JSON.  Returns 1, or
 * -1: refused.
 */
static int
values_take_json(struct values *v, struct json_object *o, struct value *value)
{
	if (json_get_text(o, &value->text))
		return 1;
	value->is_json = true;
	value->json = o;
	value->text.text = json_line(o);
	if (value->text.text == NULL)
		return refusal_set_memory(v->refusal);
	value->text.len = strlen(value->text.text);
	return 1;
}

static int
values_take_body(struct values *v, struct value *value)
{
	if (v->body.kind == BODY_NONE)
		return 0;
	value->text = v->body.text;
	value->is_json = v->body.kind == BODY_JSON;
	value->json = v->body.json;
	return 1;
}

static int
values_take_path(const struct values *v, const struct template_piece *p,
    struct value *value)
{
	value->text = path_pattern_value(v->path, p->segment,
	    v->target->segments, v->target->segment_count);
	return value->text.len > 0;
}

/*
 * Takes a value that a request has but once.  1; 0: there is none; -1: refused.
 */
static int
values_take(struct values *v, const struct template_piece *p,
    struct value *value)
{
	struct json_object *o;

	switch (p->source) {
	case TEMPLATE_PATH:
		return values_take_path(v, p, value);
	case TEMPLATE_JSON:
		if (!values_find_json(v, p->text, &o))
			return 0;
		return values_take_json(v, o, value);
	case TEMPLATE_BODY:
		return values_take_body(v, value);
	case TEMPLATE_USER:
		value->text = v->user;
		return v->user.len > 0;
	default:
		return 0;
	}
}

int
values_find(struct values *v, const struct template_piece *p,
    struct value *value)
{
	struct values_cursor cursor = { 0 };
	struct value second = { 0 };
	char name[VALUES_NAME_SIZE];
	int got;

	memset(value, 0, sizeof *value);
	if (p->source != TEMPLATE_QUERY && p->source != TEMPLATE_FORM)
		return values_take(v, p, value);
	got = values_next_parameter(v, p, &cursor, value);
	if (got != 1)
		return got;
	got = values_next_parameter(v, p, &cursor, &second);
	value_clear(&second);
	if (got == 0)
		return 1;
	value_clear(value);
	if (got == -1)
		return -1;
	return refusal_set(v->refusal, 400, "%s is given more than once",
	    values_describe(p, name));
}

int
values_next(struct values *v, const struct template_piece *p,
    struct values_cursor *cursor, struct value *value)
{
	struct json_object *o;

	memset(value, 0, sizeof *value);
	if (p->source == TEMPLATE_QUERY || p->source == TEMPLATE_FORM)
		return values_next_parameter(v, p, cursor, value);
	if (p->source == TEMPLATE_JSON && values_find_json(v, p->text, &o) &&
	    json_object_is_type(o, json_type_array)) {
		if (cursor->index == json_object_array_length(o))
			return 0;
		return values_take_json(v,
		    json_object_array_get_idx(o, cursor->index++), value);
	}
	return cursor->index++ == 0 ? values_take(v, p, value) : 0;
}

bool
values_is_several(struct values *v, const struct template_piece *p)
{
	struct values_cursor cursor = { 0 };
	struct value value;
	struct json_object *o;
	int got, n = 0;

	if (p->source == TEMPLATE_JSON)
		return values_find_json(v, p->text, &o) &&
		    json_object_is_type(o, json_type_array);
	if (p->source != TEMPLATE_QUERY && p->source != TEMPLATE_FORM)
		return false;
	/*
	 * A malformed parameter counts as several: reading it will refuse it.
	 */
	while (n < 2 && (got = values_next(v, p, &cursor, &value)) != 0) {
		value_clear(&value);
		n += got == -1 ? 2 : 1;
	}
	return n > 1;
}
