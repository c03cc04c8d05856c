/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/batch.h"

enum {
	BATCH_MIN = 16
};

struct batch *
batch_new(void)
{
	struct batch *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	STAILQ_INIT(&b->waiters);
	STAILQ_INIT(&b->notes);
	return b;
}

static void
batch_free_notes(struct batch *b)
{
	struct batch_note *note;

	while ((note = STAILQ_FIRST(&b->notes)) != NULL) {
		STAILQ_REMOVE_HEAD(&b->notes, link);
		free(note->text);
		free(note);
	}
}

int
batch_add_note(struct batch *b, const char *name, const char *text,
    const size_t *event)
{
	size_t len = strlen(name) + 1;
	struct batch_note *note = calloc(1, sizeof *note + len);

	if (note == NULL)
		return -1;
	memcpy(note->name, name, len);
	if (text != NULL && (note->text = strdup(text)) == NULL) {
		free(note);
		return -1;
	}
	note->has_event = event != NULL;
	note->event = event == NULL ? 0 : *event;
	STAILQ_INSERT_TAIL(&b->notes, note, link);
	return 0;
}

static void
batch_free_ids(struct batch *b)
{
	size_t i;

	for (i = 0; i < b->event_count; i++)
		free(b->events[i].first_id);
}

void
batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	batch_free_ids(b);
	batch_free_notes(b);
	buffer_clear(&b->bytes);
	free(b->events);
	free(b->channels);
	free(b);
}

size_t
batch_memory(const struct batch *b)
{
	return sizeof *b + b->bytes.cap +
	    b->event_capacity * sizeof *b->events +
	    b->channel_capacity * sizeof *b->channels;
}

void
batch_empty(struct batch *b)
{
	batch_free_ids(b);
	batch_free_notes(b);
	buffer_truncate(&b->bytes, 0);
	b->event_count = b->channel_count = b->fleeting_count = 0;
	b->taken = 0;
	b->error[0] = '\0';
}

/* Grows an array so that count + more fit; 0, or -1 (memory). */
static int
batch_grow(void **array, size_t size, size_t *capacity, size_t count)
{
	size_t wanted = *capacity < BATCH_MIN ? BATCH_MIN : *capacity * 2;
	void *grown;

	if (count <= *capacity)
		return 0;
	if (wanted < count)
		wanted = count;
	if ((grown = reallocarray(*array, wanted, size)) == NULL)
		return -1;
	*array = grown;
	*capacity = wanted;
	return 0;
}

int
batch_reserve(struct batch *b, size_t channels)
{
	void *events = b->events, *list = b->channels;
	int rc;

	rc = batch_grow(&events, sizeof *b->events, &b->event_capacity,
	    b->event_count + 1);
	b->events = events;
	if (rc == -1)
		return -1;
	rc = batch_grow(&list, sizeof *b->channels, &b->channel_capacity,
	    b->channel_count + channels);
	b->channels = list;
	return rc;
}

void
batch_add_channel(struct batch *b, const struct batch_channel *c)
{
	b->channels[b->channel_count++] = *c;
}

void
batch_add_event(struct batch *b, const struct batch_event *e)
{
	b->events[b->event_count++] = *e;
}

int
batch_put_front(struct batch *b)
{
	if (buffer_reserve(&b->bytes, BATCH_FRONT) == NULL)
		return -1;
	buffer_commit(&b->bytes, BATCH_FRONT);
	return 0;
}

static const char batch_field[] = "id: ";

enum {
	BATCH_FIELD_LEN = sizeof batch_field - 1
};

void
batch_give_id(struct batch *b, struct batch_event *e, struct id id)
{
	char line[BATCH_FRONT];
	size_t len;

	e->id = id;
	if (e->own_id_len > 0)
		return;
	memcpy(line, batch_field, BATCH_FIELD_LEN);
	len = BATCH_FIELD_LEN + id_format(id, line + BATCH_FIELD_LEN);
	line[len++] = '\n';
	e->record_off -= len;
	e->record_len += len;
	memcpy(b->bytes.data + e->record_off, line, len);
}

static bool
batch_has_id(const struct batch_event *e)
{
	return e->id.ms > 0 || e->id.n > 0;
}

void
batch_give_ids(struct batch *b, struct id *last)
{
	size_t i;

	for (i = 0; i < b->event_count; i++) {
		if (!batch_has_id(&b->events[i]))
			batch_give_id(b, &b->events[i],
			    id_next(*last, b->wall_ms));
		*last = b->events[i].id;
	}
}

struct text_span
batch_event_id(const struct batch *b, const struct batch_event *e)
{
	struct text_span id = { "", 0 };
	const char *end;

	if (e->own_id_len == 0 && !batch_has_id(e))
		return id;
	id.text = b->bytes.data + e->record_off + BATCH_FIELD_LEN;
	id.len = e->own_id_len;
	if (id.len > 0)
		return id;
	end = memchr(id.text, '\n', e->record_len - BATCH_FIELD_LEN);
	id.len = (size_t)(end - id.text);
	return id;
}

struct text_span
batch_event_body(const struct batch *b, const struct batch_event *e)
{
	struct text_span id = batch_event_id(b, e);
	struct text_span body = { b->bytes.data + e->record_off,
		e->record_len };
	size_t line = id.len == 0 ? 0 : BATCH_FIELD_LEN + id.len + 1;

	body.text += line;
	body.len -= line;
	return body;
}

void
batch_refuse(struct batch *b, const char *why)
{
	size_t i;

	for (i = 0; i < b->event_count; i++)
		if (b->events[i].outcome == BATCH_ACCEPTED)
			b->events[i].outcome = BATCH_REFUSED;
	snprintf(b->error, sizeof b->error, "%s", why);
}
