/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/event.h"
#include "store/redis_blob.h"
#include "store/redis_entry.h"

static_assert((int)REDIS_BLOB_CHANNELS <= (int)CURSORS_MAX, "rules have room");

int
redis_blob_init(struct redis_blob *blob)
{
	memset(blob, 0, sizeof *blob);
	table_init(&blob->by_name);
	blob->items = calloc(REDIS_BLOB_EVENTS, sizeof *blob->items);
	return blob->items == NULL ? -1 : 0;
}

void
redis_blob_clear(struct redis_blob *blob)
{
	table_clear(&blob->by_name);
	free(blob->items);
	free(blob->places);
	free(blob->sections);
	buffer_clear(&blob->text);
	buffer_clear(&blob->rules);
}

void
redis_blob_empty(struct redis_blob *blob)
{
	size_t i;

	for (i = 0; i < blob->section_count; i++)
		if (blob->sections[i].entry.name != NULL)
			table_remove(&blob->by_name, &blob->sections[i].entry);
	blob->item_count = blob->place_count = blob->section_count = 0;
	blob->channel_count = blob->bytes = 0;
	buffer_truncate(&blob->text, 0);
	buffer_truncate(&blob->rules, 0);
}

/*
 * Room for an event's places, and for a section for each of them; the sections
 * may move, so the table is made anew.  0, or -1.
 */
static int
redis_blob_make_places(struct redis_blob *blob, size_t count)
{
	size_t room = blob->place_room;
	size_t *places;

	if (blob->place_count + count <= room)
		return 0;
	room = (blob->place_count + count) * 2;
	places = reallocarray(blob->places, room, sizeof *places);
	if (places == NULL)
		return -1;
	blob->places = places;
	blob->place_room = room;
	return 0;
}

static int
redis_blob_make_sections(struct redis_blob *blob, size_t count)
{
	size_t room = blob->section_room, i;
	struct redis_blob_section *sections = blob->sections, *s;

	if (blob->section_count + count <= room)
		return 0;
	room = (blob->section_count + count) * 2;
	if ((s = calloc(room, sizeof *s)) == NULL)
		return -1;
	for (i = 0; i < blob->section_count; i++) {
		s[i] = sections[i];
		if (sections[i].entry.name == NULL)
			continue;
		table_remove(&blob->by_name, &sections[i].entry);
		if (table_insert(&blob->by_name, &s[i].entry) == -1)
			abort(); /* there was room for it before */
	}
	free(sections);
	blob->sections = s;
	blob->section_room = room;
	return 0;
}

static struct redis_blob_section *
redis_blob_find(const struct redis_blob *blob, const struct batch_channel *c)
{
	struct redis_blob_section *last = blob->section_count == 0
	    ? NULL
	    : &blob->sections[blob->section_count - 1];

	/* Most batches are of one channel. */
	if (last != NULL && last->channel->name == c->name)
		return last;
	return (struct redis_blob_section *)(void *)table_find(&blob->by_name,
	    c->name, c->name_len);
}

/* A section that may take so many bytes more; NULL (memory). */
static struct redis_blob_section *
redis_blob_section(struct redis_blob *blob, const struct batch_channel *c,
    bool is_fleeting, size_t bytes)
{
	struct redis_blob_section *old = redis_blob_find(blob, c), *s;

	if (old != NULL && old->is_fleeting == is_fleeting &&
	    old->run_len + bytes <= REDIS_BLOB_RUN_BYTES)
		return old;
	if (old != NULL) {
		table_remove(&blob->by_name, &old->entry);
		old->entry.name = NULL;
	} else
		blob->channel_count++;
	s = &blob->sections[blob->section_count];
	memset(s, 0, sizeof *s);
	s->channel = c;
	s->is_fleeting = is_fleeting;
	s->entry.name = c->name;
	s->entry.name_len = c->name_len;
	if (table_insert(&blob->by_name, &s->entry) == -1)
		return NULL;
	blob->section_count++;
	blob->bytes += REDIS_SECTION_BYTES + c->name_len;
	return s;
}

static struct text_span
redis_blob_record(const struct batch *b, const struct batch_event *e)
{
	return (struct text_span){ b->bytes.data + e->record_off,
		e->record_len };
}

static bool
redis_blob_has_room(const struct redis_blob *blob, const struct batch_event *e)
{
	if (blob->item_count == 0)
		return true;
	return blob->item_count < REDIS_BLOB_EVENTS &&
	    blob->bytes +
		e->channel_count * (REDIS_EVENT_BYTES + e->record_len) <=
	    REDIS_BLOB_BYTES &&
	    blob->channel_count + e->channel_count <= REDIS_BLOB_CHANNELS;
}

int
redis_blob_add(struct redis_blob *blob, const struct batch *b,
    struct batch_event *e)
{
	size_t bytes = REDIS_EVENT_BYTES + e->record_len, i;
	struct redis_blob_item *item = &blob->items[blob->item_count];
	struct redis_blob_section *s;

	if (!redis_blob_has_room(blob, e))
		return 1;
	if (redis_blob_make_places(blob, e->channel_count) == -1 ||
	    redis_blob_make_sections(blob, e->channel_count) == -1)
		return -1;
	item->batch = b;
	item->event = e;
	item->first = blob->place_count;
	for (i = 0; i < e->channel_count; i++) {
		s = redis_blob_section(blob, &b->channels[e->channel_first + i],
		    e->is_fleeting, bytes);
		if (s == NULL)
			return -1;
		s->run_len += (uint32_t)bytes;
		s->events++;
		s->last = (uint32_t)blob->item_count;
		blob->bytes += bytes;
		blob->places[blob->place_count++] =
		    (size_t)(s - blob->sections);
	}
	blob->item_count++;
	return 0;
}

static char *
redis_blob_put(char *to, uint64_t number, size_t bytes)
{
	size_t i;

	for (i = bytes; i > 0; i--) {
		to[i - 1] = (char)(number & 0xff);
		number >>= 8;
	}
	return to + bytes;
}

static bool
redis_blob_same_rule(const struct batch_channel *a,
    const struct batch_channel *b)
{
	return a->keep == b->keep && a->keep_bytes == b->keep_bytes &&
	    a->keep_ms == b->keep_ms;
}

/* Numbers the rules, each that is new, and writes them; 0, or -1. */
static int
redis_blob_put_rules(struct redis_blob *blob)
{
	/* One event has no more channels, and others are bounded. */
	const struct batch_channel *rules[CURSORS_MAX];
	struct redis_blob_section *s = blob->sections;
	struct redis_blob_section *end = s + blob->section_count;
	uint16_t count = 0, i;

	for (; s < end; s++) {
		if (s->is_fleeting)
			continue;
		for (i = 0; i < count; i++)
			if (redis_blob_same_rule(rules[i], s->channel))
				break;
		s->rule = (uint16_t)(i + 1);
		if (i < count)
			continue;
		rules[count++] = s->channel;
		if (buffer_printf(&blob->rules,
			"%" PRIu64 " %" PRIu64 " %" PRIu64 " ",
			s->channel->keep, s->channel->keep_bytes,
			s->channel->keep_ms) == -1)
			return -1;
	}
	return 0;
}

static void
redis_blob_put_sections(struct redis_blob *blob, char *to)
{
	struct redis_blob_section *s = blob->sections;
	struct redis_blob_section *end = s + blob->section_count;

	for (; s < end; s++) {
		to = redis_blob_put(to, s->rule, 2);
		to = redis_blob_put(to, s->channel->name_len, 2);
		to = redis_blob_put(to, s->run_len, 4);
		to = redis_blob_put(to, s->events, 4);
		to = redis_blob_put(to, s->last, 4);
		memcpy(to, s->channel->name, s->channel->name_len);
		s->at = to + s->channel->name_len;
		to = s->at + s->run_len;
	}
}

static void
redis_blob_put_event(struct redis_blob *blob, size_t offset, int64_t clock_ms)
{
	const struct redis_blob_item *item = &blob->items[offset];
	const struct batch_event *e = item->event;
	struct text_span record = redis_blob_record(item->batch, e);
	uint64_t expires_ms = e->expires_ms == 0
	    ? 0
	    : (uint64_t)((int64_t)e->expires_ms + clock_ms);
	struct redis_blob_section *s;
	size_t i;
	char *to;

	for (i = 0; i < e->channel_count; i++) {
		s = &blob->sections[blob->places[item->first + i]];
		to = redis_blob_put(s->at, offset, 4);
		to = redis_blob_put(to, expires_ms, 8);
		to = redis_blob_put(to, e->own_id_len, 2);
		to = redis_blob_put(to, record.len, 4);
		memcpy(to, record.text, record.len);
		s->at = to + record.len;
	}
}

int
redis_blob_lay_out(struct redis_blob *blob, int64_t clock_ms)
{
	char *to = buffer_reserve(&blob->text, blob->bytes);
	size_t i;

	if (to == NULL || redis_blob_put_rules(blob) == -1 ||
	    buffer_append(&blob->rules, "", 1) == -1)
		return -1;
	redis_blob_put_sections(blob, to);
	for (i = 0; i < blob->item_count; i++)
		redis_blob_put_event(blob, i, clock_ms);
	buffer_commit(&blob->text, blob->bytes);
	return 0;
}
