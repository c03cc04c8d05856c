/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "base/config_value.h"
#include "door/route.h"
#include "hub/event.h"

enum {
	ROUTE_JSON_DEPTH = 8
};

static const char route_prefix[] = "/events";

static int __attribute__((format(printf, 3, 4)))
route_refuse(struct route *r, int status, const char *fmt, ...)
{
	va_list ap;

	r->kind = ROUTE_REFUSAL;
	r->status = status;
	va_start(ap, fmt);
	vsnprintf(r->error, sizeof r->error, fmt, ap);
	va_end(ap);
	return -1;
}

static int
route_refuse_memory(struct route *r)
{
	return route_refuse(r, 503, "out of memory");
}

/* Adds a channel, unless it is there; a copy of its name. */
static int
route_add_channel(struct route *r, const struct config *config,
    const char *name, size_t len)
{
	const char *why = event_check_channel(name, len);
	char *copy;
	size_t i;

	if (why != NULL)
		return route_refuse(r, 400, "%s", why);
	if (event_channel_is_reserved(name, len))
		return route_refuse(r, 403,
		    "channels that begin with $ are crier's own");
	for (i = 0; i < r->channel_count; i++)
		if (r->channels[i].len == len &&
		    memcmp(r->channels[i].text, name, len) == 0)
			return 0;
	if (r->channel_count == config->max_channels)
		return route_refuse(r, 400,
		    "more than %llu channels on one stream (max-channels)",
		    (unsigned long long)config->max_channels);
	if ((copy = malloc(len + 1)) == NULL)
		return route_refuse_memory(r);
	memcpy(copy, name, len);
	copy[len] = '\0';
	r->names[r->channel_count] = copy;
	r->channels[r->channel_count].text = copy;
	r->channels[r->channel_count].len = len;
	r->channel_count++;
	return 0;
}

/* A value from a query is one segment of a name: it may not hold a '/'. */
static int
route_read_query_channels(struct route *r, const struct config *config,
    struct text_span query)
{
	const char *why;
	char *name;
	size_t len;
	int got, rc = 0;

	while (rc == 0) {
		got = request_next_parameter(&query, "channel", &name, &len,
		    &why);
		if (got == 0)
			break;
		if (got == -1)
			return route_refuse(r, 400, "%s", why);
		if (memchr(name, '/', len) != NULL)
			rc = route_refuse(r, 400,
			    "channel in the query has a / in it: use %s/NAME",
			    route_prefix);
		else
			rc = route_add_channel(r, config, name, len);
		free(name);
	}
	return rc;
}

static int
route_set_since(struct route *r, const char *text, size_t len)
{
	if (len == 0 || r->since != NULL)
		return 0;
	if ((r->since = malloc(len)) == NULL)
		return route_refuse_memory(r);
	memcpy(r->since, text, len);
	r->since_len = len;
	return 0;
}

/* One number parameter: 1 if it is there, 0, or -1 refused. */
static int
route_read_number(struct route *r, struct text_span query, const char *name,
    uint64_t max, uint64_t *value)
{
	const char *why;
	char *text;
	size_t len;
	int got = request_next_parameter(&query, name, &text, &len, &why);

	if (got == -1)
		return route_refuse(r, 400, "%s", why);
	if (got == 0)
		return 0;
	if (!text_parse_number(text, len, max, value))
		got = route_refuse(r, 400, "%s is not a number up to %llu",
		    name, (unsigned long long)max);
	free(text);
	return got;
}

static int
route_set_poll(struct route *r, const char *text, size_t len)
{
	uint64_t ms;

	if (strlen(text) != len || !config_value_seconds(text, &ms) ||
	    ms > ROUTE_POLL_MAX * UINT64_C(1000))
		return route_refuse(r, 400,
		    "poll is not a number of seconds up to %d", ROUTE_POLL_MAX);
	r->is_poll = true;
	r->poll_ms = ms;
	return 0;
}

static int
route_read_poll(struct route *r, struct text_span query)
{
	const char *why;
	char *text;
	size_t len;
	int got = request_next_parameter(&query, "poll", &text, &len, &why);

	if (got == -1)
		return route_refuse(r, 400, "%s", why);
	if (got == 0)
		return 0;
	got = route_set_poll(r, text, len);
	free(text);
	return got;
}

/* Polyfills cannot set a header, and each has its own name for it. */
static int
route_read_since(struct route *r, const struct request *request,
    struct text_span query)
{
	static const char *const names[] = { "lastEventId", "last-event-id",
		"Last-Event-ID", "since" };
	const char *header = request_get(request, "HTTP_LAST_EVENT_ID");
	struct text_span rest;
	const char *why;
	char *text;
	size_t len, i;
	int got, rc = route_set_since(r, header, strlen(header));

	for (i = 0; rc == 0 && i < sizeof names / sizeof *names; i++) {
		rest = query;
		got =
		    request_next_parameter(&rest, names[i], &text, &len, &why);
		if (got == 0)
			continue;
		if (got == -1)
			return route_refuse(r, 400, "%s", why);
		if (strcmp(names[i], "since") == 0 &&
		    text_equals((struct text_span){ text, len }, "all"))
			r->since_all = true;
		else
			rc = route_set_since(r, text, len);
		free(text);
	}
	return rc;
}

static int
route_read_query(struct route *r, const struct request *request,
    struct text_span query)
{
	int got;

	if (route_read_since(r, request, query) == -1 ||
	    route_read_poll(r, query) == -1)
		return -1;
	got = route_read_number(r, query, "last", UINT32_MAX, &r->last);
	if (got == -1)
		return -1;
	r->has_last = got == 1;
	got = route_read_number(r, query, "padding", ROUTE_PADDING_MAX,
	    &r->padding);
	return got == -1 ? -1 : 0;
}

static int
route_add_json_channel(struct route *r, const struct config *config,
    struct json_object *name)
{
	if (!json_object_is_type(name, json_type_string))
		return route_refuse(r, 400, "channel is not a string");
	return route_add_channel(r, config, json_object_get_string(name),
	    (size_t)json_object_get_string_len(name));
}

static int
route_read_json_channels(struct route *r, const struct config *config,
    struct json_object *value)
{
	size_t i;

	if (!json_object_is_type(value, json_type_array))
		return route_add_json_channel(r, config, value);
	for (i = 0; i < json_object_array_length(value); i++)
		if (route_add_json_channel(r, config,
			json_object_array_get_idx(value, i)) == -1)
			return -1;
	return 0;
}

/* "lastEventId", or "since", which may also be "all". */
static int
route_read_json_since(struct route *r, const char *name,
    struct json_object *value)
{
	struct text_span span;

	if (!json_object_is_type(value, json_type_string))
		return route_refuse(r, 400, "%s is not a string", name);
	span.text = json_object_get_string(value);
	span.len = (size_t)json_object_get_string_len(value);
	if (strcmp(name, "since") != 0 || !text_equals(span, "all"))
		return route_set_since(r, span.text, span.len);
	r->since_all = true;
	return 0;
}

static int
route_read_json_last(struct route *r, struct json_object *value)
{
	int64_t last = json_object_get_int64(value);

	if (!json_object_is_type(value, json_type_int) || last < 0 ||
	    last > UINT32_MAX)
		return route_refuse(r, 400, "last is not a number up to %llu",
		    (unsigned long long)UINT32_MAX);
	r->has_last = true;
	r->last = (uint64_t)last;
	return 0;
}

/* json-c keeps a number as it was written. */
static int
route_read_json_poll(struct route *r, struct json_object *value)
{
	const char *text = json_object_to_json_string(value);

	if (text == NULL)
		return route_refuse_memory(r);
	return route_set_poll(r, text, strlen(text));
}

static int
route_read_json(struct route *r, const struct config *config,
    struct json_object *body)
{
	int rc = 0;

	if (!json_object_is_type(body, json_type_object))
		return route_refuse(r, 400, "the body is not a JSON object");
	json_object_object_foreach(body, name, value)
	{
		if (strcmp(name, "channel") == 0)
			rc = route_read_json_channels(r, config, value);
		else if (strcmp(name, "lastEventId") == 0 ||
		    strcmp(name, "since") == 0)
			rc = route_read_json_since(r, name, value);
		else if (strcmp(name, "last") == 0)
			rc = route_read_json_last(r, value);
		else if (strcmp(name, "poll") == 0)
			rc = route_read_json_poll(r, value);
		if (rc == -1)
			return -1;
	}
	return 0;
}

/* The body of a POST that subscribes, from fetch(): JSON or nothing. */
static int
route_read_body(struct route *r, const struct config *config,
    const struct request *request)
{
	static const char json[] = "application/json";
	const char *type = request_get(request, "CONTENT_TYPE");
	struct json_tokener *tokener;
	struct json_object *body = NULL;
	int rc;

	if (request->body.len == 0)
		return 0;
	if (strncasecmp(type, json, sizeof json - 1) != 0 ||
	    strchr("; \t", type[sizeof json - 1]) == NULL)
		return route_refuse(r, 415, "the body is not application/json");
	if ((tokener = json_tokener_new_ex(ROUTE_JSON_DEPTH)) == NULL)
		return route_refuse_memory(r);
	json_tokener_set_flags(tokener,
	    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* json-c would take a NUL for the end. */
	if (memchr(request->body.text, '\0', request->body.len) == NULL)
		body = json_tokener_parse_ex(tokener, request->body.text,
		    (int)request->body.len);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    body == NULL)
		rc = route_refuse(r, 400, "the body is not valid JSON");
	else
		rc = route_read_json(r, config, body);
	json_object_put(body);
	json_tokener_free(tokener);
	return rc;
}

/* What follows `/events/`, or "" for `/events`; NULL: another path. */
static const char *
route_match(const struct request_target *t, size_t *len)
{
	size_t prefix = sizeof route_prefix - 1;

	if (t->path_len < prefix || memcmp(t->path, route_prefix, prefix) != 0)
		return NULL;
	if (t->path_len == prefix) {
		*len = 0;
		return "";
	}
	if (t->path[prefix] != '/')
		return NULL;
	*len = t->path_len - prefix - 1;
	return t->path + prefix + 1;
}

static int
route_set_kind(struct route *r, const char *method)
{
	static const struct {
		const char *method;
		enum route_kind kind;
	} kinds[] = { { "GET", ROUTE_STREAM }, { "POST", ROUTE_STREAM },
		{ "HEAD", ROUTE_HEAD }, { "OPTIONS", ROUTE_PREFLIGHT } };
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(method, kinds[i].method) == 0) {
			r->kind = kinds[i].kind;
			r->status = r->kind == ROUTE_PREFLIGHT ? 204 : 200;
			return 0;
		}
	}
	return route_refuse(r, 405, "method not allowed");
}

static int
route_read(struct route *r, const struct request *request,
    const struct config *config, const struct request_target *target)
{
	const char *method = request_get(request, "REQUEST_METHOD");
	const char *name;
	size_t len;

	if ((name = route_match(target, &len)) == NULL)
		return route_refuse(r, 404, "no such route");
	if (route_set_kind(r, method) == -1)
		return -1;
	if (r->kind == ROUTE_PREFLIGHT)
		return 0;
	if ((len > 0 && route_add_channel(r, config, name, len) == -1) ||
	    route_read_query_channels(r, config, target->query) == -1 ||
	    route_read_query(r, request, target->query) == -1)
		return -1;
	if (strcmp(method, "POST") == 0 &&
	    route_read_body(r, config, request) == -1)
		return -1;
	if (r->channel_count == 0)
		return route_refuse(r, 400, "no channel is named");
	return 0;
}

void
route_decide(const struct request *request, const struct config *config,
    struct route *r)
{
	struct request_target target;
	const char *why;

	memset(r, 0, sizeof *r);
	r->poll_ms = config->poll_ms;
	r->poll_above = config->poll_above;
	if (request_read_target(request, &target, &why) == -1) {
		route_refuse(r, 400, "%s", why);
		return;
	}
	route_read(r, request, config, &target);
	free(target.path);
}

void
route_clear(struct route *r)
{
	size_t i;

	for (i = 0; i < r->channel_count; i++)
		free(r->names[i]);
	free(r->since);
	memset(r, 0, sizeof *r);
}
