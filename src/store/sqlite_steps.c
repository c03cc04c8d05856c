/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "store/sqlite_file.h"
#include "store/sqlite_steps.h"

int
steps_load(struct sqlite_file *f)
{
	struct sqlite_steps *steps = &f->steps;
	sqlite3_stmt *s = sqlite_file_use(f, STATEMENT_STEPS);
	int rc;

	steps->count = 0;
	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, STEPS_MAX);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		steps->steps[steps->count].upto = sqlite_file_id(s, 0);
		steps->steps[steps->count++].by_ms = sqlite3_column_int64(s, 2);
	}
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? 0 : -1;
}

int64_t
steps_since(const struct sqlite_steps *steps, struct id id)
{
	uint64_t by_ms = 0;
	size_t i;

	/* Without a sign, for a damaged file may have any numbers. */
	for (i = 0; i < steps->count; i++)
		if (id_cmp(id, steps->steps[i].upto) <= 0)
			by_ms += (uint64_t)steps->steps[i].by_ms;
	return (int64_t)by_ms;
}

/* Runs a statement that takes the step and the time until which it holds. */
static int
steps_move(struct sqlite_file *f, enum sqlite_statement which, int64_t by_ms,
    uint64_t until_ms)
{
	sqlite3_stmt *s = sqlite_file_use(f, which);

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, by_ms);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)until_ms);
	return sqlite_file_step(s);
}

/*
 * An event that is stored now may have got its id before the step.  That counts
 * if the clock was put forward, for then the event would look old: so the step
 * is noted for all ids up to the newest.  Where the clock was put back, new ids
 * run ahead of it, and all of them are behind the newest.
 */
int
steps_add(struct sqlite_file *f, int64_t by_ms, uint64_t now_ms, struct id last)
{
	struct id upto = last, now = { now_ms, INT64_MAX };
	sqlite3_stmt *s = sqlite_file_use(f, STATEMENT_ADD_STEP);

	if (by_ms > 0 && id_cmp(now, last) > 0)
		upto = now;
	if (s == NULL)
		return -1;
	sqlite_file_bind_id(s, 1, upto);
	sqlite3_bind_int64(s, 3, by_ms);
	if (sqlite_file_step(s) == -1 ||
	    steps_move(f, STATEMENT_DROP_STEPS, STEPS_MAX, 0) == -1)
		return -1;
	if (steps_move(f, STATEMENT_MOVE_CHANNELS, by_ms, upto.ms) == -1)
		return -1;
	return steps_move(f, STATEMENT_MOVE_KEYS, by_ms, now_ms);
}
