/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "hub/history.h"
#include "protocol/event.h"

enum {
	HISTORY_RING_MIN = 1,
	HISTORY_RECORD_MAX = 0xffffff
};

struct block *
block_new(size_t size)
{
	struct block *b;

	if (size > UINT32_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	if ((b = malloc(sizeof *b + size)) == NULL)
		return NULL;
	atomic_init(&b->refs, 1);
	b->size = (uint32_t)size;
	b->used = 0;
	b->end_seq = 0;
	b->left = NULL;
	return b;
}

struct block *
block_of(const void *data, size_t len)
{
	struct block *b = block_new(len);

	if (b == NULL)
		return NULL;
	/* A stream may end without a byte, and data be NULL. */
	if (len > 0)
		memcpy(b->data, data, len);
	b->used = (uint32_t)len;
	return b;
}

struct block *
block_ref(struct block *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

static size_t
block_bytes(const struct block *b)
{
	return sizeof *b + b->size;
}

void
block_unref(struct block *b)
{
	if (b == NULL ||
	    atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (b->left != NULL)
		*b->left -= block_bytes(b);
	free(b);
}

void
block_leave(struct block *b, size_t *left)
{
	b->left = left;
	*left += block_bytes(b);
}

void
history_init(struct history *h, struct id floor, struct history_shared *shared)
{
	memset(h, 0, sizeof *h);
	h->shared = shared;
	h->floor = floor;
}

size_t
history_count(const struct history *h)
{
	return (size_t)(h->next_seq - h->first_seq);
}

static struct history_entry *
history_slot(const struct history *h, uint64_t seq)
{
	return &h->ring[seq & (h->capacity - 1)];
}

const struct history_entry *
history_at(const struct history *h, uint64_t seq)
{
	return history_slot(h, seq);
}

static const char *
history_own_text(const struct history_entry *e)
{
	return e->block->data + e->off + EVENT_ID_OFFSET;
}

/* Where the chain begins that an own id would be in. */
static uint32_t *
history_own_chain(const struct history *h, const char *text, size_t len)
{
	return &history_slot(h, siphash_64(h->shared->key, text, len))
		    ->own_head;
}

/* Makes an event the newest of its own id's chain. */
static void
history_index(struct history *h, uint64_t seq)
{
	struct history_entry *e = history_slot(h, seq);
	uint32_t *head;

	if (e->own_id_len == 0)
		return;
	head = history_own_chain(h, history_own_text(e), e->own_id_len);
	e->own_older = *head;
	*head = (uint32_t)seq;
}

/* Another capacity makes other chains. */
static void
history_index_all(struct history *h)
{
	uint64_t seq;

	for (seq = h->first_seq; seq < h->next_seq; seq++)
		history_slot(h, seq)->own_head = 0;
	for (seq = h->first_seq; h->own_ids > 0 && seq < h->next_seq; seq++)
		history_index(h, seq);
}

static int
history_resize(struct history *h, size_t capacity)
{
	struct history_entry *ring;
	uint64_t seq;

	if ((ring = calloc(capacity, sizeof *ring)) == NULL)
		return -1;
	for (seq = h->first_seq; seq < h->next_seq; seq++)
		ring[seq & (capacity - 1)] = *history_slot(h, seq);
	free(h->ring);
	h->memory += (capacity - h->capacity) * sizeof *ring;
	h->ring = ring;
	h->capacity = capacity;
	history_index_all(h);
	return 0;
}

static struct block *
history_last_block(const struct history *h)
{
	if (h->next_seq == h->first_seq)
		return NULL;
	return history_slot(h, h->next_seq - 1)->block;
}

static bool
block_has_room(const struct block *b, size_t len)
{
	return b != NULL && b->size - b->used >= len;
}

static struct block *
history_new_block(struct history *h, size_t size)
{
	struct block *b = block_new(size);

	if (b != NULL)
		h->memory += block_bytes(b);
	return b;
}

static void
history_drop_block(struct history *h, struct block *b)
{
	if (b == NULL)
		return;
	h->memory -= block_bytes(b);
	if (atomic_load_explicit(&b->refs, memory_order_relaxed) > 1)
		block_leave(b, &h->shared->left_bytes);
	block_unref(b);
}

/*
 * Makes the next block twice as large as all that is retained: the first event
 * of a channel, which is often the only one, takes no more room than it needs,
 * and a busy channel has long runs.
 */
static int
history_prepare_block(struct history *h, size_t len)
{
	const struct block *last = history_last_block(h);
	size_t size = h->bytes * 2;

	if (block_has_room(last, len) || block_has_room(h->spare, len))
		return 0;
	if (size > HISTORY_BLOCK_MAX)
		size = HISTORY_BLOCK_MAX;
	history_drop_block(h, h->spare);
	h->spare = history_new_block(h, size < len ? len : size);
	return h->spare == NULL ? -1 : 0;
}

int
history_prepare(struct history *h, size_t len)
{
	size_t capacity = h->capacity;

	if (history_count(h) == capacity &&
	    history_resize(h,
		capacity == 0 ? HISTORY_RING_MIN : capacity * 2) == -1)
		return -1;
	return history_prepare_block(h, len);
}

void
history_append(struct history *h, const struct history_note *note,
    const char *record, size_t len)
{
	struct block *b = history_last_block(h);
	struct history_entry *e;

	if (!block_has_room(b, len)) {
		b = h->spare;
		h->spare = NULL;
	}
	memcpy(b->data + b->used, record, len);
	e = history_slot(h, h->next_seq);
	e->id = note->id;
	e->block = b;
	e->added_ms = note->added_ms;
	e->expires_ms = note->expires_ms;
	e->off = b->used;
	e->len = (unsigned int)len & HISTORY_RECORD_MAX;
	e->own_id_len = (unsigned int)note->own_id_len & EVENT_NAME_MAX;
	b->used += (uint32_t)len;
	b->end_seq = ++h->next_seq;
	h->bytes += len;
	h->expiring += e->expires_ms != 0;
	h->own_ids += e->own_id_len != 0;
	history_index(h, h->next_seq - 1);
}

static void
history_drop_first(struct history *h)
{
	struct history_entry *e = history_slot(h, h->first_seq);

	h->floor = e->id;
	h->bytes -= e->len;
	h->expiring -= e->expires_ms != 0;
	h->own_ids -= e->own_id_len != 0;
	h->first_seq++;
	/* A block goes with the last of its events. */
	if (e->block->end_seq == h->first_seq)
		history_drop_block(h, e->block);
}

static bool
history_is_over(const struct history *h, const struct history_limits *limits)
{
	return history_count(h) > limits->count || h->bytes > limits->bytes ||
	    history_slot(h, h->first_seq)->added_ms < limits->oldest_ms;
}

/* Gives memory back when events were dropped. */
static void
history_tidy(struct history *h)
{
	if (history_count(h) == 0) {
		free(h->ring);
		h->ring = NULL;
		h->memory -= h->capacity * sizeof *h->ring;
		h->capacity = 0;
		history_drop_block(h, h->spare);
		h->spare = NULL;
	} else if (h->capacity > HISTORY_RING_MIN &&
	    history_count(h) < h->capacity / 4) {
		/* Failing to shrink is no harm. */
		history_resize(h, h->capacity / 2);
	}
}

void
history_trim(struct history *h, const struct history_limits *limits)
{
	while (history_count(h) > 0 && history_is_over(h, limits))
		history_drop_first(h);
	history_tidy(h);
}

void
history_shrink(struct history *h, size_t bytes)
{
	size_t before = h->memory;

	while (history_count(h) > 0 && before - h->memory < bytes)
		history_drop_first(h);
	history_tidy(h);
}

void
history_clear(struct history *h)
{
	static const struct history_limits nothing;

	history_trim(h, &nothing);
}

void
history_skip(struct history *h, struct id id)
{
	history_clear(h);
	h->first_seq = ++h->next_seq;
	h->floor = id;
}

uint64_t
history_after(const struct history *h, struct id id)
{
	uint64_t low = h->first_seq, high = h->next_seq, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (id_cmp(history_slot(h, middle)->id, id) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
history_find_own(const struct history *h, const char *text, size_t len,
    struct id *id)
{
	const struct history_entry *e;
	uint32_t back, before = 0, at;

	if (h->own_ids == 0)
		return false;
	for (at = *history_own_chain(h, text, len);; at = e->own_older) {
		/* back counts events from the end, and grows along a chain. */
		back = (uint32_t)h->next_seq - at;
		if (back <= before || back > history_count(h))
			return false;
		before = back;
		e = history_slot(h, h->next_seq - back);
		if (e->own_id_len == len && len > 0 &&
		    memcmp(history_own_text(e), text, len) == 0)
			break;
	}
	*id = e->id;
	return true;
}

static bool
history_has_expired(const struct history_entry *e, uint64_t now_ms)
{
	return e->expires_ms != 0 && e->expires_ms <= now_ms;
}

/* The run, event by event: some have expired, or come behind the limit. */
static bool
history_slice_walk(const struct history *h, uint64_t *seq, uint64_t now_ms,
    const struct id *limit, struct history_slice *s)
{
	const struct history_entry *e;
	uint64_t at;

	while (*seq < h->next_seq &&
	    history_has_expired(history_slot(h, *seq), now_ms))
		++*seq;
	memset(s, 0, sizeof *s);
	for (at = *seq; at < h->next_seq; at++) {
		e = history_slot(h, at);
		if ((s->block != NULL && s->block != e->block) ||
		    history_has_expired(e, now_ms) ||
		    (limit != NULL && id_cmp(e->id, *limit) >= 0))
			break;
		if (s->block == NULL) {
			s->block = e->block;
			s->off = e->off;
		}
		s->len += e->len;
		s->events++;
		s->last = e->id;
	}
	s->next_seq = at;
	return s->block != NULL;
}

bool
history_slice(const struct history *h, uint64_t *seq, uint64_t now_ms,
    const struct id *limit, struct history_slice *s)
{
	const struct history_entry *e;

	if (*seq >= h->next_seq)
		return false;
	if (h->expiring > 0 || limit != NULL)
		return history_slice_walk(h, seq, now_ms, limit, s);
	e = history_slot(h, *seq);
	s->block = e->block;
	s->off = e->off;
	s->len = e->block->used - e->off;
	s->next_seq = e->block->end_seq;
	s->events = (uint32_t)(s->next_seq - *seq);
	s->last = history_slot(h, s->next_seq - 1)->id;
	return true;
}

void
history_slice_cut(const struct history *h, uint64_t seq, size_t bytes,
    struct history_slice *s)
{
	const struct history_entry *e;
	uint64_t low = seq, high = s->next_seq - 1, middle;

	if (s->len <= bytes)
		return;
	/* The last event that ends within them, or the first one. */
	while (low < high) {
		middle = high - (high - low) / 2;
		e = history_slot(h, middle);
		if (e->off + e->len - s->off <= bytes)
			low = middle;
		else
			high = middle - 1;
	}
	e = history_slot(h, low);
	s->len = e->off + e->len - s->off;
	s->events = (uint32_t)(low + 1 - seq);
	s->next_seq = low + 1;
	s->last = e->id;
}
