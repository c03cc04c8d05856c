/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* The answer to a read, as all stores put it together. */

#include <string.h>

#include "store/store.h"

/*
 * Whether the next event begins a run: the last one is long enough, or of
 * another range, or there is none yet.
 */
static bool
read_begins_run(const struct store_read *r, const struct store_range *range)
{
	size_t least = r->room_bytes / (STORE_MARKS - 1), n = r->mark_count;

	if (least < STORE_MARK_BYTES)
		least = STORE_MARK_BYTES;
	return n == 0 || (r->by_range && r->marks[n - 1].range != range) ||
	    r->marks[n - 1].end - (n == 1 ? 0 : r->marks[n - 2].end) >= least;
}

/* Counts the last event of the answer in its run. */
static void
read_mark(struct store_read *r, const struct store_range *range)
{
	struct store_mark *m;

	if (read_begins_run(r, range)) {
		r->marks[r->mark_count].events = 0;
		r->marks[r->mark_count++].range = range;
	}
	m = &r->marks[r->mark_count - 1];
	m->end = r->bytes;
	m->events++;
	m->last = r->last_id;
}

bool
store_read_take(struct store_read *r, const struct store_range *range,
    struct id id, struct text_span front, struct text_span record)
{
	if (r->events > 0 && id_cmp(id, r->last_id) == 0)
		return true;
	if (r->notes != NULL && r->events == r->note_max)
		return false;
	/* Runs by their length alone never are so many. */
	if (r->mark_count == STORE_MARKS && read_begins_run(r, range))
		return false;
	if (front.len + record.len > r->room_bytes - r->bytes) {
		if (r->events == 0)
			r->wants = front.len + record.len;
		return false;
	}
	memcpy(r->room + r->bytes, front.text, front.len);
	r->bytes += front.len;
	memcpy(r->room + r->bytes, record.text, record.len);
	r->bytes += record.len;
	if (r->events++ == 0)
		r->first_id = id;
	r->last_id = id;
	if (r->notes != NULL)
		r->notes[r->events - 1] =
		    (struct store_note){ r->bytes, id, range };
	read_mark(r, range);
	return true;
}
