/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What the readers of several kinds of routes share: a request's body, and the
 * channels that the route's templates make of the request.
 */

#include <stdlib.h>
#include <string.h>

#include "request/route_part.h"

enum {
	ROUTE_JSON_DEPTH = 32
};

/* For route_add_channel_cb: the route to add to, and by which limits. */
struct route_channels {
	struct route *route;
	const struct route_input *in;
};

static int
route_refuse_more_channels(struct route *r, const struct route_input *in)
{
	if (in->found->kind == CONFIG_ROUTE_PUBLISH)
		return refusal_set(&r->refusal, 400, "more than %d channels",
		    CURSORS_MAX);
	return refusal_set(&r->refusal, 400,
	    "more than %llu channels on one stream (max-channels)",
	    (unsigned long long)in->config->max_channels);
}

/* Adds a copy of a channel's name, unless the route has that channel. */
static int
route_add_channel_cb(void *arg, const char *name, size_t len)
{
	const struct route_channels *c = arg;
	struct route *r = c->route;
	size_t most = c->in->found->kind == CONFIG_ROUTE_PUBLISH ||
		c->in->found->kind == CONFIG_ROUTE_STATUS
	    ? CURSORS_MAX
	    : c->in->config->max_channels;
	const char *why = event_check_channel(name, len);
	char *copy;
	size_t i;

	if (why != NULL)
		return refusal_set(&r->refusal, 400, "%s", why);
	for (i = 0; i < r->channel_count; i++)
		if (r->channels[i].len == len &&
		    memcmp(r->channels[i].text, name, len) == 0)
			return 0;
	if (r->channel_count == most)
		return route_refuse_more_channels(r, c->in);
	if ((copy = malloc(len + 1)) == NULL)
		return refusal_set_memory(&r->refusal);
	memcpy(copy, name, len);
	copy[len] = '\0';
	r->names[r->channel_count] = copy;
	r->channels[r->channel_count].text = copy;
	r->channels[r->channel_count].len = len;
	r->channel_count++;
	return 0;
}

int
route_add_channel(struct route *r, const struct route_input *in,
    const char *name, size_t len)
{
	struct route_channels c = { r, in };

	return route_add_channel_cb(&c, name, len);
}

int
route_read_body(struct route *r, struct route_input *in, unsigned accept,
    int depth)
{
	/* The body of a GET has no meaning (RFC 9110, 9.3.1). */
	if (strcmp(in->method, "GET") == 0 || strcmp(in->method, "HEAD") == 0)
		return 0;
	return body_read(&in->values.body, in->request, accept, depth,
	    &r->refusal);
}

int
route_read_channels(struct route *r, struct route_input *in)
{
	struct route_channels c = { r, in };
	size_t i;

	for (i = 0; i < in->found->channel_count; i++)
		if (expand_names(in->found->channels[i], &in->values,
			route_add_channel_cb, &c) == -1)
			return -1;
	if (r->channel_count == 0)
		return refusal_set(&r->refusal, 400, "no channel is named");
	return 0;
}

int
route_read_used_body(struct route *r, struct route_input *in)
{
	unsigned sources = in->found->sources, accept = 0;

	if (sources & TEMPLATE_BIT(TEMPLATE_FORM))
		accept |= BODY_FORM;
	if (sources & TEMPLATE_BIT(TEMPLATE_JSON))
		accept |= BODY_JSON;
	if (sources & TEMPLATE_BIT(TEMPLATE_BODY))
		accept |= BODY_FORM | BODY_JSON | BODY_TEXT;
	if (accept == 0)
		return 0;
	return route_read_body(r, in, accept, ROUTE_JSON_DEPTH);
}
