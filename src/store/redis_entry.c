/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "protocol/event.h"
#include "store/redis_entry.h"

static uint64_t
redis_number_read(const char *text, size_t bytes)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < bytes; i++)
		number = number << 8 | (unsigned char)text[i];
	return number;
}

static uint32_t
redis_number_read4(const char *text)
{
	return (uint32_t)redis_number_read(text, 4);
}

struct id
redis_id_read(const char *text)
{
	return (struct id){ redis_number_read(text, 8),
		redis_number_read(text + 8, 4) };
}

/* "NODE SEQ" */
static bool
redis_header_read_name(const char *text, size_t len, struct redis_header *h)
{
	const char *space = memchr(text, ' ', len);
	size_t n = space == NULL ? 0 : (size_t)(space - text);

	if (n == 0 || n >= sizeof h->node)
		return false;
	memcpy(h->node, text, n);
	h->node[n] = '\0';
	return text_parse_number(space + 1, len - n - 1, UINT64_MAX, &h->seq);
}

bool
redis_header_read(const char *text, size_t len, struct redis_header *h)
{
	memset(h, 0, sizeof *h);
	if (len < REDIS_HEADER_BYTES)
		return false;
	h->first = redis_id_read(text);
	h->count = redis_number_read4(text + 12);
	h->before = redis_id_read(text + 16);
	if (h->count == 0)
		return true;
	return h->count <= REDIS_ENTRY_EVENTS &&
	    redis_header_read_name(text + REDIS_HEADER_BYTES,
		len - REDIS_HEADER_BYTES, h);
}

bool
redis_list_header_read(const char *text, size_t len,
    struct redis_list_header *h)
{
	if (len != REDIS_LIST_HEADER_BYTES)
		return false;
	h->last = redis_id_read(text);
	h->first.ms = h->last.ms;
	h->first.n = redis_number_read4(text + 12);
	h->events = redis_number_read(text + 16, 8);
	h->bytes = redis_number_read(text + 24, 8);
	h->before = redis_id_read(text + 32);
	return true;
}

bool
redis_run_next(const char **run, size_t *len, struct redis_event *e)
{
	const char *at = *run;

	if (*len < REDIS_EVENT_BYTES)
		return false;
	e->offset = redis_number_read4(at);
	e->expires_ms = redis_number_read(at + 4, 8);
	e->own_id_len = (size_t)redis_number_read(at + 12, 2);
	e->record_len = redis_number_read4(at + 14);
	e->record = at + REDIS_EVENT_BYTES;
	if (e->record_len > REDIS_RECORD_MAX ||
	    e->own_id_len > EVENT_NAME_MAX ||
	    e->record_len > *len - REDIS_EVENT_BYTES ||
	    (e->own_id_len > 0 &&
		(e->own_id_len + sizeof "id: \n" - 1 > e->record_len ||
		    memcmp(e->record, "id: ", 4) != 0)))
		return false;
	*run = e->record + e->record_len;
	*len -= REDIS_EVENT_BYTES + e->record_len;
	return true;
}

/* A channel's part of a blob. */
struct redis_section {
	const char *name, *run;
	size_t name_len, run_len;
};

static bool
redis_section_next(const char **blob, size_t *len, struct redis_section *s)
{
	const char *at = *blob;
	size_t left;

	if (*len < REDIS_SECTION_BYTES)
		return false;
	left = *len - REDIS_SECTION_BYTES;
	s->name_len = (size_t)redis_number_read(at + 2, 2);
	s->run_len = redis_number_read4(at + 4);
	if (s->name_len > left || s->run_len > left - s->name_len)
		return false;
	s->name = at + REDIS_SECTION_BYTES;
	s->run = s->name + s->name_len;
	*blob = s->run + s->run_len;
	*len = left - s->name_len - s->run_len;
	return true;
}

/* An entry that is being taken apart. */
struct redis_entry {
	const struct redis_header *header;
	const struct redis_now *now;
	struct batch *batch;
	size_t *filled; /* of each event's channels */
};

/* Does something with each event of each section; false: one is none. */
static bool
redis_entry_walk(const char *blob, size_t len, struct redis_entry *entry,
    bool (*each)(struct redis_entry *, const struct redis_section *,
	const struct redis_event *))
{
	struct redis_section s;
	struct redis_event e;
	const char *run;
	size_t left;

	while (redis_section_next(&blob, &len, &s)) {
		run = s.run;
		left = s.run_len;
		while (redis_run_next(&run, &left, &e))
			if (!each(entry, &s, &e))
				return false;
		if (left > 0)
			return false;
	}
	return len == 0;
}

/* Counts an event's channels, and notes its record. */
static bool
redis_entry_count(struct redis_entry *entry, const struct redis_section *s,
    const struct redis_event *e)
{
	struct batch *b = entry->batch;
	struct batch_event *to;

	(void)s;
	if (e->offset >= entry->header->count)
		return false;
	to = &b->events[e->offset];
	b->channel_count++;
	if (to->channel_count++ > 0)
		return true;
	if (e->own_id_len == 0 && batch_put_front(b) == -1)
		return false;
	to->record_off = b->bytes.len;
	to->record_len = e->record_len;
	to->own_id_len = e->own_id_len;
	to->expires_wall_ms = e->expires_ms;
	return buffer_append(&b->bytes, e->record, e->record_len) == 0;
}

static bool
redis_entry_name(struct redis_entry *entry, const struct redis_section *s,
    const struct redis_event *e)
{
	const struct batch_event *to = &entry->batch->events[e->offset];
	struct batch_channel *c =
	    &entry->batch
		 ->channels[to->channel_first + entry->filled[e->offset]++];

	c->name = s->name;
	c->name_len = s->name_len;
	return true;
}

/* When an event came, and when it goes, by this machine's clock. */
static void
redis_entry_set_times(const struct redis_entry *entry, struct batch_event *e)
{
	const struct redis_now *now = entry->now;
	uint64_t age_ms =
	    now->redis_ms > e->id.ms ? now->redis_ms - e->id.ms : 0;
	uint64_t left_ms = e->expires_wall_ms > now->redis_ms
	    ? e->expires_wall_ms - now->redis_ms
	    : 0;

	e->added_ms = now->ms > age_ms ? now->ms - age_ms : 0;
	if (e->expires_wall_ms > 0)
		e->expires_ms = left_ms < UINT64_MAX / 2 ? now->ms + left_ms
							 : UINT64_MAX / 2;
}

/* Gives the events their ids, and each its part of the channels. */
static void
redis_entry_place(struct redis_entry *entry)
{
	struct batch *b = entry->batch;
	size_t i, first = 0;

	for (i = 0; i < b->event_count; i++) {
		struct batch_event *e = &b->events[i];

		e->channel_first = first;
		first += e->channel_count;
		batch_give_id(b, e,
		    (struct id){
			entry->header->first.ms, entry->header->first.n + i });
		redis_entry_set_times(entry, e);
	}
}

/* Whether every event of the header is in a channel. */
static bool
redis_entry_is_whole(const struct batch *b)
{
	size_t i;

	for (i = 0; i < b->event_count; i++)
		if (b->events[i].channel_count == 0)
			return false;
	return true;
}

/* Arrays for all events, and then for all their channels; 0, or -1. */
static int
redis_entry_make_events(struct redis_entry *entry)
{
	struct batch *b = entry->batch;
	size_t count = entry->header->count;

	b->events = calloc(count, sizeof *b->events);
	entry->filled = calloc(count, sizeof *entry->filled);
	if (b->events == NULL || entry->filled == NULL)
		return -1;
	b->event_count = b->event_capacity = count;
	return 0;
}

static int
redis_entry_make_channels(struct batch *b)
{
	b->channels = calloc(b->channel_count, sizeof *b->channels);
	if (b->channels == NULL)
		return -1;
	b->channel_capacity = b->channel_count;
	return 0;
}

struct batch *
redis_entry_read(const struct redis_header *header, const char *blob,
    size_t len, const struct redis_now *now, const char **why)
{
	struct redis_entry entry = { .header = header, .now = now };

	*why = "out of memory";
	if ((entry.batch = batch_new()) == NULL ||
	    redis_entry_make_events(&entry) == -1)
		goto fail;
	*why = "an entry of the log is none of crier's";
	if (!redis_entry_walk(blob, len, &entry, redis_entry_count) ||
	    !redis_entry_is_whole(entry.batch))
		goto fail;
	*why = "out of memory";
	if (redis_entry_make_channels(entry.batch) == -1)
		goto fail;
	redis_entry_place(&entry);
	redis_entry_walk(blob, len, &entry, redis_entry_name);
	free(entry.filled);
	return entry.batch;
fail:
	free(entry.filled);
	batch_free(entry.batch);
	return NULL;
}
