/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * From a request's method and path to its route.  The path is compared by
 * segments, the most specific route wins (config_routes_find), and what a path
 * does not serve is told as 404, 405, or OPTIONS' list of methods.
 */

#include <string.h>

#include "config/config_routes.h"
#include "request/route_part.h"

static bool
route_is_allowed(const struct route *r, const char *method)
{
	size_t len = strlen(method), n;
	const char *p = r->allow;

	for (; *p != '\0'; p += n + strspn(p + n, ", ")) {
		n = strcspn(p, ",");
		if (n == len && memcmp(p, method, len) == 0)
			return true;
	}
	return false;
}

static void
route_allow(struct route *r, const char *method)
{
	size_t n = strlen(r->allow), len = strlen(method);

	if (route_is_allowed(r, method) || n + 2 + len >= sizeof r->allow)
		return;
	if (n > 0) {
		memcpy(r->allow + n, ", ", 2);
		n += 2;
	}
	memcpy(r->allow + n, method, len + 1);
}

/*
 * Fills allow with the methods of all routes that have this path (RFC 9110,
 * 10.2.1).
 */
static void
route_find_allowed(struct route *r, const struct route_input *in)
{
	const struct config_route *c;
	size_t i, k;

	for (i = 0; i < in->config->route_count; i++) {
		c = in->config->routes[i];
		if (!path_pattern_match(&c->path, in->target.segments,
			in->target.segment_count))
			continue;
		for (k = 0; k < c->methods.count; k++) {
			route_allow(r, c->methods.items[k]);
			if (strcmp(c->methods.items[k], "GET") == 0 &&
			    config_route_has_method(c, "HEAD"))
				route_allow(r, "HEAD");
		}
	}
	if (r->allow[0] != '\0')
		route_allow(r, "OPTIONS");
}

/*
 * Whether the path has a segment . or .. in it.  A web server resolves these
 * before it decides who may ask, but hands on the path as it was sent; so a
 * path with dots could come to a route that its sender may not ask for.
 * Browsers never send one.
 */
static bool
route_has_dots(const struct request_target *t)
{
	const char *p = t->path, *end = t->path + t->path_len, *slash;
	size_t len;

	for (;; p = slash + 1) {
		slash = memchr(p, '/', (size_t)(end - p));
		len = (size_t)((slash == NULL ? end : slash) - p);
		if ((len == 1 || len == 2) && memcmp(p, "..", len) == 0)
			return true;
		if (slash == NULL)
			return false;
	}
}

int
route_match(struct route *r, struct route_input *in)
{
	const char *why;

	if (request_read_target(in->request, &in->target, &why) == -1)
		return refusal_set(&r->refusal, 400, "%s", why);
	if (route_has_dots(&in->target))
		return refusal_set(&r->refusal, 400,
		    "the path has a . or .. in it");
	route_find_allowed(r, in);
	if (r->allow[0] == '\0')
		return refusal_set(&r->refusal, 404, "no such route");
	if (strcmp(in->method, "OPTIONS") == 0) {
		r->kind = ROUTE_PREFLIGHT;
		r->status = 204;
		return 0;
	}
	in->found = r->config = config_routes_find(in->config, in->method,
	    in->target.segments, in->target.segment_count);
	if (in->found == NULL)
		return refusal_set(&r->refusal, 405, "method not allowed");
	in->values.refusal = &r->refusal;
	in->values.target = &in->target;
	in->values.path = &in->found->path;
	in->values.is_standing = in->found->is_standing;
	in->values.user.text = request_user(in->request);
	in->values.user.len = strlen(in->values.user.text);
	return 0;
}
