/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "hub/control.h"
#include "hub/replay.h"
#include "hub/state.h"

enum {
	REPLAY_BYTES = 262144, /* of a slice */
	REPLAY_RETRY_MS = 5000 /* when the store cannot be read */
};

struct replay {
	struct source source;
	struct stream *stream; /* NULL: it is gone */
	struct store_read read;
	struct replay_start start; /* since is this structure's own */
	struct id after;           /* all up to here was sent, or is in ready */
	bool is_first;             /* the answer is the first */
	bool is_reading;
	bool is_complete;    /* up to what was appended when it was read */
	struct block *ready; /* the answer, until it can be sent */
	uint64_t ready_events;
	char since[];
};

static void replay_done(struct store_read *);
static enum source_step replay_step(struct source *, struct stream *);

static void
replay_free(struct replay *r)
{
	store_read_clear(&r->read);
	block_unref(r->ready);
	free(r);
}

static struct replay *
replay_of(struct source *source)
{
	return (struct replay *)(void *)((char *)source -
	    offsetof(struct replay, source));
}

/* The stream is gone.  If the store is still reading, its answer frees r. */
static void
replay_leave(struct source *source)
{
	struct replay *r = replay_of(source);

	r->stream = NULL;
	if (!r->is_reading)
		replay_free(r);
}

static int
replay_name_ranges(struct replay *r)
{
	const struct stream *s = r->stream;
	struct store_range *range;
	size_t i;

	r->read.ranges = calloc(s->cursor_count, sizeof *range);
	if (r->read.ranges == NULL)
		return -1;
	r->read.range_count = s->cursor_count;
	for (i = 0; i < s->cursor_count; i++) {
		range = &r->read.ranges[i];
		range->name = strdup(s->cursors[i].channel->name);
		if (range->name == NULL)
			return -1;
	}
	return 0;
}

/*
 * Asks for the next slice.  Each channel is read on from what was sent or, if
 * that is later, from where it is to begin at all (the last events of each).
 */
static int
replay_read(struct replay *r)
{
	struct hub *hub = r->stream->hub;
	struct store_read *read = &r->read;
	size_t i;

	if (read->ranges == NULL && replay_name_ranges(r) == -1)
		return -1;
	for (i = 0; i < read->range_count; i++)
		if (id_cmp(read->ranges[i].after, r->after) < 0)
			read->ranges[i].after = r->after;
	buffer_clear(&read->records);
	read->events = 0;
	read->is_complete = false;
	read->upto = hub->turn.appended;
	read->wall_ms = hub->clock.wall_ms;
	read->max_bytes = REPLAY_BYTES;
	read->done = replay_done;
	read->arg = r;
	r->is_reading = true;
	hub->store->ops->read(hub->store, read);
	return 0;
}

/* Asks, with the first slice alone, where the stream is to begin. */
static int
replay_ask_start(struct replay *r)
{
	struct store_read *read = &r->read;

	read->has_last = r->start.has_last;
	read->last = r->start.last;
	read->own_id_len = r->start.since.len;
	read->own_id = strndup(r->since, r->start.since.len);
	return read->own_id == NULL ? -1 : 0;
}

static int
replay_new(struct stream *s, const struct replay_start *start, bool is_first)
{
	struct replay *r = calloc(1, sizeof *r + start->since.len + 1);

	if (r == NULL)
		return -1;
	r->source.step = replay_step;
	r->source.leave = replay_leave;
	r->stream = s;
	r->start = *start;
	if (start->since.len > 0)
		memcpy(r->since, start->since.text, start->since.len);
	r->start.since.text = r->since;
	r->after = start->after;
	r->is_first = is_first;
	if ((is_first && replay_ask_start(r) == -1) || replay_read(r) == -1) {
		replay_free(r);
		return -1;
	}
	s->source = &r->source;
	return 0;
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
 * said nothing yet; then, or for one that fell behind, what the store has lost.
 */
static int
replay_put_front(struct replay *r, struct buffer *b)
{
	struct control_position p = { .since = r->start.since,
		.after = r->after,
		.is_known = r->start.is_known,
		.ranges = r->read.ranges };
	char text[ID_TEXT_SIZE];

	if (r->is_first) {
		p.before = r->read.events > 0 ? replay_before(r->read.first_id)
					      : r->read.upto;
		return control_put_position(r->stream, b, &p);
	}
	p.since.text = text;
	p.since.len = id_format(r->after, text);
	return control_put_gaps(r->stream, b, &p);
}

/* Makes the store's answer a block; 0, or -1 (memory). */
static int
replay_take(struct replay *r)
{
	struct store_read *read = &r->read;
	struct buffer b = { 0 };
	int rc;

	if (r->is_first && read->own_found) {
		r->after = read->own;
		r->start.is_known = true;
	}
	rc = replay_put_front(r, &b);
	if (rc == 0)
		rc = buffer_append(&b, read->records.data, read->records.len);
	if (rc == 0 && b.len > 0 &&
	    (r->ready = block_of(b.data, b.len)) == NULL)
		rc = -1;
	buffer_clear(&b);
	r->ready_events = read->events;
	r->is_complete = read->is_complete;
	r->after = read->is_complete ? read->upto : read->last_id;
	r->start.is_known = true;
	r->is_first = false;
	read->has_last = false;
	read->own_id_len = 0;
	return rc;
}

/* The store has answered; on the loop's thread. */
static void
replay_done(struct store_read *read)
{
	struct replay *r = read->arg;
	struct stream *s = r->stream;

	r->is_reading = false;
	if (s == NULL) {
		replay_free(r);
		return;
	}
	hub_now(s->hub);
	if (s->state >= STREAM_ENDING)
		return;
	if (read->error[0] != '\0')
		stream_end(s, STREAM_ERROR,
		    REPLAY_RETRY_MS / 2 + loop_random(REPLAY_RETRY_MS));
	else if (replay_take(r) == -1)
		stream_kill(s, STREAM_ERROR);
	else
		stream_source_ready(s);
}

/* Whether the memory has all that follows, so that the stream may go on there.
 */
static bool
replay_meets_memory(const struct replay *r)
{
	const struct stream *s = r->stream;
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
	struct stream *s = r->stream;
	size_t i;

	for (i = 0; i < s->cursor_count; i++)
		s->cursors[i].seq =
		    history_after(&s->cursors[i].channel->history, r->after);
	s->sent = r->after;
	s->source = NULL;
	replay_free(r);
}

/* Sends the slice that was read; when it is sent, reads on or finishes. */
static enum source_step
replay_step(struct source *source, struct stream *s)
{
	struct replay *r = replay_of(source);

	if (r->is_reading)
		return SOURCE_WAITS;
	if (r->ready != NULL) {
		stream_set_unit(s, r->ready, false);
		r->ready = NULL;
		stream_count_events(s, r->ready_events);
		return SOURCE_GOES_ON;
	}
	if (!replay_meets_memory(r))
		return replay_read(r) == -1 ? SOURCE_FAILED : SOURCE_WAITS;
	replay_finish(r);
	return SOURCE_GOES_ON;
}
