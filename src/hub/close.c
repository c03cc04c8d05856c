/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "hub/hub.h"
#include "hub/notice.h"

enum {
	/*
	 * Clients of a hub that exits come back after so long, and so much
	 * later that they come at no more than a few thousand a second.
	 */
	CLOSE_RETRY_MS = 1000,
	CLOSE_SPREAD_MS = 2000,
	CLOSE_STREAMS_PER_MS = 5
};

/*
 * What was published before is delivered first.  From the back: a stream that
 * ends at once stays in place until it is reaped.
 */
size_t
hub_close_channel(struct hub *hub, const char *name, size_t len, bool stop)
{
	struct channel *c;
	struct stream *s;
	size_t closed = 0;
	uint32_t i;

	hub_deliver(hub);
	c = stop ? channel_get(hub, name, len) : channel_find(hub, name, len);
	if (c == NULL)
		return 0;
	if (stop)
		channel_stop(hub, c);
	for (i = c->cursor_count; i-- > 0;) {
		s = c->cursors[i]->stream;
		if (s->state >= STREAM_ENDING)
			continue;
		stream_end(s, STREAM_CLOSED, 0);
		closed++;
	}
	channel_release(hub, c);
	return closed;
}

static void
hub_drop_stop(struct hub *hub, struct hub_stop *stop)
{
	table_remove(&hub->stops, &stop->entry);
	TAILQ_REMOVE(&hub->stop_list, stop, link);
	free(stop);
}

static struct hub_stop *
hub_find_stop(struct hub *hub, const char *user, size_t len)
{
	struct table_entry *e = table_find(&hub->stops, user, len);

	return e == NULL ? NULL
			 : (struct hub_stop *)(void *)((char *)e -
			       offsetof(struct hub_stop, entry));
}

static void
hub_stop_user(struct hub *hub, const char *user)
{
	size_t len = strlen(user);
	struct hub_stop *stop = hub_find_stop(hub, user, len);

	if (stop != NULL)
		hub_drop_stop(hub, stop);
	if ((stop = malloc(sizeof *stop + len + 1)) == NULL)
		return;
	memcpy(stop->user, user, len + 1);
	stop->until_ms = hub->now_ms + hub->config->stop_ms;
	stop->entry.name = stop->user;
	stop->entry.name_len = len;
	if (table_insert(&hub->stops, &stop->entry) == -1) {
		free(stop);
		return;
	}
	TAILQ_INSERT_TAIL(&hub->stop_list, stop, link);
}

bool
hub_user_is_stopped(struct hub *hub, struct text_span user)
{
	struct hub_stop *stop;

	while ((stop = TAILQ_FIRST(&hub->stop_list)) != NULL &&
	    stop->until_ms <= hub->now_ms)
		hub_drop_stop(hub, stop);
	return hub_find_stop(hub, user.text, user.len) != NULL;
}

void
hub_forget_stops(struct hub *hub)
{
	struct hub_stop *stop;

	while ((stop = TAILQ_FIRST(&hub->stop_list)) != NULL)
		hub_drop_stop(hub, stop);
	table_clear(&hub->stops);
}

size_t
hub_close_user(struct hub *hub, const char *user, bool stop)
{
	struct stream *s, *next;
	size_t closed = 0;

	hub_deliver(hub);
	if (stop && hub->config->stop_ms > 0)
		hub_stop_user(hub, user);
	TAILQ_FOREACH_SAFE(s, &hub->streams, link, next) {
		if (s->state >= STREAM_ENDING ||
		    strcmp(stream_user(s), user) != 0)
			continue;
		stream_end(s, STREAM_CLOSED, 0);
		closed++;
	}
	return closed;
}

size_t
hub_close_stream(struct hub *hub, uint64_t id)
{
	struct stream *s;

	hub_deliver(hub);
	TAILQ_FOREACH(s, &hub->streams, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (s->id != id || s->state >= STREAM_ENDING)
			continue;
		stream_end(s, STREAM_CLOSED, 0);
		return 1;
	}
	return 0;
}

static void
hub_drained(struct hub *hub)
{
	void (*drained_cb)(void *) = hub->drained_cb;

	hub->drained_cb = NULL;
	event_del(hub->drain_limit);
	if (drained_cb != NULL)
		drained_cb(hub->drained_arg);
}

static void
hub_limit_drain(struct hub *hub)
{
	uint64_t ms = hub->config->drain_ms;
	struct timeval limit = { .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	event_add(hub->drain_limit, &limit);
}

/* Marks the streams that follow `$streams`, and returns how many there are. */
static size_t
hub_mark_watchers(struct hub *hub)
{
	const struct channel *c =
	    channel_find(hub, NOTICE_CHANNEL, strlen(NOTICE_CHANNEL));
	size_t watchers = 0;
	uint32_t i;

	hub->mark++;
	for (i = 0; c != NULL && i < c->cursor_count; i++) {
		c->cursors[i]->stream->mark = hub->mark;
		watchers += c->cursors[i]->stream->state != STREAM_DEAD;
	}
	return watchers;
}

/* Ends those that watch, or all the others. */
static void
hub_end_streams(struct hub *hub, bool watching)
{
	uint64_t spread =
	    CLOSE_SPREAD_MS + hub->stream_count / CLOSE_STREAMS_PER_MS;
	struct stream *s, *next;
	uint64_t mark;

	hub_mark_watchers(hub);
	mark = hub->mark;
	TAILQ_FOREACH_SAFE(s, &hub->streams, link, next)
		if ((s->mark == mark) == watching)
			stream_end(s, STREAM_SHUTDOWN,
			    CLOSE_RETRY_MS + loop_random(spread));
}

void
hub_drain_step(struct hub *hub)
{
	/* hub_batch_done comes back to this. */
	if (hub->batch != NULL || hub->batches > 0)
		return;
	if (hub->stream_count == 0) {
		hub_drained(hub);
	} else if (!hub->is_draining_last &&
	    hub->stream_count == hub_mark_watchers(hub)) {
		hub->is_draining_last = true;
		hub_end_streams(hub, true);
	}
}

/*
 * Time is over.  If somebody wants to know of each end, those that did not come
 * to theirs are closed as they are, and there is time to tell it, once.
 */
void
hub_drain_limit_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub *hub = arg;
	struct stream *s, *next;
	uint64_t mark;

	(void)fd;
	(void)what;
	hub_now(hub);
	if (hub->is_drain_late || !hub->notices.is_on) {
		hub_drained(hub);
		return;
	}
	hub->is_drain_late = true;
	hub_mark_watchers(hub);
	mark = hub->mark;
	TAILQ_FOREACH_SAFE(s, &hub->streams, link, next)
		if (s->mark != mark)
			stream_kill(s, STREAM_SHUTDOWN);
	hub_limit_drain(hub);
	hub_reap_later(hub);
}

void
hub_drain(struct hub *hub, void (*drained_cb)(void *), void *arg)
{
	hub_now(hub);
	hub->is_draining = true;
	hub->drained_cb = drained_cb;
	hub->drained_arg = arg;
	event_del(hub->stats_tick);
	hub_limit_drain(hub);
	hub_end_streams(hub, false);
	hub_reap_later(hub);
}
