/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "hub/close.h"
#include "hub/state.h"

/*
 * `close`: ends streams, and stops channels and users from being followed
 * again.  Events that were published before are delivered first.
 */

size_t
close_channel(struct hub *hub, struct text_span name, uint64_t stop_ms)
{
	struct channel *c;
	struct stream *s;
	size_t closed = 0;
	uint32_t i;

	turn_deliver(hub);
	c = stop_ms > 0 ? channel_get(hub, name.text, name.len)
			: channel_find(hub, name.text, name.len);
	if (c == NULL)
		return 0;
	if (stop_ms > 0)
		channel_stop(hub, c, stop_ms);
	/* A stream that ends at once keeps its place until it is reaped. */
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

size_t
close_user(struct hub *hub, struct text_span user, uint64_t stop_ms)
{
	struct stream *s, *next;
	size_t closed = 0;

	turn_deliver(hub);
	if (stop_ms > 0)
		stop_user(hub, user, stop_ms);
	TAILQ_FOREACH_SAFE(s, &hub->streams.list, link, next) {
		if (s->state >= STREAM_ENDING ||
		    !text_equals(user, stream_user(s)))
			continue;
		stream_end(s, STREAM_CLOSED, 0);
		closed++;
	}
	return closed;
}

size_t
hub_close_channel(struct hub *hub, const char *name, size_t len, bool stop)
{
	struct text_span span = { name, len };

	return close_channel(hub, span, stop ? hub->config->stop_ms : 0);
}

size_t
hub_close_user(struct hub *hub, const char *user, bool stop)
{
	struct text_span span = { user, strlen(user) };

	return close_user(hub, span, stop ? hub->config->stop_ms : 0);
}

size_t
hub_close_stream(struct hub *hub, uint64_t id)
{
	struct stream *s;

	turn_deliver(hub);
	TAILQ_FOREACH(s, &hub->streams.list, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (s->id != id || s->state >= STREAM_ENDING)
			continue;
		stream_end(s, STREAM_CLOSED, 0);
		return 1;
	}
	return 0;
}
