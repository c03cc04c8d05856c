/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "config/config_routes.h"
#include "config/config_setting.h"

int
config_routes_add(struct config *c, struct config_route *r)
{
	struct config_route **routes;

	routes = realloc(c->routes,
	    (c->route_count + 1) * sizeof(struct config_route *));
	if (routes == NULL) {
		config_route_free(r);
		return -1;
	}
	routes[c->route_count++] = r;
	c->routes = routes;
	return 0;
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
		/* A route for HEAD goes before the one for GET beside it. */
		if (order > 0 ||
		    (order == 0 && config_route_names_method(r, method)))
			best = r;
	}
	return best;
}

/* The method that both have, or NULL. */
static const char *
config_routes_common_method(const struct config_route *a,
    const struct config_route *b)
{
	size_t i, k;

	for (i = 0; i < a->methods.count; i++)
		for (k = 0; k < b->methods.count; k++)
			if (strcmp(a->methods.items[i], b->methods.items[k]) ==
			    0)
				return a->methods.items[i];
	return NULL;
}

/* Whether a route before the nth serves the same; then with *cause. */
static bool
config_routes_is_twice(const struct config *c, size_t n, char **cause)
{
	const struct config_route *r = c->routes[n], *other;
	const char *method;
	size_t i;

	for (i = 0; i < n; i++) {
		other = c->routes[i];
		if (path_pattern_compare(&r->path, &other->path) != 0)
			continue;
		method = config_routes_common_method(r, other);
		if (method == NULL)
			continue;
		cause_set(cause,
		    "the route in line %d serves %s on this path already",
		    other->line, method);
		return true;
	}
	return false;
}

/*
 * Whether a path whose segments no route names, rest of them for `{name...}`,
 * comes to the route.
 */
static bool
config_routes_is_taken(const struct config *c, const struct config_route *r,
    size_t rest)
{
	/* No literal segment can be this. */
	static const struct text_span any = { "\1", 1 };
	struct text_span segments[2 * PATH_SEGMENTS_MAX + 1];
	size_t i, n = 0;

	for (i = 0; i < r->path.count; i++) {
		segments[n] = r->path.segments[i].text;
		if (r->path.segments[i].kind != PATH_LITERAL)
			segments[n] = any;
		n++;
	}
	for (i = 1; i < rest; i++)
		segments[n++] = any;
	for (i = 0; i < r->methods.count; i++)
		if (config_routes_find(c, r->methods.items[i], segments, n) ==
		    r)
			return true;
	return false;
}

/*
 * Whether any path comes to the route.  A segment that no route names is the
 * one that the fewest of them match, so it is enough to try paths that have
 * nothing else in place of the route's variables.
 */
static bool
config_routes_is_reachable(const struct config *c, const struct config_route *r)
{
	const struct path_segment *last = &r->path.segments[r->path.count - 1];
	size_t rest, most = last->kind == PATH_REST ? PATH_SEGMENTS_MAX + 1 : 1;

	for (rest = 1; rest <= most; rest++)
		if (config_routes_is_taken(c, r, rest))
			return true;
	return false;
}

const struct config_route *
config_routes_check(const struct config *c, char **cause)
{
	size_t i;

	if (c->route_count > CONFIG_ROUTES_MAX) {
		cause_set(cause, "more than %d routes", CONFIG_ROUTES_MAX);
		return c->routes[CONFIG_ROUTES_MAX];
	}
	for (i = 0; i < c->route_count; i++)
		if (config_routes_is_twice(c, i, cause))
			return c->routes[i];
	for (i = 0; i < c->route_count; i++) {
		if (config_routes_is_reachable(c, c->routes[i]))
			continue;
		cause_set(cause,
		    "no request comes to it: more specific routes take "
		    "them all");
		return c->routes[i];
	}
	return NULL;
}

static int
config_routes_add_one(struct config *c, const char *title,
    const char *const *channels)
{
	const struct config_setting *s =
	    config_setting_find(config_route_settings, "subscribe", 9);
	char *cause;
	struct config_route *r = config_route_new(title, &cause);

	if (r == NULL) {
		free(cause);
		return -1;
	}
	r->is_standing = true;
	for (; *channels != NULL; channels++)
		if (config_setting_store(s, r, *channels, &cause) == -1)
			goto fail;
	if (config_route_finish(r, &s, &cause) == -1)
		goto fail;
	return config_routes_add(c, r);
fail:
	free(cause);
	config_route_free(r);
	return -1;
}

int
config_routes_add_standing(struct config *c)
{
	static const char *const from_query[] = { "{query.channel?}",
		"{json.channel?}", NULL };
	static const char *const from_path[] = { "{channel?}",
		"{query.channel?}", "{json.channel?}", NULL };

	if (c->route_count > 0)
		return 0;
	if (config_routes_add_one(c, "GET,POST /events", from_query) == -1)
		return -1;
	return config_routes_add_one(c, "GET,POST /events/{channel...}",
	    from_path);
}
