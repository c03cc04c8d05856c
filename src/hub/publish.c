/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "hub/publish.h"
#include "hub/state.h"

/* NULL, or why these channels cannot be published to, with the exit code. */
static const char *
publish_check_names(const struct text_span *names, size_t count, int *code)
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
publish_has_channel(struct channel *const *channels, size_t count,
    const struct channel *c)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (channels[i] == c)
			return true;
	return false;
}

/* Each channel once.  If it fails, the caller releases those that were found.
 */
static int
publish_find_channels(struct hub *hub, const struct text_span *names,
    size_t count, struct channel **channels, size_t *found)
{
	struct channel *c;
	size_t i;

	for (i = 0; i < count; i++) {
		c = channel_get(hub, names[i].text, names[i].len);
		if (c == NULL)
			return -1;
		if (!publish_has_channel(channels, *found, c))
			channels[(*found)++] = c;
	}
	return 0;
}

static int
publish_compare_cb(const void *a, const void *b)
{
	return strcmp((*(struct channel *const *)a)->name,
	    (*(struct channel *const *)b)->name);
}

/*
 * Appends the key as the store knows it: whose it is, a line for each channel,
 * in order, and the publisher's own text.  So nobody can use up a key of
 * somebody else, or of another channel; a store needs to know nothing of that.
 */
static int
publish_put_key(struct buffer *b, const struct event_fields *e,
    struct channel *const *channels, size_t count)
{
	struct channel *sorted[CURSORS_MAX];
	size_t i;

	if (e->key_len == 0)
		return 0;
	/* Arrays of pointers. NOLINTNEXTLINE(bugprone-sizeof-*) */
	memcpy(sorted, channels, count * sizeof *sorted);
	/* NOLINTNEXTLINE(bugprone-sizeof-*) */
	qsort(sorted, count, sizeof *sorted, publish_compare_cb);
	if (buffer_append(b, e->origin, e->origin_len) == -1)
		return -1;
	for (i = 0; i < count; i++)
		if (buffer_append(b, "\n", 1) == -1 ||
		    buffer_append(b, sorted[i]->name,
			sorted[i]->entry.name_len) == -1)
			return -1;
	if (buffer_append(b, "\n", 1) == -1)
		return -1;
	return buffer_append(b, e->key, e->key_len);
}

/* Appends record and key to the batch's bytes; -1 (memory): neither. */
static int
publish_encode(struct batch *b, const struct event_fields *e,
    struct channel *const *channels, size_t count, struct batch_event *event)
{
	size_t before = b->bytes.len;

	if (e->id_len == 0 && batch_put_front(b) == -1)
		return -1;
	event->record_off = b->bytes.len;
	event->own_id_len = e->id_len;
	if (event_encode(&b->bytes, e, e->id, e->id_len) == -1)
		goto fail;
	event->record_len = b->bytes.len - event->record_off;
	event->key_off = b->bytes.len;
	if (publish_put_key(&b->bytes, e, channels, count) == -1)
		goto fail;
	event->key_len = b->bytes.len - event->key_off;
	return 0;
fail:
	buffer_truncate(&b->bytes, before);
	return -1;
}

/* Puts the event into the batch, where room was made: this cannot fail. */
static void
publish_enter(struct hub *hub, struct channel **channels, size_t count,
    struct batch_event *event)
{
	struct batch *b = hub->turn.batch;
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
}

struct batch *
publish_get_batch(struct hub *hub)
{
	struct hub_turn *t = &hub->turn;

	if (t->batch != NULL)
		return t->batch;
	t->batch = t->spare == NULL ? batch_new() : t->spare;
	t->spare = NULL;
	return t->batch;
}

/* Whether a store that has the event once a channel takes it. */
static bool
publish_fits_store(const struct hub *hub, const struct batch_event *event,
    size_t channels)
{
	size_t max = hub->store->copies_max;

	return max == 0 || (uint64_t)event->record_len * channels <= max;
}

int
publish_event(struct hub *hub, const struct text_span *names, size_t count,
    const struct event_fields *e)
{
	struct channel *channels[CURSORS_MAX];
	struct batch_event event = { .added_ms = hub->clock.now_ms };
	size_t found = 0, before, i;
	int rc = -1;

	if (publish_get_batch(hub) == NULL)
		return -1;
	before = hub->turn.batch->bytes.len;
	if (hub->turn.batch->event_count == 0)
		hub->turn.batch->began_us = hub->clock.now_us;
	if (e->expires_ms > 0) {
		event.expires_ms = hub->clock.now_ms + e->expires_ms;
		event.expires_wall_ms = hub->clock.wall_ms + e->expires_ms;
	}
	if (publish_find_channels(hub, names, count, channels, &found) == 0 &&
	    batch_reserve(hub->turn.batch, found) == 0 &&
	    publish_encode(hub->turn.batch, e, channels, found, &event) == 0) {
		if (publish_fits_store(hub, &event, found)) {
			publish_enter(hub, channels, found, &event);
			return 0;
		}
		buffer_truncate(&hub->turn.batch->bytes, before);
		rc = 1;
	}
	for (i = 0; i < found; i++)
		channel_release(hub, channels[i]);
	return rc;
}

ptrdiff_t
hub_publish(struct hub *hub, const struct text_span *names, size_t count,
    const struct event_fields *e, const char **why, int *code)
{
	int rc;

	*code = EX_TEMPFAIL;
	*why = "crierd is stopping";
	if (hub->drain.is_on)
		goto refuse;
	if ((*why = publish_check_names(names, count, code)) != NULL)
		goto refuse;
	*code = EX_DATAERR;
	*why = event_check(e, hub->config->max_event_bytes);
	if (*why != NULL)
		goto refuse;
	rc = publish_event(hub, names, count, e);
	if (rc == 0)
		return (ptrdiff_t)hub->turn.batch->event_count - 1;
	*why = "the event is too large for the store, in so many channels";
	if (rc == -1) {
		*code = EX_TEMPFAIL;
		*why = "out of memory";
	}
refuse:
	hub->counters.refused++;
	return -1;
}

int
publish_own(struct hub *hub, const char *channel, const char *name,
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
		rc = publish_event(hub, &names, 1, &fields);
	buffer_clear(&text);
	if (rc != 0)
		return -1;
	e = &hub->turn.batch->events[hub->turn.batch->event_count - 1];
	e->is_own = true;
	e->is_fleeting = is_fleeting;
	hub->turn.batch->fleeting_count += is_fleeting;
	if (hub->turn.end_cb != NULL)
		hub->turn.end_cb(hub->turn.end_arg);
	return 0;
}

struct id
publish_skip_id(struct hub *hub)
{
	struct hub_turn *t = &hub->turn;
	struct id *last = &hub->store->last;
	struct id next = t->appended;

	/* A shared store gives all ids itself: this is the least to come. */
	if (hub->store->is_shared) {
		next.n++;
		return next;
	}
	*last = id_next(*last, hub->clock.wall_ms);
	/* With nothing on its way, streams may know of the id at once. */
	if (t->committing == 0)
		t->appended = *last;
	return *last;
}
