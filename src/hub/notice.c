/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"
#include "hub/describe.h"
#include "hub/publish.h"
#include "hub/state.h"

/*
 * The first follower switches the notices on.  Clients that resume from before
 * that moment have missed some, so an id is used up for it: all ids that were
 * seen before are less.
 */
void
notice_begin(struct hub *hub)
{
	struct hub_notices *n = &hub->notices;

	if (n->is_on || hub->drain.is_on)
		return;
	n->is_on = true;
	n->begin = publish_skip_id(hub);
}

void
notice_follow(struct hub *hub)
{
	struct hub_notices *n = &hub->notices;

	n->followed_ms = hub->clock.now_ms;
	if (!n->is_on)
		wanted_tell(hub, WANTED_STREAMS);
	n->is_followed = true;
	notice_begin(hub);
}

void
notice_end(struct hub *hub)
{
	hub->notices.is_on = hub->notices.is_followed = false;
}

bool
notice_is_followed(struct hub *hub)
{
	const struct hub_notices *n = &hub->notices;
	const struct channel *c =
	    channel_find(hub, NOTICE_CHANNEL, strlen(NOTICE_CHANNEL));

	if (!n->is_followed || c == NULL)
		return false;
	return c->cursor_count > 0 || c->rule->keep_ms == 0 ||
	    hub->clock.now_ms - n->followed_ms <= c->rule->keep_ms;
}

static bool
notice_is_on(struct hub *hub)
{
	struct hub_notices *n = &hub->notices;
	const struct channel *c;

	if (!n->is_on)
		return false;
	c = channel_find(hub, NOTICE_CHANNEL, strlen(NOTICE_CHANNEL));
	if (c != NULL && c->cursor_count > 0)
		n->followed_ms = hub->clock.now_ms;
	n->is_followed = notice_is_followed(hub);
	n->is_on = n->is_followed || wanted_elsewhere(hub, WANTED_STREAMS);
	return n->is_on;
}

/* A stream that follows nothing but crier's own channels is no visit. */
static bool
notice_is_visit(const struct stream *s)
{
	size_t i;

	for (i = 0; i < s->cursor_count; i++)
		if (s->cursors[i].channel->own == CHANNEL_PLAIN)
			return true;
	return s->cursor_count == 0;
}

static void
notice_publish(struct hub *hub, const char *what, struct json_object *o)
{
	struct hub_notices *n = &hub->notices;

	if (n->lost > 0)
		json_add_number(o, "lost", n->lost);
	if (publish_own(hub, NOTICE_CHANNEL, what, o, false) == 0)
		n->lost = 0;
	else
		n->lost++;
}

void
notice_node(struct hub *hub, const char *what, const char *node,
    uint64_t streams)
{
	struct json_object *o;

	if (!notice_is_on(hub))
		return;
	o = json_object_new_object();
	json_add_string(o, "do", what);
	json_add_string(o, "node", node);
	json_add_number(o, "streams", streams);
	notice_publish(hub, what, o);
}

static void
notice_make(const struct stream *s, const char *what, bool is_closed)
{
	struct hub *hub = s->hub;
	struct json_object *o;
	const char *reason;

	if (!notice_is_on(hub) || !notice_is_visit(s))
		return;
	o = json_object_new_object();
	json_add_string(o, "do", what);
	describe_stream(s, o);
	if (is_closed) {
		describe_sums(s, o);
		reason = stream_reason(s);
		json_add_string(o, "reason", reason);
	}
	notice_publish(hub, what, o);
}

void
notice_opened(const struct stream *s)
{
	notice_make(s, "open", false);
}

void
notice_closed(const struct stream *s)
{
	notice_make(s, "close", true);
}

bool
notice_unstored(struct hub *hub, struct id id, bool is_fleeting)
{
	if (hub->store->is_shared) {
		hub->notices.lost += !is_fleeting;
		return false;
	}
	if (!is_fleeting)
		hub->notices.begin = id;
	return true;
}
