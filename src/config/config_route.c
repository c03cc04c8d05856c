/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/config_route.h"
#include "config/config_value.h"

#define CONFIG_BIT(kind) (1U << (kind))
#define CONFIG_SUBSCRIBE CONFIG_BIT(CONFIG_ROUTE_SUBSCRIBE)
#define CONFIG_PUBLISH   CONFIG_BIT(CONFIG_ROUTE_PUBLISH)
#define CONFIG_RUN       CONFIG_BIT(CONFIG_ROUTE_RUN)
#define CONFIG_STREAMS   (CONFIG_SUBSCRIBE | CONFIG_RUN)

#define CONFIG_AT(member) .offset = offsetof(struct config_route, member)

static const char *const config_statuses[] = { "json", "prometheus" };
static const char *const config_formats[] = { "lines", "raw" };

const struct config_route_setting config_route_settings[] = {
	{ { "subscribe", CONFIG_TEMPLATES, CONFIG_AT(subscribe) },
	    CONFIG_SUBSCRIBE, true, -1 },
	{ { "publish", CONFIG_TEMPLATES, CONFIG_AT(publish) }, CONFIG_PUBLISH,
	    true, -1 },
	{ { "status", CONFIG_WORD, CONFIG_AT(status),
	      CONFIG_WORDS(config_statuses), .form = "json or prometheus" },
	    CONFIG_BIT(CONFIG_ROUTE_STATUS), true, -1 },
	{ { "run", CONFIG_LIST, CONFIG_AT(run) }, CONFIG_RUN, true, -1 },
	{ { "presence", CONFIG_TEMPLATE, CONFIG_AT(presence) },
	    CONFIG_BIT(CONFIG_ROUTE_PRESENCE), true, -1 },
	{ { "data", CONFIG_TEMPLATE, CONFIG_AT(data) }, CONFIG_PUBLISH, false,
	    CONFIG_FIELD_DATA },
	{ { "event", CONFIG_TEMPLATE, CONFIG_AT(event) }, CONFIG_PUBLISH, false,
	    CONFIG_FIELD_EVENT },
	{ { "id", CONFIG_TEMPLATE, CONFIG_AT(id) }, CONFIG_PUBLISH, false,
	    CONFIG_FIELD_ID },
	{ { "key", CONFIG_TEMPLATE, CONFIG_AT(key) }, CONFIG_PUBLISH, false,
	    CONFIG_FIELD_KEY },
	/* In a route with streams it is a number. */
	{ { "retry", CONFIG_TEMPLATE, CONFIG_AT(retry) },
	    CONFIG_PUBLISH | CONFIG_STREAMS, false, CONFIG_FIELD_RETRY },
	{ { "expires", CONFIG_TEMPLATE, CONFIG_AT(expires) }, CONFIG_PUBLISH,
	    false, CONFIG_FIELD_EXPIRES },
	{ { "reply", CONFIG_TEMPLATE, CONFIG_AT(reply) }, CONFIG_PUBLISH, false,
	    CONFIG_FIELD_REPLY },
	{ { "reply-type", CONFIG_TEXT, CONFIG_AT(reply_type) }, CONFIG_PUBLISH,
	    false, -1 },
	{ { "format", CONFIG_WORD, CONFIG_AT(format),
	      CONFIG_WORDS(config_formats), .form = "lines or raw" },
	    CONFIG_RUN, false, -1 },
	{ { "run-time", CONFIG_SECONDS, CONFIG_AT(run_ms),
	      .range = &limit_of[LIMIT_RUN_TIME_MS] },
	    CONFIG_RUN, false, -1 },
	{ { "run-bytes", CONFIG_SIZE, CONFIG_AT(run_bytes),
	      CONFIG_RANGE(0, UINT64_C(1) << 40) },
	    CONFIG_RUN, false, -1 },
	{ { "end-event", CONFIG_TEXT, CONFIG_AT(end_event) }, CONFIG_STREAMS,
	    false, -1 },
	{ { "end-data", CONFIG_TEMPLATE, CONFIG_AT(end_data) }, CONFIG_STREAMS,
	    false, -1 },
	{ { "end-stop", CONFIG_FLAG, CONFIG_AT(end_stop) }, CONFIG_STREAMS,
	    false, -1 },
	{ { "terse", CONFIG_FLAG, CONFIG_AT(terse) }, CONFIG_STREAMS, false,
	    -1 },
	{ { "poll", CONFIG_SECONDS, CONFIG_AT(poll_ms),
	      .range = &limit_of[LIMIT_POLL_MS] },
	    CONFIG_SUBSCRIBE, false, -1 },
	{ { "poll-above", CONFIG_COUNT, CONFIG_AT(poll_above),
	      .range = &limit_of[LIMIT_POLL_ABOVE] },
	    CONFIG_SUBSCRIBE, false, -1 },
	{ { "last", CONFIG_COUNT, CONFIG_AT(last),
	      .range = &limit_of[LIMIT_LAST] },
	    CONFIG_SUBSCRIBE, false, -1 },
	{ { "heartbeat", CONFIG_SECONDS, CONFIG_AT(heartbeat_ms),
	      .range = &limit_of[LIMIT_HEARTBEAT_MS] },
	    CONFIG_STREAMS, false, -1 },
	{ { "max-time", CONFIG_SECONDS, CONFIG_AT(max_time_ms),
	      .range = &limit_of[LIMIT_MAX_TIME_MS] },
	    CONFIG_SUBSCRIBE, false, -1 },
};

const size_t config_route_setting_count =
    sizeof config_route_settings / sizeof config_route_settings[0];

_Static_assert(sizeof config_route_settings / sizeof config_route_settings[0] <=
	CONFIG_ROUTE_SETTINGS_MAX,
    "config_file counts their lines");

/* Methods are a matter of capitals (RFC 9110, 9.1): "get" never comes. */
static const char *
config_route_wrong_method(const char *method, size_t len)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PUT",
		"PATCH", "DELETE", "OPTIONS" };
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t i;

	if (len == 0)
		return "a method is missing";
	if (len > CONFIG_METHOD_MAX)
		return "a method is longer than 20 bytes";
	if (strspn(method, token) < len)
		return "a method is no word";
	if (len == strlen("OPTIONS") && strncmp(method, "OPTIONS", len) == 0)
		return "OPTIONS is always answered, and by crier itself";
	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (strlen(known[i]) == len &&
		    strncasecmp(method, known[i], len) == 0 &&
		    strncmp(method, known[i], len) != 0)
			return "methods are written in capitals";
	return NULL;
}

static bool
config_route_lists_method(const struct config_route *r, const char *method,
    size_t len)
{
	size_t i;

	for (i = 0; i < r->methods.count; i++)
		if (strlen(r->methods.items[i]) == len &&
		    memcmp(r->methods.items[i], method, len) == 0)
			return true;
	return false;
}

static const char *
config_route_add_method(struct config_route *r, const char *method, size_t len)
{
	const char *why = config_route_wrong_method(method, len);
	char **items;

	if (why != NULL)
		return why;
	if (config_route_lists_method(r, method, len))
		return "a method is named twice";
	items =
	    realloc(r->methods.items, (r->methods.count + 1) * sizeof *items);
	if (items == NULL)
		return "out of memory";
	r->methods.items = items;
	items[r->methods.count] = strndup(method, len);
	return items[r->methods.count++] == NULL ? "out of memory" : NULL;
}

/* METHOD[,METHOD]... PATH */
static int
config_route_read_title(struct config_route *r, char why[CONFIG_WHY_SIZE])
{
	const char *p = r->title + strspn(r->title, " \t"), *wrong;
	size_t len = strcspn(p, " \t"), path, n;

	path = len + strspn(p + len, " \t");
	if (p[path] == '\0') {
		snprintf(why, CONFIG_WHY_SIZE,
		    "must be \"METHOD PATH\", such as \"GET /events\"");
		return -1;
	}
	for (;;) {
		n = strcspn(p, ", \t");
		wrong = config_route_add_method(r, p, n);
		if (wrong != NULL || p[n] != ',')
			break;
		p += n + 1;
		path -= n + 1;
	}
	if (wrong != NULL) {
		snprintf(why, CONFIG_WHY_SIZE, "%s", wrong);
		return -1;
	}
	if ((wrong = path_pattern_parse(&r->path, p + path)) == NULL)
		return 0;
	snprintf(why, CONFIG_WHY_SIZE, "the path %s", wrong);
	return -1;
}

struct config_route *
config_route_new(const char *title, char why[CONFIG_WHY_SIZE])
{
	const struct config_setting *s;
	struct config_route *r = calloc(1, sizeof *r);
	size_t i;

	snprintf(why, CONFIG_WHY_SIZE, "out of memory");
	if (r == NULL || (r->title = strdup(title)) == NULL) {
		free(r);
		return NULL;
	}
	for (i = 0; i < config_route_setting_count; i++) {
		s = &config_route_settings[i].setting;
		if (!config_setting_is_list(s) && !config_setting_is_text(s))
			*config_setting_number(s, r) = CONFIG_ROUTE_UNSET;
	}
	r->retry_ms = CONFIG_ROUTE_UNSET;
	if (config_route_read_title(r, why) == 0)
		return r;
	config_route_free(r);
	return NULL;
}

void
config_route_free(struct config_route *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < config_route_setting_count; i++)
		config_setting_clear(&config_route_settings[i].setting, r);
	for (i = 0; i < r->channel_count; i++)
		template_free(r->channels[i]);
	free(r->channels);
	for (i = 0; i < CONFIG_FIELDS; i++)
		template_free(r->fields[i]);
	for (i = 0; i < r->methods.count; i++)
		free(r->methods.items[i]);
	free(r->methods.items);
	path_pattern_clear(&r->path);
	free(r->title);
	free(r);
}

bool
config_route_is_set(const struct config_setting *s, struct config_route *r)
{
	if (config_setting_is_list(s))
		return config_setting_list(s, r)->count > 0;
	if (config_setting_is_text(s))
		return *config_setting_text(s, r) != NULL;
	return *config_setting_number(s, r) != CONFIG_ROUTE_UNSET;
}

bool
config_route_has_body(const struct config_route *r)
{
	size_t i;

	for (i = 0; i < r->methods.count; i++)
		if (strcmp(r->methods.items[i], "GET") != 0 &&
		    strcmp(r->methods.items[i], "HEAD") != 0)
			return true;
	return false;
}

int
config_route_check_value(const char *title,
    const struct config_route_setting *s, const char *text,
    char why[CONFIG_WHY_SIZE])
{
	struct template_scope scope = { .want = TEMPLATE_WANT_PLAIN };
	struct config_route *r;
	struct template *t;

	if (!config_setting_check(&s->setting, text, why))
		return -1;
	if (s->field == -1 &&
	    !(s->is_kind && s->setting.kind != CONFIG_WORD &&
		s->setting.kind != CONFIG_LIST))
		return 0;
	/* A title that is wrong is told of when the section is read. */
	if ((r = config_route_new(title, why)) == NULL)
		return 0;
	scope.path = &r->path;
	scope.has_body = config_route_has_body(r);
	scope.is_reply = s->field == CONFIG_FIELD_REPLY;
	t = template_new(text, &scope, why);
	template_free(t);
	config_route_free(r);
	return t == NULL ? -1 : 0;
}

bool
config_route_has_method(const struct config_route *r, const char *method)
{
	if (config_route_lists_method(r, method, strlen(method)))
		return true;
	/* It must change nothing (RFC 9110, 9.2.1). */
	return strcmp(method, "HEAD") == 0 && r->kind != CONFIG_ROUTE_PUBLISH &&
	    config_route_lists_method(r, "GET", 3);
}

const struct config_route *
config_routes_find(const struct config *c, const char *method,
    const struct text_span *segments, size_t count)
{
	const struct config_route *best = NULL, *r;
	size_t i;
	int order;

	for (i = 0; i < c->route_count; i++) {
		r = c->routes[i];
		if (!config_route_has_method(r, method) ||
		    !path_pattern_match(&r->path, segments, count))
			continue;
		order = best == NULL
		    ? 1
		    : path_pattern_compare(&r->path, &best->path);
		/* Beside a GET there may be a route for HEAD. */
		if (order > 0 ||
		    (order == 0 &&
			config_route_lists_method(r, method, strlen(method))))
			best = r;
	}
	return best;
}
