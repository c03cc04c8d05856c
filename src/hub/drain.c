/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/loop.h"
#include "hub/notice.h"
#include "hub/state.h"

enum {
	/*
	 * Clients are to come back when another crierd is there, and then at no
	 * more than a few thousand a second.
	 */
	DRAIN_RETRY_MS = 1000,
	DRAIN_SPREAD_MS = 2000,
	DRAIN_STREAMS_PER_MS = 5,
	DRAIN_LEAVE_MS = 500 /* for the word to other nodes */
};

static void
drain_end(void *arg)
{
	struct hub *hub = arg;
	void (*done_cb)(void *) = hub->drain.done_cb;

	hub->drain.done_cb = NULL;
	event_del(hub->drain.limit);
	if (done_cb != NULL)
		done_cb(hub->drain.done_arg);
}

/* The last stream is gone; other nodes, if there are any, are told. */
static void
drain_finish(struct hub *hub)
{
	if (!hub->store->is_shared) {
		drain_end(hub);
		return;
	}
	if (hub->drain.is_leaving)
		return;
	hub->drain.is_leaving = true;
	loop_set_timer(hub->drain.limit, DRAIN_LEAVE_MS);
	hub->store->ops->leave(hub->store, drain_end, hub);
}

/* Marks the streams that follow `$streams`, and returns how many there are. */
static size_t
drain_mark_watchers(struct hub *hub)
{
	const struct channel *c =
	    channel_find(hub, NOTICE_CHANNEL, strlen(NOTICE_CHANNEL));
	uint64_t mark = streams_next_mark(hub);
	size_t watchers = 0;
	uint32_t i;

	for (i = 0; c != NULL && i < c->cursor_count; i++) {
		c->cursors[i]->stream->mark = mark;
		watchers += c->cursors[i]->stream->state != STREAM_DEAD;
	}
	return watchers;
}

/* Ends the streams that follow `$streams`, or all the others. */
static void
drain_end_streams(struct hub *hub, bool watching)
{
	uint64_t spread =
	    DRAIN_SPREAD_MS + hub->streams.count / DRAIN_STREAMS_PER_MS;
	struct stream *s, *next;
	uint64_t mark;

	drain_mark_watchers(hub);
	mark = hub->streams.mark;
	TAILQ_FOREACH_SAFE(s, &hub->streams.list, link, next)
		if ((s->mark == mark) == watching)
			stream_end(s, STREAM_SHUTDOWN,
			    DRAIN_RETRY_MS + loop_random(spread));
}

void
drain_step(struct hub *hub)
{
	/* The ends are not committed; turn.c comes back to this. */
	if (hub->turn.batch != NULL || hub->turn.committing > 0)
		return;
	if (hub->streams.count == 0) {
		drain_finish(hub);
	} else if (!hub->drain.is_last &&
	    hub->streams.count == drain_mark_watchers(hub)) {
		hub->drain.is_last = true;
		drain_end_streams(hub, true);
	}
}

/*
 * The time is over.  If somebody follows `$streams`, the streams that have not
 * ended yet are closed as they are, and there is time once more to tell that.
 */
static void
drain_limit_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub *hub = arg;
	struct stream *s, *next;
	uint64_t mark;

	(void)fd;
	(void)what;
	hub_now(hub);
	if (hub->drain.is_leaving) {
		drain_end(hub);
		return;
	}
	if (hub->drain.is_late || !hub->notices.is_on) {
		drain_finish(hub);
		return;
	}
	hub->drain.is_late = true;
	drain_mark_watchers(hub);
	mark = hub->streams.mark;
	TAILQ_FOREACH_SAFE(s, &hub->streams.list, link, next)
		if (s->mark != mark)
			stream_kill(s, STREAM_SHUTDOWN);
	loop_set_timer(hub->drain.limit, hub->config->drain_ms);
	streams_reap_later(hub);
}

void
hub_drain(struct hub *hub, void (*done_cb)(void *), void *arg)
{
	hub_now(hub);
	hub->drain.is_on = true;
	hub->drain.done_cb = done_cb;
	hub->drain.done_arg = arg;
	stats_end(hub);
	loop_set_timer(hub->drain.limit, hub->config->drain_ms);
	drain_end_streams(hub, false);
	streams_reap_later(hub);
}

int
drain_init(struct hub *hub)
{
	hub->drain.limit = event_new(hub->base, -1, 0, drain_limit_cb, hub);
	return hub->drain.limit == NULL ? -1 : 0;
}

void
drain_clear(struct hub *hub)
{
	if (hub->drain.limit != NULL)
		event_free(hub->drain.limit);
}
