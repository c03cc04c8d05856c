/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "hub/state.h"
#include "hub/watch.h"

/*
 * A stream's coming and going: its memory, its rules, its channels, and what
 * can be said of it.  What it does in between is in stream.c.
 */

/* The last rule of all holds for a stream without channels. */
static const struct config_channel *
stream_rule(const struct stream *s, size_t i)
{
	const struct config *config = s->hub->config;

	return s->cursor_count == 0
	    ? &config->channels[config->channel_count - 1]
	    : s->cursors[i].channel->rule;
}

/* How many rules hold for the stream. */
static size_t
stream_rule_count(const struct stream *s)
{
	return s->cursor_count == 0 ? 1 : s->cursor_count;
}

/* Applies the strictest of the channels' rules; returns their max-time. */
static uint64_t
stream_apply_channels(struct stream *s)
{
	const struct config_channel *rule;
	uint64_t max_time_ms = 0;
	size_t i;

	for (i = 0; i < stream_rule_count(s); i++) {
		rule = stream_rule(s, i);
		if (rule->heartbeat_ms > 0 &&
		    (s->heartbeat_ms == 0 ||
			rule->heartbeat_ms < s->heartbeat_ms))
			s->heartbeat_ms = (uint32_t)rule->heartbeat_ms;
		if (rule->max_time_ms > 0 &&
		    (max_time_ms == 0 || rule->max_time_ms < max_time_ms))
			max_time_ms = rule->max_time_ms;
	}
	return max_time_ms;
}

static void
stream_apply_rules(struct stream *s, const struct subscription *sub)
{
	const struct stream_rules *own = sub->rules;
	uint64_t max_time_ms = stream_apply_channels(s);

	s->own_retry_ms = own == NULL ? STREAM_RULE_UNSET : own->retry_ms;
	if (own != NULL && own->heartbeat_ms != STREAM_RULE_UNSET)
		s->heartbeat_ms = (uint32_t)own->heartbeat_ms;
	if (own != NULL && own->max_time_ms != STREAM_RULE_UNSET)
		max_time_ms = own->max_time_ms;
	/* Streams that began together shall not all come back together. */
	if (max_time_ms > 0)
		s->deadline_ms = s->opened_ms + max_time_ms -
		    loop_random(max_time_ms / 10 + 1);
	if (sub->limit_ms > 0 &&
	    (s->deadline_ms == 0 ||
		s->opened_ms + sub->limit_ms < s->deadline_ms))
		s->deadline_ms = s->opened_ms + sub->limit_ms;
}

static int
stream_join_visitors(struct stream *s, const struct subscription *sub)
{
	if (visitor_join(&s->hub->visitors.users, sub->user, &s->user) == -1)
		return -1;
	return visitor_join_address(&s->hub->visitors.addresses, sub->address,
	    &s->address);
}

/* Tells the run of a channel, if there is one, who begins or ends to follow. */
static void
stream_tell_run(struct hub *hub, const struct channel *c, uint32_t count)
{
	if (c->has_run && c->cursor_count == count)
		hub->streams.hooks->followed(hub, c);
}

static void
stream_leave_channels(struct stream *s)
{
	struct channel *c;
	size_t i;

	for (i = 0; i < s->cursor_count; i++) {
		if ((c = s->cursors[i].channel) == NULL)
			continue;
		channel_remove_cursor(&s->cursors[i]);
		s->hub->streams.following--;
		stream_tell_run(s->hub, c, 0);
		channel_release(s->hub, c);
	}
}

static int
stream_join_channels(struct stream *s, struct channel *const *channels)
{
	size_t i;

	for (i = 0; i < s->cursor_count; i++) {
		s->cursors[i].stream = s;
		if (channel_add_cursor(channels[i], &s->cursors[i]) == -1)
			return -1;
		s->hub->streams.following++;
		stream_tell_run(s->hub, channels[i], 1);
		s->cursors[i].seq = channels[i]->history.next_seq;
	}
	return 0;
}

static void
stream_release(struct stream *s)
{
	relief_note(s->hub, sizeof *s);
	stream_leave_channels(s);
	block_unref(s->unit);
	if (s->input != NULL)
		buffer_clear(s->input);
	free(s->input);
	free(s->end);
	visitor_put(&s->hub->visitors.users, s->user);
	visitor_put(&s->hub->visitors.addresses, s->address);
	free(s);
}

void
streams_reap(struct hub *hub)
{
	struct stream *s;

	while ((s = TAILQ_FIRST(&hub->streams.dead)) != NULL) {
		TAILQ_REMOVE(&hub->streams.dead, s, link);
		stream_release(s);
	}
}

void
streams_reap_later(struct hub *hub)
{
	event_active(hub->streams.reap, 0, 0);
}

uint64_t
streams_next_mark(struct hub *hub)
{
	return ++hub->streams.mark;
}

void
stream_discard(struct stream *s)
{
	watch_clear(s->hub->streams.watch, s);
	TAILQ_REMOVE(&s->hub->streams.list, s, link);
	s->hub->streams.count--;
	visitor_leave(s->user);
	visitor_leave(s->address);
	stream_release(s);
}

struct stream *
stream_new(struct hub *hub, const struct subscription *sub,
    struct channel *const *channels)
{
	struct stream *s =
	    calloc(1, sizeof *s + sub->channel_count * sizeof(struct cursor));

	if (s == NULL)
		return NULL;
	s->hub = hub;
	s->fd = sub->fd;
	s->framing = sub->framing;
	s->request_id = sub->request_id;
	s->keep = sub->keep;
	s->source = sub->source;
	s->is_half_open = sub->is_half_open;
	s->is_pipe = sub->is_pipe;
	s->is_terse = sub->is_terse;
	s->is_tagged = sub->is_tagged;
	s->ends_with_run = sub->ends_with_run;
	s->cursor_count = (uint16_t)sub->channel_count;
	s->opened_ms = s->written_ms = hub->clock.now_ms;
	TAILQ_INSERT_TAIL(&hub->streams.list, s, link);
	hub->streams.count++;
	if (stream_join_visitors(s, sub) == -1 ||
	    (sub->has_end &&
		(s->end = strndup(sub->end.text, sub->end.len)) == NULL) ||
	    stream_join_channels(s, channels) == -1 ||
	    watch_set(hub->streams.watch, s, false) == -1) {
		stream_discard(s);
		return NULL;
	}
	stream_apply_rules(s, sub);
	return s;
}

uint64_t
stream_retry_ms(const struct stream *s)
{
	uint64_t retry_ms = 0;
	size_t i;

	if (s->own_retry_ms != STREAM_RULE_UNSET)
		return s->own_retry_ms;
	for (i = 0; i < stream_rule_count(s); i++)
		if (stream_rule(s, i)->retry_ms > retry_ms)
			retry_ms = stream_rule(s, i)->retry_ms;
	return retry_ms;
}

uint16_t
stream_request_id(const struct stream *s)
{
	return s->request_id;
}

const char *
stream_reason(const struct stream *s)
{
	static const char *const words[] = {
		[STREAM_CLIENT] = "client",
		[STREAM_TIMEOUT] = "timeout",
		[STREAM_CLOSED] = "closed",
		[STREAM_SLOW] = "slow",
		[STREAM_SHUTDOWN] = "shutdown",
		[STREAM_ERROR] = "error",
	};

	return words[s->reason];
}

const char *
stream_user(const struct stream *s)
{
	return s->user == NULL ? "" : s->user->name;
}

const char *
stream_address(const struct stream *s)
{
	return s->address == NULL ? "" : s->address->name;
}
