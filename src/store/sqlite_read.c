/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_read.h"

/*
 * A read of several channels merges as many statements, each of which walks
 * one channel in order.  All of it happens in one read transaction, so that
 * what it says of the floors and what it returns fit together.
 */

static const char sqlite_walk[] =
    "SELECT ms, n, record, expires_ms FROM event WHERE channel ="
    " (SELECT id FROM channel WHERE name = ?1) AND (ms, n) > (?2, ?3)"
    " AND (ms, n) <= (?4, ?5) ORDER BY ms, n";

struct walk {
	sqlite3_stmt *s;
	bool has_row;
	struct id id; /* of the row */
};

static int
read_fail(const struct sqlite_file *f, struct store_read *r)
{
	snprintf(r->error, sizeof r->error, "%s", sqlite3_errmsg(f->db));
	return -1;
}

static int
read_floors(struct sqlite_file *f, struct store_read *r)
{
	sqlite3_stmt *s;
	size_t i;
	int rc;

	for (i = 0; i < r->range_count; i++) {
		s = sqlite_file_use(f, STATEMENT_FLOOR);
		if (s == NULL)
			return read_fail(f, r);
		sqlite3_bind_text(s, 1, r->ranges[i].name, -1, SQLITE_STATIC);
		rc = sqlite3_step(s);
		memset(&r->ranges[i].floor, 0, sizeof r->ranges[i].floor);
		if (rc == SQLITE_ROW)
			r->ranges[i].floor = sqlite_file_id(s, 0);
		sqlite3_reset(s);
		if (rc != SQLITE_ROW && rc != SQLITE_DONE)
			return read_fail(f, r);
	}
	return 0;
}

/* The oldest over the channels of each one's newest, as the hub has it. */
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

/* Moves each range so that it begins so many events before its end. */
static int
read_last(struct sqlite_file *f, struct store_read *r)
{
	sqlite3_stmt *s;
	size_t i;
	int rc;

	for (i = 0; i < r->range_count; i++) {
		if ((s = sqlite_file_use(f, STATEMENT_NTH_LAST)) == NULL)
			return read_fail(f, r);
		sqlite3_bind_text(s, 1, r->ranges[i].name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 2, (sqlite3_int64)r->wall_ms);
		sqlite_file_bind_id(s, 3, r->upto);
		sqlite3_bind_int64(s, 5, (sqlite3_int64)r->last);
		if ((rc = sqlite3_step(s)) == SQLITE_ROW)
			r->ranges[i].after = sqlite_file_id(s, 0);
		sqlite3_reset(s);
		if (rc != SQLITE_ROW && rc != SQLITE_DONE)
			return read_fail(f, r);
	}
	return 0;
}

/* To the walk's next row that has not expired; 0 or -1. */
static int
walk_next(struct walk *w, uint64_t wall_ms)
{
	sqlite3_int64 expires;
	int rc;

	do {
		rc = sqlite3_step(w->s);
		w->has_row = rc == SQLITE_ROW;
		if (!w->has_row)
			return rc == SQLITE_DONE ? 0 : -1;
		expires = sqlite3_column_int64(w->s, 3);
	} while (expires != 0 && (uint64_t)expires <= wall_ms);
	w->id = sqlite_file_id(w->s, 0);
	return 0;
}

static int
walk_begin(struct sqlite_file *f, struct walk *w, const struct store_read *r,
    const struct store_range *range)
{
	if (sqlite3_prepare_v2(f->db, sqlite_walk, -1, &w->s, NULL) !=
	    SQLITE_OK)
		return -1;
	sqlite3_bind_text(w->s, 1, range->name, -1, SQLITE_STATIC);
	sqlite_file_bind_id(w->s, 2, range->after);
	sqlite_file_bind_id(w->s, 4, r->upto);
	return walk_next(w, r->wall_ms);
}

static struct walk *
walk_oldest(struct walk *walks, size_t count)
{
	struct walk *oldest = NULL;
	size_t i;

	for (i = 0; i < count; i++)
		if (walks[i].has_row &&
		    (oldest == NULL || id_cmp(walks[i].id, oldest->id) < 0))
			oldest = &walks[i];
	return oldest;
}

/* One row's record; an event of several channels is taken but once. */
static int
read_take(struct store_read *r, const struct walk *w)
{
	if (r->events > 0 && id_cmp(w->id, r->last_id) == 0)
		return 0;
	if (buffer_append(&r->records, sqlite3_column_blob(w->s, 2),
		(size_t)sqlite3_column_bytes(w->s, 2)) == -1) {
		snprintf(r->error, sizeof r->error, "out of memory");
		return -1;
	}
	if (r->events++ == 0)
		r->first_id = w->id;
	r->last_id = w->id;
	return 0;
}

static int
read_merge(struct sqlite_file *f, struct store_read *r, struct walk *walks)
{
	struct walk *w;

	while ((w = walk_oldest(walks, r->range_count)) != NULL) {
		/* Not between the copies of one event. */
		if (r->records.len >= r->max_bytes &&
		    id_cmp(w->id, r->last_id) != 0)
			return 0;
		if (read_take(r, w) == -1)
			return -1;
		if (walk_next(w, r->wall_ms) == -1)
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
	if ((r->own_id_len == 0 || read_own(f, r) == 0) &&
	    (!r->has_last || read_last(f, r) == 0) && read_floors(f, r) == 0)
		read_walk(f, r);
	sqlite3_exec(f->db, "COMMIT", NULL, NULL, NULL);
}
