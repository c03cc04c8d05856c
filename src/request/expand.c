/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "request/expand.h"

/* A place in the text for {id} or {streams}, which are known only later. */
struct expand_hole {
	size_t at; /* in the text */
	enum template_source source;
	enum template_form form;
	bool is_quoted;
};

/*
 * A template's pieces and the values found for them, by the same index.  One
 * variable may have several values; then there is a name for each.
 */
struct expand_set {
	const struct template *t;
	struct values *values;
	struct value *found;
	const struct template_piece *several; /* which has more, or NULL */
};

static void
expand_set_clear(struct expand_set *set)
{
	size_t i;

	for (i = 0; set->found != NULL && i < set->t->count; i++)
		value_clear(&set->found[i]);
	free(set->found);
}

/*
 * Refuses a value that would change the structure of a channel's name: a list,
 * an empty segment, or one with a slash in it.
 */
static int
expand_check_segment(const struct expand_set *set,
    const struct template_piece *p, const struct value *value)
{
	const struct path_segment *segments = set->values->path->segments;
	bool is_standing = set->values->is_standing;
	char name[VALUES_NAME_SIZE];

	/* In the standing routes JSON names whole channels, slashes and all. */
	if (is_standing && p->source == TEMPLATE_JSON)
		return !value->is_json ? 0
				       : refusal_set(set->values->refusal, 400,
					     "channel is not a "
					     "string");
	if (value->is_json && !json_object_is_type(value->json, json_type_int))
		return refusal_set(set->values->refusal, 400,
		    "%s is no string and no whole number",
		    values_describe(p, name));
	if (value->text.len == 0 && set->t->count > 1)
		return refusal_set(set->values->refusal, 400, "%s is empty",
		    values_describe(p, name));
	if (p->source == TEMPLATE_PATH &&
	    segments[p->segment].kind == PATH_REST)
		return 0;
	if (memchr(value->text.text, '/', value->text.len) != NULL)
		return refusal_set(set->values->refusal, 400,
		    "%s has a / in it%s", values_describe(p, name),
		    is_standing
			? ": ask for it in the path, as in /events/job/1"
			: "");
	return 0;
}

static bool
expand_is_same_variable(const struct template_piece *a,
    const struct template_piece *b)
{
	return a->source == b->source && a->text.len == b->text.len &&
	    memcmp(a->text.text, b->text.text, a->text.len) == 0;
}

/*
 * Finds all values but those of the variable with several.  1; 0: an optional
 * one is missing, so there is no name; -1: refused.
 */
static int
expand_find_all(struct expand_set *set)
{
	const struct template_piece *p = set->t->pieces;
	size_t i;
	int got;

	for (i = 0; i < set->t->count; i++, p++) {
		if (p->source == TEMPLATE_TEXT)
			continue;
		if (set->several == NULL && values_is_several(set->values, p))
			set->several = p;
		if (set->several != NULL &&
		    expand_is_same_variable(p, set->several))
			continue;
		got = values_find(set->values, p, &set->found[i]);
		if (got == 0 && p->is_optional)
			return 0;
		if (got == 0)
			return values_refuse_missing(set->values, p);
		if (got == -1 ||
		    expand_check_segment(set, p, &set->found[i]) == -1)
			return -1;
	}
	return 1;
}

/* Makes one name, with this value for the variable that has several. */
static int
expand_name(const struct expand_set *set, const struct value *several,
    struct buffer *b, expand_name_cb cb, void *arg)
{
	const struct template_piece *p = set->t->pieces;
	const struct text_span *span;
	size_t i;

	buffer_truncate(b, 0);
	for (i = 0; i < set->t->count; i++, p++) {
		span = &set->found[i].text;
		if (p->source == TEMPLATE_TEXT)
			span = &p->text;
		else if (several != NULL &&
		    expand_is_same_variable(p, set->several))
			span = &several->text;
		if (buffer_append(b, span->text, span->len) == -1)
			return refusal_set_memory(set->values->refusal);
	}
	/* Only the configuration may name crier's own channels, no request. */
	if (b->len > 0 && b->data[0] == '$' &&
	    set->t->pieces[0].source != TEMPLATE_TEXT)
		return refusal_set(set->values->refusal, 403,
		    "channels that begin with $ are crier's own");
	return cb(arg, b->len > 0 ? b->data : "", b->len);
}

static int
expand_each(const struct expand_set *set, struct buffer *b, expand_name_cb cb,
    void *arg)
{
	struct values_cursor cursor = { 0 };
	struct value value;
	int got, rc;

	for (;;) {
		got = values_next(set->values, set->several, &cursor, &value);
		if (got != 1)
			return got;
		rc = expand_check_segment(set, set->several, &value);
		if (rc == 0)
			rc = expand_name(set, &value, b, cb, arg);
		value_clear(&value);
		if (rc == -1)
			return -1;
	}
}

int
expand_names(const struct template *t, struct values *values, expand_name_cb cb,
    void *arg)
{
	struct expand_set set = { .t = t, .values = values };
	struct buffer b = { 0 };
	int rc;

	if ((set.found = calloc(t->count, sizeof *set.found)) == NULL)
		return refusal_set_memory(values->refusal);
	rc = expand_find_all(&set);
	if (rc == 1 && set.several != NULL)
		rc = expand_each(&set, &b, cb, arg);
	else if (rc == 1)
		rc = expand_name(&set, NULL, &b, cb, arg);
	buffer_clear(&b);
	expand_set_clear(&set);
	return rc;
}

/* Appends a JSON string, without its quotes if the template has them. */
static int
expand_put_json(struct buffer *b, struct text_span text, bool is_quoted)
{
	struct json_object *o =
	    json_object_new_string_len(text.text, (int)text.len);
	const char *json = NULL;
	int rc = -1;

	if (o != NULL)
		json = json_line(o);
	if (json != NULL)
		rc = is_quoted ? buffer_append(b, json + 1, strlen(json) - 2)
			       : buffer_append_text(b, json);
	json_object_put(o);
	return rc;
}

/* Escapes for HTML's text, and for its attributes between quotes. */
static int
expand_put_html(struct buffer *b, struct text_span text)
{
	const char *entity;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < text.len; i++) {
		switch (text.text[i]) {
		case '&':
			entity = "&amp;";
			break;
		case '<':
			entity = "&lt;";
			break;
		case '>':
			entity = "&gt;";
			break;
		case '"':
			entity = "&#34;";
			break;
		case '\'':
			entity = "&#39;";
			break;
		default:
			rc = buffer_append(b, &text.text[i], 1);
			continue;
		}
		rc = buffer_append_text(b, entity);
	}
	return rc;
}

/*
 * Appends a value as JSON.  It is written anew, since json-c accepts a little
 * more than is JSON.
 */
static int
expand_put_value(struct buffer *b, const struct value *value)
{
	const char *json = "null";

	if (value->json != NULL)
		json = json_line(value->json);
	return json == NULL ? -1 : buffer_append_text(b, json);
}

static int
expand_put(struct buffer *b, enum template_form form, bool is_quoted,
    const struct value *value)
{
	if (form == TEMPLATE_AS_HTML)
		return expand_put_html(b, value->text);
	if (form == TEMPLATE_AS_JSON && (is_quoted || !value->is_json))
		return expand_put_json(b, value->text, is_quoted);
	if (form == TEMPLATE_AS_JSON)
		return expand_put_value(b, value);
	return buffer_append(b, value->text.text, value->text.len);
}

static int
expand_add_hole(struct expansion *e, const struct template_piece *p,
    enum template_form form)
{
	struct expand_hole *holes;

	holes = realloc(e->holes, (e->hole_count + 1) * sizeof *holes);
	if (holes == NULL)
		return -1;
	e->holes = holes;
	holes[e->hole_count++] = (struct expand_hole){ .at = e->text.len,
		.source = p->source,
		.form = form,
		.is_quoted = p->is_quoted };
	return 0;
}

static int
expand_check_text(struct values *v, const struct template_piece *p,
    struct text_span text)
{
	char name[VALUES_NAME_SIZE];

	if (text_is_utf8(text.text, text.len))
		return 0;
	return refusal_set(v->refusal, 400, "%s is not valid UTF-8",
	    values_describe(p, name));
}

/*
 * Appends one variable's value.  1; 0: it is missing, and may be; -1: refused.
 */
static int
expand_variable(const struct template *t, const struct template_piece *p,
    struct values *values, struct expansion *e)
{
	struct value value;
	int got = values_find(values, p, &value), rc = 0;

	if (got == -1)
		return -1;
	if (got == 0 && !p->is_optional)
		return values_refuse_missing(values, p);
	if (got == 0 && t->form == TEMPLATE_AS_JSON && !p->is_quoted)
		rc = buffer_append_text(&e->text, "null");
	if (got == 1 && expand_check_text(values, p, value.text) == -1) {
		value_clear(&value);
		return -1;
	}
	if (got == 1)
		rc = expand_put(&e->text, t->form, p->is_quoted, &value);
	value_clear(&value);
	return rc == -1 ? refusal_set_memory(values->refusal) : got;
}

int
expand_text(const struct template *t, bool is_whole, struct values *values,
    struct expansion *e)
{
	const struct template_piece *p = t->pieces;
	size_t i;
	int rc = 0;

	for (i = 0; i < t->count; i++, p++) {
		if (p->source == TEMPLATE_TEXT)
			rc = buffer_append(&e->text, p->text.text, p->text.len);
		else if (p->source == TEMPLATE_ID ||
		    p->source == TEMPLATE_STREAMS)
			rc = expand_add_hole(e, p, t->form);
		else if ((rc = expand_variable(t, p, values, e)) == 0 &&
		    is_whole)
			return 0;
		if (rc == -1)
			return values->refusal->status != 0
			    ? -1
			    : refusal_set_memory(values->refusal);
	}
	return 1;
}

int
expand_fill(const struct expansion *e, struct buffer *to, struct text_span id,
    uint64_t streams)
{
	const struct expand_hole *hole = e->holes;
	const char *text = e->text.len > 0 ? e->text.data : "";
	const struct value value = { .text = id };
	size_t i, done = 0;
	int rc = 0;

	for (i = 0; rc == 0 && i < e->hole_count; i++, hole++) {
		rc = buffer_append(to, text + done, hole->at - done);
		done = hole->at;
		if (rc == 0 && hole->source == TEMPLATE_STREAMS)
			rc = buffer_printf(to, "%" PRIu64, streams);
		else if (rc == 0)
			rc =
			    expand_put(to, hole->form, hole->is_quoted, &value);
	}
	if (rc == -1)
		return -1;
	return buffer_append(to, text + done, e->text.len - done);
}

void
expansion_clear(struct expansion *e)
{
	buffer_clear(&e->text);
	free(e->holes);
	memset(e, 0, sizeof *e);
}
