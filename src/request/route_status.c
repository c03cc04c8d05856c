/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A request for a status.  The page is one path; what belongs to it is asked
 * for by a parameter, so that one rule of the web server holds for all of it,
 * and its links are right under whatever path it is.
 */

#include <stdlib.h>
#include <string.h>

#include "request/route_part.h"

static const char *const route_views[ROUTE_VIEWS] = {
	[ROUTE_VIEW_PAGE] = "page",
	[ROUTE_VIEW_SCRIPT] = "script",
	[ROUTE_VIEW_STYLE] = "style",
	[ROUTE_VIEW_FIGURES] = "figures",
	[ROUTE_VIEW_EVENTS] = "events",
	[ROUTE_VIEW_CHANNEL] = "channel",
	[ROUTE_VIEW_PUBLISH] = "publish",
};

/* The first parameter of this name: the caller's text, or NULL; -1: refused. */
static int
route_read_text(struct route *r, const struct route_input *in, const char *name,
    char **text)
{
	struct text_span query = in->target.query;
	const char *why;
	size_t len;
	int got;

	*text = NULL;
	got = request_next_parameter(&query, name, text, &len, &why);
	if (got == -1)
		return refusal_set(&r->refusal, 400, "%s", why);
	return 0;
}

static int
route_read_view(struct route *r, const struct route_input *in)
{
	char *text;
	size_t i;

	if (route_read_text(r, in, "view", &text) == -1)
		return -1;
	for (i = 0; text != NULL && i < ROUTE_VIEWS; i++)
		if (strcmp(text, route_views[i]) == 0)
			break;
	free(text);
	if (i == ROUTE_VIEWS)
		return refusal_set(&r->refusal, 400,
		    "the page has no such view");
	r->view = (enum route_view)i;
	return 0;
}

static int
route_read_figures(struct route *r, struct route_input *in)
{
	r->kind = ROUTE_STATUS;
	if (route_read_text(r, in, "sort", &r->sort) == -1 ||
	    route_read_text(r, in, "channel", &r->looked_into) == -1)
		return -1;
	return route_read_text(r, in, "find", &r->find);
}

/* The page's streams are allowed by its own rule. */
static int
route_read_events(struct route *r, struct route_input *in)
{
	if (route_add_channel(r, in, "$stats", 6) == -1 ||
	    route_add_channel(r, in, "$streams", 8) == -1)
		return -1;
	return route_read_position(r, in);
}

/* The one channel that a view is about; the caller's text. */
static int
route_read_channel_name(struct route *r, const struct route_input *in,
    char **name)
{
	if (route_read_text(r, in, "channel", name) == -1)
		return -1;
	if (*name == NULL)
		return refusal_set(&r->refusal, 400, "no channel is named");
	return 0;
}

/* A channel's events are not: its own rule says who follows it. */
static int
route_read_channel(struct route *r, struct route_input *in)
{
	char *name;
	int rc;

	if (route_read_channel_name(r, in, &name) == -1)
		return -1;
	rc = route_add_channel(r, in, name, strlen(name));
	free(name);
	return rc == -1 ? -1 : route_read_position(r, in);
}

/* Who publishes is asked twice: whoever sees the page, and by the channel. */
static int
route_read_published(struct route *r, struct route_input *in)
{
	char *name;
	int rc;

	r->kind = ROUTE_PUBLISH;
	if (route_read_channel_name(r, in, &name) == -1)
		return -1;
	rc = route_read_plain_event(r, in, name);
	free(name);
	return rc;
}

int
route_read_status(struct route *r, struct route_input *in)
{
	bool has_effects =
	    strcmp(in->method, "GET") != 0 && strcmp(in->method, "HEAD") != 0;

	if (in->found->status != CONFIG_STATUS_PAGE)
		return 0;
	if (route_read_view(r, in) == -1)
		return -1;
	if (has_effects != (r->view == ROUTE_VIEW_PUBLISH))
		return refusal_set(&r->refusal, 405,
		    "this view has another method");
	switch (r->view) {
	case ROUTE_VIEW_FIGURES:
		return route_read_figures(r, in);
	case ROUTE_VIEW_PUBLISH:
		return route_read_published(r, in);
	case ROUTE_VIEW_EVENTS:
	case ROUTE_VIEW_CHANNEL:
		r->kind =
		    strcmp(in->method, "HEAD") == 0 ? ROUTE_HEAD : ROUTE_STREAM;
		return r->view == ROUTE_VIEW_EVENTS ? route_read_events(r, in)
						    : route_read_channel(r, in);
	default:
		r->kind = ROUTE_PAGE;
		return 0;
	}
}
