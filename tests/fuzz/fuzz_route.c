/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* A route, a template in it, and a request that may come to it. The input is
 * lines: the route's title; s, p, d or r (subscribe, publish, data, reply) and
 * the template; method; REQUEST_URI; Content-Type. The rest is the body. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "config/config_route.h"
#include "request/route.h"

const char *const fuzz_name = "route";

enum {
	FUZZ_LINES = 5,
	FUZZ_LINE = 2048
};

static int
fuzz_set(struct config_route *r, const char *name, const char *text)
{
	const struct config_setting *s =
	    config_setting_find(config_route_settings, name, strlen(name));
	char *cause;

	if (config_route_check_value(r->title, s, text, &cause) == -1) {
		fuzz_check(cause != NULL);
		free(cause);
		return -1;
	}
	return config_setting_store(s, r, text, &cause);
}

/* The route of the first two lines, or NULL. */
static struct config_route *
fuzz_route(const char *title, const char *template)
{
	const struct config_setting *which;
	char *cause;
	struct config_route *r = config_route_new(title, &cause);
	int rc = 0;

	if (r == NULL) {
		fuzz_check(cause != NULL);
		free(cause);
		return NULL;
	}
	if (template[0] == 's') {
		rc = fuzz_set(r, "subscribe", template + 1);
	} else if (template[0] == 'p') {
		rc = fuzz_set(r, "publish", template + 1);
	} else {
		rc = fuzz_set(r, "publish", "c");
		if (rc == 0 && template[0] != '\0')
			rc = fuzz_set(r, template[0] == 'd' ? "data" : "reply",
			    template + 1);
	}
	cause = NULL;
	if (rc == 0 && config_route_finish(r, &which, &cause) == 0)
		return r;
	fuzz_check(rc == -1 || cause != NULL);
	free(cause);
	config_route_free(r);
	return NULL;
}

static bool
fuzz_is_json(const char *text, size_t len)
{
	struct json_object *o;
	bool is_json =
	    json_parse(text, len, 64, &o) == 1 && json_wrong_number(o) == NULL;

	json_object_put(o);
	return is_json;
}

static size_t
fuzz_slashes(const char *text, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += text[i] == '/';
	return n;
}

/* A name is one of a channel, and has no more slashes than its template. */
static void
fuzz_check_channels(const struct route *route, const struct config_route *r)
{
	const struct template *t = r->channels[0];
	size_t i, slashes = 0;
	bool has_rest = false;

	for (i = 0; i < t->count; i++) {
		if (t->pieces[i].source == TEMPLATE_TEXT)
			slashes += fuzz_slashes(t->pieces[i].text.text,
			    t->pieces[i].text.len);
		has_rest = has_rest ||
		    (t->pieces[i].source == TEMPLATE_PATH &&
			r->path.segments[t->pieces[i].segment].kind ==
			    PATH_REST);
	}
	fuzz_check(route->channel_count > 0);
	for (i = 0; i < route->channel_count; i++) {
		const char *name = route->channels[i].text;
		size_t len = route->channels[i].len;

		fuzz_check(event_check_channel(name, len) == NULL);
		fuzz_check(has_rest || fuzz_slashes(name, len) == slashes);
		fuzz_check(!event_channel_is_reserved(name, len) ||
		    t->pieces[0].source == TEMPLATE_TEXT);
	}
}

static void
fuzz_check_publish(const struct route *route, const struct config_route *r)
{
	const struct template *data = r->fields[CONFIG_FIELD_DATA];
	const struct template *reply = r->fields[CONFIG_FIELD_REPLY];
	struct text_span id = { "\"}\\", 3 };
	struct buffer b = { 0 };

	fuzz_check(event_check(&route->event, 65536) == NULL);
	if (data != NULL && data->form == TEMPLATE_AS_JSON)
		fuzz_check(fuzz_is_json(route->event.data,
		    route->event.data_len));
	fuzz_check(route_put_reply(route, &b, id, 5) == 0);
	if (reply == NULL || reply->count > 0)
		fuzz_check(fuzz_is_json(b.data, b.len));
	buffer_clear(&b);
}

static void
fuzz_request(struct config *config, char lines[][FUZZ_LINE], const char *body,
    size_t size)
{
	static const char *const names[] = {
		"REQUEST_METHOD=", "REQUEST_URI=", "CONTENT_TYPE="
	};
	struct request request = { .body = { body, size } };
	struct config_route *r = config->routes[0];
	struct route route;
	char text[FUZZ_LINE + 32];
	size_t i, n;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		n = strlen(names[i]);
		memcpy(text, names[i], n);
		memcpy(text + n, lines[i + 2], strlen(lines[i + 2]) + 1);
		fuzz_check(request_add(&request, text) == 0);
	}
	fuzz_check(request_add(&request, "REMOTE_USER=ann") == 0);
	route_decide(&request, config, &route);
	request_clear(&request);
	switch (route.kind) {
	case ROUTE_REFUSAL:
		fuzz_check(route.refusal.status >= 400 &&
		    route.refusal.text[0] != '\0');
		break;
	case ROUTE_PREFLIGHT:
		fuzz_check(route.status == 204 && route.allow[0] != '\0');
		break;
	default:
		fuzz_check(route.config == r && route.allow[0] != '\0');
		fuzz_check_channels(&route, r);
		if (route.kind == ROUTE_PUBLISH)
			fuzz_check_publish(&route, r);
		break;
	}
	route_clear(&route);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config *config;
	static struct config_route **standing;
	static char lines[FUZZ_LINES][FUZZ_LINE];
	const char *at = (const char *)data, *end = at + size, *newline;
	struct config_route *r;
	char *cause, *body;
	size_t i, len;

	if (config == NULL) {
		config = config_load(NULL, NULL, 0, &cause);
		fuzz_check(config != NULL);
		standing = config->routes;
	}
	for (i = 0; i < FUZZ_LINES; i++, at = newline + 1) {
		newline =
		    size == 0 ? NULL : memchr(at, '\n', (size_t)(end - at));
		if (newline == NULL || newline - at >= FUZZ_LINE)
			return 0;
		len = (size_t)(newline - at);
		memcpy(lines[i], at, len);
		lines[i][len] = '\0';
	}
	if ((r = fuzz_route(lines[0], lines[1])) == NULL)
		return 0;
	config->routes = &r;
	config->route_count = 1;
	/* The body in memory of its own, without a NUL behind it. */
	len = (size_t)(end - at);
	body = malloc(len > 0 ? len : 1);
	fuzz_check(body != NULL);
	memcpy(body, at, len);
	fuzz_request(config, lines, body, len);
	free(body);
	config_route_free(r);
	config->routes = standing;
	return 0;
}
