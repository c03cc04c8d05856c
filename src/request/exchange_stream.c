/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The stream that a request asks for, described as an opening: its first and
 * last bytes, what it brings, by which rules, for how long, and to whom.
 * Whether it brings a program's output is asked here and nowhere else; what
 * follows from that is in the opening.
 */

#include <string.h>

#include "base/clock.h"
#include "protocol/limits.h"
#include "request/exchange_part.h"

enum {
	/*
	 * Apache's mod_deflate, if it is on for event streams and told by
	 * no-gzip to stay out, still waits for the first 69 bytes that a CGI
	 * program or mod_fcgid brings before it looks at that.
	 */
	EXCHANGE_PADDING = 64 /* and the stream's own head */
};

/* The event with which the hub ends a stream that has no other end. */
#define EXCHANGE_END_EVENT "crier.end"

/* An opening, and the memory that it points to. */
struct exchange_stream {
	struct opening opening;
	struct stream_rules rules;
	struct buffer head, end;
};

static int
exchange_put_head(const struct exchange *ex, struct buffer *head)
{
	uint64_t padding = ex->route.padding;

	if (ex->is_padded && padding < EXCHANGE_PADDING)
		padding = EXCHANGE_PADDING;
	return answer_stream(head, &ex->context, padding);
}

static bool
exchange_has_end(const struct config_route *c)
{
	/* The status page's streams have the usual one. */
	if (c->kind == CONFIG_ROUTE_STATUS)
		return false;
	return strcmp(c->end_event, EXCHANGE_END_EVENT) != 0 ||
	    c->end_data != NULL || c->end_stop == 1;
}

/* Appends the route's own record for the end of its streams. */
static int
exchange_put_end(const struct config_route *c, struct buffer *end)
{
	struct event_fields e = { .name = c->end_event,
		.name_len = strlen(c->end_event),
		.data = c->end_data,
		.retry_ms = EVENT_RETRY_NONE };
	size_t id_len = c->end_stop == 1 ? strlen(ROUTE_END_ID) : 0;

	if (c->end_data != NULL) {
		e.data_len = strlen(c->end_data);
		return event_encode(end, &e, ROUTE_END_ID, id_len);
	}
	/* A record without data is completed by the hub, with the reason. */
	if (id_len > 0 &&
	    buffer_append_text(end, "id: " ROUTE_END_ID "\n") == -1)
		return -1;
	if (e.name_len > 0)
		return buffer_printf(end, "event: %s" STREAM_END_RESULT,
		    c->end_event);
	if (id_len > 0 && c->terse != 1)
		return buffer_append(end, "\n", 1);
	return 0;
}

/* The route's settings hold instead of its channels' rules. */
static void
exchange_set_rules(const struct exchange *ex, struct exchange_stream *s)
{
	const struct config_route *c = ex->route.config;

	s->rules.heartbeat_ms = c->heartbeat_ms;
	s->rules.retry_ms = c->retry_ms;
	s->rules.max_time_ms = c->max_time_ms;
	s->opening.sub.rules = &s->rules;
}

/* A stream that follows channels may be a poll: its client comes back. */
static void
exchange_set_channels(const struct exchange *ex, struct exchange_stream *s)
{
	const struct route *route = &ex->route;
	struct subscription *sub = &s->opening.sub;

	sub->channels = route->channels;
	sub->channel_count = route->channel_count;
	sub->is_tagged = route->is_tagged;
	sub->is_poll = route->is_poll;
	sub->poll_ms = route->poll_ms;
	sub->poll_above = route->poll_above;
}

/*
 * A stream of the channel that a program runs in.  It ends when that has ended,
 * and has no other end: the channel's event says it.
 */
static void
exchange_set_run(const struct exchange *ex, struct exchange_stream *s)
{
	struct opening *opening = &s->opening;

	opening->program = ex->route.config;
	opening->request = &ex->request;
	opening->key.text = ex->route.event.key;
	opening->key.len = ex->route.event.key_len;
	opening->sub.ends_with_run = true;
	opening->sub.has_end = true;
	opening->sub.end = (struct text_span){ "", 0 };
}

/*
 * A program's stream has no channels, so where the route sets nothing the top
 * level's rules hold; and no history, so it is never a poll.
 */
static void
exchange_set_program(const struct exchange *ex, struct exchange_stream *s)
{
	const struct config *config = ex->context.config;
	const struct config_route *c = ex->route.config;
	const struct config_channel *top =
	    &config->channels[config->channel_count - 1];

	if (c->heartbeat_ms == CONFIG_UNSET)
		s->rules.heartbeat_ms = top->heartbeat_ms;
	if (c->retry_ms == CONFIG_UNSET)
		s->rules.retry_ms = top->retry_ms;
	s->rules.max_time_ms = 0;
	s->opening.sub.limit_ms = c->run_ms;
	s->opening.program = c;
	s->opening.request = &ex->request;
}

/* A stream ends with the token that it was opened by. */
static void
exchange_set_limit(const struct exchange *ex, struct subscription *sub)
{
	uint64_t expires_ms = ex->who.token.expires_ms, left_ms, now_ms;

	if (!ex->who.has_token || expires_ms == 0)
		return;
	now_ms = clock_wall_ms();
	left_ms = expires_ms > now_ms ? expires_ms - now_ms : 1;
	/* A token may be good for longer than any stream. */
	if (!limit_allows(&limit_of[LIMIT_STREAM_MS], left_ms))
		left_ms = limit_of[LIMIT_STREAM_MS].max;
	if (sub->limit_ms == 0 || left_ms < sub->limit_ms)
		sub->limit_ms = left_ms;
}

static struct text_span
exchange_span(const char *text)
{
	struct text_span span = { text, strlen(text) };

	return span;
}

/* Sets what streams of channels and of programs have in common. */
static void
exchange_set_common(const struct exchange *ex, struct exchange_stream *s)
{
	const struct route *route = &ex->route;
	struct subscription *sub = &s->opening.sub;

	sub->head.text = s->head.data;
	sub->head.len = s->head.len;
	sub->has_end = exchange_has_end(route->config);
	sub->end.text = s->end.len > 0 ? s->end.data : "";
	sub->end.len = s->end.len;
	sub->since.text = route->since;
	sub->since.len = route->since_len;
	sub->since_all = route->since_all;
	sub->has_last = route->has_last;
	sub->last = route->last;
	sub->is_terse = route->config->terse == 1;
	sub->from_run = true;
	sub->user = exchange_span(request_user(&ex->request));
	sub->address = exchange_span(request_get(&ex->request, "REMOTE_ADDR"));
}

enum exchange_state
exchange_open(struct exchange *ex)
{
	const struct config_route *c = ex->route.config;
	struct exchange_stream s = { .opening = { .sub = { .fd = -1 } } };
	enum exchange_state state = EXCHANGE_FAILED;

	if ((ex->has_head || exchange_put_head(ex, &s.head) == 0) &&
	    (!exchange_has_end(c) || exchange_put_end(c, &s.end) == 0)) {
		exchange_set_common(ex, &s);
		exchange_set_rules(ex, &s);
		if (c->kind == CONFIG_ROUTE_RUN && !config_route_is_run(c))
			exchange_set_program(ex, &s);
		else
			exchange_set_channels(ex, &s);
		if (config_route_is_run(c))
			exchange_set_run(ex, &s);
		exchange_set_limit(ex, &s.opening.sub);
		state = ex->attachment->open(ex->arg, &s.opening);
	}
	buffer_clear(&s.head);
	buffer_clear(&s.end);
	return state;
}
