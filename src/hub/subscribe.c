/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "hub/delivery.h"
#include "hub/hub.h"

/*
 * Where a stream begins: the position that its client asked for, as one id,
 * and the cursors that follow from it.
 */

enum {
	SUBSCRIBE_LOG_EVERY_MS = 10000
};

struct subscribe_start {
	struct id id;    /* the client's cursor until its first event */
	bool is_resume;  /* begin after id, not at the end */
	bool is_unknown; /* id is not one that this hub gave out and knows */
};

/* Everything that is retained; id is the newest that is before all of it. */
static struct id
subscribe_least_floor(struct channel *const *channels, size_t count)
{
	struct id least = channels[0]->history.floor;
	size_t i;

	for (i = 1; i < count; i++)
		if (id_cmp(channels[i]->history.floor, least) < 0)
			least = channels[i]->history.floor;
	return least;
}

/* The newest event of the publishers' own with this id. */
static bool
subscribe_find_own(struct channel *const *channels, size_t count,
    struct text_span text, struct id *id)
{
	struct id found;
	bool any = false;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!history_find_own(&channels[i]->history, text.text,
			text.len, &found))
			continue;
		if (!any || id_cmp(found, *id) > 0)
			*id = found;
		any = true;
	}
	return any;
}

static void
subscribe_find_start(const struct hub *hub, const struct subscription *sub,
    struct channel *const *channels, struct subscribe_start *start)
{
	size_t count = sub->channel_count;

	memset(start, 0, sizeof *start);
	start->id = hub->last;
	if (sub->since.len > 0) {
		start->is_resume = true;
		if (subscribe_find_own(channels, count, sub->since, &start->id))
			return;
		if (id_parse(sub->since.text, sub->since.len, &start->id) &&
		    id_cmp(start->id, hub->last) <= 0)
			return;
		start->is_unknown = true;
		start->id = subscribe_least_floor(channels, count);
	} else if (sub->since_all) {
		start->is_resume = true;
		start->id = subscribe_least_floor(channels, count);
	}
}

/* For last=N: the cursors that far back, and an id from before all of them. */
static void
subscribe_step_back(struct stream *s, uint64_t last,
    struct subscribe_start *start)
{
	struct cursor *cursor;
	const struct history *h;
	struct id before;
	size_t i;

	for (i = 0; i < s->cursor_count; i++) {
		cursor = &s->cursors[i];
		h = &cursor->channel->history;
		if (last < history_count(h))
			cursor->seq = h->next_seq - last;
		else
			cursor->seq = h->first_seq;
		if (cursor->seq == h->next_seq)
			continue;
		before = cursor->seq > h->first_seq
		    ? history_at(h, cursor->seq - 1)->id
		    : h->floor;
		if (id_cmp(before, start->id) < 0)
			start->id = before;
	}
}

/*
 * What a stream says first: `retry:`, then a block of `id:` alone, which gives
 * an EventSource its cursor without an event (WHATWG HTML 9.2.6), then the
 * gaps.  The id of a gap's stream is from before all that is retained.
 */
static int
subscribe_put_head(struct stream *s, const struct subscription *sub,
    const struct subscribe_start *start, struct buffer *b)
{
	char id[ID_TEXT_SIZE];
	const struct channel *c;
	uint64_t retry_ms = 0;
	size_t i;

	for (i = 0; i < s->cursor_count; i++)
		if (s->cursors[i].channel->rule->retry_ms > retry_ms)
			retry_ms = s->cursors[i].channel->rule->retry_ms;
	id_format(start->id, id);
	if (buffer_append(b, sub->head.text, sub->head.len) == -1 ||
	    buffer_printf(b,
		"retry: %llu\n\nid: ", (unsigned long long)retry_ms) == -1 ||
	    (start->is_resume && !start->is_unknown && sub->since.len > 0
		    ? buffer_append(b, sub->since.text, sub->since.len)
		    : buffer_append_text(b, id)) == -1 ||
	    buffer_append(b, "\n\n", 2) == -1)
		return -1;
	if (!start->is_resume || sub->since.len == 0)
		return 0;
	for (i = 0; i < s->cursor_count; i++) {
		c = s->cursors[i].channel;
		if (!start->is_unknown &&
		    id_cmp(start->id, c->history.floor) >= 0)
			continue;
		if (delivery_put_gap(b, c, 0, sub->since) == -1)
			return -1;
		s->hub->counters.gaps++;
	}
	return 0;
}

static bool
subscribe_has_pending(const struct stream *s)
{
	size_t i;

	for (i = 0; i < s->cursor_count; i++)
		if (s->cursors[i].seq < s->cursors[i].channel->history.next_seq)
			return true;
	return false;
}

static bool
subscribe_is_stopped(struct hub *hub, const struct subscription *sub,
    struct channel *const *channels)
{
	size_t i;

	if (hub_user_is_stopped(hub, sub->user))
		return true;
	for (i = 0; i < sub->channel_count; i++)
		if (!channel_is_stopped(hub, channels[i]))
			return false;
	return true;
}

static void
subscribe_set_cursors(struct stream *s, const struct subscription *sub,
    struct subscribe_start *start)
{
	struct cursor *cursor;
	size_t i;

	if (start->is_resume) {
		for (i = 0; i < s->cursor_count; i++) {
			cursor = &s->cursors[i];
			cursor->seq = start->is_unknown
			    ? cursor->channel->history.first_seq
			    : history_after(&cursor->channel->history,
				  start->id);
		}
	} else if (sub->has_last) {
		subscribe_step_back(s, sub->last, start);
	}
}

/* From here on there is a stream, which owns the descriptor if it starts. */
static enum hub_answer
subscribe_open(struct hub *hub, const struct subscription *sub,
    struct channel *const *channels)
{
	struct subscribe_start start;
	struct buffer b = { 0 };
	struct block *head = NULL;
	struct stream *s;
	bool stopped = subscribe_is_stopped(hub, sub, channels);

	if ((s = stream_new(hub, sub, channels)) == NULL)
		return HUB_NO_MEMORY;
	subscribe_find_start(hub, sub, channels, &start);
	subscribe_set_cursors(s, sub, &start);
	/* Whoever was cut off before the end still gets what he missed. */
	if (stopped && !subscribe_has_pending(s)) {
		stream_discard(s);
		return HUB_STOPPED;
	}
	if (stopped)
		s->state = STREAM_LAST_EVENTS;
	if (subscribe_put_head(s, sub, &start, &b) == 0)
		head = block_of(b.data, b.len);
	buffer_clear(&b);
	if (head == NULL) {
		stream_discard(s);
		return HUB_NO_MEMORY;
	}
	stream_start(s, head, sub->input);
	return HUB_OPENED;
}

/* Channels that were made for a stream that did not come to be. */
static void
subscribe_release(struct hub *hub, const struct subscription *sub)
{
	struct channel *c;
	size_t i;

	for (i = 0; i < sub->channel_count; i++) {
		c = channel_find(hub, sub->channels[i].text,
		    sub->channels[i].len);
		if (c != NULL)
			channel_release(hub, c);
	}
}

static enum hub_answer
subscribe_turn_away(struct hub *hub)
{
	hub->counters.turned_away++;
	if (hub->is_draining)
		return HUB_DRAINING;
	if (hub->full_logged_ms == 0 ||
	    hub->now_ms - hub->full_logged_ms > SUBSCRIBE_LOG_EVERY_MS) {
		log_warning("full: %zu streams (max-streams), %llu clients "
			    "asked to come again so far",
		    hub->stream_count,
		    (unsigned long long)hub->counters.turned_away);
		hub->full_logged_ms = hub->now_ms;
	}
	return HUB_FULL;
}

enum hub_answer
hub_subscribe(struct hub *hub, const struct subscription *sub)
{
	struct channel *channels[CURSORS_MAX];
	enum hub_answer answer = HUB_NO_MEMORY;
	size_t count = 0;

	if (hub->is_draining || hub->stream_count >= hub->max_streams)
		return subscribe_turn_away(hub);
	for (; count < sub->channel_count; count++) {
		channels[count] = channel_get(hub, sub->channels[count].text,
		    sub->channels[count].len);
		if (channels[count] == NULL)
			break;
	}
	if (count == sub->channel_count)
		answer = subscribe_open(hub, sub, channels);
	if (answer != HUB_OPENED)
		subscribe_release(hub, sub);
	return answer;
}
