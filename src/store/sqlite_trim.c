/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "store/sqlite_write.h"

/*
 * Retention, in steps so small that a commit never waits long for one.  The
 * file itself shrinks by pages that are given back.
 */

enum {
	TRIM_EVENTS = 500,
	TRIM_CHANNELS = 16,
	TRIM_KEYS = 500,
	TRIM_FREE_PAGES = 1024 /* are kept, for what comes */
};

/* What of a channel goes in one step. */
struct trim {
	uint64_t events, bytes;
	struct id last;     /* of the events that go */
	uint64_t oldest_ms; /* of those that stay */
};

static bool
trim_is_over(const struct sqlite_channel *c, const struct trim *t, uint64_t ms,
    uint64_t wall_ms)
{
	return c->events - t->events > c->keep ||
	    c->bytes - t->bytes > c->keep_bytes ||
	    (c->keep_ms > 0 && ms + c->keep_ms < wall_ms);
}

/* 0, or -1: see sqlite3_errmsg. */
static int
trim_find(struct sqlite_writer *w, const struct sqlite_channel *c,
    uint64_t wall_ms, struct trim *t)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_OLDEST_EVENTS);
	struct id id;
	int rc;

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, c->id);
	sqlite3_bind_int64(s, 2, TRIM_EVENTS);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		id = sqlite_file_id(s, 0);
		t->oldest_ms = id.ms;
		if (!trim_is_over(c, t, id.ms, wall_ms))
			break;
		t->last = id;
		t->events++;
		t->bytes += (uint64_t)sqlite3_column_int64(s, 2);
	}
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

static int
trim_drop(struct sqlite_writer *w, struct sqlite_channel *c,
    const struct trim *t)
{
	struct sqlite_channel after = *c;
	sqlite3_stmt *s;
	int rc;

	after.events -= t->events;
	after.bytes -= t->bytes;
	after.oldest_ms = after.events == 0 ? 0 : t->oldest_ms;
	after.floor = t->last;
	if (sqlite_file_run(&w->file, STATEMENT_BEGIN) == -1 ||
	    (s = sqlite_file_use(&w->file, STATEMENT_DROP_EVENTS)) == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, c->id);
	sqlite_file_bind_id(s, 2, t->last);
	rc = sqlite3_step(s);
	sqlite3_reset(s);
	if (rc != SQLITE_DONE || sqlite_writer_save(w, &after) == -1 ||
	    sqlite_file_run(&w->file, STATEMENT_COMMIT) == -1)
		return -1;
	w->events -= t->events;
	w->bytes -= t->bytes;
	c->events = after.events;
	c->bytes = after.bytes;
	c->oldest_ms = after.oldest_ms;
	c->floor = after.floor;
	return 0;
}

static int
trim_channel(struct sqlite_writer *w, uint64_t wall_ms)
{
	struct sqlite_channel *c = w->over;
	struct trim t = { 0, 0, { 0, 0 }, 0 };

	if (trim_find(w, c, wall_ms, &t) == -1 ||
	    (t.events > 0 && trim_drop(w, c, &t) == -1))
		return -1;
	if (t.events < TRIM_EVENTS) {
		w->over = c->next_over;
		c->is_over = false;
	}
	return 1;
}

/* Channels whose oldest events are too old; whoever publishes or not. */
static int
trim_find_due(struct sqlite_writer *w, uint64_t wall_ms)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_DUE_CHANNELS);
	struct sqlite_channel *c;
	int rc, found = 0;

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)wall_ms);
	sqlite3_bind_int64(s, 2, TRIM_CHANNELS);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		c = sqlite_writer_channel(w,
		    (const char *)sqlite3_column_text(s, 0),
		    (size_t)sqlite3_column_bytes(s, 0));
		if (c == NULL)
			break;
		c->keep = (uint64_t)sqlite3_column_int64(s, 1);
		c->keep_bytes = (uint64_t)sqlite3_column_int64(s, 2);
		c->keep_ms = (uint64_t)sqlite3_column_int64(s, 3);
		sqlite_writer_add_over(w, c);
		found = 1;
	}
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? found : -1;
}

static int
trim_keys(struct sqlite_writer *w, uint64_t before_ms)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_DROP_KEYS);
	int rc;

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)before_ms);
	sqlite3_bind_int64(s, 2, TRIM_KEYS);
	rc = sqlite3_step(s);
	sqlite3_reset(s);
	if (rc != SQLITE_DONE)
		return -1;
	return sqlite3_changes(w->file.db) == TRIM_KEYS;
}

static int
trim_pages(struct sqlite_writer *w)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_FREE_PAGES);
	sqlite3_int64 pages = 0;

	if (s == NULL)
		return -1;
	if (sqlite3_step(s) == SQLITE_ROW)
		pages = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	if (pages <= TRIM_FREE_PAGES)
		return 0;
	return sqlite_file_run(&w->file, STATEMENT_VACUUM) == -1 ? -1 : 1;
}

int
sqlite_writer_trim(struct sqlite_writer *w, uint64_t wall_ms,
    uint64_t keys_before_ms)
{
	int more;

	if (w->over != NULL)
		return trim_channel(w, wall_ms);
	if ((more = trim_find_due(w, wall_ms)) != 0)
		return more;
	if ((more = trim_keys(w, keys_before_ms)) != 0)
		return more;
	return trim_pages(w);
}
