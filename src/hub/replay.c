/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "hub/control.h"
#include "hub/replay.h"
#include "hub/slice.h"
#include "hub/state.h"

enum {
	REPLAY_RETRY_MS = 5000 /* when the store cannot be read */
};

struct replay {
	struct source source;
	struct slice_asker asker;
	TAILQ_ENTRY(replay) link;   /* in hub->replays.held */
	uint64_t due_ms;            /* not 0: it is held, until then */
	struct replay_start start;  /* since is this structure's own */
	struct store_range *ranges; /* kept while last is counted; or NULL */
	struct id after;            /* all up to here was begun to be sent */
	bool is_first;              /* nothing was answered yet */
	bool is_complete; /* up to what was appended when it was read */
	char since[];
};

static enum source_step replay_step(struct source *, struct stream *);

static struct replay *
replay_of(struct source *source)
{
	return (struct replay *)(void *)((char *)source -
	    offsetof(struct replay, source));
}

static struct replay *
replay_of_asker(struct slice_asker *a)
{
	return (struct replay *)(void *)((char *)a -
	    offsetof(struct replay, asker));
}

static void
replay_free(struct replay *r)
{
	free(r->ranges);
	free(r);
}

static bool
replay_is_ahead(const struct replay *r)
{
	return id_cmp(r->after, r->asker.stream->hub->turn.appended) > 0;
}

static void
replay_release(struct replay *r)
{
	struct hub_replays *all = &r->asker.stream->hub->replays;

	if (r->due_ms == 0)
		return;
	TAILQ_REMOVE(&all->held, r, link);
	all->held_count--;
	r->due_ms = 0;
}

/* Asks for a slice, or is held until this node has come to its position. */
static int
replay_ask(struct replay *r)
{
	struct hub *hub = r->asker.stream->hub;
	struct hub_replays *all = &hub->replays;

	if (!replay_is_ahead(r))
		return slice_ask(&r->asker);
	r->due_ms = hub->clock.now_ms + REPLAY_HOLD_MS;
	if (TAILQ_EMPTY(&all->held))
		loop_set_timer(all->due, REPLAY_HOLD_MS);
	TAILQ_INSERT_TAIL(&all->held, r, link);
	all->held_count++;
	return 0;
}

static void
replay_resume(struct replay *r)
{
	replay_release(r);
	if (slice_ask(&r->asker) == -1)
		stream_kill(r->asker.stream, STREAM_ERROR);
}

void
replays_move(struct hub *hub)
{
	struct replay *r, *next;

	TAILQ_FOREACH_SAFE(r, &hub->replays.held, link, next)
		if (!replay_is_ahead(r))
			replay_resume(r);
}

/* Who was held for so long has the store asked for its id. */
static void
replays_due_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub *hub = arg;
	struct replay *r;

	(void)fd;
	(void)what;
	hub_now(hub);
	while ((r = TAILQ_FIRST(&hub->replays.held)) != NULL &&
	    r->due_ms <= hub->clock.now_ms)
		replay_resume(r);
	if (r != NULL)
		loop_set_timer(hub->replays.due, r->due_ms - hub->clock.now_ms);
}

int
replays_init(struct hub *hub)
{
	TAILQ_INIT(&hub->replays.held);
	hub->replays.due = event_new(hub->base, -1, 0, replays_due_cb, hub);
	return hub->replays.due == NULL ? -1 : 0;
}

void
replays_clear(struct hub *hub)
{
	if (hub->replays.due != NULL)
		event_free(hub->replays.due);
}

static void
replay_leave(struct source *source)
{
	struct replay *r = replay_of(source);

	replay_release(r);
	slice_leave(&r->asker);
	replay_free(r);
}

/*
 * Names what the next slice is to have.  Each channel is read on from what was
 * sent or, if that is later, from where it is to begin at all (the last events
 * of each).
 */
static void
replay_prepare(struct slice_asker *a, struct slice *slice)
{
	struct replay *r = replay_of_asker(a);
	struct store_read *read = &slice->read;
	struct store_range fresh;
	size_t i;

	for (i = 0; i < read->range_count; i++) {
		if (r->ranges != NULL) {
			fresh = slice->ranges[i];
			slice->ranges[i] = r->ranges[i];
			slice->ranges[i].name = fresh.name;
			slice->ranges[i].keep = fresh.keep;
			slice->ranges[i].keep_bytes = fresh.keep_bytes;
			slice->ranges[i].keep_ms = fresh.keep_ms;
		}
		if (id_cmp(slice->ranges[i].after, r->after) < 0)
			slice->ranges[i].after = r->after;
	}
	if (!r->is_first)
		return;
	/* Where it is to begin is asked with the first slice alone. */
	read->has_last = r->start.has_last;
	read->last = r->start.last;
	read->own_id = r->since;
	read->own_id_len = r->start.since.len;
}

/* The store has looked the ranges up with the first slice: the next need not.
 */
static void
replay_keep_ranges(struct replay *r)
{
	const struct slice *slice = r->asker.slice;

	if (r->ranges != NULL)
		memcpy(r->ranges, slice->ranges,
		    slice->read.range_count * sizeof *r->ranges);
}

/* The store has answered. */
static void
replay_done(struct slice_asker *a)
{
	struct stream *s = a->stream;
	const struct store_read *read = &a->slice->read;

	if (s->state >= STREAM_ENDING)
		slice_put(a);
	else if (read->error[0] != '\0')
		stream_end(s, STREAM_ERROR,
		    REPLAY_RETRY_MS / 2 + loop_random(REPLAY_RETRY_MS));
	else
		stream_source_ready(s);
}

/* The next slice is no larger than what the client took of this one. */
static void
replay_shrink(struct replay *r)
{
	const struct slice *slice = r->asker.slice;
	size_t taken = slice->next == 0 ? 0 : slice->marks[slice->next - 1].end;

	r->asker.want_bytes = taken < SLICE_MIN ? SLICE_MIN : taken;
	if (r->asker.want_bytes > SLICE_MAX)
		r->asker.want_bytes = SLICE_MAX;
}

/* Others wait, and the slice is not sent: what is left of it is read again. */
static void
replay_give_up(struct slice_asker *a)
{
	struct replay *r = replay_of_asker(a);
	struct stream *s = a->stream;
	size_t bytes = 0;

	replay_shrink(r);
	r->is_complete = false;
	if (s->unit == a->slice->block) {
		bytes = s->unit_len;
		if (stream_copy_unit(s) == -1) {
			stream_kill(s, STREAM_ERROR);
			return;
		}
	}
	slice_put(a);
	if (bytes > 0)
		slice_pin(a, bytes);
}

/* The runs of the slice that are not begun. */
static bool
replay_run(struct source *source, size_t n, struct history_slice *run,
    size_t *index)
{
	const struct slice *slice = replay_of(source)->asker.slice;
	const struct store_mark *m;

	if (slice == NULL || !slice->is_taken)
		return false;
	n += slice->next;
	if (n >= slice->read.mark_count)
		return false;
	m = &slice->marks[n];
	run->block = slice->block;
	run->off = n == 0 ? 0 : (uint32_t)m[-1].end;
	run->len = (uint32_t)m->end - run->off;
	run->events = (uint32_t)m->events;
	run->last = m->last;
	*index = (size_t)(m->range - slice->ranges);
	return true;
}

static void
replay_begin_run(struct source *source)
{
	struct replay *r = replay_of(source);
	struct slice *slice = r->asker.slice;

	r->after = slice->marks[slice->next++].last;
}

static int
replay_new(struct stream *s, const struct replay_start *start, bool is_first)
{
	struct replay *r = calloc(1, sizeof *r + start->since.len + 1);

	if (r == NULL)
		return -1;
	r->source.step = replay_step;
	r->source.run = replay_run;
	r->source.begin_run = replay_begin_run;
	r->source.leave = replay_leave;
	r->asker.stream = s;
	r->asker.want_bytes = SLICE_BEGIN;
	r->asker.prepare = replay_prepare;
	r->asker.done = replay_done;
	r->asker.give_up = replay_give_up;
	r->start = *start;
	if (start->since.len > 0)
		memcpy(r->since, start->since.text, start->since.len);
	r->start.since.text = r->since;
	r->after = start->after;
	r->is_first = is_first;
	if (start->has_last &&
	    (r->ranges = calloc(s->cursor_count, sizeof *r->ranges)) == NULL)
		goto fail;
	if (replay_ask(r) == -1)
		goto fail;
	s->source = &r->source;
	s->is_waiting = true;
	return 0;
fail:
	replay_free(r);
	return -1;
}

int
replay_begin(struct stream *s, const struct replay_start *start)
{
	return replay_new(s, start, true);
}

/* There is no store to read from: tells how many events were missed. */
static int
replay_tell_missed(struct stream *s)
{
	struct buffer b = { 0 };
	int rc = control_put_missed(s, &b);

	if (rc == 0)
		rc = stream_say(s, b.data, b.len, 0);
	buffer_clear(&b);
	return rc;
}

int
replay_fell_behind(struct stream *s)
{
	struct replay_start start = { .after = s->sent, .is_known = true };

	if (!s->hub->store->is_durable)
		return replay_tell_missed(s);
	return replay_new(s, &start, false);
}

/* An id before this one: whoever goes on from there gets this event. */
static struct id
replay_before(struct id id)
{
	if (id.n > 0)
		id.n--;
	else
		id.ms--;
	return id;
}

/*
 * What comes before the slice's records: the position, of a stream that has
 * said nothing yet; or, for one that fell behind, what the store has lost.
 */
static int
replay_put_front(struct replay *r, struct buffer *b)
{
	const struct store_read *read = &r->asker.slice->read;
	struct control_position p = { .since = r->start.since,
		.after = r->after,
		.is_known = r->start.is_known,
		.ranges = read->ranges };
	char text[ID_TEXT_SIZE];

	if (r->is_first) {
		p.before = read->events > 0 ? replay_before(read->first_id)
					    : read->upto;
		return control_put_position(r->asker.stream, b, &p);
	}
	p.since.text = text;
	p.since.len = id_format(r->after, text);
	return control_put_gaps(r->asker.stream, b, &p);
}

/* Whether a first answer says nothing yet. */
static bool
replay_is_unanswered(const struct replay *r)
{
	const struct store_read *read = &r->asker.slice->read;

	return read->wants > 0 || read->is_counting ||
	    (r->is_first &&
		(read->own_found ? read->is_ahead
				 : id_cmp(r->after, read->upto) > 0));
}

/*
 * The next event alone is larger than the slice, last is not counted, or the
 * client is ahead; if its id was never given, it begins with all there is.
 */
static int
replay_ask_again(struct replay *r)
{
	const struct store_read *read = &r->asker.slice->read;
	static const struct id zero;

	replay_keep_ranges(r);
	if (read->wants > 0)
		r->asker.want_bytes = read->wants;
	if (read->own_found && read->is_ahead)
		r->after = read->own;
	if (id_cmp(r->after, read->upto) > 0 && !read->is_ahead) {
		r->after = zero;
		r->start.is_known = false;
	}
	slice_put(&r->asker);
	return replay_ask(r);
}

/* Looks at an answer before its first run is begun; 0, or -1 (memory). */
static int
replay_take(struct replay *r)
{
	const struct store_read *read = &r->asker.slice->read;
	struct buffer b = { 0 };
	int rc;

	replay_keep_ranges(r);
	if (r->is_first && read->own_found) {
		r->after = read->own;
		r->start.is_known = true;
	}
	rc = replay_put_front(r, &b);
	if (rc == 0 && b.len > 0)
		rc = stream_say(r->asker.stream, b.data, b.len, 0);
	buffer_clear(&b);
	r->is_complete = read->is_complete;
	r->start.is_known = true;
	r->is_first = false;
	return rc;
}

/* Whether the memory has all that follows, so that the stream may go on there.
 */
static bool
replay_meets_memory(const struct replay *r)
{
	const struct stream *s = r->asker.stream;
	size_t i;

	if (!r->is_complete)
		return false;
	for (i = 0; i < s->cursor_count; i++)
		if (id_cmp(s->cursors[i].channel->history.floor, r->after) > 0)
			return false;
	return true;
}

static void
replay_finish(struct replay *r)
{
	struct stream *s = r->asker.stream;
	size_t i;

	for (i = 0; i < s->cursor_count; i++)
		s->cursors[i].seq =
		    history_after(&s->cursors[i].channel->history, r->after);
	s->sent = r->after;
	s->source = NULL;
	replay_free(r);
}

/* All of a slice is sent: reads on, with a larger one, or finishes. */
static enum source_step
replay_go_on(struct replay *r)
{
	struct slice_asker *a = &r->asker;

	if (r->is_complete)
		r->after = a->slice->read.upto;
	a->want_bytes = a->slice->read.room_bytes * 2;
	if (a->want_bytes > SLICE_MAX)
		a->want_bytes = SLICE_MAX;
	slice_put(a);
	if (!replay_meets_memory(r))
		return slice_ask(a) == -1 ? SOURCE_FAILED : SOURCE_WAITS;
	replay_finish(r);
	return SOURCE_GOES_ON;
}

/* Sends the slice that was read; when it is sent, reads on or finishes. */
static enum source_step
replay_step(struct source *source, struct stream *s)
{
	struct replay *r = replay_of(source);
	struct slice *slice = r->asker.slice;

	(void)s;
	slice_unpin(&r->asker);
	if (r->due_ms > 0)
		return SOURCE_WAITS;
	/* 1. There is none yet, or it was taken away. */
	if (slice == NULL && r->asker.lane == NULL)
		return slice_ask(&r->asker) == -1 ? SOURCE_FAILED
						  : SOURCE_WAITS;
	if (slice == NULL || slice->due_ms == 0)
		return SOURCE_WAITS;
	/* 2. One has come, with events or without. */
	if (!slice->is_taken && replay_is_unanswered(r))
		return replay_ask_again(r) == -1 ? SOURCE_FAILED : SOURCE_WAITS;
	if (!slice->is_taken) {
		slice->is_taken = true;
		return replay_take(r) == -1 ? SOURCE_FAILED : SOURCE_GOES_ON;
	}
	/* 3. Its runs are sent. */
	return slice->next < slice->read.mark_count ? SOURCE_GOES_ON
						    : replay_go_on(r);
}
