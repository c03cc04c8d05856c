/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "hub/slice.h"
#include "hub/state.h"

struct slice_lane {
	TAILQ_ENTRY(slice_lane) link; /* in hub->slices.lanes */
	struct slice_askers askers;
	struct visitor *visitor; /* whose it is; NULL: one stream's alone */
	size_t count;
};

static void
slices_turn_later(struct hub *hub)
{
	event_active(hub->slices.turn, 0, 0);
}

static struct visitor *
slice_visitor(const struct stream *s)
{
	return s->user != NULL ? s->user : s->address;
}

bool
slices_have_room(const struct stream *s)
{
	const struct hub_slices *all = &s->hub->slices;
	const struct visitor *v = slice_visitor(s);
	size_t max = s->hub->config->replay_waiting;

	if (all->waiting + s->hub->replays.held_count +
		s->hub->retained.count >=
	    max)
		return false;
	return v == NULL || v->lane == NULL ||
	    v->lane->count * SLICE_SHARE < max;
}

/* The lane of a stream's client, made if there is none; NULL (memory). */
static struct slice_lane *
slice_lane_get(const struct stream *s)
{
	struct visitor *v = slice_visitor(s);
	struct slice_lane *lane;

	if (v != NULL && v->lane != NULL)
		return v->lane;
	if ((lane = calloc(1, sizeof *lane)) == NULL)
		return NULL;
	TAILQ_INIT(&lane->askers);
	lane->visitor = v;
	if (v != NULL)
		v->lane = lane;
	TAILQ_INSERT_TAIL(&s->hub->slices.lanes, lane, link);
	return lane;
}

int
slice_ask(struct slice_asker *a)
{
	struct hub *hub = a->stream->hub;

	if ((a->lane = slice_lane_get(a->stream)) == NULL)
		return -1;
	TAILQ_INSERT_TAIL(&a->lane->askers, a, link);
	a->lane->count++;
	hub->slices.waiting++;
	slices_turn_later(hub);
	return 0;
}

/* The asker waits no more; its lane's next turn is behind all others'. */
static void
slice_leave_lane(struct slice_asker *a)
{
	struct hub_slices *all = &a->stream->hub->slices;
	struct slice_lane *lane = a->lane;

	TAILQ_REMOVE(&lane->askers, a, link);
	a->lane = NULL;
	lane->count--;
	all->waiting--;
	TAILQ_REMOVE(&all->lanes, lane, link);
	if (lane->count > 0) {
		TAILQ_INSERT_TAIL(&all->lanes, lane, link);
		return;
	}
	if (lane->visitor != NULL)
		lane->visitor->lane = NULL;
	free(lane);
}

static void
slice_free(struct slice *slice)
{
	block_unref(slice->block);
	free(slice);
}

static void
slice_uncount(struct slice *slice)
{
	struct hub_slices *all = &slice->hub->slices;

	all->count--;
	all->bytes -= slice->bytes;
	relief_note(slice->hub, slice->bytes);
	slices_turn_later(slice->hub);
}

static void
slice_unread(struct slice *slice)
{
	TAILQ_REMOVE(&slice->hub->slices.reading, slice, link);
	slice->hub->slices.reads--;
}

/* The store has answered; on the loop's thread. */
static void
slice_done(struct store_read *read)
{
	struct slice *slice = read->arg;
	struct hub *hub = slice->hub;

	if (hub == NULL) {
		slice_free(slice);
		return;
	}
	hub_now(hub);
	slice_unread(slice);
	if (slice->asker == NULL) {
		slice_uncount(slice);
		slice_free(slice);
		return;
	}
	slice->due_ms = hub->clock.now_ms + SLICE_HOLD_MS;
	TAILQ_INSERT_TAIL(&hub->slices.held, slice, link);
	slices_turn_later(hub);
	slice->asker->done(slice->asker);
}

/* A slice with the names of the stream's channels, which may go before it. */
static struct slice *
slice_new(const struct stream *s, size_t room)
{
	size_t bytes = sizeof(struct slice), i, len;
	struct slice *slice;
	char *name;

	for (i = 0; i < s->cursor_count; i++)
		bytes += sizeof(struct store_range) +
		    strlen(s->cursors[i].channel->name) + 1;
	if ((slice = calloc(1, bytes)) == NULL)
		return NULL;
	if ((slice->block = block_new(room)) == NULL) {
		free(slice);
		return NULL;
	}
	slice->bytes = bytes + room;
	name = (char *)&slice->ranges[s->cursor_count];
	for (i = 0; i < s->cursor_count; i++) {
		len = strlen(s->cursors[i].channel->name) + 1;
		slice->ranges[i].name =
		    memcpy(name, s->cursors[i].channel->name, len);
		name += len;
		slice->ranges[i].keep = s->cursors[i].channel->rule->keep;
		slice->ranges[i].keep_bytes =
		    s->cursors[i].channel->rule->keep_bytes;
		slice->ranges[i].keep_ms = s->cursors[i].channel->rule->keep_ms;
	}
	slice->read.ranges = slice->ranges;
	slice->read.range_count = s->cursor_count;
	slice->read.room = slice->block->data;
	slice->read.room_bytes = room;
	slice->read.marks = slice->marks;
	slice->read.by_range = s->is_tagged;
	slice->read.done = slice_done;
	slice->read.arg = slice;
	return slice;
}

/* Gives a read to the store; 0, or -1 (memory). */
static int
slice_read(struct slice_asker *a)
{
	struct hub *hub = a->stream->hub;
	struct hub_slices *all = &hub->slices;
	struct slice *slice = slice_new(a->stream, a->want_bytes);

	if (slice == NULL)
		return -1;
	slice->hub = hub;
	slice->asker = a;
	slice->read.upto = hub->turn.appended;
	slice->read.wall_ms = hub->clock.wall_ms;
	a->slice = slice;
	a->prepare(a, slice);
	TAILQ_INSERT_TAIL(&all->reading, slice, link);
	all->reads++;
	all->count++;
	all->bytes += slice->bytes;
	hub->store->ops->read(hub->store, &slice->read);
	return 0;
}

/*
 * Whether there is memory for one more slice.  Slices whose time is over are
 * taken back; if that is not enough, sets the timer for the next such.
 */
static bool
slices_make_room(struct hub *hub, size_t bytes)
{
	struct hub_slices *all = &hub->slices;
	struct slice *first;

	while (all->count > 0 &&
	    all->bytes + all->pinned_bytes + bytes >
		hub->config->replay_bytes) {
		if ((first = TAILQ_FIRST(&all->held)) == NULL)
			return false;
		if (first->due_ms > hub->clock.now_ms) {
			loop_set_timer(all->turn,
			    first->due_ms - hub->clock.now_ms);
			return false;
		}
		hub->counters.replays_interrupted++;
		first->asker->give_up(first->asker);
	}
	return true;
}

static void
slices_turn_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub *hub = arg;
	struct hub_slices *all = &hub->slices;
	struct slice_asker *a;

	(void)fd;
	(void)what;
	hub_now(hub);
	while (all->reads < SLICE_READS && !TAILQ_EMPTY(&all->lanes)) {
		a = TAILQ_FIRST(&TAILQ_FIRST(&all->lanes)->askers);
		if (!slices_make_room(hub, a->want_bytes))
			break;
		slice_leave_lane(a);
		if (slice_read(a) == -1)
			stream_kill(a->stream, STREAM_ERROR);
	}
}

void
slice_put(struct slice_asker *a)
{
	TAILQ_REMOVE(&a->slice->hub->slices.held, a->slice, link);
	slice_uncount(a->slice);
	slice_free(a->slice);
	a->slice = NULL;
}

void
slice_pin(struct slice_asker *a, size_t bytes)
{
	struct hub *hub = a->stream->hub;
	struct hub_slices *all = &hub->slices;

	a->pinned_bytes = bytes;
	all->pinned_bytes += bytes;
	TAILQ_INSERT_TAIL(&all->pinned, a, link);
	while (all->pinned_bytes > hub->config->replay_bytes / 2) {
		hub->counters.replays_ended++;
		stream_kill(TAILQ_FIRST(&all->pinned)->stream, STREAM_SLOW);
	}
}

void
slice_unpin(struct slice_asker *a)
{
	struct hub_slices *all = &a->stream->hub->slices;

	if (a->pinned_bytes == 0)
		return;
	TAILQ_REMOVE(&all->pinned, a, link);
	all->pinned_bytes -= a->pinned_bytes;
	a->pinned_bytes = 0;
	slices_turn_later(a->stream->hub);
}

void
slice_leave(struct slice_asker *a)
{
	struct hub *hub = a->stream->hub;
	struct slice *slice = a->slice;

	slice_unpin(a);
	if (a->lane != NULL) {
		slice_leave_lane(a);
		hub->counters.replays_cancelled++;
	}
	if (slice == NULL)
		return;
	if (slice->due_ms > 0) {
		slice_put(a);
		return;
	}
	slice->asker = NULL;
	if (!hub->store->ops->cancel(hub->store, &slice->read))
		return;
	hub->counters.replays_cancelled++;
	slice_unread(slice);
	slice_uncount(slice);
	slice_free(slice);
}

int
slices_init(struct hub *hub)
{
	struct hub_slices *all = &hub->slices;

	TAILQ_INIT(&all->lanes);
	TAILQ_INIT(&all->reading);
	TAILQ_INIT(&all->held);
	TAILQ_INIT(&all->pinned);
	all->turn = event_new(hub->base, -1, 0, slices_turn_cb, hub);
	return all->turn == NULL ? -1 : 0;
}

void
slices_clear(struct hub *hub)
{
	struct hub_slices *all = &hub->slices;
	struct slice *slice;

	if (all->turn != NULL) {
		TAILQ_FOREACH(slice, &all->reading, link) {
			slice->hub = NULL;
		}
		event_free(all->turn);
	}
}
