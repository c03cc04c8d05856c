/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "hub/control.h"
#include "hub/delivery.h"
#include "hub/poll.h"
#include "hub/rest.h"
#include "hub/state.h"
#include "hub/stream_input.h"
#include "hub/watch.h"

enum {
	STREAM_TAP_MS = 100, /* between the two comments of a heartbeat */
	/* Bytes of a name, and of channels' names, in the log. */
	STREAM_LOG_NAME = 64,
	STREAM_LOG_CHANNELS = 256
};

/*
 * A stream's life: it sends, waits until its socket takes more, beats, and
 * ends.  All that makes it send comes to stream_write: an event, its source, a
 * timer, its socket.
 */

/* Waits for room in the socket only while there is something to send. */
static void
stream_set_writing(struct stream *s, bool writing)
{
	/* A half-open stream is watched edge-triggered: it is armed anew. */
	if (s->is_writing == writing && !(writing && s->is_half_open))
		return;
	s->is_writing = writing;
	if (watch_set(s->hub->streams.watch, s, writing) == -1)
		stream_kill(s, STREAM_ERROR);
}

/* When a client that takes nothing will have done so for too long. */
static uint64_t
stream_next_stall(const struct stream *s)
{
	uint64_t stall_ms = s->hub->config->stall_ms;

	if (stall_ms == 0)
		return UINT64_MAX;
	return s->unit != NULL ? s->written_ms + stall_ms
			       : s->hub->clock.now_ms + stall_ms;
}

/*
 * The heartbeat is two comments a little apart: behind Apache the first write
 * to a client that has left only draws its reset, and the second one fails.
 */
static uint64_t
stream_next_heartbeat(const struct stream *s)
{
	uint64_t now = s->hub->clock.now_ms;

	if (s->heartbeat_ms == 0)
		return UINT64_MAX;
	if (s->wants_tap)
		return now + STREAM_TAP_MS;
	/* A stalled stream wrote long ago, and cannot beat now. */
	if (s->written_ms + s->heartbeat_ms <= now)
		return now + s->heartbeat_ms;
	return s->written_ms + s->heartbeat_ms;
}

/*
 * An end has drain-time to be sent.  A poll may still have its events before
 * it, for which a slow client has stall-time.
 */
static uint64_t
stream_next_end(const struct stream *s)
{
	const struct config *c = s->hub->config;
	bool is_patient = poll_is_over(s) && c->stall_ms > c->drain_ms;

	return s->hub->clock.now_ms + (is_patient ? c->stall_ms : c->drain_ms);
}

static void
stream_set_timer(struct stream *s)
{
	uint64_t due;

	if (s->state == STREAM_ENDING) {
		due = stream_next_end(s);
	} else {
		due = stream_next_heartbeat(s);
		if (stream_next_stall(s) < due)
			due = stream_next_stall(s);
		if (s->deadline_ms > 0 && s->deadline_ms < due)
			due = s->deadline_ms;
	}
	if (due != UINT64_MAX)
		hub_clock_set(s->hub, &s->hub->clock.streams, &s->timer, due);
}

static void
stream_log_end(const struct stream *s)
{
	char channels[STREAM_LOG_CHANNELS];
	const char *user = stream_user(s), *address = stream_address(s), *name;
	size_t n = 0, i, len;

	if (!log_wants(LOG_LEVEL_INFO))
		return;
	for (i = 0; i < s->cursor_count; i++) {
		name = s->cursors[i].channel->name;
		len = strlen(name);
		if (n + len + 2 > sizeof channels)
			break;
		if (n > 0)
			channels[n++] = ',';
		memcpy(channels + n, name, len);
		n += len;
	}
	log_info("stream %llu ended: %s user=%.*s address=%.*s "
		 "channels=%.*s%s "
		 "seconds=%.1f events=%llu bytes=%llu",
	    (unsigned long long)s->id, stream_reason(s), STREAM_LOG_NAME,
	    *user == '\0' ? "-" : user, STREAM_LOG_NAME,
	    *address == '\0' ? "-" : address, (int)n, channels,
	    i < s->cursor_count ? ",..." : "",
	    (double)(s->hub->clock.now_ms - s->opened_ms) / 1000,
	    (unsigned long long)s->events, (unsigned long long)s->bytes);
}

/*
 * Takes a stream out of the hub's lists and the loop.  Its memory and its place
 * in the channels stay until the loop's turn ends: whoever is going through
 * cursors or epoll's events right now may come by it.
 */
static void
stream_retire(struct stream *s)
{
	struct hub *hub = s->hub;

	s->state = STREAM_DEAD;
	watch_clear(hub->streams.watch, s);
	wheel_clear(&hub->clock.streams, &s->timer);
	TAILQ_REMOVE(&hub->streams.list, s, link);
	TAILQ_INSERT_TAIL(&hub->streams.dead, s, link);
	hub->streams.count--;
	hub->streams.poll_count -= s->is_poll;
	hub->counters.closed++;
	if (s->source != NULL)
		s->source->leave(s->source);
	s->source = NULL;
	block_unref(s->unit);
	s->unit = NULL;
	visitor_leave(s->user);
	visitor_leave(s->address);
	stream_log_end(s);
	hub->streams.hooks->closed(s);
	streams_reap_later(hub);
}

void
stream_kill(struct stream *s, enum stream_reason reason)
{
	if (s->state == STREAM_DEAD)
		return;
	if (s->state != STREAM_ENDING)
		s->reason = (uint8_t)reason;
	stream_retire(s);
	close(s->fd);
}

/* The end went out whole: the connection is closed, or given back. */
static void
stream_finish(struct stream *s)
{
	int fd = s->fd;
	struct text_span rest = { NULL, 0 };

	if (s->input != NULL) {
		rest.text = s->input->data;
		rest.len = s->input->len;
	}
	s->hub->counters.polls += poll_is_over(s);
	stream_retire(s);
	if (s->keep)
		s->framing->returned(s->framing->arg, fd, rest);
	else
		close(fd);
}

void
stream_set_unit(struct stream *s, struct block *block, bool framed)
{
	s->unit = block;
	s->unit_off = s->unit_sent = 0;
	s->unit_len = block->used;
	s->unit_framed = framed;
}

int
stream_copy_unit(struct stream *s)
{
	struct block *copy = block_of(s->unit->data + s->unit_off, s->unit_len);

	if (copy == NULL)
		return -1;
	block_unref(s->unit);
	s->unit = copy;
	s->unit_off = 0;
	return 0;
}

static int
stream_put_end(struct stream *s)
{
	struct buffer b = { 0 };
	struct block *block = NULL;

	if (control_put_end(s, &b) == 0)
		block = block_of(b.data, b.len);
	buffer_clear(&b);
	if (block == NULL)
		return -1;
	stream_set_unit(s, block, true);
	s->is_final = true;
	return 0;
}

static void
stream_begin_end(struct stream *s, enum stream_reason reason)
{
	s->state = STREAM_ENDING;
	s->reason = (uint8_t)reason;
	stream_set_timer(s);
}

/* The stream may have no source any more when this one has made its step. */
static int
stream_ask_source(struct stream *s)
{
	enum source_step step = s->source->step(s->source, s);

	s->is_waiting = step == SOURCE_WAITS;
	if (step == SOURCE_IS_OVER)
		stream_begin_end(s, STREAM_CLOSED);
	return step == SOURCE_FAILED ? -1 : 0;
}

/* Makes what has to be sent before the events go on; 0, or -1 (memory). */
static int
stream_prepare(struct stream *s)
{
	/* 1. A half-sent unit comes before everything else. */
	if (s->unit != NULL)
		return 0;
	/* 2. A stream that ends has only its end to send. */
	if (s->state == STREAM_ENDING)
		return s->is_final ? 0 : stream_put_end(s);
	/* 3. A stream whose cursors fell off is told so, or gets a source. */
	if (s->source == NULL && delivery_find_gap(s) &&
	    s->hub->streams.hooks->behind(s) == -1)
		return -1;
	/* 4. While there is a source, the cursors wait. */
	return s->source == NULL || s->is_waiting ? 0 : stream_ask_source(s);
}

/*
 * Draws the conclusions from one delivery.  True: there is nothing more to do
 * for now; false: the stream has more to send at once.
 */
static bool
stream_settle(struct stream *s, enum delivery_result result)
{
	/* 1. The peer is gone, or takes no more for now. */
	if (result == DELIVERY_FAILED) {
		stream_kill(s, STREAM_CLIENT);
		return true;
	}
	if (result == DELIVERY_BLOCKED)
		rest_keep(s);
	if (result != DELIVERY_DONE) {
		stream_set_writing(s, true);
		return true;
	}
	/* 2. All is sent.  A source may have the next bytes at once. */
	poll_check(s);
	if (s->source != NULL && !s->is_waiting && s->state < STREAM_ENDING)
		return false;
	/* 3. Nothing to send: the stream waits for events, or its source. */
	if (s->state == STREAM_OPEN ||
	    (s->source != NULL && s->state == STREAM_LAST_EVENTS)) {
		stream_set_writing(s, false);
		return true;
	}
	/* 4. It ends: its end was sent, or is to be sent now. */
	if (s->is_final) {
		stream_finish(s);
		return true;
	}
	if (s->state == STREAM_LAST_EVENTS)
		stream_begin_end(s,
		    s->is_poll ? STREAM_TIMEOUT : STREAM_CLOSED);
	return false;
}

void
stream_write(struct stream *s)
{
	enum delivery_result result;

	do {
		if (s->state == STREAM_DEAD)
			return;
		if (stream_prepare(s) == -1) {
			stream_kill(s, STREAM_ERROR);
			return;
		}
		result = delivery_write(s, &s->hub->counters);
	} while (!stream_settle(s, result));
}

void
stream_take_result(struct stream *s, enum delivery_result result)
{
	/* The result of another stream may have ended this one. */
	if (s->state == STREAM_DEAD)
		return;
	if (result == DELIVERY_LEFT || !stream_settle(s, result))
		stream_write(s);
}

void
stream_end(struct stream *s, enum stream_reason reason, uint64_t retry_ms)
{
	if (s->state >= STREAM_ENDING)
		return;
	s->retry_ms = retry_ms;
	stream_begin_end(s, reason);
	stream_write(s);
}

int
stream_insert(struct stream *s, const char *data, size_t len)
{
	struct block *block;

	if (s->unit != NULL || s->state >= STREAM_ENDING ||
	    (block = block_of(data, len)) == NULL)
		return -1;
	stream_set_unit(s, block, true);
	stream_write(s);
	return 0;
}

static void
stream_count_events(struct stream *s, uint64_t events)
{
	s->events += events;
	s->hub->counters.delivered += events;
}

int
stream_say(struct stream *s, const char *data, size_t len, uint64_t events)
{
	struct block *block = block_of(data, len);

	if (block == NULL)
		return -1;
	stream_set_unit(s, block, false);
	stream_count_events(s, events);
	return 0;
}

void
stream_source_ready(struct stream *s)
{
	s->is_waiting = false;
	if (s->unit == NULL)
		stream_write(s);
}

void
stream_abort(struct stream *s)
{
	stream_end(s, STREAM_CLIENT, 0);
}

void
stream_start(struct stream *s, struct block *head, struct text_span input)
{
	s->id = ++s->hub->streams.last_id;
	s->hub->counters.opened++;
	s->hub->streams.hooks->opened(s);
	stream_set_unit(s, head, false);
	stream_set_timer(s);
	if (input.len > 0 && stream_input_add(s, input.text, input.len) == -1) {
		stream_kill(s, STREAM_ERROR);
		return;
	}
	stream_write(s);
	if (s->state != STREAM_DEAD && s->input != NULL &&
	    stream_input_show(s) == -1)
		stream_kill(s, STREAM_CLIENT);
}

static void
stream_ready_cb(struct stream *s, bool readable, bool writable)
{
	if (readable && !stream_input_read(s))
		stream_kill(s, STREAM_CLIENT);
	if (writable && s->is_writing && s->state != STREAM_DEAD)
		stream_write(s);
}

static void
stream_beat(struct stream *s)
{
	/* Behind a half-sent unit a comment would tell the client nothing. */
	if (s->unit != NULL) {
		s->wants_tap = false;
		return;
	}
	s->wants_tap = !s->wants_tap;
	stream_set_unit(s, block_ref(s->hub->streams.heartbeat), false);
	stream_write(s);
}

static void
stream_time_out(struct stream *s)
{
	if (!s->is_poll) {
		stream_end(s, STREAM_TIMEOUT, 0);
		return;
	}
	poll_time_out(s);
	if (!s->is_writing)
		stream_write(s);
}

void
stream_due_cb(struct wheel_timer *timer, void *arg)
{
	struct stream *s = (struct stream *)(void *)((char *)timer -
	    offsetof(struct stream, timer));
	struct hub *hub = arg;

	/* 1. Its end was not taken in time. */
	if (s->state == STREAM_ENDING) {
		stream_kill(s, s->reason);
		return;
	}
	/* 2. It has been open for long enough. */
	if (s->deadline_ms > 0 && s->deadline_ms <= hub->clock.now_ms) {
		stream_time_out(s);
		if (s->state >= STREAM_ENDING)
			return;
	}
	/* 3. Its client takes nothing. */
	if (s->unit != NULL && stream_next_stall(s) <= hub->clock.now_ms) {
		stream_kill(s, STREAM_SLOW);
		return;
	}
	/* 4. It was silent for the time of a heartbeat. */
	if (s->heartbeat_ms > 0 &&
	    (s->wants_tap ||
		s->written_ms + s->heartbeat_ms <= hub->clock.now_ms))
		stream_beat(s);
	if (s->state != STREAM_DEAD)
		stream_set_timer(s);
}

int
streams_init(struct hub *hub, size_t max, const struct stream_hooks *hooks,
    event_callback_fn reap_cb)
{
	struct hub_streams *all = &hub->streams;

	TAILQ_INIT(&all->list);
	TAILQ_INIT(&all->dead);
	all->max = max;
	all->hooks = hooks;
	all->reap = event_new(hub->base, -1, 0, reap_cb, hub);
	all->heartbeat = block_of(":\n", 2);
	all->watch = watch_new(hub, stream_ready_cb);
	if (all->reap == NULL || all->heartbeat == NULL || all->watch == NULL)
		return -1;
	return 0;
}

void
streams_clear(struct hub *hub)
{
	struct hub_streams *all = &hub->streams;
	struct stream *s;

	while ((s = TAILQ_FIRST(&all->list)) != NULL)
		stream_kill(s, STREAM_SHUTDOWN);
	streams_reap(hub);
	if (all->reap != NULL)
		event_free(all->reap);
	watch_free(all->watch);
	block_unref(all->heartbeat);
}
