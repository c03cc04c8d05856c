/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "base/buffer.h"
#include "hub/ask.h"
#include "hub/close.h"
#include "hub/control.h"
#include "hub/node.h"
#include "hub/nodes.h"
#include "hub/replay.h"
#include "hub/state.h"
#include "protocol/event.h"

/*
 * Leaves an event of the batch the channels that exist here.  The others keep
 * nothing of it: whoever follows one later reads it in the store.
 */
static void
node_find_channels(struct hub *hub, struct batch *b, struct batch_event *e)
{
	struct batch_channel *channels = b->channels + e->channel_first;
	size_t count = e->channel_count, i;
	struct channel *c;

	e->channel_count = 0;
	for (i = 0; i < count; i++) {
		c = channel_find(hub, channels[i].name, channels[i].name_len);
		if (c == NULL) {
			channel_pass(hub, channels[i].name,
			    channels[i].name_len, e->id);
			continue;
		}
		channels[e->channel_count] = channels[i];
		channels[e->channel_count++].channel = c;
	}
}

static void
node_arrived(void *arg, struct batch *b)
{
	struct hub *hub = arg;
	size_t i;

	hub_now(hub);
	for (i = 0; i < b->event_count; i++) {
		node_find_channels(hub, b, &b->events[i]);
		turn_append(hub, b, &b->events[i]);
	}
	turn_deliver(hub);
	replays_move(hub);
}

/* Whether a stream has got, or begun to get, all that its channels have. */
static bool
node_is_up_to_date(const struct stream *s)
{
	size_t i;

	for (i = 0; i < s->cursor_count; i++)
		if (s->cursors[i].seq < s->cursors[i].channel->history.next_seq)
			return false;
	return true;
}

/* Streams that have got all up to the position have that position. */
static void
node_note_positions(struct hub *hub)
{
	struct stream *s;

	TAILQ_FOREACH(s, &hub->streams.list, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (s->source == NULL && node_is_up_to_date(s) &&
		    id_cmp(s->sent, hub->turn.appended) < 0)
			s->sent = hub->turn.appended;
	}
}

/* Tells a stream that all its channels may have lost events; 0, or -1. */
static int
node_tell_lost(struct stream *s, struct id to)
{
	char since[ID_TEXT_SIZE], now[ID_TEXT_SIZE];
	struct control_position p = { .after = s->sent, .is_known = true };
	struct buffer b = { 0 };
	int rc = -1;
	size_t i;

	p.since.text = since;
	p.since.len = id_format(s->sent, since);
	id_format(to, now);
	if (control_put_gaps(s, &b, &p) == -1 ||
	    buffer_printf(&b, "id: %s\n%s", now, s->is_terse ? "" : "\n") ==
		-1 ||
	    stream_say(s, b.data, b.len, 0) == -1)
		goto out;
	for (i = 0; i < s->cursor_count; i++)
		s->cursors[i].seq = s->cursors[i].channel->history.next_seq;
	s->sent = to;
	rc = 0;
out:
	buffer_clear(&b);
	return rc;
}

/*
 * Every stream goes on from what it was sent.  One to which all was sent is
 * told a loss at once; all others read in the store what was skipped, and are
 * told there.
 */
static void
node_move_streams(struct hub *hub, struct id from, struct id to, bool is_lost)
{
	struct stream *s, *next;

	TAILQ_FOREACH_SAFE(s, &hub->streams.list, link, next) {
		if (s->state >= STREAM_ENDING || s->source != NULL ||
		    s->cursor_count == 0)
			continue;
		if (is_lost && s->unit == NULL && id_cmp(s->sent, from) >= 0 &&
		    node_tell_lost(s, to) == -1) {
			stream_kill(s, STREAM_ERROR);
			continue;
		}
		stream_write(s);
	}
}

static void
node_moved(void *arg, struct id to, bool is_lost)
{
	struct hub *hub = arg;
	struct id from = hub->turn.appended;

	hub_now(hub);
	turn_deliver(hub);
	node_note_positions(hub);
	hub->turn.appended = to;
	hub->nodes.has_lost |= is_lost;
	channels_skip(hub, to);
	node_move_streams(hub, from, to, is_lost);
	replays_move(hub);
}

static void
node_asked(void *arg, struct text_span text, uint64_t stop_ms,
    struct buffer *answer)
{
	ask_answer(arg, text, stop_ms, answer);
}

static void
node_stopped(void *arg, const struct store_stop *stop, uint64_t ms)
{
	struct hub *hub = arg;

	hub_now(hub);
	if (stop->kind == STORE_STOP_USER)
		close_user(hub, stop->name, ms);
	else if (event_check_channel(stop->name.text, stop->name.len) == NULL)
		close_channel(hub, stop->name, ms);
}

static void
node_say(void *arg, struct buffer *said)
{
	nodes_say(arg, said);
}

static void
node_heard(void *arg, const struct store_node *nodes, size_t count, bool is_new)
{
	struct hub *hub = arg;

	hub_now(hub);
	nodes_heard(hub, nodes, count, is_new);
	/* A store that has lost all knows of nobody, and nobody told of us. */
	if (is_new && !hub->nodes.has_lost)
		runs_lost(hub);
	hub->nodes.has_lost = false;
}

/* What the node that is gone had by that name does not go on here: it ends. */
static void
node_inherited(void *arg, struct text_span name, const char *node)
{
	struct hub *hub = arg;

	(void)node;
	runs_inherited(hub, name);
	store_release(hub->store, name);
}

static const struct store_hooks node_hooks = {
	.arrived = node_arrived,
	.moved = node_moved,
	.asked = node_asked,
	.stopped = node_stopped,
	.say = node_say,
	.heard = node_heard,
	.inherited = node_inherited,
};

void
node_begin(struct hub *hub)
{
	if (!hub->store->is_shared)
		return;
	hub->store->hub = hub;
	hub->store->hooks = &node_hooks;
}
