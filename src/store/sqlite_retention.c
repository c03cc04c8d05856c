/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "store/sqlite_run.h"
#include "store/sqlite_space.h"
#include "store/sqlite_writer.h"

/*
 * Retention, in steps so small that a commit never waits long for one.  Of a
 * channel, whole runs go first, then the front of the oldest run that is left.
 * Pages that become free are given back by sqlite_space.c.
 */

enum {
	TRIM_RUNS = 32,
	TRIM_CHANNELS = 16,
	TRIM_KEYS = 500
};

/* What one step removes from a channel. */
struct trim {
	uint64_t events, bytes;
	struct id last;     /* of the events that go */
	uint64_t oldest_ms; /* of those that stay */
};

/* Whether all events of a run go; t has what goes before them. */
static bool
trim_takes_run(const struct sqlite_channel *c, const struct trim *t,
    uint64_t events, uint64_t bytes, uint64_t last_ms, uint64_t wall_ms)
{
	return c->events - t->events - events >= c->keep ||
	    c->bytes - t->bytes - bytes >= c->keep_bytes ||
	    (c->keep_ms > 0 && last_ms + c->keep_ms < wall_ms);
}

static int
trim_find_runs(struct sqlite_writer *w, const struct sqlite_channel *c,
    uint64_t wall_ms, struct trim *t)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_OLDEST_RUNS);
	uint64_t events, bytes;
	struct id last;
	int rc;

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, c->id);
	sqlite3_bind_int64(s, 2, TRIM_RUNS);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		last = sqlite_file_id(s, 0);
		t->oldest_ms = (uint64_t)sqlite3_column_int64(s, 2);
		events = (uint64_t)sqlite3_column_int64(s, 3);
		bytes = (uint64_t)sqlite3_column_int64(s, 4);
		if (!trim_takes_run(c, t, events, bytes, last.ms, wall_ms))
			break;
		t->last = last;
		t->events += events;
		t->bytes += bytes;
	}
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

/* Runs a statement that takes a channel and an id. */
static int
trim_run(struct sqlite_writer *w, enum sqlite_statement which,
    sqlite3_int64 channel, struct id id)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, which);

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, channel);
	sqlite_file_bind_id(s, 2, id);
	return sqlite_file_step(s);
}

/* The row of a channel without events goes; `forgotten` keeps its floor. */
static int
trim_drop_channel(struct sqlite_writer *w, const struct sqlite_channel *c)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_DROP_CHANNEL);

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, c->id);
	if (sqlite_file_step(s) == -1)
		return -1;
	return trim_run(w, STATEMENT_FORGET,
	    sqlite_file_slot(c->name, c->entry.name_len), c->floor);
}

/* Takes a channel that is done from the front of those to be trimmed. */
static void
trim_leave(struct sqlite_writer *w, struct sqlite_channel *c)
{
	w->over = c->next_over;
	if (w->over == NULL)
		w->over_end = &w->over;
	c->is_over = false;
}

/*
 * Ends the transaction that has removed t's events.  Only when it is through,
 * what is known of the channel and the file changes as well.  1, or -1.
 */
static int
trim_finish(struct sqlite_writer *w, struct sqlite_channel *c,
    const struct trim *t)
{
	struct sqlite_channel after = *c;

	/* A damaged row: what is found by it is not removed by it. */
	if (sqlite3_changes(w->file.db) == 0) {
		trim_leave(w, c);
		return sqlite_file_run(&w->file, STATEMENT_ROLLBACK) == -1 ? -1
									   : 1;
	}
	after.events -= t->events;
	after.bytes -= t->bytes;
	after.oldest_ms = after.events == 0 ? 0 : t->oldest_ms;
	after.floor = t->last;
	/*
	 * The channel itself, too: its name, which follows it, is not in the
	 * copy.
	 */
	c->floor = t->last;
	if (trim_run(w, STATEMENT_DROP_OWN, c->id, t->last) == -1 ||
	    (after.events > 0 ? sqlite_writer_save(w, &after)
			      : trim_drop_channel(w, c)) == -1 ||
	    space_reserve(&w->file) == -1 ||
	    sqlite_file_run(&w->file, STATEMENT_COMMIT) == -1)
		return -1;
	w->due_in_vain = false;
	w->events -= t->events;
	w->bytes -= t->bytes;
	c->events = after.events;
	c->bytes = after.bytes;
	c->oldest_ms = after.oldest_ms;
	if (c->events > 0)
		return 1;
	c->id = 0;
	w->channel_count--;
	return 1;
}

/* Moves *data behind the events at a run's front that are over the limits. */
static void
trim_find_events(const struct sqlite_channel *c, uint64_t wall_ms,
    const char **data, size_t *len, struct trim *t)
{
	const char *next = *data;
	size_t left = *len;
	struct run_event e;

	while (run_next(&next, &left, &e)) {
		t->oldest_ms = e.id.ms;
		if (c->events - t->events <= c->keep &&
		    c->bytes - t->bytes <= c->keep_bytes &&
		    (c->keep_ms == 0 || e.id.ms + c->keep_ms >= wall_ms))
			return;
		t->last = e.id;
		t->events++;
		t->bytes += e.record_len;
		*data = next;
		*len = left;
	}
}

static int
trim_cut(struct sqlite_writer *w, const struct sqlite_channel *c,
    struct id last, struct text_span rest, const struct trim *t)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_CUT_RUN);

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, c->id);
	sqlite_file_bind_id(s, 2, last);
	sqlite3_bind_blob(s, 4, rest.text, (int)rest.len, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 5, (sqlite3_int64)t->oldest_ms);
	sqlite3_bind_int64(s, 6, (sqlite3_int64)t->events);
	sqlite3_bind_int64(s, 7, (sqlite3_int64)t->bytes);
	return sqlite_file_step(s);
}

/* Begins a transaction, in which a run loses its front or goes altogether. */
static int
trim_front(struct sqlite_writer *w, const struct sqlite_channel *c,
    struct id last, struct text_span rest, const struct trim *t)
{
	if (sqlite_file_run(&w->file, STATEMENT_BEGIN) == -1)
		return -1;
	if (rest.len == 0)
		return trim_run(w, STATEMENT_DROP_RUNS, c->id, last);
	return trim_cut(w, c, last, rest, t);
}

/* 1: something went; 0: nothing is over; -1. */
static int
trim_first_run(struct sqlite_writer *w, struct sqlite_channel *c,
    uint64_t wall_ms)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_FIRST_RUN);
	struct trim t = { 0, 0, { 0, 0 }, 0 };
	struct text_span rest;
	struct id last;
	int rc;

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, c->id);
	if ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		rest.text = sqlite3_column_blob(s, 0);
		rest.len = (size_t)sqlite3_column_bytes(s, 0);
		last = sqlite_file_id(s, 1);
		trim_find_events(c, wall_ms, &rest.text, &rest.len, &t);
		if (t.events > 0 && trim_front(w, c, last, rest, &t) == -1)
			rc = SQLITE_ERROR;
	}
	sqlite3_reset(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return -1;
	return t.events > 0 ? trim_finish(w, c, &t) : 0;
}

/* 1: there may be more; -1. */
static int
trim_channel(struct sqlite_writer *w, uint64_t wall_ms)
{
	struct sqlite_channel *c = w->over;
	struct trim t = { 0, 0, { 0, 0 }, 0 };
	int rc;

	if (c->id == 0) {
		trim_leave(w, c);
		return 1;
	}

	if (trim_find_runs(w, c, wall_ms, &t) == -1)
		return -1;
	if (t.events > 0) {
		if (sqlite_file_run(&w->file, STATEMENT_BEGIN) == -1 ||
		    trim_run(w, STATEMENT_DROP_RUNS, c->id, t.last) == -1)
			return -1;
		return trim_finish(w, c, &t);
	}
	if ((rc = trim_first_run(w, c, wall_ms)) != 0)
		return rc;
	/*
	 * The last step may have removed all runs that it looked at, and then
	 * did not see the age of the next one.
	 */
	if (t.oldest_ms != c->oldest_ms) {
		c->oldest_ms = t.oldest_ms;
		if (sqlite_writer_save(w, c) == -1)
			return -1;
	}
	trim_leave(w, c);
	return 1;
}

/*
 * Finds channels whose oldest events are too old: publishing does not tell of
 * them.  1: some; 0; -1.  The rows of a damaged file may call a channel due
 * that has nothing to give, so it is looked again only if something has gone.
 */
static int
trim_find_due(struct sqlite_writer *w, uint64_t wall_ms)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_DUE_CHANNELS);
	struct sqlite_channel *c;
	int rc, found = 0;

	if (s == NULL)
		return -1;
	if (w->due_in_vain) {
		w->due_in_vain = false;
		return 0;
	}
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
	w->due_in_vain = found == 1;
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? found : -1;
}

static int
trim_keys(struct sqlite_writer *w, uint64_t before_ms)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_DROP_KEYS);

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)before_ms);
	sqlite3_bind_int64(s, 2, TRIM_KEYS);
	if (sqlite_file_step(s) == -1)
		return -1;
	return sqlite3_changes(w->file.db) == TRIM_KEYS;
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
	keys_expire(&w->keys, keys_before_ms);
	if ((more = trim_keys(w, keys_before_ms)) != 0)
		return more;
	return space_give_back(&w->file);
}
