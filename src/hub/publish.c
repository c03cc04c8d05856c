/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "hub/hub.h"

/* NULL, or why this name cannot be published to. */
static const char *
hub_check_names(const struct text_span *names, size_t count, int *code)
{
	const char *why;
	size_t i;

	*code = EX_DATAERR;
	if (count == 0)
		return "no channel is named";
	if (count > CURSORS_MAX)
		return "more than 256 channels are named";
	for (i = 0; i < count; i++) {
		why = event_check_channel(names[i].text, names[i].len);
		if (why != NULL)
			return why;
		if (event_channel_is_reserved(names[i].text, names[i].len)) {
			*code = EX_NOPERM;
			return "channels that begin with $ are crier's own";
		}
	}
	return NULL;
}

static bool
hub_has_channel(struct channel *const *channels, size_t count,
    const struct channel *c)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (channels[i] == c)
			return true;
	return false;
}

/* The channels, each once; those that were made stay for the caller to release.
 */
static int
hub_find_channels(struct hub *hub, const struct text_span *names, size_t count,
    struct channel **channels, size_t *found)
{
	struct channel *c;
	size_t i;

	for (i = 0; i < count; i++) {
		c = channel_get(hub, names[i].text, names[i].len);
		if (c == NULL)
			return -1;
		if (!hub_has_channel(channels, *found, c))
			channels[(*found)++] = c;
	}
	return 0;
}

/* Record and key go into the batch's bytes; -1 (memory) leaves them out. */
static int
hub_encode(struct batch *b, const struct event_fields *e,
    struct batch_event *event)
{
	size_t before = b->bytes.len;
	char text[ID_TEXT_SIZE];
	size_t len = id_format(event->id, text);

	event->record_off = before;
	if ((e->id_len > 0 ? event_encode(&b->bytes, e, e->id, e->id_len)
			   : event_encode(&b->bytes, e, text, len)) == -1)
		return -1;
	event->record_len = b->bytes.len - before;
	event->key_off = b->bytes.len;
	event->key_len = e->key_len;
	event->own_id_len = e->id_len;
	if (buffer_append(&b->bytes, e->key, e->key_len) == 0)
		return 0;
	buffer_truncate(&b->bytes, before);
	return -1;
}

/* Nothing can fail from here on. */
static void
hub_enter(struct hub *hub, struct channel **channels, size_t count,
    struct batch_event *event)
{
	struct batch *b = hub->batch;
	struct batch_channel entry;
	size_t i;

	event->channel_first = b->channel_count;
	event->channel_count = count;
	for (i = 0; i < count; i++) {
		channels[i]->pending++;
		channel_expect(channels[i]);
		entry.channel = channels[i];
		entry.name = channels[i]->name;
		entry.name_len = channels[i]->entry.name_len;
		entry.keep = channels[i]->rule->keep;
		entry.keep_bytes = channels[i]->rule->keep_bytes;
		entry.keep_ms = channels[i]->rule->keep_ms;
		batch_add_channel(b, &entry);
	}
	batch_add_event(b, event);
	hub->last = event->id;
}

static int
hub_add_event(struct hub *hub, const struct text_span *names, size_t count,
    const struct event_fields *e)
{
	struct channel *channels[CURSORS_MAX];
	struct batch_event event = { .id = id_next(hub->last, hub->wall_ms),
		.added_ms = hub->now_ms };
	size_t found = 0, i;

	if (hub->batch == NULL && (hub->batch = batch_new()) == NULL)
		return -1;
	if (e->expires_ms > 0) {
		event.expires_ms = hub->now_ms + e->expires_ms;
		event.expires_wall_ms = hub->wall_ms + e->expires_ms;
	}
	if (hub_find_channels(hub, names, count, channels, &found) == 0 &&
	    batch_reserve(hub->batch, found) == 0 &&
	    hub_encode(hub->batch, e, &event) == 0) {
		hub_enter(hub, channels, found, &event);
		return 0;
	}
	for (i = 0; i < found; i++)
		channel_release(hub, channels[i]);
	return -1;
}

ptrdiff_t
hub_publish(struct hub *hub, const struct text_span *names, size_t count,
    const struct event_fields *e, const char **why, int *code)
{
	*code = EX_TEMPFAIL;
	*why = "crierd is stopping";
	if (hub->is_draining)
		goto refuse;
	if ((*why = hub_check_names(names, count, code)) != NULL)
		goto refuse;
	*code = EX_DATAERR;
	*why = event_check(e, hub->config->max_event_bytes);
	if (*why != NULL)
		goto refuse;
	if (hub_add_event(hub, names, count, e) == 0)
		return (ptrdiff_t)hub->batch->event_count - 1;
	*code = EX_TEMPFAIL;
	*why = "out of memory";
refuse:
	hub->counters.refused++;
	return -1;
}

int
hub_tell(struct hub *hub, const char *channel, const char *name,
    struct json_object *data, bool is_fleeting)
{
	struct text_span names = { channel, strlen(channel) };
	struct event_fields fields = { .name = name,
		.name_len = strlen(name),
		.retry_ms = EVENT_RETRY_NONE };
	struct batch_event *e;
	struct buffer text = { 0 };
	int rc = json_append(&text, data);

	fields.data = text.data;
	fields.data_len = text.len;
	if (rc == 0)
		rc = hub_add_event(hub, &names, 1, &fields);
	buffer_clear(&text);
	if (rc == -1)
		return -1;
	e = &hub->batch->events[hub->batch->event_count - 1];
	e->is_own = true;
	e->is_fleeting = is_fleeting;
	hub->batch->fleeting_count += is_fleeting;
	if (hub->turn_cb != NULL)
		hub->turn_cb(hub->turn_arg);
	return 0;
}

/* Each once, however many of the channels it follows. */
static size_t
hub_count_streams(struct hub *hub, const struct batch_channel *channels,
    size_t count)
{
	const struct channel *c = channels[0].channel;
	struct stream *s;
	size_t streams = 0, i;
	uint32_t j;

	if (count == 1)
		return c->cursor_count;
	hub->mark++;
	for (i = 0; i < count; i++) {
		c = channels[i].channel;
		for (j = 0; j < c->cursor_count; j++) {
			s = c->cursors[j]->stream;
			streams += s->mark != hub->mark;
			s->mark = hub->mark;
		}
	}
	return streams;
}

/*
 * Into all channels or, if the store is memory alone, into none.  What a
 * durable store has needs no memory: a stream that cannot find it here reads it
 * there.  Of crier's own events, which nobody sends again, a gap is left.
 */
static void
hub_append(struct hub *hub, struct batch *b, struct batch_event *e)
{
	const struct batch_channel *channels = b->channels + e->channel_first;
	struct history_note note = { .id = e->id,
		.added_ms = e->added_ms,
		.expires_ms = e->expires_ms,
		.own_id_len = e->own_id_len };
	bool has_room = true;
	size_t i;

	for (i = 0; i < e->channel_count; i++)
		channel_expect_delivery(channels[i].channel);
	for (i = 0; has_room && i < e->channel_count; i++)
		has_room = channel_prepare(hub, channels[i].channel,
			       e->record_len) == 0;
	if (!has_room && !hub->store->is_durable && !e->is_own) {
		e->outcome = BATCH_REFUSED;
		snprintf(b->error, sizeof b->error, "out of memory");
		return;
	}
	for (i = 0; i < e->channel_count; i++) {
		if (has_room)
			channel_append(hub, channels[i].channel, &note,
			    b->bytes.data + e->record_off, e->record_len);
		else
			channel_skip(hub, channels[i].channel, e->id);
	}
	hub->appended = e->id;
	hub->counters.published += !e->is_own;
	e->streams = hub_count_streams(hub, channels, e->channel_count);
}

/*
 * One of crier's own that could not be stored: those who follow get it, but who
 * resumes must be told that it may be missing.
 */
static void
hub_keep(struct hub *hub, struct batch_event *e)
{
	e->outcome = BATCH_ACCEPTED;
	if (!e->is_fleeting)
		hub->notices.begin = e->id;
}

static void
hub_take_events(struct hub *hub, struct batch *b)
{
	struct batch_event *e;
	size_t i;

	for (i = 0; i < b->event_count; i++) {
		e = &b->events[i];
		if (e->outcome == BATCH_REFUSED && e->is_own)
			hub_keep(hub, e);
		if (e->outcome == BATCH_ACCEPTED)
			hub_append(hub, b, e);
		if (e->outcome == BATCH_REFUSED)
			hub->counters.refused++;
	}
}

/* Batches come back in order: this was the one that waited longest. */
static void
hub_note_store(struct hub *hub, const struct batch *b)
{
	if (b->event_count > 0)
		hub->store_ms = hub->now_ms - b->events[0].added_ms;
	hub->store_moved_ms = hub->now_ms;
}

uint64_t
hub_store_wait_ms(const struct hub *hub)
{
	return hub->batches == 0 ? 0 : hub->now_ms - hub->store_moved_ms;
}

static void
hub_batch_done(struct batch *b)
{
	struct hub *hub = b->hub;
	struct channel *c;
	size_t i;

	/* Memory gives it back in the turn that it came in. */
	if (hub->store->is_durable)
		hub_now(hub);
	hub_note_store(hub, b);
	hub_take_events(hub, b);
	hub_deliver(hub);
	b->committed_cb(b->arg, b);
	for (i = 0; i < b->channel_count; i++) {
		c = b->channels[i].channel;
		if (--c->pending == 0)
			channel_release(hub, c);
	}
	hub->batches--;
	hub->batched_bytes -= b->bytes.len;
	batch_free(b);
	if (hub->is_draining)
		hub_reap_later(hub);
}

int
hub_commit(struct hub *hub, void (*committed_cb)(void *, struct batch *),
    void *arg)
{
	struct batch *b = hub->batch;

	if (b == NULL && (b = batch_new()) == NULL)
		return -1;
	hub->batch = NULL;
	b->wall_ms = hub->wall_ms;
	b->done = hub_batch_done;
	b->hub = hub;
	b->committed_cb = committed_cb;
	b->arg = arg;
	if (hub->batches++ == 0)
		hub->store_moved_ms = hub->now_ms;
	hub->batched_bytes += b->bytes.len;
	hub->store->ops->commit(hub->store, b);
	return 0;
}

bool
hub_has_batch(const struct hub *hub)
{
	return hub->batch != NULL;
}

size_t
hub_committing_bytes(const struct hub *hub)
{
	return hub->batched_bytes;
}

void
hub_set_turn_cb(struct hub *hub, void (*turn_cb)(void *), void *arg)
{
	hub->turn_cb = turn_cb;
	hub->turn_arg = arg;
}

struct hub_outcome
hub_get_outcome(const struct batch *b, size_t event)
{
	const struct batch_event *e = &b->events[event];
	struct hub_outcome o = { .id = batch_event_id(b, e),
		.is_own_id = e->own_id_len > 0,
		.is_duplicate = e->outcome == BATCH_DUPLICATE,
		.streams = e->streams };

	if (e->outcome == BATCH_REFUSED)
		o.refusal = b->error;
	if (o.is_duplicate && e->first_id != NULL) {
		o.id.text = e->first_id;
		o.id.len = strlen(e->first_id);
	}
	return o;
}
