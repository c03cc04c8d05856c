/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cause.h"
#include "config/config_route.h"
#include "config/config_setting.h"

/*
 * NULL, or what is wrong with the name of a method.  Names differ by their
 * case (RFC 9110, 9.1), so no request would come to a route for "get".
 */
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
config_route_finds_method(const struct config_route *r, const char *method,
    size_t len)
{
	size_t i;

	for (i = 0; i < r->methods.count; i++)
		if (strlen(r->methods.items[i]) == len &&
		    memcmp(r->methods.items[i], method, len) == 0)
			return true;
	return false;
}

static int
config_route_add_method(struct config_route *r, const char *method, size_t len,
    char **cause)
{
	const char *wrong = config_route_wrong_method(method, len);
	char **items;

	if (wrong == NULL && config_route_finds_method(r, method, len))
		wrong = "a method is named twice";
	if (wrong != NULL)
		return cause_set(cause, "%s", wrong);
	*cause = NULL;
	items =
	    realloc(r->methods.items, (r->methods.count + 1) * sizeof *items);
	if (items == NULL)
		return -1;
	r->methods.items = items;
	items[r->methods.count] = strndup(method, len);
	return items[r->methods.count++] == NULL ? -1 : 0;
}

/* METHOD[,METHOD]... PATH */
static int
config_route_read_title(struct config_route *r, char **cause)
{
	const char *p = r->title + strspn(r->title, " \t"), *path, *wrong;
	size_t n;

	path = p + strcspn(p, " \t");
	path += strspn(path, " \t");
	if (*path == '\0')
		return cause_set(cause,
		    "must be \"METHOD PATH\", such as \"GET /events\"");
	for (;; p += n + 1) {
		n = strcspn(p, ", \t");
		if (config_route_add_method(r, p, n, cause) == -1)
			return -1;
		if (p[n] != ',')
			break;
	}
	wrong = path_pattern_parse(&r->path, path);
	return wrong == NULL ? 0 : cause_set(cause, "the path %s", wrong);
}

struct config_route *
config_route_new(const char *title, char **cause)
{
	struct config_route *r = calloc(1, sizeof *r);
	const struct config_setting *s;

	*cause = NULL;
	if (r == NULL || (r->title = strdup(title)) == NULL) {
		free(r);
		return NULL;
	}
	for (s = config_route_settings; s->name != NULL; s++)
		config_setting_unset(s, r);
	r->retry_ms = CONFIG_UNSET;
	if (config_route_read_title(r, cause) == 0)
		return r;
	config_route_free(r);
	return NULL;
}

void
config_route_free(struct config_route *r)
{
	const struct config_setting *s;
	size_t i;

	if (r == NULL)
		return;
	for (s = config_route_settings; s->name != NULL; s++)
		config_setting_clear(s, r);
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
config_route_is_run(const struct config_route *r)
{
	return r->kind == CONFIG_ROUTE_RUN && r->channel_count > 0;
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
config_route_check_value(const char *title, const struct config_setting *s,
    const char *text, char **cause)
{
	struct template_scope scope = { .want = TEMPLATE_WANT_PLAIN,
		.is_reply = s->field == CONFIG_FIELD_REPLY };
	struct config_route *r;
	struct template *t;
	char *unused;

	if (config_setting_check(s, text, cause) == -1)
		return -1;
	if (s->kind != &config_kind_template &&
	    s->kind != &config_kind_templates)
		return 0;
	/* A wrong title is told of when the section has ended. */
	if ((r = config_route_new(title, &unused)) == NULL) {
		free(unused);
		return 0;
	}
	scope.path = &r->path;
	scope.has_body = config_route_has_body(r);
	t = template_new(text, &scope, cause);
	template_free(t);
	config_route_free(r);
	return t == NULL ? -1 : 0;
}

bool
config_route_names_method(const struct config_route *r, const char *method)
{
	return config_route_finds_method(r, method, strlen(method));
}

bool
config_route_has_method(const struct config_route *r, const char *method)
{
	if (config_route_names_method(r, method))
		return true;
	/* HEAD must change nothing (RFC 9110, 9.2.1): it may not publish. */
	return strcmp(method, "HEAD") == 0 && r->kind != CONFIG_ROUTE_PUBLISH &&
	    config_route_names_method(r, "GET");
}
