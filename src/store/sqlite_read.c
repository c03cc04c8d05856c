/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_read.h"
#include "store/sqlite_run.h"

/*
 * A read of several channels merges as many statements, each of which walks one
 * channel in order.  All of them are in one read transaction, so that the
 * floors and the records that the answer has fit together.
 *
 * A read is as long as its answer.  A channel's rows are fetched when the merge
 * comes to them, for most of many channels have nothing in this slice.  Where
 * the last events of a channel begin is counted by event, leaving out what has
 * expired, only as far as a slice may be; beyond that, runs count with the
 * number in their row, and a read counts some of them: others are served in
 * between.
 */

enum {
	READ_COUNT_BYTES = 262144, /* of runs whose events a read looks at */
	READ_COUNT_ROWS = 4096     /* runs that it counts */
};

static const char sqlite_walk[] =
    "SELECT data, first_ms FROM run WHERE channel ="
    " (SELECT id FROM channel WHERE name = ?1)"
    " AND (last_ms, last_n) > (?2, ?3) ORDER BY last_ms, last_n";

struct walk {
	sqlite3_stmt *s; /* NULL: it was looked where it begins, and no more */
	const struct store_range *range;
	struct id after, upto;
	const char *data; /* of the row, SQLite's */
	size_t len;
	bool is_over;
	bool has_event; /* else the next one is not before the row's first */
	struct id next; /* of the event, or where its row begins */
	struct run_event event;
};

static int
read_fail(const struct sqlite_file *f, struct store_read *r)
{
	snprintf(r->error, sizeof r->error, "%s", sqlite3_errmsg(f->db));
	return -1;
}

/* The floor of the file itself: every channel has at least this one. */
static int
read_file_floor(struct sqlite_file *f, struct id *floor)
{
	sqlite3_stmt *s = sqlite_file_use(f, STATEMENT_LAST);
	int rc;

	if (s == NULL)
		return -1;
	if ((rc = sqlite3_step(s)) == SQLITE_ROW)
		*floor = sqlite_file_id(s, 2);
	sqlite3_reset(s);
	return rc == SQLITE_ROW ? 0 : -1;
}

/* Raises the floor to what a one-row statement says, if it has a row. */
static int
read_raise(sqlite3_stmt *s, struct id *floor)
{
	int rc = sqlite3_step(s);
	struct id id;

	if (rc == SQLITE_ROW) {
		id = sqlite_file_id(s, 0);
		if (id_cmp(id, *floor) > 0)
			*floor = id;
	}
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

static int
read_floors(struct sqlite_file *f, struct store_read *r)
{
	struct id file = { 0, 0 };
	struct store_range *range;
	sqlite3_stmt *channel, *forgotten;
	size_t i;

	if (read_file_floor(f, &file) == -1)
		return read_fail(f, r);
	for (i = 0; i < r->range_count; i++) {
		range = &r->ranges[i];
		channel = sqlite_file_use(f, STATEMENT_FLOOR);
		forgotten = sqlite_file_use(f, STATEMENT_FORGOTTEN);
		if (channel == NULL || forgotten == NULL)
			return read_fail(f, r);
		sqlite3_bind_text(channel, 1, range->name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(forgotten, 1,
		    sqlite_file_slot(range->name, strlen(range->name)));
		range->floor = file;
		if (read_raise(channel, &range->floor) == -1 ||
		    read_raise(forgotten, &range->floor) == -1)
			return read_fail(f, r);
	}
	return 0;
}

/*
 * Finds where a publisher's own id stands: of each channel the newest event
 * with this id, and of those the oldest, as the hub does it in memory.
 */
static int
read_own(struct sqlite_file *f, struct store_read *r)
{
	sqlite3_stmt *s;
	struct id id;
	size_t i;
	int rc;

	for (i = 0; i < r->range_count; i++) {
		if ((s = sqlite_file_use(f, STATEMENT_FIND_OWN)) == NULL)
			return read_fail(f, r);
		sqlite3_bind_text(s, 1, r->own_id, (int)r->own_id_len,
		    SQLITE_STATIC);
		sqlite3_bind_text(s, 2, r->ranges[i].name, -1, SQLITE_STATIC);
		if ((rc = sqlite3_step(s)) == SQLITE_ROW) {
			id = sqlite_file_id(s, 0);
			if (!r->own_found || id_cmp(id, r->own) < 0)
				r->own = id;
			r->own_found = true;
		}
		sqlite3_reset(s);
		if (rc != SQLITE_ROW && rc != SQLITE_DONE)
			return read_fail(f, r);
	}
	for (i = 0; r->own_found && i < r->range_count; i++)
		r->ranges[i].after = r->own;
	return 0;
}

static bool
read_has_expired(const struct sqlite_file *f, const struct run_event *e,
    uint64_t wall_ms)
{
	return e->expires_ms != 0 &&
	    e->expires_ms + (uint64_t)steps_since(&f->steps, e->id) <= wall_ms;
}

/*
 * Counts the events of a run that may be sent.  If there are more than `last`,
 * *after becomes the id behind which the last ones begin.
 */
static uint64_t
read_count(const struct sqlite_file *f, const struct store_read *r,
    const char *data, size_t len, uint64_t last, struct id *after)
{
	const char *again = data;
	size_t left = len;
	struct run_event e;
	uint64_t count = 0, skip;

	while (run_next(&data, &len, &e))
		count += id_cmp(e.id, r->upto) <= 0 &&
		    !read_has_expired(f, &e, r->wall_ms);
	for (skip = count > last ? count - last : 0; skip > 0;) {
		run_next(&again, &left, &e);
		*after = e.id;
		skip -= !read_has_expired(f, &e, r->wall_ms);
	}
	return count;
}

/* All that a channel has are no more than so many: nothing is to count. */
static int
read_has_all(struct sqlite_file *f, struct store_range *range, uint64_t last)
{
	sqlite3_stmt *s = sqlite_file_use(f, STATEMENT_COUNT);
	int rc;

	if (s == NULL)
		return -1;
	sqlite3_bind_text(s, 1, range->name, -1, SQLITE_STATIC);
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE ||
	    (rc == SQLITE_ROW && (uint64_t)sqlite3_column_int64(s, 0) <= last))
		range->is_counted = true;
	sqlite3_reset(s);
	range->counted_to.ms = range->counted_to.n = INT64_MAX;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

/* How much a read may still look at before others have their turn. */
struct read_work {
	size_t bytes, rows;
};

/*
 * Moves the count behind a run.  False: of a damaged file, the run is not
 * before those that were counted.
 */
static bool
read_passes(struct store_range *range, sqlite3_stmt *s)
{
	struct id at = sqlite_file_id(s, 0);
	bool is_before = id_cmp(at, range->counted_to) < 0;

	range->counted_to = at;
	return is_before;
}

/* Counts a run by event, from its end; whether that were enough. */
static bool
read_count_run(const struct sqlite_file *f, const struct store_read *r,
    struct store_range *range, sqlite3_stmt *s, struct read_work *work)
{
	uint64_t left = r->last - range->counted, count;
	size_t len = (size_t)sqlite3_column_bytes(s, 3);

	if (!read_passes(range, s))
		return true;
	work->bytes -= len < work->bytes ? len : work->bytes;
	count = read_count(f, r, sqlite3_column_blob(s, 3), len, left,
	    &range->after);
	range->counted += count < left ? count : left;
	return count > left;
}

/* Counts a run by its number; whether the end of the count is in it. */
static bool
read_count_whole(const struct store_read *r, struct store_range *range,
    sqlite3_stmt *s, struct read_work *work)
{
	uint64_t count = (uint64_t)sqlite3_column_int64(s, 2);

	if (count > r->last - range->counted || !read_passes(range, s)) {
		work->bytes = 1;
		return true;
	}
	range->counted += count;
	return false;
}

/*
 * Counts back from where the count is, by event while there are bytes left, or
 * else by run; 1 if it is at its end, or there are no more runs, else 0; -1.
 */
static int
read_count_on(struct sqlite_file *f, const struct store_read *r,
    struct store_range *range, struct read_work *work)
{
	bool by_event = work->bytes > 0, is_over = false;
	sqlite3_stmt *s = sqlite_file_use(f,
	    by_event ? STATEMENT_LAST_RUNS : STATEMENT_LAST_COUNTS);
	int rc = SQLITE_ROW;

	if (s == NULL)
		return -1;
	sqlite3_bind_text(s, 1, range->name, -1, SQLITE_STATIC);
	sqlite_file_bind_id(s, 2, range->counted_to);
	while (!is_over && work->rows > 0 && (work->bytes > 0) == by_event &&
	    (rc = sqlite3_step(s)) == SQLITE_ROW) {
		work->rows--;
		if (by_event)
			is_over = read_count_run(f, r, range, s, work);
		else
			read_count_whole(r, range, s, work);
	}
	sqlite3_reset(s);
	if (rc == SQLITE_DONE)
		return 1;
	return rc == SQLITE_ROW ? is_over : -1;
}

/* Counts back from the end of a channel, while there is work left. */
static int
read_last_of(struct sqlite_file *f, const struct store_read *r,
    struct store_range *range, struct read_work *work)
{
	int rc = 0;

	while (rc == 0 && work->rows > 0)
		rc = read_count_on(f, r, range, work);
	range->is_counted = rc == 1;
	return rc == -1 ? -1 : 0;
}

/* Moves each range so that it begins so many events before its end. */
static int
read_last(struct sqlite_file *f, struct store_read *r)
{
	struct read_work work = { READ_COUNT_BYTES, READ_COUNT_ROWS };
	struct store_range *range;
	size_t i;

	for (i = 0; i < r->range_count; i++) {
		range = &r->ranges[i];
		if (!range->is_counted && range->counted_to.ms == 0 &&
		    read_has_all(f, range, r->last) == -1)
			return read_fail(f, r);
		if (!range->is_counted &&
		    read_last_of(f, r, range, &work) == -1)
			return read_fail(f, r);
		r->is_counting = r->is_counting || !range->is_counted;
	}
	return 0;
}

/* Moves the walk to its next row, without looking at its events; 0 or -1. */
static int
walk_row(struct walk *w)
{
	int rc = sqlite3_step(w->s);

	w->has_event = false;
	w->is_over = rc != SQLITE_ROW;
	w->next.ms = (uint64_t)sqlite3_column_int64(w->s, 1);
	w->next.n = 0;
	w->len = 0;
	w->data = NULL;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

/* Begins to fetch a walk's rows; 0 or -1. */
static int
walk_open(struct sqlite_file *f, struct walk *w)
{
	if (sqlite3_prepare_v2(f->db, sqlite_walk, -1, &w->s, NULL) !=
	    SQLITE_OK)
		return -1;
	sqlite3_bind_text(w->s, 1, w->range->name, -1, SQLITE_STATIC);
	sqlite_file_bind_id(w->s, 2, w->after);
	return walk_row(w);
}

/* Moves the walk to its next event that may be sent, or next row; 0 or -1. */
static int
walk_next(struct sqlite_file *f, struct walk *w, uint64_t wall_ms)
{
	if (w->s == NULL && (walk_open(f, w) == -1 || w->is_over))
		return w->is_over ? 0 : -1;
	if (w->data == NULL) {
		w->data = sqlite3_column_blob(w->s, 0);
		w->len = (size_t)sqlite3_column_bytes(w->s, 0);
	}
	while (run_next(&w->data, &w->len, &w->event)) {
		w->next = w->event.id;
		w->is_over = id_cmp(w->next, w->upto) > 0;
		w->has_event = id_cmp(w->next, w->after) > 0 &&
		    !read_has_expired(f, &w->event, wall_ms);
		if (w->is_over || w->has_event)
			return 0;
	}
	return walk_row(w);
}

/* Looks where a walk begins; 0 or -1. */
static int
walk_begin(struct sqlite_file *f, struct walk *w, const struct store_read *r,
    const struct store_range *range)
{
	sqlite3_stmt *s;
	int rc;

	w->range = range;
	w->after = range->after;
	w->upto = r->upto;
	if (r->range_count == 1)
		return walk_open(f, w);
	if ((s = sqlite_file_use(f, STATEMENT_PEEK)) == NULL)
		return -1;
	sqlite3_bind_text(s, 1, range->name, -1, SQLITE_STATIC);
	sqlite_file_bind_id(s, 2, range->after);
	rc = sqlite3_step(s);
	w->is_over = rc != SQLITE_ROW;
	w->next.ms = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

static struct walk *
walk_oldest(struct walk *walks, size_t count)
{
	struct walk *oldest = NULL;
	size_t i;

	for (i = 0; i < count; i++)
		if (!walks[i].is_over &&
		    (oldest == NULL || id_cmp(walks[i].next, oldest->next) < 0))
			oldest = &walks[i];
	return oldest;
}

static bool
read_take(struct store_read *r, const struct walk *w)
{
	const struct run_event *e = &w->event;
	struct text_span none = { "", 0 },
			 record = { e->record, e->record_len };

	return store_read_take(r, w->range, e->id, none, record);
}

static int
read_merge(struct sqlite_file *f, struct store_read *r, struct walk *walks)
{
	struct walk *w;

	while ((w = walk_oldest(walks, r->range_count)) != NULL) {
		/* Copies of the last event are behind it, and go as well. */
		if (w->has_event && !read_take(r, w))
			return 0;
		if (walk_next(f, w, r->wall_ms) == -1)
			return read_fail(f, r);
	}
	r->is_complete = true;
	return 0;
}

static int
read_walk(struct sqlite_file *f, struct store_read *r)
{
	struct walk *walks = calloc(r->range_count, sizeof *walks);
	size_t i;
	int rc = 0;

	if (walks == NULL) {
		snprintf(r->error, sizeof r->error, "out of memory");
		return -1;
	}
	for (i = 0; rc == 0 && i < r->range_count; i++)
		if (walk_begin(f, &walks[i], r, &r->ranges[i]) == -1)
			rc = read_fail(f, r);
	if (rc == 0)
		rc = read_merge(f, r, walks);
	for (i = 0; i < r->range_count; i++)
		sqlite3_finalize(walks[i].s);
	free(walks);
	return rc;
}

void
sqlite_read(struct sqlite_file *f, struct store_read *r)
{
	if (sqlite3_exec(f->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
		read_fail(f, r);
		return;
	}
	if (steps_load(f) == -1)
		read_fail(f, r);
	else if ((r->own_id_len == 0 || read_own(f, r) == 0) &&
	    (!r->has_last || read_last(f, r) == 0) && !r->is_counting &&
	    read_floors(f, r) == 0)
		read_walk(f, r);
	/*
	 * After a failure sqlite3_errcode is still to say why, so nothing is
	 * run.  The caller closes the connection, which ends the transaction.
	 */
	if (r->error[0] == '\0')
		sqlite3_exec(f->db, "COMMIT", NULL, NULL, NULL);
}
