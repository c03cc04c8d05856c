/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "hub/control.h"
#include "hub/poll.h"
#include "hub/replay.h"
#include "hub/start.h"
#include "hub/state.h"

/*
 * How a stream is opened.  The position that its client asked for becomes one
 * id, and that the cursors.  What the memory does not have of it, but a durable
 * store may, is replayed first (replay.c).
 */

enum {
	SUBSCRIBE_LAST_MS = 60000 /* to take what a closed channel still has */
};

struct subscribe_start {
	struct start at;
	bool is_stored;   /* some of it is not in memory */
	bool has_pending; /* there is something to send at once */
	struct id before; /* the client's position before any of it */
};

static const char *const subscribe_texts[] = {
	[HUB_OPENED] = "",
	[HUB_STOPPED] = "the channel was closed for good",
	[HUB_FULL] = "crierd is full (max-streams)",
	[HUB_USER_FULL] =
	    "too many streams of this user (max-streams-per-user)",
	[HUB_ADDRESS_FULL] =
	    "too many streams of this address (max-streams-per-address)",
	[HUB_FOLLOWED_FULL] = "streams follow too many channels (max-followed)",
	[HUB_WAITING] =
	    "too many clients wait for what they missed (replay-waiting)",
	[HUB_AWAY] = "the history cannot be reached",
	[HUB_DRAINING] = "crierd is stopping",
	[HUB_NOT_BEGUN] = "what it would bring cannot be had",
	[HUB_NO_MEMORY] = "out of memory",
};

const char *
hub_answer_text(enum hub_answer answer)
{
	return subscribe_texts[answer];
}

static void
subscribe_set_cursors(struct stream *s, const struct subscription *sub,
    const struct start *at)
{
	const struct history *h;
	uint64_t least;
	size_t i;

	s->sent = at->after;
	for (i = 0; i < s->cursor_count; i++) {
		h = &s->cursors[i].channel->history;
		s->cursors[i].seq = start_seq(s->hub, sub, at, h);
		if (!at->is_last || sub->from == NULL)
			continue;
		least = history_after(h, *sub->from);
		if (s->cursors[i].seq > least)
			s->cursors[i].seq = least;
	}
}

/* Finds the newest id that is before all that is about to be sent. */
static void
subscribe_find_before(struct stream *s, struct subscribe_start *start)
{
	const struct history *h;
	struct history_slice slice;
	struct id before;
	uint64_t seq;
	size_t i;

	start->before = s->hub->turn.appended;
	for (i = 0; i < s->cursor_count; i++) {
		h = &s->cursors[i].channel->history;
		seq = s->cursors[i].seq;
		if (!history_slice(h, &seq, s->hub->clock.now_ms, NULL, &slice))
			continue;
		start->has_pending = true;
		before =
		    seq > h->first_seq ? history_at(h, seq - 1)->id : h->floor;
		if (id_cmp(before, start->before) < 0)
			start->before = before;
	}
}

/* If something is only in the store, the position comes with that: replay.c. */
static int
subscribe_put_head(struct stream *s, const struct subscription *sub,
    const struct subscribe_start *start, struct buffer *b)
{
	struct control_position p = { .since = sub->since,
		.after = start->at.after,
		.is_known = start->at.is_known,
		.before = start->before };

	if (control_put_begin(s, b, sub->head) == -1)
		return -1;
	return start->is_stored ? 0 : control_put_position(s, b, &p);
}

static int
subscribe_replay(struct stream *s, const struct subscription *sub,
    const struct subscribe_start *start)
{
	struct replay_start from = { .after = start->at.after,
		.since = sub->since,
		.is_known = start->at.is_known,
		.has_last = start->at.is_last,
		.last = sub->last };

	return replay_begin(s, &from);
}

static bool
subscribe_is_stopped(struct hub *hub, const struct subscription *sub,
    struct channel *const *channels)
{
	size_t i;

	if (stop_holds(hub, sub->user))
		return true;
	for (i = 0; i < sub->channel_count; i++)
		if (!channel_is_stopped(hub, channels[i]))
			return false;
	return sub->channel_count > 0;
}

/* Crier's own channels have events only while somebody follows them. */
static void
subscribe_follow_own(struct hub *hub, const struct stream *s)
{
	size_t i;

	for (i = 0; i < s->cursor_count; i++) {
		if (s->cursors[i].channel->own == CHANNEL_STREAMS)
			notice_follow(hub);
		if (s->cursors[i].channel->own == CHANNEL_STATS)
			stats_follow(hub);
	}
}

/* The position that the client asked for, as an id and as cursors. */
static void
subscribe_place(struct stream *s, const struct subscription *sub,
    struct channel *const *channels, struct subscribe_start *start)
{
	memset(start, 0, sizeof *start);
	start_find(s->hub, sub, channels, &start->at);
	subscribe_set_cursors(s, sub, &start->at);
	subscribe_find_before(s, start);
	if (start->at.is_last || start->at.is_all)
		s->sent = start->before;
	start->is_stored = start_is_stored(s->hub, sub, &start->at, channels);
}

/*
 * All that must be there before the stream starts: what it says first, the
 * replay, and last what its source begins, for that cannot be taken back.  The
 * head is the caller's with HUB_OPENED.
 */
static enum hub_answer
subscribe_prepare(struct stream *s, const struct subscription *sub,
    const struct subscribe_start *start, struct block **head)
{
	struct buffer b = { 0 };

	*head = NULL;
	if (subscribe_put_head(s, sub, start, &b) == 0)
		*head = block_of(b.data, b.len);
	buffer_clear(&b);
	if (*head == NULL ||
	    (start->is_stored && subscribe_replay(s, sub, start) == -1)) {
		block_unref(*head);
		return HUB_NO_MEMORY;
	}
	if (sub->begin != NULL && sub->begin(sub->begin_arg) == -1) {
		block_unref(*head);
		return HUB_NOT_BEGUN;
	}
	return HUB_OPENED;
}

/* Whether it is for a run that has ended: there is nothing more to come. */
static bool
subscribe_is_late(struct hub *hub, const struct subscription *sub)
{
	const struct hub_run *run;

	if (!sub->ends_with_run || sub->begin != NULL ||
	    sub->channel_count != 1)
		return false;
	run = hub_run_find(hub, sub->channels[0]);
	return run == NULL || !hub_run_is_going(run);
}

static enum hub_answer
subscribe_open(struct hub *hub, const struct subscription *sub,
    struct channel *const *channels)
{
	struct subscribe_start start;
	struct block *head;
	struct stream *s;
	bool stopped = subscribe_is_stopped(hub, sub, channels);
	bool polls = !stopped && poll_is_wanted(hub, sub);
	enum hub_answer answer;

	if (runs_have_ended(hub, sub))
		return HUB_STOPPED;
	/* 1. Limits.  A client that is stopped may still fetch what it missed.
	 */
	if (!stopped && (answer = visitor_admit(hub, sub)) != HUB_OPENED) {
		hub->counters.turned_away++;
		return answer;
	}
	/* 2. The stream, its position and its cursors. */
	if ((s = stream_new(hub, sub, channels)) == NULL)
		return HUB_NO_MEMORY;
	subscribe_follow_own(hub, s);
	subscribe_place(s, sub, channels, &start);
	/* 3. A stopped client that has missed nothing is told so. */
	if (stopped && !start.has_pending && !start.is_stored) {
		stream_discard(s);
		return HUB_STOPPED;
	}
	if (hub->store->is_down &&
	    (start.is_stored || hub->turn.appended.ms == 0)) {
		hub->counters.turned_away++;
		stream_discard(s);
		return HUB_AWAY;
	}
	/* 4. So many wait for a replay that this one is to come again. */
	if (start.is_stored && !slices_have_room(s)) {
		hub->counters.turned_away++;
		hub->counters.replays_refused++;
		stream_discard(s);
		return HUB_WAITING;
	}
	if (stopped || subscribe_is_late(hub, sub)) {
		s->state = STREAM_LAST_EVENTS;
		s->deadline_ms = hub->clock.now_ms + SUBSCRIBE_LAST_MS;
	}
	/* 5. What may fail. */
	if ((answer = subscribe_prepare(s, sub, &start, &head)) != HUB_OPENED) {
		stream_discard(s);
		return answer;
	}
	/* 6. Only a stream that starts owns the descriptor. */
	if (polls)
		poll_begin(s, sub->poll_ms);
	stream_start(s, head, sub->input);
	return HUB_OPENED;
}

/* Frees channels that were made for a stream that did not come to be. */
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
	if (hub->drain.is_on)
		return HUB_DRAINING;
	if (log_limit_pass(&hub->streams.full_log, hub->clock.now_ms))
		log_warning("full: %zu streams (max-streams), %llu clients "
			    "asked to come again so far",
		    hub->streams.count,
		    (unsigned long long)hub->counters.turned_away);
	return HUB_FULL;
}

/* Whether there is room for one more. */
static bool
subscribe_has_room(const struct hub *hub)
{
	return !hub->drain.is_on && hub->streams.count < hub->streams.max;
}

/*
 * Whether all streams may follow so many channels more.  One alone is bounded
 * by max-streams.
 */
static bool
subscribe_may_follow(const struct hub *hub, size_t count)
{
	size_t max = hub->config->max_followed;

	return count <= 1 || max == 0 ||
	    (hub->streams.following < max &&
		count <= max - hub->streams.following);
}

/* Whether a channel's events are there for a stream that is opened later. */
static bool
subscribe_can_wait(struct hub *hub, struct text_span name)
{
	const struct channel *c = channel_find(hub, name.text, name.len);

	return !hub_is_own_channel(name) &&
	    (c == NULL || !channel_is_stopped(hub, c));
}

bool
hub_would_open(struct hub *hub, const struct subscription *sub)
{
	size_t i;

	if (!subscribe_has_room(hub) ||
	    !subscribe_may_follow(hub, sub->channel_count) ||
	    poll_is_wanted(hub, sub) || stop_holds(hub, sub->user) ||
	    !visitor_has_room(hub, sub))
		return false;
	for (i = 0; i < sub->channel_count; i++)
		if (!subscribe_can_wait(hub, sub->channels[i]))
			return false;
	return true;
}

struct id
hub_position(const struct hub *hub)
{
	return hub->turn.appended;
}

bool
hub_find_position(struct hub *hub, const struct text_span *names, size_t count,
    struct id *position)
{
	const struct channel *c;
	struct id newest = { 0, 0 }, last;
	size_t i;

	*position = hub->turn.appended;
	if (hub->store->is_shared && position->ms == 0)
		return false;
	for (i = 0; i < count; i++) {
		c = channel_find(hub, names[i].text, names[i].len);
		if (c == NULL || history_count(&c->history) == 0)
			return true;
		last = history_at(&c->history, c->history.next_seq - 1)->id;
		if (id_cmp(last, newest) > 0)
			newest = last;
	}
	if (count > 0)
		*position = newest;
	return true;
}

static enum hub_answer
subscribe_turn_follower_away(struct hub *hub)
{
	hub->counters.turned_away++;
	hub->counters.followed_full++;
	if (log_limit_pass(&hub->streams.followed_log, hub->clock.now_ms))
		log_warning("full: %zu channels are followed (max-followed), "
			    "%llu clients asked to come again so far",
		    hub->streams.following,
		    (unsigned long long)hub->counters.followed_full);
	return HUB_FOLLOWED_FULL;
}

enum hub_answer
hub_subscribe(struct hub *hub, const struct subscription *sub)
{
	struct channel *channels[CURSORS_MAX];
	enum hub_answer answer = HUB_NO_MEMORY;
	size_t count = 0;

	if (!subscribe_has_room(hub))
		return subscribe_turn_away(hub);
	if (!subscribe_may_follow(hub, sub->channel_count))
		return subscribe_turn_follower_away(hub);
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
