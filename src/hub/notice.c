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
notice_follow(struct hub *hub)
{
	struct hub_notices *n = &hub->notices;

	n->followed_ms = hub->clock.now_ms;
	if (n->is_on)
		return;
	n->is_on = true;
	n->begin = publish_skip_id(hub);
}

void
notice_end(struct hub *hub)
{
	hub->notices.is_on = false;
}

static bool
notice_is_on(struct hub *hub)
{
	struct hub_notices *n = &hub->notices;
	const struct channel *c;
	uint64_t keep_ms;

	if (!n->is_on)
		return false;
	c = channel_find(hub, NOTICE_CHANNEL, strlen(NOTICE_CHANNEL));
	if (c != NULL && c->cursor_count > 0) {
		n->followed_ms = hub->clock.now_ms;
		return true;
	}
	keep_ms = c == NULL ? 0 : c->rule->keep_ms;
	n->is_on = c != NULL &&
	    (keep_ms == 0 || hub->clock.now_ms - n->followed_ms <= keep_ms);
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
notice_make(const struct stream *s, const char *what, bool is_closed)
{
	struct hub *hub = s->hub;
	struct hub_notices *n = &hub->notices;
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
	if (n->lost > 0)
		json_add_number(o, "lost", n->lost);
	if (publish_own(hub, NOTICE_CHANNEL, what, o, false) == 0)
		n->lost = 0;
	else
		n->lost++;
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
