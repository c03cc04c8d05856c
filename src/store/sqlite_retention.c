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
	TRIM_LOOKED_AT = 256, /* channels of which most have nothing to give */
	TRIM_KEYS = 500,
	/* Floors of channels without events have one part of so many. */
	TRIM_FORGOTTEN_SHARE = 8,
	TRIM_FORGOTTEN_BYTES = 24 /* of one, in a tree that is half empty */
};

/* What one step removes from a channel. */
struct trim {
	uint64_t events, bytes;
	struct id last;     /* of the events that go */
	uint64_t oldest_ms; /* of those that stay, by today's clock */
	uint64_t first_ms;  /* in the id of the oldest of them */
	uint64_t excess;    /* so many bytes go, whatever the channel keeps */
};

/* Whether all events of a run go; t has what goes before them. */
static bool
trim_takes_run(const struct sqlite_channel *c, const struct trim *t,
    uint64_t events, uint64_t bytes, uint64_t last_ms, uint64_t wall_ms)
{
	return t->bytes < t->excess ||
	    c->events - t->events - events >= c->keep ||
	    c->bytes - t->bytes - bytes >= c->keep_bytes ||
	    (c->keep_ms > 0 && last_ms + c->keep_ms < wall_ms);
}

/* When an event came, by today's clock. */
static uint64_t
trim_time(const struct sqlite_writer *w, uint64_t ms, struct id id)
{
	return ms + (uint64_t)steps_since(&w->file.steps, id);
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
		t->oldest_ms =
		    trim_time(w, (uint64_t)sqlite3_column_int64(s, 2), last);
		events = (uint64_t)sqlite3_column_int64(s, 3);
		bytes = (uint64_t)sqlite3_column_int64(s, 4);
		if (!trim_takes_run(c, t, events, bytes,
			trim_time(w, last.ms, last), wall_ms))
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
	w->forgotten++;
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
	 * The channel itself gets the floor now: it may be forgotten below, by
	 * its name, and the copy has none.
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
trim_find_events(const struct sqlite_writer *w, const struct sqlite_channel *c,
    uint64_t wall_ms, const char **data, size_t *len, struct trim *t)
{
	const char *next = *data;
	size_t left = *len;
	struct run_event e;

	while (run_next(&next, &left, &e)) {
		t->first_ms = e.id.ms;
		t->oldest_ms = trim_time(w, e.id.ms, e.id);
		if (c->events - t->events <= c->keep &&
		    c->bytes - t->bytes <= c->keep_bytes &&
		    (c->keep_ms == 0 || t->oldest_ms + c->keep_ms >= wall_ms))
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
	sqlite3_bind_int64(s, 5, (sqlite3_int64)t->first_ms);
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
	struct trim t = { 0 };
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
		trim_find_events(w, c, wall_ms, &rest.text, &rest.len, &t);
		if (t.events > 0 && trim_front(w, c, last, rest, &t) == -1)
			rc = SQLITE_ERROR;
	}
	sqlite3_reset(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return -1;
	return t.events > 0 ? trim_finish(w, c, &t) : 0;
}

/* Whole runs go; 1, or -1. */
static int
trim_drop_runs(struct sqlite_writer *w, struct sqlite_channel *c,
    const struct trim *t)
{
	if (sqlite_file_run(&w->file, STATEMENT_BEGIN) == -1 ||
	    trim_run(w, STATEMENT_DROP_RUNS, c->id, t->last) == -1)
		return -1;
	return trim_finish(w, c, t);
}

/* 1: there may be more; -1. */
static int
trim_channel(struct sqlite_writer *w, uint64_t wall_ms)
{
	struct sqlite_channel *c = w->over;
	struct trim t = { 0 };
	int rc;

	if (c->id == 0) {
		trim_leave(w, c);
		return 1;
	}

	if (trim_find_runs(w, c, wall_ms, &t) == -1)
		return -1;
	if (t.events > 0)
		return trim_drop_runs(w, c, &t);
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

/* The channel of a row: its name, and what it keeps.  NULL: as ever. */
static struct sqlite_channel *
trim_take_channel(struct sqlite_writer *w, sqlite3_stmt *s)
{
	struct sqlite_channel *c =
	    sqlite_writer_channel(w, (const char *)sqlite3_column_text(s, 0),
		(size_t)sqlite3_column_bytes(s, 0));

	if (c == NULL)
		return NULL;
	c->keep = (uint64_t)sqlite3_column_int64(s, 1);
	c->keep_bytes = (uint64_t)sqlite3_column_int64(s, 2);
	c->keep_ms = (uint64_t)sqlite3_column_int64(s, 3);
	return c;
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
		if ((c = trim_take_channel(w, s)) == NULL)
			break;
		sqlite_writer_add_over(w, c);
		found = 1;
	}
	w->due_in_vain = found == 1;
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? found : -1;
}

/* Looks for channels that have too much.  1: there is more to do; 0; -1. */
static int
trim_look(struct sqlite_writer *w)
{
	sqlite3_stmt *s;
	struct sqlite_channel *c;
	int rc, count = 0;

	if (w->has_looked)
		return 0;
	if ((s = sqlite_file_use(&w->file, STATEMENT_SOME_CHANNELS)) == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, w->looked_at);
	sqlite3_bind_int64(s, 2, TRIM_LOOKED_AT);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		count++;
		w->looked_at = sqlite3_column_int64(s, 4);
		if (sqlite3_column_int(s, 5) == 0)
			continue;
		if ((c = trim_take_channel(w, s)) == NULL)
			break;
		sqlite_writer_add_over(w, c);
	}
	sqlite3_reset(s);
	w->has_looked = rc == SQLITE_DONE && count < TRIM_LOOKED_AT;
	if (rc != SQLITE_DONE)
		return -1;
	return !w->has_looked || w->over != NULL;
}

/* Drops keys older than that, the oldest first.  1: as many as asked; 0; -1. */
static int
trim_keys(struct sqlite_writer *w, uint64_t before_ms, uint64_t most)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_DROP_KEYS);
	uint64_t gone;

	if (s == NULL)
		return -1;
	if (most > TRIM_KEYS)
		most = TRIM_KEYS;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)before_ms);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)most);
	if (sqlite_file_step(s) == -1)
		return -1;
	gone = (uint64_t)sqlite3_changes(w->file.db);
	w->key_count -= gone < w->key_count ? gone : w->key_count;
	return gone == most;
}

/* When the oldest key came; INT64_MAX: there is none. */
static int
trim_find_key(struct sqlite_writer *w, uint64_t *at_ms)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_OLDEST_KEY);
	int rc;

	*at_ms = INT64_MAX;
	if (s == NULL)
		return -1;
	if ((rc = sqlite3_step(s)) == SQLITE_ROW)
		*at_ms = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

/* Keys that are too old, or too many. */
static int
trim_known_keys(struct sqlite_writer *w, uint64_t wall_ms,
    const struct store_bounds *bounds)
{
	uint64_t before_ms =
	    wall_ms > bounds->key_ms ? wall_ms - bounds->key_ms : 0;
	uint64_t oldest_ms;

	if (w->key_count > bounds->keys)
		return trim_keys(w, INT64_MAX, w->key_count - bounds->keys);
	if (trim_find_key(w, &oldest_ms) == -1)
		return -1;
	return oldest_ms < before_ms ? trim_keys(w, before_ms, TRIM_KEYS) : 0;
}

/* The channel with the oldest event; *c is NULL if there is none. */
static int
trim_find_oldest(struct sqlite_writer *w, struct sqlite_channel **c,
    uint64_t *at_ms)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_OLDEST_CHANNEL);
	int rc;

	*c = NULL;
	*at_ms = INT64_MAX;
	if (s == NULL)
		return -1;
	if ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		*c = trim_take_channel(w, s);
		*at_ms = (uint64_t)sqlite3_column_int64(s, 4);
	}
	sqlite3_reset(s);
	return rc == SQLITE_DONE || *c != NULL ? 0 : -1;
}

/* So many floors of channels without events may be remembered. */
static uint64_t
trim_forgotten_max(uint64_t most_bytes)
{
	uint64_t max = most_bytes / TRIM_FORGOTTEN_SHARE / TRIM_FORGOTTEN_BYTES;

	return most_bytes > 0 && max < SQLITE_SLOTS ? max : SQLITE_SLOTS;
}

/* Runs a statement that takes an id. */
static int
trim_run_id(struct sqlite_writer *w, enum sqlite_statement which, struct id id)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, which);

	if (s == NULL)
		return -1;
	sqlite_file_bind_id(s, 1, id);
	return sqlite_file_step(s);
}

/* The so-and-so-many-th least of the floors, from 0 on.  0 or -1. */
static int
trim_find_forgotten(struct sqlite_writer *w, uint64_t at, struct id *floor)
{
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_FIND_FORGOTTEN);
	int rc;

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)at);
	if ((rc = sqlite3_step(s)) == SQLITE_ROW)
		*floor = sqlite_file_id(s, 0);
	sqlite3_reset(s);
	return rc == SQLITE_ROW ? 0 : -1;
}

/*
 * If too many floors of channels without events are remembered, the least go
 * until there are half as many as there may be.  The greatest of those is the
 * floor of the file from then on, and so of all channels.  1: some went; 0; -1.
 */
static int
trim_forgotten(struct sqlite_writer *w, uint64_t most_bytes)
{
	uint64_t max = trim_forgotten_max(most_bytes), left = max / 2;
	struct id floor;

	/* What is known is too much if one took the place of another. */
	if (w->forgotten <= max)
		return 0;
	if (sqlite_writer_count_forgotten(w) == -1)
		return -1;
	if (w->forgotten <= max)
		return 0;
	if (sqlite_file_run(&w->file, STATEMENT_BEGIN) == -1 ||
	    trim_find_forgotten(w, w->forgotten - left - 1, &floor) == -1 ||
	    trim_run_id(w, STATEMENT_RAISE_FLOOR, floor) == -1 ||
	    trim_run_id(w, STATEMENT_DROP_FORGOTTEN, floor) == -1 ||
	    space_reserve(&w->file) == -1 ||
	    sqlite_file_run(&w->file, STATEMENT_COMMIT) == -1)
		return -1;
	w->forgotten = left;
	return 1;
}

/*
 * If the database is larger than it may be, removes the oldest of all: events
 * or keys.  1: something went; 0: nothing has to, or can; -1.
 */
static int
trim_size(struct sqlite_writer *w, uint64_t wall_ms, uint64_t most_bytes)
{
	struct sqlite_channel *c;
	struct trim t = { 0 };
	uint64_t event_ms, key_ms, bytes;

	if (most_bytes == 0)
		return 0;
	if (space_used(&w->file, &bytes) == -1)
		return -1;
	if (bytes <= most_bytes)
		return 0;
	if (trim_find_oldest(w, &c, &event_ms) == -1 ||
	    trim_find_key(w, &key_ms) == -1)
		return -1;
	if (key_ms < event_ms) {
		if (trim_keys(w, event_ms, TRIM_KEYS) == -1)
			return -1;
		return sqlite3_changes(w->file.db) > 0;
	}
	if (c == NULL)
		return 0;
	t.excess = bytes - most_bytes;
	if (trim_find_runs(w, c, wall_ms, &t) == -1)
		return -1;
	return t.events == 0 ? 0 : trim_drop_runs(w, c, &t);
}

int
sqlite_writer_trim(struct sqlite_writer *w, uint64_t wall_ms,
    const struct store_bounds *bounds)
{
	int more;

	if (w->over != NULL)
		return trim_channel(w, wall_ms);
	if ((more = trim_find_due(w, wall_ms)) != 0 ||
	    (more = trim_look(w)) != 0)
		return more;
	if ((more = trim_known_keys(w, wall_ms, bounds)) != 0)
		return more;
	if ((more = trim_forgotten(w, bounds->bytes)) != 0)
		return more;
	more = trim_size(w, wall_ms, bounds->bytes);
	w->is_large = more == 1;
	return more != 0 ? more : space_give_back(&w->file);
}

bool
sqlite_writer_is_over(const struct sqlite_writer *w)
{
	return w->over != NULL || w->is_large;
}
